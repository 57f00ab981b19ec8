"""May the caller? Asked by the gate before an action runs, and by the action itself for a key it had to find first.

The account's own access keys may everything in the account but what a key's policy denies. Everybody else needs a statement.
On a key its own policy counts too (docs/adr/0082). A refusal names action, resource and the statement that decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from keystead.clock import iso_z
from keystead.gate.call import Call
from keystead.gate.registry import Action
from keystead.identity.faults import NotPermitted
from keystead.identity.grants import grants_of, key_policy_of
from keystead.identity.model import HolderKind, PrincipalKind
from keystead.policy.model import Question, Verdict
from keystead.policy.reading import read
from keystead.policy.rules import ROOT, PolicySet, both, key_verdict

RECOVERY: Final = frozenset({"kms:DescribeKey", "kms:GetKeyPolicy", "kms:SetKeyPolicy"})
"""What an account can always do with its key, so that no policy locks it out for good."""
_NOTHING: Final[Mapping[str, str]] = {}
Tags = Callable[[], Mapping[str, str]]


def permit(call: Call, action: Action) -> None:
    """Ask for all that is known before the action runs; NotPermitted."""
    call.action = action
    if call.principal.kind is PrincipalKind.ACCOUNT or not action.permission.resources:
        return
    for template in action.permission.resources:
        if "{key}" not in template:
            resource = _filled(call, template)
            _require(action.permission.action, resource, _identity_verdict(call, action.permission.action, resource, None))


def permit_key(call: Call, key_id: str, owner: str, tags: Tags, name: str = "") -> None:
    """Ask for a key that the action found; `name` is what it needs where that is not the action's own. NotPermitted, `Cold`."""
    if call.action is None or not call.action.permission.of_key:
        return
    call.asked += 1
    wanted = name or call.action.permission.action
    resource = f"acs:kms:{call.region}:{owner}:key/{key_id}"
    policies = key_policy_of(call.warm, key_id, owner)
    root = call.principal.kind is PrincipalKind.ACCOUNT and call.account_id == owner
    if root and wanted in RECOVERY:
        return
    identity = ROOT if root else _identity_verdict(call, wanted, resource, tags)
    principals = frozenset({call.principal.policy_name})
    own = policies.judge(Question(wanted, resource, _context(call, policies, tags), principals))
    _require(wanted, resource, key_verdict(identity, own, same_account=call.account_id == owner))


def permit_item(call: Call, item: str) -> None:
    """Ask for something else of the account's that the action found, such as `instance/kst-…`. NotPermitted."""
    call.asked += 1
    if call.action is None or call.principal.kind is PrincipalKind.ACCOUNT:
        return
    wanted, resource = call.action.permission.action, f"acs:kms:{call.region}:{call.account_id}:{item}"
    _require(wanted, resource, _identity_verdict(call, wanted, resource, None))


def permitted(call: Call, action: Action) -> None:
    """Make sure, once an action ran, that one which must ask for its keys did: nothing it did is kept or told otherwise."""
    if action.permission.of_key and not call.asked:
        message = f"{action.name} touched no key that it asked for"
        raise RuntimeError(message)


def _require(action: str, resource: str, verdict: Verdict) -> None:
    if not verdict.allowed:
        raise NotPermitted(action, resource, verdict)


def _identity_verdict(call: Call, action: str, resource: str, tags: Tags | None) -> Verdict:
    principal = call.principal
    kind = HolderKind.USER if principal.kind is PrincipalKind.USER else HolderKind.ROLE
    policies = grants_of(call.warm, kind, principal.identifier).policies
    verdict = policies.judge(Question(action, resource, _context(call, policies, tags)))
    if principal.narrowed:
        session = PolicySet([("the session's own", read(principal.narrowed))])
        return both(verdict, session.judge(Question(action, resource, _context(call, session, tags))))
    return verdict


def _filled(call: Call, template: str) -> str:
    text = template.replace("{region}", call.region).replace("{account}", call.account_id)
    if "{" not in text:
        return text
    head, _, rest = text.partition("{")
    name, _, tail = rest.partition("}")
    given = call.arrival.parameter(name) if call.arrival is not None else ""
    return f"{head}{given}{tail}"  # what a caller sends is put in last, and never read as a template or a pattern


def _context(call: Call, policies: PolicySet, tags: Tags | None) -> Mapping[str, str]:
    """Give the condition keys that the policies look at; one that the call does not have is left out."""
    if not policies.keys:
        return _NOTHING
    found: dict[str, str] = {}
    arrival = call.arrival
    for key in policies.keys:
        if key == "acs:SourceIp":
            found[key] = call.record.client_ip
        elif key == "acs:CurrentTime":
            found[key] = iso_z(call.now)
        elif key == "acs:SecureTransport":
            found[key] = "true" if arrival is not None and arrival.secure else "false"
        elif key.startswith("kms:tag/") and tags is not None:
            value = tags().get(key.removeprefix("kms:tag/"))
            if value is not None:
                found[key] = value
        elif key.startswith("acs:RequestTag/") and arrival is not None:
            value = _request_tags(arrival.parameters()).get(key.removeprefix("acs:RequestTag/"))
            if value is not None:
                found[key] = value
    return found


def _request_tags(parameters: Mapping[str, str]) -> dict[str, str]:
    return {
        value: parameters.get(f"{name.removesuffix('.Key')}.Value", "")
        for name, value in parameters.items()
        if name.startswith("Tag.") and name.endswith(".Key")
    }
