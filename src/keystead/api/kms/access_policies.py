"""Permission policies of access points (CreatePolicy and its family; API pages, read 2026-11-22); key policies: policies.py."""

from __future__ import annotations

import msgspec

from keystead.access_points import commands as access_points
from keystead.access_points import rules
from keystead.access_points.model import SHARED_GATEWAY, Policy
from keystead.api.kms._product import KMS
from keystead.api.kms._reach import NothingResponse
from keystead.api.kms.access_points import NameRequest, PageRequest, arn_of, holder_of, new_holder_of
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.instances import commands as instances
from keystead.keyring.rules import page_of


class CreatePolicyRequest(Request):
    """What is permitted; `permissions`, `resources` and `access_control_rules` are JSON.

    `kms_instance` is the instance whose gateway it holds at; `shared`, or nothing, is the shared gateway.
    """

    name: str
    permissions: str
    resources: str
    kms_instance: str = ""
    access_control_rules: str = ""
    description: str = ""


class UpdatePolicyRequest(Request):
    """What is to change; what is left out stays."""

    name: str
    permissions: str = ""
    resources: str = ""
    access_control_rules: str = ""
    description: str = ""


class CreatePolicyResponse(Response):
    """The policy; its lists are JSON text."""

    access_control_rules: str
    arn: str
    description: str
    kms_instance: str
    name: str
    permissions: str
    resources: str


class DescribePolicyResponse(Response):
    """The policy; its lists are lists."""

    access_control_rules: str
    arn: str
    description: str
    kms_instance: str
    name: str
    permissions: list[str]
    resources: list[str]


class PolicyItem(msgspec.Struct, kw_only=True, rename="pascal"):
    """A policy in a list."""

    name: str


class PolicyItems(msgspec.Struct, kw_only=True, rename="pascal"):
    """The wrapper the cloud puts around the list."""

    policy: list[PolicyItem]


class ListPoliciesResponse(Response):
    """One page by name; `total_count` is that of all pages."""

    policies: PolicyItems
    page_number: int
    page_size: int
    total_count: int


@KMS.action("CreatePolicy", Effect.WRITE)
def create_policy(call: Call, request: CreatePolicyRequest) -> CreatePolicyResponse:
    """Make a policy for the gateway of one instance of the account."""
    policy = Policy(
        rules.checked_name("Name", request.name),
        request.kms_instance or SHARED_GATEWAY,
        rules.permissions_of(request.permissions),
        rules.resources_of(request.resources),
        rules.network_rules_of(request.access_control_rules),
        rules.checked_description(request.description),
        call.now,
    )
    holder = new_holder_of(call)
    if policy.instance_id != SHARED_GATEWAY:
        instances.owned(call.tx, call.account_id, policy.instance_id, call.now, call.region)
        call.record.instance_id = policy.instance_id
    access_points.create_policy(call.tx, holder, policy)
    return CreatePolicyResponse(
        access_control_rules=_rules_text(policy),
        arn=arn_of(holder, "policy", policy.name),
        description=policy.description,
        kms_instance=policy.instance_id,
        name=policy.name,
        permissions=rules.compact(policy.permissions),
        resources=rules.compact(policy.resources),
    )


@KMS.action("DescribePolicy", Effect.READ)
def describe_policy(call: Call, request: NameRequest) -> DescribePolicyResponse:
    """Show a policy."""
    holder = holder_of(call)
    policy = access_points.policy_named(call.tx, holder, request.name)
    return DescribePolicyResponse(
        access_control_rules=_rules_text(policy),
        arn=arn_of(holder, "policy", policy.name),
        description=policy.description,
        kms_instance=policy.instance_id,
        name=policy.name,
        permissions=list(policy.permissions),
        resources=list(policy.resources),
    )


@KMS.action("ListPolicies", Effect.READ)
def list_policies(call: Call, request: PageRequest) -> ListPoliciesResponse:
    """List the account's policies in the region."""
    page = page_of(request.page_number, request.page_size)
    found, total = access_points.policies(call.tx, holder_of(call), page.number, page.size)
    return ListPoliciesResponse(
        policies=PolicyItems(policy=[PolicyItem(name=each.name) for each in found]),
        page_number=page.number,
        page_size=page.size,
        total_count=total,
    )


@KMS.action("UpdatePolicy", Effect.WRITE)
def update_policy(call: Call, request: UpdatePolicyRequest) -> NothingResponse:
    """Have a policy say something else; in force at once. Its instance stays."""
    before = access_points.policy_named(call.tx, holder_of(call), request.name)
    changed = msgspec.structs.replace(
        before,
        permissions=rules.permissions_of(request.permissions) if request.permissions else before.permissions,
        resources=rules.resources_of(request.resources) if request.resources else before.resources,
        description=rules.checked_description(request.description) or before.description,
    )
    if request.access_control_rules:
        changed = msgspec.structs.replace(changed, network_rules=rules.network_rules_of(request.access_control_rules))
    access_points.change_policy(call.tx, holder_of(call), changed)
    return NothingResponse()


@KMS.action("DeletePolicy", Effect.WRITE)
def delete_policy(call: Call, request: NameRequest) -> NothingResponse:
    """Delete a policy that no access point has."""
    access_points.delete_policy(call.tx, holder_of(call), request.name)
    return NothingResponse()


def _rules_text(policy: Policy) -> str:
    return f'{{"NetworkRules":{rules.compact(policy.network_rules)}}}'
