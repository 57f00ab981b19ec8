"""GetManagedDataKey, ListManagedDataKeyVersions, GetChallenge: in the models of alibabacloud-kms20160120 3.3.1 only (2026-11-22).

No action makes a managed data key, and the models say where its versions lie: in secrets of a kind of their own. So nobody has
one here until there are secrets, and every name is answered as one that is not there (docs/adr/0075).
"""

from __future__ import annotations

import msgspec

from keystead.api.kms._product import KMS
from keystead.api.kms.service import NothingRequest
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.keyring import rules
from keystead.keyring.faults import NotOffered
from keystead.labels.faults import ResourceNotFound


class GetManagedDataKeyRequest(Request):
    """Which version of which data key: the one named, else the latest if so wished, else the first."""

    data_key_name: str
    data_key_version_id: str = ""
    use_latest: bool | None = None


class GetManagedDataKeyResponse(Response):
    """The data key in base64, and where it lies."""

    data_key_name: str
    data_key_version_id: str
    data_key_version_name: str
    plaintext: str


class ListManagedDataKeyVersionsRequest(Request):
    """Which page of which data key's versions."""

    data_key_name: str
    page_number: int | None = None
    page_size: int | None = None


class ManagedDataKeyVersionShown(msgspec.Struct, kw_only=True, rename="pascal"):
    """A version."""

    data_key_version_id: str
    data_key_version_name: str


class ManagedDataKeyVersionItems(msgspec.Struct, kw_only=True, rename="pascal"):
    """The wrapper around the list."""

    managed_data_key_version: list[ManagedDataKeyVersionShown]


class ListManagedDataKeyVersionsResponse(Response):
    """One page of versions; `total_count` is that of all pages."""

    data_key_name: str
    managed_data_key_versions: ManagedDataKeyVersionItems
    page_number: int
    page_size: int
    total_count: int


class GetChallengeResponse(Response):
    """A nonce to be attested, and what proves that it came from here."""

    challenge_token: str
    nonce: str


@KMS.action("GetManagedDataKey", Effect.READ)
def get_managed_data_key(call: Call, request: GetManagedDataKeyRequest) -> GetManagedDataKeyResponse:
    """Refuse as for a data key that is not there: nobody has one yet."""
    raise ResourceNotFound(request.data_key_name)


@KMS.action("ListManagedDataKeyVersions", Effect.READ)
def list_managed_data_key_versions(call: Call, request: ListManagedDataKeyVersionsRequest) -> ListManagedDataKeyVersionsResponse:
    """Refuse as for a data key that is not there: nobody has one yet."""
    rules.page_of(request.page_number, request.page_size)
    raise ResourceNotFound(request.data_key_name)


@KMS.action("GetChallenge", Effect.READ)
def get_challenge(call: Call, request: NothingRequest) -> GetChallengeResponse:
    """Refuse: the nonce would be attested for a Recipient, and delivery to one is not offered."""
    raise NotOffered("Delivery to an attested Recipient is not offered, so there is nothing to attest.")
