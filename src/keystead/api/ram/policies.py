"""Custom and system policies and their versions (models of alibabacloud-ram20150501 1.3.0, read 2026-11-22)."""

from __future__ import annotations

from typing import Final

import msgspec

from keystead.api.ram._product import RAM
from keystead.api.ram._shapes import (
    NothingResponse,
    PageRequest,
    PolicyDetail,
    PolicyMade,
    Shown,
    Tag,
    after,
    no_tags,
    paged,
    policy_type,
)
from keystead.clock import iso_z
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.identity import commands, rows
from keystead.identity.model import HolderKind, Policy, PolicyType, PolicyVersion
from keystead.identity.rules import POLICIES_MAX, checked_length, checked_name
from keystead.identity.system import SYSTEM_POLICIES

ROTATE: Final = "DeleteOldestNonDefaultVersionWhenLimitExceeded"


class PolicyRequest(Request):
    """Which policy."""

    policy_name: str
    policy_type: str


class CreatePolicyVersionRequest(Request):
    """Another document; `rotate_strategy` says whether the oldest version makes room."""

    policy_name: str
    policy_document: str
    set_as_default: bool = False
    rotate_strategy: str = "None"


class VersionRequest(Request):
    """Which version of a custom policy."""

    policy_name: str
    version_id: str


class GetPolicyVersionRequest(PolicyRequest):
    """Which version."""

    version_id: str


class DeletePolicyRequest(Request):
    """Which policy, and whether it is detached first."""

    policy_name: str
    cascading_delete: bool = False


class ListPoliciesRequest(PageRequest):
    """Which page of which type; without a type both. Tags are refused, policies bear none."""

    policy_type: str = ""
    tag: tuple[Tag, ...] = ()


class DescribePolicyRequest(Request):
    """A custom policy's new description."""

    policy_name: str
    new_description: str


class PolicyChanged(PolicyMade, kw_only=True):
    """A policy, and when it was last changed."""

    update_date: str


class PolicyChangedResponse(Response):
    """The policy."""

    policy: PolicyChanged


class Policies(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    policy: list[PolicyDetail]


class ListPoliciesResponse(Response):
    """A page of policies by type and name, custom ones first."""

    policies: Policies
    is_truncated: bool
    marker: str | None = None


class VersionShown(Shown, kw_only=True):
    """A version."""

    version_id: str
    is_default_version: bool
    policy_document: str | None = None
    create_date: str


class VersionResponse(Response):
    """The version."""

    policy_version: VersionShown


class GetPolicyResponse(Response):
    """The policy and its default version."""

    policy: PolicyDetail
    default_policy_version: VersionShown


class Versions(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    policy_version: list[VersionShown]


class ListPolicyVersionsResponse(Response):
    """All versions."""

    policy_versions: Versions


class UserHolder(Shown, kw_only=True):
    """A user that a policy is attached to, and since when."""

    user_name: str
    attach_date: str


class UserHolders(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    user: list[UserHolder]


class GroupHolder(Shown, kw_only=True):
    """A group that a policy is attached to, and since when."""

    group_name: str
    attach_date: str


class GroupHolders(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    group: list[GroupHolder]


class RoleHolder(Shown, kw_only=True):
    """A role that a policy is attached to, and since when."""

    role_name: str
    attach_date: str


class RoleHolders(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    role: list[RoleHolder]


class ListEntitiesForPolicyResponse(Response):
    """Whom a policy is attached to."""

    users: UserHolders
    groups: GroupHolders
    roles: RoleHolders


@RAM.action("GetPolicy", Effect.READ, methods="POST")
def get_policy(call: Call, request: PolicyRequest) -> GetPolicyResponse:
    """Show a policy with its document."""
    policy = _policy(call, request)
    default = next(one for one in _versions(call, policy) if one.default)
    return GetPolicyResponse(policy=_shown(policy), default_policy_version=_version(default))


@RAM.action("ListPolicies", Effect.READ, methods="POST")
def list_policies(call: Call, request: ListPoliciesRequest) -> ListPoliciesResponse:
    """List the account's policies and the system's, or those of one type."""
    no_tags(request.tag)
    wanted = {policy_type(request.policy_type)} if request.policy_type else set(PolicyType)
    found = rows.custom_policies(call.tx, call.account_id, limit=POLICIES_MAX) if PolicyType.CUSTOM in wanted else []
    if PolicyType.SYSTEM in wanted:
        system = PolicyType.SYSTEM
        found += [commands.policy_named(call.tx, call.account_id, name, system) for name in sorted(SYSTEM_POLICIES)]
    behind = after(request.marker)
    left = sorted((policy for policy in found if _place(policy) > behind), key=_place)
    page, more, marker = paged(left, request.max_items, _place)
    shown = Policies(policy=[_shown(policy) for policy in page])
    return ListPoliciesResponse(policies=shown, is_truncated=bool(more), marker=marker)


@RAM.action("UpdatePolicyDescription", Effect.WRITE, methods="POST")
def update_policy_description(call: Call, request: DescribePolicyRequest) -> PolicyChangedResponse:
    """Describe a custom policy anew."""
    description = checked_length("NewDescription", request.new_description, 1024)
    name = commands.policy_named(call.tx, call.account_id, request.policy_name, PolicyType.CUSTOM).name
    rows.describe_policy(call.tx, call.account_id, name, description, call.now)
    policy = commands.policy_named(call.tx, call.account_id, name, PolicyType.CUSTOM)
    made = msgspec.structs.asdict(_made(policy))
    return PolicyChangedResponse(policy=PolicyChanged(**made, update_date=iso_z(policy.updated_at)))


@RAM.action("DeletePolicy", Effect.WRITE, methods="POST")
def delete_policy(call: Call, request: DeletePolicyRequest) -> NothingResponse:
    """Delete a custom policy."""
    commands.delete_policy(call.tx, call.account_id, request.policy_name, cascading=request.cascading_delete)
    return NothingResponse()


@RAM.action("CreatePolicyVersion", Effect.WRITE, methods="POST")
def create_policy_version(call: Call, request: CreatePolicyVersionRequest) -> VersionResponse:
    """Give a custom policy another version."""
    if request.rotate_strategy not in {"None", ROTATE}:
        raise InvalidParameter("RotateStrategy", f"It must be None or {ROTATE}.")
    new = PolicyVersion("", request.policy_document, call.now, request.set_as_default)
    rotate = request.rotate_strategy == ROTATE
    made = commands.add_version(call.tx, call.now, call.account_id, request.policy_name, new, rotate=rotate)
    return VersionResponse(policy_version=_version(made))


@RAM.action("GetPolicyVersion", Effect.READ, methods="POST")
def get_policy_version(call: Call, request: GetPolicyVersionRequest) -> VersionResponse:
    """Show a version."""
    kind = policy_type(request.policy_type)
    version = commands.version_named(call.tx, call.account_id, request.policy_name, request.version_id, kind)
    return VersionResponse(policy_version=_version(version))


@RAM.action("ListPolicyVersions", Effect.READ, methods="POST")
def list_policy_versions(call: Call, request: PolicyRequest) -> ListPolicyVersionsResponse:
    """List the versions of a policy."""
    shown = [_version(version) for version in _versions(call, _policy(call, request))]
    return ListPolicyVersionsResponse(policy_versions=Versions(policy_version=shown))


@RAM.action("SetDefaultPolicyVersion", Effect.WRITE, methods="POST")
def set_default_policy_version(call: Call, request: VersionRequest) -> NothingResponse:
    """Make a version the one that counts, for everybody at once."""
    commands.set_default(call.tx, call.now, call.account_id, request.policy_name, request.version_id)
    return NothingResponse()


@RAM.action("DeletePolicyVersion", Effect.WRITE, methods="POST")
def delete_policy_version(call: Call, request: VersionRequest) -> NothingResponse:
    """Delete a version that is not the default one."""
    commands.delete_version(call.tx, call.account_id, request.policy_name, request.version_id)
    return NothingResponse()


@RAM.action("ListEntitiesForPolicy", Effect.READ, methods="POST")
def list_entities_for_policy(call: Call, request: PolicyRequest) -> ListEntitiesForPolicyResponse:
    """List whom a policy is attached to."""
    policy = _policy(call, request)
    found: dict[HolderKind, list[tuple[str, str]]] = {kind: [] for kind in HolderKind}
    for one in rows.holders(call.tx, call.account_id, policy.name, policy.kind):
        found[one.holder.kind].append((one.holder.name, iso_z(one.at)))
    return ListEntitiesForPolicyResponse(
        users=UserHolders(user=[UserHolder(user_name=name, attach_date=at) for name, at in found[HolderKind.USER]]),
        groups=GroupHolders(group=[GroupHolder(group_name=name, attach_date=at) for name, at in found[HolderKind.GROUP]]),
        roles=RoleHolders(role=[RoleHolder(role_name=name, attach_date=at) for name, at in found[HolderKind.ROLE]]),
    )


class CreatePolicyRequest(Request):
    """A name (1 to 128 letters, digits and -) and a document of 6,144 characters at most."""

    policy_name: str
    policy_document: str
    description: str = ""
    tag: tuple[Tag, ...] = ()


class CreatePolicyResponse(Response):
    """The policy."""

    policy: PolicyMade


@RAM.action("CreatePolicy", Effect.WRITE, methods="POST")
def create_policy(call: Call, request: CreatePolicyRequest) -> CreatePolicyResponse:
    """Keep a custom policy; a refusal tells every mistake with its line and column."""
    no_tags(request.tag)
    policy = Policy(
        checked_name("PolicyName", request.policy_name),
        PolicyType.CUSTOM,
        call.now,
        call.now,
        "v1",
        request.policy_document,
        checked_length("Description", request.description, 1024),
    )
    made = commands.create_policy(call.tx, call.account_id, policy)
    return CreatePolicyResponse(policy=_made(made))


def _made(policy: Policy) -> PolicyMade:
    return PolicyMade(
        policy_name=policy.name,
        policy_type=policy.kind.value,
        description=policy.description,
        default_version=policy.default_version,
        create_date=iso_z(policy.created_at),
    )


def _place(policy: Policy) -> str:
    """Where a policy stands in the list: `Custom/a` before `System/A`."""
    return f"{policy.kind.value}/{policy.name}"


def _policy(call: Call, request: PolicyRequest) -> Policy:
    return commands.policy_named(call.tx, call.account_id, request.policy_name, policy_type(request.policy_type))


def _versions(call: Call, policy: Policy) -> list[PolicyVersion]:
    return commands.versions_of(call.tx, call.account_id, policy.name, policy.kind)


def _shown(policy: Policy) -> PolicyDetail:
    made = msgspec.structs.asdict(_made(policy))
    return PolicyDetail(**made, update_date=iso_z(policy.updated_at), attachment_count=policy.attachments)


def _version(version: PolicyVersion) -> VersionShown:
    return VersionShown(
        version_id=version.version_id,
        is_default_version=version.default,
        policy_document=version.document,
        create_date=iso_z(version.created_at),
    )
