"""AssumeRole, GetCallerIdentity (models of alibabacloud-sts20150401 1.2.0, read 2026-11-22; AssumeRole page, read 2026-11-23)."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from keystead.api.sts._product import STS
from keystead.clock import iso_z
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.dispatch import context_of_trust
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.identity import commands, sessions
from keystead.identity.faults import NoSuchEntity, NotTrusted
from keystead.identity.model import PrincipalKind, Role
from keystead.identity.rules import SECONDS_DEFAULT, SESSION_SECONDS, checked_name, checked_seconds, role_named_by
from keystead.policy.model import Question
from keystead.policy.reading import read

POLICY_CHARS_MAX = 2048


class AssumeRoleRequest(Request):
    """Which role, what the session is called, for how long (900 s to the role's own most), and what narrows it.

    `source_identity` stays with the session and those begun by it; `external_id` is for the role's trust policy to compare.
    """

    role_arn: str
    role_session_name: str
    duration_seconds: int = SECONDS_DEFAULT
    policy: str = ""
    external_id: str = ""
    source_identity: str = ""


class Credentials(msgspec.Struct, kw_only=True, rename="pascal"):
    """What a client signs with until `expiration`, wall time."""

    access_key_id: str
    access_key_secret: str
    security_token: str
    expiration: str


class AssumedRoleUser(msgspec.Struct, kw_only=True, rename="pascal"):
    """Who the client is then."""

    arn: str
    assumed_role_id: str


class AssumeRoleResponse(Response):
    """The session."""

    assumed_role_user: AssumedRoleUser
    credentials: Credentials
    source_identity: str | None = None


class GetCallerIdentityRequest(Request):
    """Nothing."""


class GetCallerIdentityResponse(Response):
    """Who calls."""

    account_id: str
    arn: str
    identity_type: str
    principal_id: str
    user_id: str | None = None
    role_id: str | None = None


@STS.action("AssumeRole", Effect.READ, methods="GET POST")
def assume_role(call: Call, request: AssumeRoleRequest) -> AssumeRoleResponse:
    """Begin a session of a role that trusts the caller. The account's own keys begin none, as on the cloud."""
    if call.principal.kind is PrincipalKind.ACCOUNT:
        raise NotTrusted("Roles may not be assumed by root accounts.")
    said = sessions.Said(
        checked_name("RoleSessionName", request.role_session_name), request.policy, _source_identity(call, request)
    )
    check_narrowing(request.policy)
    account_id, role_name = role_named_by(request.role_arn)
    try:
        role = commands.role_named(call.tx, account_id, role_name)
    except NoSuchEntity:
        if account_id == call.account_id:
            raise
        raise NotTrusted(
            sessions.NOT_TRUSTED
        ) from None  # to another account, a role that is absent looks like one that does not trust it
    account = f"RAM:acs:ram::{call.account_id}:root"  # in a trust policy the root stands for the whole account
    context = context_of_trust(call, call.account_id)
    if request.external_id:
        context["sts:ExternalId"] = checked_name("ExternalId", request.external_id)
    principals = frozenset({call.principal.policy_name, account})
    sessions.assumable(role, Question("sts:AssumeRole", role.arn, context, principals))
    seconds = seconds_of(role, request.duration_seconds)  # after the trust: how long is the role's to tell
    user, credentials = begun(call, role, seconds, said)
    return AssumeRoleResponse(assumed_role_user=user, credentials=credentials, source_identity=said.source_identity or None)


def _source_identity(call: Call, request: AssumeRoleRequest) -> str:
    """Give who stands at the beginning of the chain: once said, it stays ("Tracing and access control with SourceIdentity")."""
    given, known = request.source_identity, call.principal.source_identity
    if given and known and given != known:
        raise InvalidParameter("SourceIdentity", "The session has another one, which stays along a chain of roles.")
    return checked_name("SourceIdentity", given) if given else known


def check_narrowing(policy: str) -> None:
    """Read the policy that a session is narrowed by, for its mistakes alone."""
    if len(policy) > POLICY_CHARS_MAX:
        raise InvalidParameter("Policy", f"It has {len(policy)} characters; {POLICY_CHARS_MAX} at most.")
    if policy:
        read(policy)


def seconds_of(role: Role, wished: int) -> int:
    """Give how long a session lasts: 900 s to the role's own most."""
    return checked_seconds("DurationSeconds", wished, SESSION_SECONDS[0], min(SESSION_SECONDS[1], role.max_session_seconds))


def begun(call: Call, role: Role, seconds: int, said: sessions.Said) -> tuple[AssumedRoleUser, Credentials]:
    """Begin a session that was allowed."""
    until = call.instant.wall + timedelta(seconds=seconds)
    session, token = sessions.begin(call.service.keystore, role, until, said)
    arn = f"acs:ram::{role.account_id}:role/{role.name}/{said.name}"
    user = AssumedRoleUser(arn=arn, assumed_role_id=f"{role.role_id}:{said.name}")
    return user, Credentials(
        access_key_id=session.access_key_id, access_key_secret=session.secret, security_token=token, expiration=iso_z(until)
    )


@STS.action("GetCallerIdentity", Effect.READ, methods="GET POST")
def get_caller_identity(call: Call, request: GetCallerIdentityRequest) -> GetCallerIdentityResponse:
    """Tell who calls."""
    principal = call.principal
    role, user = principal.kind is PrincipalKind.ROLE, principal.kind is PrincipalKind.USER
    identifier = principal.identifier or principal.account_id
    return GetCallerIdentityResponse(
        account_id=principal.account_id,
        arn=principal.arn,
        identity_type=principal.kind.value,
        principal_id=f"{identifier}:{principal.session}" if role else identifier,
        user_id=identifier if user else None,
        role_id=identifier if role else None,
    )
