"""CreateAlias, UpdateAlias, DeleteAlias, ListAliases, ListAliasesByKeyId (KMS API pages, read 2026-11-22)."""

from __future__ import annotations

import msgspec

from keystead.api.kms._product import KMS
from keystead.api.kms._reach import NothingResponse, key_for, selection_of
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.keyring import commands as keyring
from keystead.keyring import rules
from keystead.keyring.faults import KeyNotFound
from keystead.keyring.model import Operation, Page
from keystead.labels import commands as labels
from keystead.labels.faults import AliasNotFound
from keystead.labels.model import Alias, Home
from keystead.labels.rules import checked_alias


class AliasRequest(Request):
    """An alias with its prefix `alias/`, and the key it is to name, by id or ARN."""

    alias_name: str
    key_id: str


class DeleteAliasRequest(Request):
    """Which alias."""

    alias_name: str


class ListAliasesRequest(Request):
    """Which page."""

    page_number: int | None = None
    page_size: int | None = None


class ListAliasesByKeyIdRequest(Request):
    """Which page of which key's aliases; the size 1 to 101, 0 for the default."""

    key_id: str
    page_number: int | None = None
    page_size: int | None = None


class AliasShown(msgspec.Struct, kw_only=True, rename="pascal"):
    """An alias."""

    alias_name: str
    alias_arn: str
    key_id: str


class AliasItems(msgspec.Struct, kw_only=True, rename="pascal"):
    """The wrapper the cloud puts around the list."""

    alias: list[AliasShown]


class ListAliasesResponse(Response):
    """One page of aliases; `total_count` is that of all pages."""

    aliases: AliasItems
    page_number: int
    page_size: int
    total_count: int


@KMS.action("CreateAlias", Effect.WRITE)
def create_alias(call: Call, request: AliasRequest) -> NothingResponse:
    """Give a key a name, unique in the account and region."""
    name = checked_alias(request.alias_name)
    key = key_for(call, request.key_id, Operation.CREATE_ALIAS)
    labels.create_alias(call.tx, call.now, _home(call), name, key.key_id)
    return NothingResponse()


@KMS.action("UpdateAlias", Effect.WRITE)
def update_alias(call: Call, request: AliasRequest) -> NothingResponse:
    """Have an alias name another key; only that key's state matters."""
    name = checked_alias(request.alias_name)
    labels.alias_named(call.tx, _home(call), name)
    key = key_for(call, request.key_id, Operation.UPDATE_ALIAS)
    labels.point_alias(call.tx, _home(call), name, key.key_id)
    return NothingResponse()


@KMS.action("DeleteAlias", Effect.WRITE)
def delete_alias(call: Call, request: DeleteAliasRequest) -> NothingResponse:
    """Forget an alias; its key stays."""
    name = checked_alias(request.alias_name)
    alias = labels.alias_named(call.tx, _home(call), name)
    try:
        key_for(call, alias.key_id, Operation.DELETE_ALIAS)
    except KeyNotFound:
        raise AliasNotFound(name) from None
    labels.delete_alias(call.tx, _home(call), name)
    return NothingResponse()


@KMS.action("ListAliases", Effect.READ)
def list_aliases(call: Call, request: ListAliasesRequest) -> ListAliasesResponse:
    """List the account's aliases in the region by name; those of keys that are gone are gone."""
    page = rules.page_of(request.page_number, request.page_size)
    found, total = keyring.list_aliases(call.tx, selection_of(call, {}), page)
    return _listed(found, page, total)


@KMS.action("ListAliasesByKeyId", Effect.READ)
def list_aliases_by_key_id(call: Call, request: ListAliasesByKeyIdRequest) -> ListAliasesResponse:
    """List a key's aliases by name."""
    page = rules.wide_page_of(request.page_number, request.page_size)
    key = key_for(call, request.key_id, Operation.DESCRIBE)
    found, total = keyring.list_aliases(call.tx, selection_of(call, {}), page, key.key_id)
    return _listed(found, page, total)


def _home(call: Call) -> Home:
    return Home(call.account_id, call.region)


def _listed(found: list[Alias], page: Page, total: int) -> ListAliasesResponse:
    shown = [AliasShown(alias_name=alias.name, alias_arn=alias.arn, key_id=alias.key_id) for alias in found]
    return ListAliasesResponse(aliases=AliasItems(alias=shown), page_number=page.number, page_size=page.size, total_count=total)
