"""A question asked again outside a call: what `keystead access explain` shows."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from keystead.access import rows as access_rows
from keystead.access.faults import AccessKeyNotFound
from keystead.identity.grants import key_policies_in, load_grants
from keystead.identity.model import HolderKind
from keystead.policy.model import Question, Verdict
from keystead.policy.rules import ROOT, key_verdict
from keystead.store import Transaction


class Asked(msgspec.Struct, frozen=True):
    """Who asks for what, and the condition keys."""

    access_key_id: str
    action: str
    resource: str
    context: Mapping[str, str]


def replay(tx: Transaction, asked: Asked) -> Verdict:
    """Judge as the gate would now; AccessKeyNotFound."""
    found = access_rows.sealed_access_key(tx, asked.access_key_id)
    if found is None:
        raise AccessKeyNotFound(asked.access_key_id)
    key, _ = found
    name, identity = f"RAM:acs:ram::{key.account_id}:root", ROOT
    if key.user_id:
        grants = load_grants(tx, HolderKind.USER, key.user_id)
        name = f"RAM:acs:ram::{key.account_id}:user/{grants.name}"
        identity = grants.policies.judge(Question(asked.action, asked.resource, asked.context))
    parts = asked.resource.split(":", 4)
    if len(parts) < 5 or not parts[4].startswith("key/"):
        return identity
    policies = key_policies_in(tx, parts[4].removeprefix("key/"), parts[3])
    own = policies.judge(Question(asked.action, asked.resource, asked.context, frozenset({name})))
    return key_verdict(identity, own, same_account=parts[3] == key.account_id)
