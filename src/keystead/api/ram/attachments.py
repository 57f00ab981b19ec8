"""Attaching and detaching policies, for users, groups and roles (models of alibabacloud-ram20150501 1.3.0, read 2026-11-22)."""

from __future__ import annotations

from keystead.api.ram._product import RAM
from keystead.api.ram._shapes import (
    GroupRequest,
    NothingResponse,
    PolicyAttached,
    RoleRequest,
    Shown,
    UserRequest,
    attached_shown,
    policy_type,
)
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.identity import commands, rows
from keystead.identity.model import Attached, Holder, HolderKind, PolicyType


class AttachRequest(Request):
    """Which policy; `resource_group_id` narrows to a resource group, of which there are none here."""

    policy_name: str
    policy_type: str
    resource_group_id: str = ""


class Policies(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    policy: list[PolicyAttached]


class ListPoliciesForResponse(Response):
    """What is attached."""

    policies: Policies


class AttachUserRequest(AttachRequest, kw_only=True):
    """Which policy, on which user."""

    user_name: str


class AttachGroupRequest(AttachRequest, kw_only=True):
    """Which policy, on which group."""

    group_name: str


class AttachRoleRequest(AttachRequest, kw_only=True):
    """Which policy, on which role."""

    role_name: str


@RAM.action("AttachPolicyToUser", Effect.WRITE, methods="POST")
def attach_policy_to_user(call: Call, request: AttachUserRequest) -> NothingResponse:
    """Attach a policy to a user."""
    commands.attach(call.tx, _attached(call, request, HolderKind.USER, request.user_name))
    return NothingResponse()


@RAM.action("DetachPolicyFromUser", Effect.WRITE, methods="POST")
def detach_policy_from_user(call: Call, request: AttachUserRequest) -> NothingResponse:
    """Take a policy off a user."""
    commands.detach(call.tx, _attached(call, request, HolderKind.USER, request.user_name))
    return NothingResponse()


@RAM.action("ListPoliciesForUser", Effect.READ, methods="POST")
def list_policies_for_user(call: Call, request: UserRequest) -> ListPoliciesForResponse:
    """List what is attached to a user."""
    user = commands.user_named(call.tx, call.account_id, request.user_name)
    return _listed(call, commands.holder_of(user))


@RAM.action("AttachPolicyToGroup", Effect.WRITE, methods="POST")
def attach_policy_to_group(call: Call, request: AttachGroupRequest) -> NothingResponse:
    """Attach a policy to a group."""
    commands.attach(call.tx, _attached(call, request, HolderKind.GROUP, request.group_name))
    return NothingResponse()


@RAM.action("DetachPolicyFromGroup", Effect.WRITE, methods="POST")
def detach_policy_from_group(call: Call, request: AttachGroupRequest) -> NothingResponse:
    """Take a policy off a group."""
    commands.detach(call.tx, _attached(call, request, HolderKind.GROUP, request.group_name))
    return NothingResponse()


@RAM.action("ListPoliciesForGroup", Effect.READ, methods="POST")
def list_policies_for_group(call: Call, request: GroupRequest) -> ListPoliciesForResponse:
    """List what is attached to a group."""
    group = commands.group_named(call.tx, call.account_id, request.group_name)
    return _listed(call, commands.holder_of(group))


@RAM.action("AttachPolicyToRole", Effect.WRITE, methods="POST")
def attach_policy_to_role(call: Call, request: AttachRoleRequest) -> NothingResponse:
    """Attach a policy to a role."""
    commands.attach(call.tx, _attached(call, request, HolderKind.ROLE, request.role_name))
    return NothingResponse()


@RAM.action("DetachPolicyFromRole", Effect.WRITE, methods="POST")
def detach_policy_from_role(call: Call, request: AttachRoleRequest) -> NothingResponse:
    """Take a policy off a role."""
    commands.detach(call.tx, _attached(call, request, HolderKind.ROLE, request.role_name))
    return NothingResponse()


@RAM.action("ListPoliciesForRole", Effect.READ, methods="POST")
def list_policies_for_role(call: Call, request: RoleRequest) -> ListPoliciesForResponse:
    """List what is attached to a role."""
    role = commands.role_named(call.tx, call.account_id, request.role_name)
    return _listed(call, commands.holder_of(role))


def _attached(call: Call, request: AttachRequest, kind: HolderKind, name: str) -> Attached:
    if request.resource_group_id:
        raise InvalidParameter("ResourceGroupId", "There are no resource groups.")
    holder = Holder(call.account_id, kind, name)
    return Attached(holder, request.policy_name, policy_type(request.policy_type), call.now)


def _listed(call: Call, holder: Holder) -> ListPoliciesForResponse:
    attached = rows.attachments(call.tx, holder)
    custom = {
        one.policy: commands.policy_named(call.tx, call.account_id, one.policy, one.kind)
        for one in attached
        if one.kind is PolicyType.CUSTOM
    }
    return ListPoliciesForResponse(policies=Policies(policy=[attached_shown(one, custom) for one in attached]))
