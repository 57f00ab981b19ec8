"""AssumeRoleWithOIDC: a role for whoever holds a token that the role trusts (models of alibabacloud-sts20150401 1.2.0).

Refusals: STS error code page (its beginning, read 2026-11-23). Unsigned: the token is the proof. docs/adr/0085.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import msgspec

from keystead.api.sts._product import STS
from keystead.api.sts.sessions import AssumedRoleUser, Credentials, begun, check_narrowing, seconds_of
from keystead.clock import iso_z
from keystead.federation import commands as federation
from keystead.federation.faults import IdentityNotAllowed
from keystead.federation.model import Identity, Provider
from keystead.gate.call import Call
from keystead.gate.dispatch import context_of_trust
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.identity import commands, sessions
from keystead.identity.faults import NoSuchEntity, NotTrusted
from keystead.identity.model import Role
from keystead.identity.rules import SECONDS_DEFAULT, checked_name, role_named_by
from keystead.policy.model import Question

NOT_ALLOWED: Final = "There is no permission"
STRANGERS: Final = "strangers"
"""Whose quota it is where no account is named: a bucket for each name that somebody makes up would be one for each call."""


class AssumeRoleWithOIDCRequest(Request):
    """Which role, by which provider's token, the session's name, for how long (900 s to the role's most), what narrows it."""

    oidc_provider_arn: str = msgspec.field(name="OIDCProviderArn")
    oidc_token: str = msgspec.field(name="OIDCToken")
    role_arn: str
    role_session_name: str
    duration_seconds: int = SECONDS_DEFAULT
    policy: str = ""


class OIDCTokenInfo(msgspec.Struct, kw_only=True, rename="pascal"):
    """What the token proved."""

    client_ids: str
    expiration_time: str
    issuance_time: str
    issuer: str
    subject: str
    verification_info: str


class AssumeRoleWithOIDCResponse(Response):
    """The session."""

    assumed_role_user: AssumedRoleUser
    credentials: Credentials
    oidc_token_info: OIDCTokenInfo = msgspec.field(name="OIDCTokenInfo")


@contextlib.contextmanager
def _admitted(call: Call, request: AssumeRoleWithOIDCRequest) -> Iterator[None]:
    """Take a request of the quota of the account whose provider is named, or of the one for all who name none."""
    with call.service.store.read() as tx:
        account_id = federation.account_named_by(tx, request.oidc_provider_arn)
    call.admit(account_id or STRANGERS)
    yield


@STS.action("AssumeRoleWithOIDC", Effect.READ, methods="GET POST", ahead=_admitted)
def assume_role_with_oidc(call: Call, request: AssumeRoleWithOIDCRequest) -> AssumeRoleWithOIDCResponse:
    """Begin a session of a role that trusts the provider of the token, and the token by its issuer, subject and audience."""
    name = checked_name("RoleSessionName", request.role_session_name)
    check_narrowing(request.policy)
    account_id, role_name = role_named_by(request.role_arn)
    provider, identity = federation.prove(call.tx, request.oidc_provider_arn, request.oidc_token, call.instant.wall)
    role = _trusting(call, account_id, role_name, provider, identity)
    call.record.account_id, call.record.resource_id = role.account_id, role.role_id
    seconds = seconds_of(role, request.duration_seconds)
    user, credentials = begun(call, role, seconds, sessions.Said(name, request.policy))
    info = OIDCTokenInfo(
        client_ids=",".join(identity.audiences),
        expiration_time=iso_z(identity.expires_at),
        issuance_time=iso_z(identity.issued_at),
        issuer=identity.issuer,
        subject=identity.subject,
        verification_info="Success",
    )
    return AssumeRoleWithOIDCResponse(assumed_role_user=user, credentials=credentials, oidc_token_info=info)


def _trusting(call: Call, account_id: str, role_name: str, provider: Provider, identity: Identity) -> Role:
    """Give the role if it is of the provider's account and trusts this token; else it looks absent."""
    context = context_of_trust(call, provider.account_id) | {
        "oidc:iss": identity.issuer,
        "oidc:sub": identity.subject,
        "oidc:aud": identity.audience,
    }
    try:
        role = commands.role_named(call.tx, account_id, role_name)
        principals = frozenset({f"Federated:{provider.arn}"})
        sessions.assumable(role, Question("sts:AssumeRole", role.arn, context, principals))
    except (NoSuchEntity, NotTrusted):
        raise IdentityNotAllowed(NOT_ALLOWED) from None
    if role.account_id != provider.account_id:
        raise IdentityNotAllowed(NOT_ALLOWED)
    return role
