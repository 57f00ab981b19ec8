"""Network rules of permission policies (CreateNetworkRule and its family; API pages, read 2026-11-22)."""

from __future__ import annotations

import msgspec

from keystead.access_points import commands as access_points
from keystead.access_points import rules
from keystead.access_points.model import NetworkRule
from keystead.api.kms._product import KMS
from keystead.api.kms._reach import NothingResponse
from keystead.api.kms.access_points import NameRequest, PageRequest, arn_of, holder_of, new_holder_of
from keystead.faults import MissingParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.keyring.rules import page_of


class CreateNetworkRuleRequest(Request):
    """From where calls may come; `source_private_ip` lists addresses and ranges, as JSON or with commas."""

    name: str
    type: str
    source_private_ip: str = ""
    description: str = ""


class UpdateNetworkRuleRequest(Request):
    """What is to change; what is left out stays."""

    name: str
    source_private_ip: str = ""
    description: str = ""


class DescribeNetworkRuleResponse(Response):
    """The rule; the addresses as they were given."""

    arn: str
    description: str
    source_private_ip: str
    type: str


class CreateNetworkRuleResponse(DescribeNetworkRuleResponse):
    """The new rule."""

    name: str


class NetworkRuleItem(msgspec.Struct, kw_only=True, rename="pascal"):
    """A rule in a list."""

    name: str
    type: str


class NetworkRuleItems(msgspec.Struct, kw_only=True, rename="pascal"):
    """The wrapper the cloud puts around the list."""

    network_rule: list[NetworkRuleItem]


class ListNetworkRulesResponse(Response):
    """One page by name; `total_count` is that of all pages."""

    network_rules: NetworkRuleItems
    page_number: int
    page_size: int
    total_count: int


@KMS.action("CreateNetworkRule", Effect.WRITE)
def create_network_rule(call: Call, request: CreateNetworkRuleRequest) -> CreateNetworkRuleResponse:
    """Make a rule that policies can name."""
    if not request.source_private_ip:
        raise MissingParameter("SourcePrivateIp")
    rules.checked_rule(request.type, request.source_private_ip)
    name, description = rules.checked_name("Name", request.name), rules.checked_description(request.description)
    rule = NetworkRule(name, request.type, request.source_private_ip, description, call.now)
    holder = new_holder_of(call)
    access_points.create_network_rule(call.tx, holder, rule)
    return CreateNetworkRuleResponse(
        arn=arn_of(holder, "network", name),
        description=description,
        source_private_ip=rule.source_private_ip,
        type=rule.kind,
        name=name,
    )


@KMS.action("DescribeNetworkRule", Effect.READ)
def describe_network_rule(call: Call, request: NameRequest) -> DescribeNetworkRuleResponse:
    """Show a rule."""
    holder = holder_of(call)
    rule = access_points.network_rule_named(call.tx, holder, request.name)
    return DescribeNetworkRuleResponse(
        arn=arn_of(holder, "network", rule.name),
        description=rule.description,
        source_private_ip=rule.source_private_ip,
        type=rule.kind,
    )


@KMS.action("ListNetworkRules", Effect.READ)
def list_network_rules(call: Call, request: PageRequest) -> ListNetworkRulesResponse:
    """List the account's rules in the region."""
    page = page_of(request.page_number, request.page_size)
    found, total = access_points.network_rules(call.tx, holder_of(call), page.number, page.size)
    return ListNetworkRulesResponse(
        network_rules=NetworkRuleItems(network_rule=[NetworkRuleItem(name=each.name, type=each.kind) for each in found]),
        page_number=page.number,
        page_size=page.size,
        total_count=total,
    )


@KMS.action("UpdateNetworkRule", Effect.WRITE)
def update_network_rule(call: Call, request: UpdateNetworkRuleRequest) -> NothingResponse:
    """Have a rule name other addresses; in force at once."""
    before = access_points.network_rule_named(call.tx, holder_of(call), request.name)
    if request.source_private_ip:
        rules.networks_of(request.source_private_ip)
    changed = msgspec.structs.replace(
        before,
        source_private_ip=request.source_private_ip or before.source_private_ip,
        description=rules.checked_description(request.description) or before.description,
    )
    access_points.change_network_rule(call.tx, holder_of(call), changed)
    return NothingResponse()


@KMS.action("DeleteNetworkRule", Effect.WRITE)
def delete_network_rule(call: Call, request: NameRequest) -> NothingResponse:
    """Delete a rule that no policy has."""
    access_points.delete_network_rule(call.tx, holder_of(call), request.name)
    return NothingResponse()
