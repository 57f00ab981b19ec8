"""What hangs on a caller, compiled and cached: the gate's question at every call of a RAM user or a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from keystead.access import policies as key_policies
from keystead.access import rows as access_rows
from keystead.access.faults import AccessKeyNotFound
from keystead.identity import rows
from keystead.identity.faults import NoSuchEntity
from keystead.identity.model import Attached, Holder, HolderKind, PolicyType, Role, User
from keystead.identity.system import SYSTEM_POLICIES
from keystead.policy.model import Document, Question, Verdict
from keystead.policy.reading import read
from keystead.policy.rules import ROOT, SILENT, PolicySet, key_verdict
from keystead.store import Transaction, Warm

KEY_POLICY: Final = "key_policy"


class Asked(msgspec.Struct, frozen=True):
    """Who asks for what, and the condition keys."""

    access_key_id: str
    action: str
    resource: str
    context: Mapping[str, str]


class Grants(NamedTuple):
    """A user's or role's name and everything it may."""

    account_id: str
    identifier: str
    name: str
    policies: PolicySet


def grants_of(warm: Warm, kind: HolderKind, identifier: str) -> Grants:
    """Give what a user or role may, from the cache where it is warm; NoSuchEntity if it is gone, `Cold` on the loop."""
    return warm.get(rows.GRANTS, identifier, lambda tx: load_grants(tx, kind, identifier))


def forget(tx: Transaction, holder: Holder) -> None:
    """Have every worker forget what it knew of a holder, and of the members of a group."""
    if holder.kind is HolderKind.GROUP:
        for member in rows.memberships(tx, holder.account_id, group=holder.name):
            forget(tx, Holder(holder.account_id, HolderKind.USER, member.user))
        return
    found = rows.row_of(tx, holder)
    if isinstance(found, User):
        tx.changed(rows.GRANTS, found.user_id)
    elif isinstance(found, Role):
        tx.changed(rows.GRANTS, found.role_id)


def forget_holders(tx: Transaction, account_id: str, policy: str) -> None:
    """Have every worker forget what it knew of all whom a custom policy is attached to."""
    for attached in rows.holders(tx, account_id, policy, PolicyType.CUSTOM):
        forget(tx, attached.holder)


def key_policy_of(warm: Warm, key_id: str, owner: str) -> PolicySet:
    """Give a key's own policy, compiled, from the cache where it is warm; `Cold` on the loop.

    The owner's `acs:ram::<owner>:*` in an Allow names the account and leaves its users to RAM (docs/adr/0082): it is dropped
    here for all but the account itself, which needs no leave.
    """
    return warm.get(KEY_POLICY, key_id, lambda tx: key_policies_in(tx, key_id, owner))


def key_policies_in(tx: Transaction, key_id: str, owner: str) -> PolicySet:
    """Read and compile a key's own policy; an empty set where it has the default one."""
    text = access_rows.policy_of(tx, key_id)
    document = Document("1", ()) if text is None else key_policies.compiled(text, owner)
    return PolicySet([(f"key/{key_id}", document)])


def load_grants(tx: Transaction, kind: HolderKind, identifier: str) -> Grants:
    """Read and compile what a user or role may; NoSuchEntity if it is gone."""
    found = rows.by_id(tx, kind, identifier)
    if found is None:
        raise NoSuchEntity(kind.value.capitalize(), identifier)
    holder = Holder(found.account_id, kind, found.name)
    attached = rows.attachments(tx, holder)
    if kind is HolderKind.USER:
        for membership in rows.memberships(tx, found.account_id, user=found.name):
            attached += rows.attachments(tx, Holder(found.account_id, HolderKind.GROUP, membership.group))
    return Grants(found.account_id, identifier, found.name, PolicySet(_documents(tx, attached)))


def _documents(tx: Transaction, attached: Iterable[Attached]) -> list[tuple[str, Document]]:
    documents: dict[tuple[PolicyType, str], tuple[str, Document]] = {}
    for one in attached:
        if (one.kind, one.policy) in documents:
            continue
        if one.kind is PolicyType.SYSTEM:
            text = SYSTEM_POLICIES[one.policy][1]
        else:
            text = rows.custom_policies(tx, one.holder.account_id, name=one.policy)[0].document
        documents[one.kind, one.policy] = (one.policy, read(text))
    return list(documents.values())


def system_moment() -> datetime:
    """Give when the system policies were written: a date for listings."""
    return datetime(2026, 11, 22, tzinfo=UTC)


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
    if parts[3] != key.account_id and asked.action not in key_policies.SHARED:
        return SILENT
    if not key.user_id and parts[3] == key.account_id and asked.action in key_policies.RECOVERY:
        return identity
    policies = key_policies_in(tx, parts[4].removeprefix("key/"), parts[3])
    own = policies.judge(Question(asked.action, asked.resource, asked.context, frozenset({name})))
    return key_verdict(identity, own, same_account=parts[3] == key.account_id)
