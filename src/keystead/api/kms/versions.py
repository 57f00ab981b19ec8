"""CreateKeyVersion, DescribeKeyVersion, ListKeyVersions, UpdateRotationPolicy (KMS API pages, read 2026-11-22)."""

from __future__ import annotations

from contextlib import AbstractContextManager

import msgspec

from keystead.api.kms._product import KMS
from keystead.api.kms._reach import KeyRequest, NothingResponse, caller_of, held, judged, key_for, named_key_for
from keystead.clock import iso_z
from keystead.defaults import rules as defaults
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.instances import sharing
from keystead.keyring import commands as keyring
from keystead.keyring import lifecycle, rules
from keystead.keyring.model import KeyVersion, Operation
from keystead.quotas import commands as quotas


class KeyVersionShown(msgspec.Struct, kw_only=True, rename="pascal"):
    """A version."""

    key_id: str
    key_version_id: str
    creation_date: str


class KeyVersionResponse(Response):
    """The version."""

    key_version: KeyVersionShown


class DescribeKeyVersionRequest(Request):
    """Which version of which key; the key by id, alias or ARN."""

    key_id: str
    key_version_id: str


class ListKeyVersionsRequest(Request):
    """Which page of which key's versions; the size 1 to 101, 0 for the default."""

    key_id: str
    page_number: int | None = None
    page_size: int | None = None


class KeyVersionItems(msgspec.Struct, kw_only=True, rename="pascal"):
    """The wrapper the cloud puts around the list."""

    key_version: list[KeyVersionShown]


class ListKeyVersionsResponse(Response):
    """One page of versions; `total_count` is that of all pages."""

    key_versions: KeyVersionItems
    page_number: int
    page_size: int
    total_count: int


class UpdateRotationPolicyRequest(Request):
    """Which key, and whether and how often (7 to 365 days: `30d`, `720h`) it is to be rotated."""

    key_id: str
    enable_automatic_rotation: bool
    rotation_interval: str = ""


def _material_ahead(call: Call, request: KeyRequest) -> AbstractContextManager[None]:
    """Make an RSA key before the transaction: other writers would wait for it."""
    return call.service.keystore.made_ahead(keyring.spec_named(call.warm, caller_of(call), request.key_id))


@KMS.action("CreateKeyVersion", Effect.WRITE, ahead=_material_ahead)
def create_key_version(call: Call, request: KeyRequest) -> KeyVersionResponse:
    """Add a version to an asymmetric key, seven days after its last at the earliest, where the instance has room for one."""
    key = named_key_for(call, request.key_id, Operation.DESCRIBE)
    there = keyring.list_versions(call.tx, key.key_id, rules.page_of(None, None)).total
    rules.versions_by_hand(key)
    key = judged(call, held(call, key, Operation.CREATE_VERSION), Operation.CREATE_VERSION)
    rules.version_addable(key, there, call.now)
    shared = sharing.hold_owner(call.tx, call.account_id, key.place.instance_id)
    quotas.require_key_room(call.tx, key.place.instance_id, call.now, shared=shared)
    return KeyVersionResponse(key_version=_shown(lifecycle.add_version(call.tx, call.service.keystore, call.now, key)))


@KMS.action("DescribeKeyVersion", Effect.READ)
def describe_key_version(call: Call, request: DescribeKeyVersionRequest) -> KeyVersionResponse:
    """Show a version of a key."""
    key = named_key_for(call, request.key_id, Operation.DESCRIBE)
    return KeyVersionResponse(key_version=_shown(keyring.version_named(call.tx, key, request.key_version_id)))


@KMS.action("ListKeyVersions", Effect.READ)
def list_key_versions(call: Call, request: ListKeyVersionsRequest) -> ListKeyVersionsResponse:
    """List a key's versions, oldest first."""
    page = rules.wide_page_of(request.page_number, request.page_size)
    key = named_key_for(call, request.key_id, Operation.DESCRIBE)
    found = keyring.list_versions(call.tx, key.key_id, page)
    return ListKeyVersionsResponse(
        key_versions=KeyVersionItems(key_version=[_shown(version) for version in found.versions]),
        page_number=page.number,
        page_size=page.size,
        total_count=found.total,
    )


@KMS.action("UpdateRotationPolicy", Effect.WRITE)
def update_rotation_policy(call: Call, request: UpdateRotationPolicyRequest) -> NothingResponse:
    """Have a symmetric key rotated at an interval, or no longer; a date that has passed is rotated at once."""
    rotation = rules.rotation_of(request.rotation_interval, enable=request.enable_automatic_rotation)
    key = key_for(call, request.key_id, Operation.DESCRIBE)
    rules.rotatable(key.shape)
    if not key.place.instance_id:
        defaults.rotated(rotation)
    judged(call, key, Operation.SET_ROTATION)
    lifecycle.set_rotation(call.tx, call.now, key, rotation)
    return NothingResponse()


def _shown(version: KeyVersion) -> KeyVersionShown:
    return KeyVersionShown(key_id=version.key_id, key_version_id=version.version_id, creation_date=iso_z(version.created_at))
