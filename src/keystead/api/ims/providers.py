"""Providers of OpenID Connect.

Sources: models of alibabacloud-ims20190815 3.5.0; CreateOIDCProvider and GetOIDCProvider pages, read 2026-11-23.
SetOIDCProviderKeys is ours: the issuer is never called, so its keys are registered (docs/adr/0085).
"""

from __future__ import annotations

import msgspec

from keystead.api.ims._product import IMS
from keystead.api.ram._shapes import NothingResponse, PageRequest, Shown, after, paged
from keystead.clock import iso_z, to_ms
from keystead.faults import InvalidParameter
from keystead.federation import commands, rows, rules, tokens
from keystead.federation.model import Provider
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect

DESCRIPTION_CHARS_MAX = 256


class ProviderRequest(Request):
    """Which provider."""

    oidc_provider_name: str = msgspec.field(name="OIDCProviderName")


class CreateOIDCProviderRequest(ProviderRequest):
    """A name, the issuer as tokens name it, comma lists of clients (20) and fingerprints (5), how old tokens may be (hours)."""

    issuer_url: str
    client_ids: str = ""
    fingerprints: str = ""
    description: str = ""
    issuance_limit_time: int = rules.LIMIT_HOURS_DEFAULT


class UpdateOIDCProviderRequest(ProviderRequest):
    """What to change; what is left out stays."""

    client_ids: str | None = None
    new_description: str | None = None
    issuance_limit_time: int | None = None


class ClientRequest(ProviderRequest):
    """One client of which provider."""

    client_id: str


class KeysRequest(ProviderRequest):
    """The issuer's public keys: a JSON Web Key Set of 20 RSA (RS256) and P-256 (ES256) keys at most."""

    keys: str


class ProviderShown(Shown, kw_only=True):
    """A provider."""

    arn: str
    client_ids: str
    create_date: str
    description: str
    fingerprints: str
    gmt_create: str
    gmt_modified: str
    issuance_limit_time: int
    issuer_url: str
    oidc_provider_name: str = msgspec.field(name="OIDCProviderName")
    update_date: str


class ProviderResponse(Response):
    """The provider."""

    oidc_provider: ProviderShown = msgspec.field(name="OIDCProvider")


class Providers(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    oidc_provider: list[ProviderShown] = msgspec.field(name="OIDCProvider")


class ListOIDCProvidersResponse(Response):
    """A page of providers by name."""

    oidc_providers: Providers = msgspec.field(name="OIDCProviders")
    is_truncated: bool
    marker: str | None = None


@IMS.action("CreateOIDCProvider", Effect.WRITE, methods="POST")
def create_oidc_provider(call: Call, request: CreateOIDCProviderRequest) -> ProviderResponse:
    """Trust an issuer, which counts once its keys are registered. Fingerprints are kept and mean nothing: nobody calls it."""
    provider = Provider(
        call.account_id,
        rules.checked_name(request.oidc_provider_name),
        rules.checked_issuer(request.issuer_url),
        call.now,
        call.now,
        rules.listed("ClientIds", request.client_ids),
        rules.listed("Fingerprints", request.fingerprints),
        _description("Description", request.description),
        rules.checked_hours(request.issuance_limit_time),
    )
    return ProviderResponse(oidc_provider=_shown(commands.create(call.tx, provider)))


@IMS.action("GetOIDCProvider", Effect.READ, methods="POST")
def get_oidc_provider(call: Call, request: ProviderRequest) -> ProviderResponse:
    """Show a provider."""
    return ProviderResponse(oidc_provider=_shown(_named(call, request)))


@IMS.action("ListOIDCProviders", Effect.READ, methods="POST")
def list_oidc_providers(call: Call, request: PageRequest) -> ListOIDCProvidersResponse:
    """List the account's providers by name."""
    found = rows.page(call.tx, call.account_id, after(request.marker), request.max_items + 1)
    page, more, marker = paged(found, request.max_items, lambda provider: provider.name)
    shown = Providers(oidc_provider=[_shown(provider) for provider in page])
    return ListOIDCProvidersResponse(oidc_providers=shown, is_truncated=bool(more), marker=marker)


@IMS.action("UpdateOIDCProvider", Effect.WRITE, methods="POST")
def update_oidc_provider(call: Call, request: UpdateOIDCProviderRequest) -> ProviderResponse:
    """Change a provider's clients, description or limit; tokens are judged by it from the commit on."""
    values: dict[str, object] = {}
    if request.client_ids is not None:
        values["client_ids"] = rules.listed("ClientIds", request.client_ids)
    if request.new_description is not None:
        values["description"] = _description("NewDescription", request.new_description)
    if request.issuance_limit_time is not None:
        values["issuance_limit_hours"] = rules.checked_hours(request.issuance_limit_time)
    return ProviderResponse(oidc_provider=_shown(commands.change(call.tx, call.now, _named(call, request), **values)))


@IMS.action("AddClientIdToOIDCProvider", Effect.WRITE, methods="POST")
def add_client_id(call: Call, request: ClientRequest) -> ProviderResponse:
    """Take another client's tokens; one that is there already stays so."""
    provider = _named(call, request)
    clients = rules.with_client(provider.client_ids, request.client_id)
    return ProviderResponse(oidc_provider=_shown(commands.change(call.tx, call.now, provider, client_ids=clients)))


@IMS.action("RemoveClientIdFromOIDCProvider", Effect.WRITE, methods="POST")
def remove_client_id(call: Call, request: ClientRequest) -> ProviderResponse:
    """Take a client's tokens no more, from the commit on; sessions begun with them last."""
    provider = _named(call, request)
    clients = tuple(client for client in provider.client_ids if client != request.client_id)
    return ProviderResponse(oidc_provider=_shown(commands.change(call.tx, call.now, provider, client_ids=clients)))


@IMS.action("SetOIDCProviderKeys", Effect.WRITE, methods="POST")
def set_oidc_provider_keys(call: Call, request: KeysRequest) -> NothingResponse:
    """Register the issuer's keys in place of those before: what one of them signed counts, from the commit on."""
    keys = tokens.checked_keys(request.keys)
    commands.change(call.tx, call.now, _named(call, request), keys=keys)
    return NothingResponse()


@IMS.action("DeleteOIDCProvider", Effect.WRITE, methods="POST")
def delete_oidc_provider(call: Call, request: ProviderRequest) -> NothingResponse:
    """Trust an issuer no more; roles that name it are left as they are."""
    commands.delete(call.tx, call.account_id, request.oidc_provider_name)
    return NothingResponse()


def _named(call: Call, request: ProviderRequest) -> Provider:
    return commands.provider_named(call.tx, call.account_id, request.oidc_provider_name)


def _description(parameter: str, text: str) -> str:
    if len(text) > DESCRIPTION_CHARS_MAX:
        raise InvalidParameter(parameter, f"It has {len(text)} characters; {DESCRIPTION_CHARS_MAX} at most.")
    return text


def _shown(provider: Provider) -> ProviderShown:
    return ProviderShown(
        arn=provider.arn,
        client_ids=",".join(provider.client_ids),
        create_date=iso_z(provider.created_at),
        description=provider.description,
        fingerprints=",".join(provider.fingerprints),
        gmt_create=str(to_ms(provider.created_at)),
        gmt_modified=str(to_ms(provider.updated_at)),
        issuance_limit_time=provider.issuance_limit_hours,
        issuer_url=provider.issuer,
        oidc_provider_name=provider.name,
        update_date=iso_z(provider.updated_at),
    )
