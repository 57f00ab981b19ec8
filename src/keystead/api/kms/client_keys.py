"""Client keys of access points (CreateClientKey and its family; API pages, read 2026-11-22).

What CreateClientKey answers becomes the file that clients read: `{"KeyId": ClientKeyId, "PrivateKeyData": PrivateKeyData}`.
"""

from __future__ import annotations

import base64
from contextlib import AbstractContextManager

import msgspec

from keystead.access_points import commands as access_points
from keystead.access_points import rules
from keystead.access_points.model import KEY_ALGORITHM, KEY_ORIGIN, ClientKey
from keystead.api.kms._product import KMS
from keystead.api.kms._reach import NothingResponse
from keystead.api.kms.access_points import holder_of
from keystead.clock import iso_z
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect


class CreateClientKeyRequest(Request):
    """For which access point, under which password, and from when until when: both instants or neither (then five years)."""

    aap_name: str
    password: str
    not_before: str = ""
    not_after: str = ""


class CreateClientKeyResponse(Response):
    """The client key; `private_key_data` is base64 of PKCS#12 under the password, shown this once."""

    client_key_id: str
    key_algorithm: str
    not_after: str
    not_before: str
    private_key_data: str


class ClientKeyRequest(Request):
    """Which client key."""

    client_key_id: str


class ListClientKeysRequest(Request):
    """Of which access point; of all without one."""

    aap_name: str = ""


class ShownClientKey(msgspec.Struct, kw_only=True, rename="pascal"):
    """A client key; `public_key_data` is its certificate, PEM. Times are ISO 8601 UTC."""

    aap_name: str
    client_key_id: str
    create_time: str
    key_algorithm: str
    key_origin: str
    not_after: str
    not_before: str
    public_key_data: str


class GetClientKeyResponse(Response):
    """The client key, without its private half: that is not kept."""

    aap_name: str
    client_key_id: str
    create_time: str
    key_algorithm: str
    key_origin: str
    not_after: str
    not_before: str
    public_key_data: str


class ListClientKeysResponse(Response):
    """The client keys, oldest first, all of them."""

    client_keys: list[ShownClientKey]


def _pair_ahead(call: Call, request: CreateClientKeyRequest) -> AbstractContextManager[None]:
    """Make the RSA key before the transaction: other writers would wait for it."""
    return call.service.keystore.made_ahead(KEY_ALGORITHM)


@KMS.action("CreateClientKey", Effect.WRITE, ahead=_pair_ahead)
def create_client_key(call: Call, request: CreateClientKeyRequest) -> CreateClientKeyResponse:
    """Make a client key and hand its private half out, this once. Its validity is judged by wall time."""
    password = rules.checked_password(request.password)
    validity = rules.validity_of(request.not_before, request.not_after, call.instant.wall)
    asked = access_points.AskedClientKey(request.aap_name, password, *validity)
    minted = access_points.create_client_key(call.tx, call.service.keystore, call.now, holder_of(call), asked)
    key = minted.key
    call.record.resource_id = key.client_key_id
    return CreateClientKeyResponse(
        client_key_id=key.client_key_id,
        key_algorithm=KEY_ALGORITHM,
        not_after=iso_z(key.not_after),
        not_before=iso_z(key.not_before),
        private_key_data=base64.b64encode(minted.pkcs12).decode("ascii"),
    )


@KMS.action("GetClientKey", Effect.READ, methods="GET")
def get_client_key(call: Call, request: ClientKeyRequest) -> GetClientKeyResponse:
    """Show a client key."""
    key = access_points.client_key_named(call.tx, holder_of(call), request.client_key_id)
    return GetClientKeyResponse(**msgspec.structs.asdict(_shown(key)))


@KMS.action("ListClientKeys", Effect.READ, methods="GET")
def list_client_keys(call: Call, request: ListClientKeysRequest) -> ListClientKeysResponse:
    """List the client keys of an access point, or of all of the account's in the region."""
    found = access_points.client_keys(call.tx, holder_of(call), request.aap_name)
    return ListClientKeysResponse(client_keys=[_shown(key) for key in found])


@KMS.action("DeleteClientKey", Effect.WRITE)
def delete_client_key(call: Call, request: ClientKeyRequest) -> NothingResponse:
    """Delete a client key: what it signs is refused at once."""
    access_points.delete_client_key(call.tx, call.now, holder_of(call), request.client_key_id)
    call.record.resource_id = request.client_key_id
    return NothingResponse()


def _shown(key: ClientKey) -> ShownClientKey:
    return ShownClientKey(
        aap_name=key.access_point,
        client_key_id=key.client_key_id,
        create_time=iso_z(key.created_at),
        key_algorithm=KEY_ALGORITHM,
        key_origin=KEY_ORIGIN,
        not_after=iso_z(key.not_after),
        not_before=iso_z(key.not_before),
        public_key_data=key.certificate,
    )
