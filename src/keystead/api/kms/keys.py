"""Actions on keys: CreateKey, DescribeKey, ListKeys, EnableKey, DisableKey, UpdateKeyDescription (API pages, 2026-11-22)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

import msgspec

from keystead.access import policies
from keystead.api.kms._product import KMS
from keystead.api.kms._reach import (
    KeyRequest,
    NothingResponse,
    caller_of,
    expired_with,
    held,
    key_for,
    note,
    selection_of,
)
from keystead.api.kms._sharing import owner_named
from keystead.clock import iso_z
from keystead.defaults import commands as default_keys
from keystead.defaults import rules as defaults
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.instances import sharing
from keystead.keyring import commands as keyring
from keystead.keyring import lifecycle, rules, specs
from keystead.keyring.commands import Caller
from keystead.keyring.model import Key, KeyState, Operation, Place, RotationStatus
from keystead.labels import commands as labels
from keystead.labels.model import Home
from keystead.labels.rules import tags_of_json
from keystead.quotas import commands as quotas

_KMS_INSTANCE: Final = "DKMSInstanceId"


class CreateKeyRequest(Request):
    """What kind of key, and in which instance."""

    instance_id: str = msgspec.field(default="", name=_KMS_INSTANCE)
    """Empty for the free default key, of which an account has one in a region."""
    key_spec: str = ""
    key_usage: str = ""
    origin: str = ""
    description: str = ""
    protection_level: str = ""
    """Ignored, as the cloud does: the level follows from the instance."""
    enable_automatic_rotation: bool | None = None
    rotation_interval: str = ""
    """7 to 365 days, such as `365d`; without automatic rotation it has no effect, but must be an interval."""
    key_storage_mechanism: str = ""
    policy: str = ""
    """A policy document, JSON; the default one if absent."""
    tags: str = ""
    """JSON: `[{"TagKey":…,"TagValue":…}]`, 20 at most."""


class KeyMetadata(msgspec.Struct, kw_only=True, rename="pascal", omit_defaults=True):
    """A key as the API shows it; times are ISO 8601 UTC in whole seconds."""

    key_id: str
    arn: str
    key_state: str
    key_spec: str
    key_usage: str
    origin: str
    protection_level: str
    creator: str
    creation_date: str
    description: str
    primary_key_version: str | None = None
    """Of a symmetric key only."""
    last_rotation_date: str
    automatic_rotation: str
    material_expire_time: str
    """Empty: the material never expires."""
    instance_id: str | None = msgspec.field(name=_KMS_INSTANCE, default=None)
    """None of a default key."""
    rotation_interval: str | None = None
    """Seconds, such as `604800s`; like the next date only where rotation is Enabled or Suspended."""
    next_rotation_date: str | None = None
    delete_date: str | None = None


class DescribedKeyMetadata(KeyMetadata):
    """What only DescribeKey adds."""

    deletion_protection: str
    deletion_protection_description: str


class CreateKeyResponse(Response):
    """The new key."""

    key_metadata: KeyMetadata


class DescribeKeyRequest(Request):
    """Which key: its id, its alias, or the ARN of either."""

    key_id: str


class DescribeKeyResponse(Response):
    """The key."""

    key_metadata: DescribedKeyMetadata


class ListKeysRequest(Request):
    """Which page of which keys; `filters` is JSON text."""

    page_number: int | None = None
    page_size: int | None = None
    filters: str = ""


class KeyItem(msgspec.Struct, kw_only=True, rename="pascal"):
    """A key in a list."""

    key_id: str
    key_arn: str


class KeyItems(msgspec.Struct, kw_only=True, rename="pascal"):
    """The wrapper the cloud puts around the list."""

    key: list[KeyItem]


class ListKeysResponse(Response):
    """One page of keys; `total_count` is that of all pages."""

    keys: KeyItems
    page_number: int
    page_size: int
    total_count: int


class UpdateKeyDescriptionRequest(Request):
    """Which key, and 1 to 8,192 characters."""

    key_id: str
    description: str


def _material_ahead(call: Call, request: CreateKeyRequest) -> AbstractContextManager[None]:
    """Make an RSA key before the transaction: other writers would wait for it."""
    return call.service.keystore.made_ahead(request.key_spec)


@KMS.action("CreateKey", Effect.WRITE, ahead=_material_ahead)
def create_key(call: Call, request: CreateKeyRequest) -> CreateKeyResponse:
    """Make a key in an instance that is connected, not expired and has room for a version; without one, the default key."""
    asked = (request.key_spec, request.key_usage, request.origin, request.description, request.key_storage_mechanism)
    shape = rules.shape_of(rules.AskedShape(*asked))
    rotation = rules.rotation_of(request.rotation_interval, enable=request.enable_automatic_rotation)
    if rotation.wished:
        rules.rotatable(shape)
    tags = tags_of_json(request.tags)
    policy = policies.checked_document(request.policy) if request.policy else ""
    if not request.instance_id:
        defaults.default_shape(shape, rotation, policy)
        home = Home(call.account_id, defaults.region_served(call.region, call.service.regions))
        key = default_keys.create_default_key(call.tx, call.service.keystore, call.now, home, shape)
        note(call, key)
        labels.put_tags(call.tx, lifecycle.resource_of(key), tags)
        return CreateKeyResponse(key_metadata=_metadata(key, expired=False))
    found = sharing.instance_for_create(call.tx, call.account_id, call.region, request.instance_id, call.now)
    specs.offered(shape, beyond=found.instance.specs_beyond)
    shared = found.instance.account_id != call.account_id
    quotas.require_key_room_within(call.tx, request.instance_id, found.figures, shared=shared)
    place = Place(call.account_id, call.region, request.instance_id, call.account_id)
    key = lifecycle.create_key(call.tx, call.service.keystore, call.now, place, shape)
    note(call, key)
    if rotation.wished:
        key = lifecycle.set_rotation(call.tx, call.now, key, rotation)
    if tags:
        labels.put_tags(call.tx, lifecycle.resource_of(key), tags)
    if policy:
        keyring.set_policy(call.tx, call.now, key, policy)
    return CreateKeyResponse(key_metadata=_metadata(key, expired=False))


@KMS.action("DescribeKey", Effect.READ, for_services=True)
def describe_key(call: Call, request: DescribeKeyRequest) -> DescribeKeyResponse:
    """Show a key, whatever its state; in an expired instance it is shown as Unavailable."""
    caller = Caller(owner_named(call, request.key_id), call.region, call.now)
    key = keyring.key_named(call.tx, caller, request.key_id)
    note(call, key)
    described = DescribedKeyMetadata(
        **msgspec.structs.asdict(_metadata(key, expired=expired_with(call, key))),
        deletion_protection="Enabled" if key.deletion_protected else "Disabled",
        deletion_protection_description=key.protected_because,
    )
    return DescribeKeyResponse(key_metadata=described)


@KMS.action("ListKeys", Effect.READ)
def list_keys(call: Call, request: ListKeysRequest) -> ListKeysResponse:
    """List the account's keys in the region, oldest first; keys of released instances are gone."""
    page = rules.page_of(request.page_number, request.page_size)
    wanted = rules.filters_of(request.filters)
    listing = keyring.list_keys(call.tx, selection_of(call, wanted), page)
    return ListKeysResponse(
        keys=KeyItems(key=[KeyItem(key_id=key.key_id, key_arn=key.arn) for key in listing.keys]),
        page_number=page.number,
        page_size=page.size,
        total_count=listing.total,
    )


@KMS.action("EnableKey", Effect.WRITE)
def enable_key(call: Call, request: KeyRequest) -> NothingResponse:
    """Make a Disabled key usable again; an Enabled one stays so."""
    return _switch(call, request, KeyState.ENABLED)


@KMS.action("DisableKey", Effect.WRITE)
def disable_key(call: Call, request: KeyRequest) -> NothingResponse:
    """Have every worker refuse to use a key; a Disabled one stays so."""
    return _switch(call, request, KeyState.DISABLED)


@KMS.action("UpdateKeyDescription", Effect.WRITE)
def update_key_description(call: Call, request: UpdateKeyDescriptionRequest) -> NothingResponse:
    """Give a key another description."""
    description = rules.checked_description(request.description)
    lifecycle.describe(call.tx, key_for(call, request.key_id, Operation.EDIT), description)
    return NothingResponse()


def _switch(call: Call, request: KeyRequest, to: KeyState) -> NothingResponse:
    key = held(call, keyring.key_by_id(call.tx, caller_of(call), request.key_id), Operation.SWITCH)
    note(call, key)
    expired = expired_with(call, key)
    defaults.permitted(key, Operation.SWITCH, call.principal.service)
    lifecycle.switch(call.tx, call.now, key, to, expired=expired)
    return NothingResponse()


def _metadata(key: Key, *, expired: bool) -> KeyMetadata:
    rotation = rules.rotation_status(key, expired=expired)
    metadata = KeyMetadata(
        key_id=key.key_id,
        arn=key.arn,
        key_state=rules.shown_state(key, expired=expired).value,
        key_spec=key.shape.spec.value,
        key_usage=key.shape.usage.value,
        origin=key.shape.origin.value,
        protection_level=key.shape.protection.value,
        creator=key.place.creator,
        creation_date=iso_z(key.created_at),
        description=key.shape.description,
        primary_key_version=key.primary_version_id if specs.SPECS[key.shape.spec].symmetric else None,
        last_rotation_date=iso_z(key.last_rotation_at),
        automatic_rotation=rotation.value,
        material_expire_time="" if key.material_expires_at is None else iso_z(key.material_expires_at),
        instance_id=key.place.instance_id or None,
        delete_date=None if key.delete_at is None else iso_z(key.delete_at),
    )
    due = rules.next_rotation_at(key)
    if rotation is not RotationStatus.DISABLED and due is not None:
        metadata.rotation_interval = f"{key.rotation.seconds}s"
        metadata.next_rotation_date = iso_z(due)
    return metadata
