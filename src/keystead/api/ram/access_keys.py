"""The access keys of users (models of alibabacloud-ram20150501 1.3.0, read 2026-11-22)."""

from __future__ import annotations

from keystead.access import commands as access
from keystead.access import rows as access_rows
from keystead.access.model import AccessKey, KeyStatus
from keystead.api.ram._product import RAM
from keystead.api.ram._shapes import NothingResponse, Shown
from keystead.clock import iso_z
from keystead.faults import InvalidParameter, MissingParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.identity import commands
from keystead.identity.faults import NoSuchEntity, TooMany
from keystead.identity.model import PrincipalKind, User
from keystead.identity.rules import ACCESS_KEYS_MAX


class KeysRequest(Request):
    """Whose keys; without a name those of the user that calls (ListAccessKeys page, read 2026-11-23)."""

    user_name: str = ""


class AccessKeyRequest(KeysRequest, kw_only=True):
    """Which key of which user."""

    user_access_key_id: str


class UpdateAccessKeyRequest(AccessKeyRequest, kw_only=True):
    """Active or Inactive."""

    status: str


class AccessKeyShown(Shown, kw_only=True):
    """An access key; its secret is shown once."""

    access_key_id: str
    status: str
    create_date: str


class AccessKeyMade(AccessKeyShown, kw_only=True):
    """A new access key."""

    access_key_secret: str


class CreateAccessKeyResponse(Response):
    """The new key."""

    access_key: AccessKeyMade


class AccessKeys(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    access_key: list[AccessKeyShown]


class ListAccessKeysResponse(Response):
    """A user's keys, oldest first."""

    access_keys: AccessKeys


@RAM.action("CreateAccessKey", Effect.WRITE, methods="POST")
def create_access_key(call: Call, request: KeysRequest) -> CreateAccessKeyResponse:
    """Make a key for a user, two at most; its secret is in this answer and nowhere else."""
    user = _user(call, request)
    if len(_keys(call, user)) >= ACCESS_KEYS_MAX:
        raise TooMany("User.AccessKey", ACCESS_KEYS_MAX)
    minted = access.create_access_key(call.tx, call.service.keystore, call.now, call.account_id, user.user_id)
    shown = AccessKeyMade(
        access_key_id=minted.access_key_id,
        access_key_secret=minted.secret,
        status=KeyStatus.ACTIVE.value,
        create_date=iso_z(call.now),
    )
    return CreateAccessKeyResponse(access_key=shown)


@RAM.action("ListAccessKeys", Effect.READ, methods="POST")
def list_access_keys(call: Call, request: KeysRequest) -> ListAccessKeysResponse:
    """List a user's keys."""
    user = _user(call, request)
    shown = [
        AccessKeyShown(access_key_id=key.access_key_id, status=key.status.value, create_date=iso_z(key.created_at))
        for key in _keys(call, user)
    ]
    return ListAccessKeysResponse(access_keys=AccessKeys(access_key=shown))


@RAM.action("UpdateAccessKey", Effect.WRITE, methods="POST")
def update_access_key(call: Call, request: UpdateAccessKeyRequest) -> NothingResponse:
    """Disable a key, for every worker at once, or enable it again."""
    try:
        status = KeyStatus(request.status)
    except ValueError:
        raise InvalidParameter("Status", "It must be Active or Inactive.") from None
    access_rows.set_status(call.tx, _key(call, request).access_key_id, status)
    return NothingResponse()


@RAM.action("DeleteAccessKey", Effect.WRITE, methods="POST")
def delete_access_key(call: Call, request: AccessKeyRequest) -> NothingResponse:
    """Delete a key."""
    access_rows.remove_access_key(call.tx, _key(call, request).access_key_id)
    return NothingResponse()


def _user(call: Call, request: KeysRequest) -> User:
    if not request.user_name and call.principal.kind is not PrincipalKind.USER:
        raise MissingParameter("UserName")
    return commands.user_named(call.tx, call.account_id, request.user_name or call.principal.name)


def _keys(call: Call, user: User) -> list[AccessKey]:
    return [key for key in access_rows.access_keys(call.tx, call.account_id) if key.user_id == user.user_id]


def _key(call: Call, request: AccessKeyRequest) -> AccessKey:
    user = _user(call, request)
    for key in _keys(call, user):
        if key.access_key_id == request.user_access_key_id:
            return key
    raise NoSuchEntity("User.AccessKey", request.user_access_key_id)
