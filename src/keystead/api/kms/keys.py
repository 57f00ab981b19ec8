"""Actions on keys: CreateKey, DescribeKey, ListKeys, EnableKey, DisableKey (KMS API pages, read 2026-11-22)."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Final

import msgspec

from keystead.api.kms._product import KMS
from keystead.clock import iso_z
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.instances import commands as instances
from keystead.instances.faults import InstanceNotFound
from keystead.instances.model import InstanceStanding
from keystead.keyring import commands as keyring
from keystead.keyring import rules
from keystead.keyring.faults import KeyNotFound, NotOffered
from keystead.keyring.model import Key, KeyState, Place, Selection, Shape
from keystead.quotas import commands as quotas

_INTERVAL: Final = re.compile(r"[1-9][0-9]{0,9}[dhms]")
_KMS_INSTANCE: Final = "DKMSInstanceId"


class CreateKeyRequest(Request):
    """What kind of key, and in which instance."""

    instance_id: str = msgspec.field(default="", name=_KMS_INSTANCE)
    """Required here: the free default key of an account is not offered."""
    key_spec: str = ""
    key_usage: str = ""
    origin: str = ""
    description: str = ""
    protection_level: str = ""
    """Ignored, as the cloud does: the level follows from the instance."""
    enable_automatic_rotation: bool | None = None
    """Only False: keys are not rotated automatically."""
    rotation_interval: str = ""
    """Without automatic rotation an interval has no effect, but it must be one, such as `365d`."""
    key_storage_mechanism: str = ""
    policy: str = ""
    tags: str = ""


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
    primary_key_version: str
    last_rotation_date: str
    automatic_rotation: str
    material_expire_time: str
    """Empty: the material never expires."""
    instance_id: str = msgspec.field(name=_KMS_INSTANCE)
    delete_date: str | None = None


class DescribedKeyMetadata(KeyMetadata):
    """What only DescribeKey adds: nothing protects a key from deletion yet."""

    deletion_protection: str
    deletion_protection_description: str


class CreateKeyResponse(Response):
    """The new key."""

    key_metadata: KeyMetadata


class DescribeKeyRequest(Request):
    """Which key: its id or its ARN."""

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


class SwitchKeyRequest(Request):
    """Which key: its id or its ARN, not an alias."""

    key_id: str


class SwitchKeyResponse(Response):
    """Nothing but the request id."""


def _material_ahead(call: Call, request: CreateKeyRequest) -> AbstractContextManager[None]:
    """Make an RSA key before the transaction: other writers would wait for it."""
    return call.service.keystore.made_ahead(request.key_spec)


@KMS.action("CreateKey", Effect.WRITE, ahead=_material_ahead)
def create_key(call: Call, request: CreateKeyRequest) -> CreateKeyResponse:
    """Make a key in an instance that is connected, not expired, and has room for one more key version."""
    shape = _shape_asked(request)
    instances.instance_for_create(call.tx, call.account_id, call.region, request.instance_id, call.now)
    quotas.require_key_room(call.tx, request.instance_id, call.now)
    place = Place(call.account_id, call.region, request.instance_id, call.account_id)
    key = keyring.create_key(call.tx, call.service.keystore, call.now, place, shape)
    note(call, key)
    return CreateKeyResponse(key_metadata=_metadata(key, key.state))


@KMS.action("DescribeKey", Effect.READ)
def describe_key(call: Call, request: DescribeKeyRequest) -> DescribeKeyResponse:
    """Show a key, whatever its state; in an expired instance it is shown as Unavailable."""
    key = keyring.key_named(call.tx, call.account_id, call.region, request.key_id)
    note(call, key)
    state = rules.shown_state(key, expired=standing_of_key(call, key).expired(call.now))
    described = DescribedKeyMetadata(
        **msgspec.structs.asdict(_metadata(key, state)), deletion_protection="Disabled", deletion_protection_description=""
    )
    return DescribeKeyResponse(key_metadata=described)


@KMS.action("ListKeys", Effect.READ)
def list_keys(call: Call, request: ListKeysRequest) -> ListKeysResponse:
    """List the account's keys in the region, oldest first; keys of released instances are gone."""
    page = rules.page_of(request.page_number, request.page_size)
    wanted = rules.filters_of(request.filters)
    kept = instances.standings(call.tx, call.account_id, call.now)
    expired = frozenset(instance_id for instance_id, standing in kept.items() if standing.expired(call.now))
    selection = Selection(call.account_id, call.region, frozenset(kept), expired, wanted)
    listing = keyring.list_keys(call.tx, selection, page)
    return ListKeysResponse(
        keys=KeyItems(key=[KeyItem(key_id=key.key_id, key_arn=key.arn) for key in listing.keys]),
        page_number=page.number,
        page_size=page.size,
        total_count=listing.total,
    )


@KMS.action("EnableKey", Effect.WRITE)
def enable_key(call: Call, request: SwitchKeyRequest) -> SwitchKeyResponse:
    """Make a Disabled key usable again; an Enabled one stays so."""
    return _switch(call, request, KeyState.ENABLED)


@KMS.action("DisableKey", Effect.WRITE)
def disable_key(call: Call, request: SwitchKeyRequest) -> SwitchKeyResponse:
    """Have every worker refuse to use a key; a Disabled one stays so."""
    return _switch(call, request, KeyState.DISABLED)


def note(call: Call, key: Key) -> None:
    """Put the key and its instance into the call's record."""
    call.record.instance_id = key.place.instance_id
    call.record.resource_id = key.key_id


def standing_of_key(call: Call, key: Key) -> InstanceStanding:
    """Give the standing of the key's instance, without SQL when it is warm; with a released instance the key is gone."""
    try:
        standing = instances.standing_of(call.warm, key.place.instance_id)
    except InstanceNotFound:
        raise KeyNotFound(key.key_id) from None
    if standing.released(call.now):
        raise KeyNotFound(key.key_id)
    return standing


def _switch(call: Call, request: SwitchKeyRequest, to: KeyState) -> SwitchKeyResponse:
    key = keyring.key_for_switch(call.tx, call.account_id, call.region, request.key_id)
    note(call, key)
    keyring.switch(call.tx, key, to, expired=standing_of_key(call, key).expired(call.now))
    return SwitchKeyResponse()


def _shape_asked(request: CreateKeyRequest) -> Shape:
    """Check what is asked for: what is wrong with it first, then what is right but not offered."""
    shape = rules.shape_of(request.key_spec, request.key_usage, request.origin, request.description)
    if request.rotation_interval and not _INTERVAL.fullmatch(request.rotation_interval):
        raise InvalidParameter("RotationInterval", "It must be a number and a unit: d, h, m or s, as in 365d.")
    if request.key_storage_mechanism:
        raise InvalidParameter("KeyStorageMechanism", "It belongs to keys of hardware instances, which are not made here.")
    if request.enable_automatic_rotation:
        raise NotOffered("Automatic rotation is not offered: leave EnableAutomaticRotation out or false.")
    if request.policy:
        raise NotOffered("Key policies are not offered: leave Policy out.")
    if request.tags and request.tags.strip() != "[]":
        raise NotOffered("Tags are not offered: leave Tags out.")
    if not request.instance_id:
        raise NotOffered("The free default key is not offered: name an instance with DKMSInstanceId.")
    return shape


def _metadata(key: Key, state: KeyState) -> KeyMetadata:
    return KeyMetadata(
        key_id=key.key_id,
        arn=key.arn,
        key_state=state.value,
        key_spec=key.shape.spec.value,
        key_usage=key.shape.usage.value,
        origin=key.shape.origin.value,
        protection_level=key.protection_level.value,
        creator=key.place.creator,
        creation_date=iso_z(key.created_at),
        description=key.shape.description,
        primary_key_version=key.primary_version_id,
        last_rotation_date=iso_z(key.last_rotation_at),
        automatic_rotation="Disabled",
        material_expire_time="",
        instance_id=key.place.instance_id,
        delete_date=None if key.delete_at is None else iso_z(key.delete_at),
    )
