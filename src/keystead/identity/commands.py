"""What is done with users, groups, roles, policies and attachments."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from keystead import ids
from keystead.faults import InvalidParameter
from keystead.identity import grants, rows, rules
from keystead.identity.faults import EntityExists, EntityInUse, NoSuchEntity, TooMany
from keystead.identity.model import (
    Attached,
    Group,
    Holder,
    HolderKind,
    Login,
    Membership,
    Policy,
    PolicyType,
    PolicyVersion,
    Role,
    User,
)
from keystead.identity.system import SYSTEM_POLICIES
from keystead.policy.reading import Kind, read
from keystead.store import Transaction

Made = TypeVar("Made", User, Group, Role)
T = TypeVar("T")


def create(tx: Transaction, made: Made) -> Made:
    """Keep a new user, group or role; EntityExists, TooMany."""
    holder = holder_of(made)
    if rows.row_of(tx, holder) is not None:
        raise EntityExists(_word(holder.kind), holder.name)
    if rows.count(tx, holder.account_id, holder.kind) >= rules.COUNTS[holder.kind]:
        raise TooMany(_word(holder.kind), rules.COUNTS[holder.kind])
    if isinstance(made, Role):
        read_trust(made.trust)
    rows.add(tx, made)
    return made


def holder_of(made: User | Group | Role) -> Holder:
    """Give what names a user, group or role."""
    kind = HolderKind.USER if isinstance(made, User) else HolderKind.GROUP if isinstance(made, Group) else HolderKind.ROLE
    return Holder(made.account_id, kind, made.name)


def user_named(tx: Transaction, account_id: str, name: str) -> User:
    """Give a user; NoSuchEntity."""
    return _named(tx, Holder(account_id, HolderKind.USER, name), User)


def group_named(tx: Transaction, account_id: str, name: str) -> Group:
    """Give a group; NoSuchEntity."""
    return _named(tx, Holder(account_id, HolderKind.GROUP, name), Group)


def role_named(tx: Transaction, account_id: str, name: str) -> Role:
    """Give a role; NoSuchEntity."""
    return _named(tx, Holder(account_id, HolderKind.ROLE, name), Role)


def change(tx: Transaction, now: datetime, holder: Holder, **values: Any) -> None:  # noqa: ANN401 - column values
    """Change a user, group or role; what it was is forgotten by every worker."""
    _named(tx, holder, object)
    grants.forget(tx, holder)
    if "trust" in values:
        read_trust(values["trust"])
    rows.change(tx, holder, now, **values)


def rename(tx: Transaction, now: datetime, holder: Holder, name: str) -> None:
    """Give a user or group another name, taken along where it is used; EntityExists if it is taken."""
    if name == holder.name:
        return
    renamed = holder._replace(name=name)
    if rows.row_of(tx, renamed) is not None:
        raise EntityExists(_word(holder.kind), name)
    grants.forget(tx, holder)
    rows.rename(tx, holder, name, now)


def set_login(tx: Transaction, now: datetime, user: User, login: Login | None) -> None:
    """Keep a user's login profile, or none."""
    text = "" if login is None else msgspec.json.encode(login).decode()
    rows.change(tx, Holder(user.account_id, HolderKind.USER, user.name), now, login=text)


def login_of(user: User) -> Login:
    """Give a user's login profile; NoSuchEntity."""
    if not user.login:
        raise NoSuchEntity("User.LoginProfile", user.name)
    return msgspec.json.decode(user.login, type=Login)


def password_hash(password: str) -> str:
    """Give what is kept of a password: scrypt (N 2^14, r 8, p 1) under 16 random bytes, both base64."""
    salt = ids.salt()
    digest = hashlib.scrypt(password.encode(), salt=salt, n=1 << 14, r=8, p=1)
    return f"scrypt${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def delete(tx: Transaction, holder: Holder) -> None:
    """Delete a user, group or role that nothing hangs on any more; EntityInUse says what does."""
    _named(tx, holder, object)
    word = _word(holder.kind)
    if rows.attachments(tx, holder):
        raise EntityInUse(word, "Policy", f"The {word.lower()} cannot be deleted while policies are attached to it.")
    if holder.kind is HolderKind.GROUP and rows.memberships(tx, holder.account_id, group=holder.name):
        raise EntityInUse(word, "User", "The group cannot be deleted while it has users.")
    if holder.kind is HolderKind.USER and rows.memberships(tx, holder.account_id, user=holder.name):
        raise EntityInUse(word, "Group", "The user cannot be deleted while it is in a group.")
    grants.forget(tx, holder)
    rows.remove(tx, holder)


def join(tx: Transaction, now: datetime, account_id: str, group: str, user: str) -> None:
    """Put a user into a group; EntityExists if it is in it."""
    group_named(tx, account_id, group), user_named(tx, account_id, user)
    groups = rows.memberships(tx, account_id, user=user)
    if any(known.group == group for known in groups):
        raise EntityExists("User.Group", user)
    if len(groups) >= rules.MEMBERSHIPS_MAX:
        raise TooMany("User.Group", rules.MEMBERSHIPS_MAX)
    rows.join(tx, account_id, Membership(group, user, now))
    grants.forget(tx, Holder(account_id, HolderKind.USER, user))


def leave(tx: Transaction, account_id: str, group: str, user: str) -> None:
    """Take a user out of a group; NoSuchEntity says which of the two, or that it is not in it."""
    group_named(tx, account_id, group), user_named(tx, account_id, user)
    if not rows.leave(tx, account_id, group, user):
        raise NoSuchEntity("User.Group", user)
    grants.forget(tx, Holder(account_id, HolderKind.USER, user))


def create_policy(tx: Transaction, account_id: str, policy: Policy) -> Policy:
    """Keep a new custom policy; PolicyMalformed tells its mistakes."""
    check_document(policy.document)
    if policy.name in SYSTEM_POLICIES or rows.custom_policies(tx, account_id, name=policy.name):
        raise EntityExists("Policy", policy.name)
    if len(rows.custom_policies(tx, account_id, limit=rules.POLICIES_MAX)) >= rules.POLICIES_MAX:
        raise TooMany("Policy", rules.POLICIES_MAX)
    rows.add_policy(tx, account_id, policy)
    return policy


def policy_named(tx: Transaction, account_id: str, name: str, kind: PolicyType) -> Policy:
    """Give a policy; NoSuchEntity."""
    if kind is PolicyType.SYSTEM and name in SYSTEM_POLICIES:
        description, document = SYSTEM_POLICIES[name]
        count = rows.attachment_counts(tx, account_id, kind).get(name, 0)
        at = grants.system_moment()
        return Policy(name, kind, at, at, "v1", document, description, count)
    found = rows.custom_policies(tx, account_id, name=name) if kind is PolicyType.CUSTOM else []
    if not found:
        raise NoSuchEntity("Policy", name)
    return found[0]


def versions_of(tx: Transaction, account_id: str, name: str, kind: PolicyType) -> list[PolicyVersion]:
    """Give the versions of a policy, oldest first; a system policy has one."""
    policy = policy_named(tx, account_id, name, kind)
    if kind is PolicyType.SYSTEM:
        return [PolicyVersion("v1", policy.document, policy.created_at, default=True)]
    return rows.versions(tx, account_id, name)


def add_version(tx: Transaction, now: datetime, account_id: str, name: str, new: PolicyVersion, *, rotate: bool) -> PolicyVersion:
    """Keep another version; at five, `rotate` lets the oldest that is not the default go, else TooMany."""
    check_document(new.document)
    kept = versions_of(tx, account_id, name, PolicyType.CUSTOM)
    if len(kept) >= rules.VERSIONS_MAX:
        if not rotate:
            raise TooMany("Policy.Version", rules.VERSIONS_MAX)
        oldest = next(version for version in kept if not version.default)
        rows.remove_version(tx, account_id, name, rules.version_number(oldest.version_id))
    number = rows.add_version(tx, account_id, name, new.document, now)
    if new.default:
        set_default(tx, now, account_id, name, f"v{number}")
    return msgspec.structs.replace(new, version_id=f"v{number}")


def set_default(tx: Transaction, now: datetime, account_id: str, name: str, version_id: str) -> None:
    """Make a version the one that counts, for all whom the policy is attached to, at once."""
    version_named(tx, account_id, name, version_id)
    rows.set_default(tx, account_id, name, rules.version_number(version_id), now)
    grants.forget_holders(tx, account_id, name)


def version_named(
    tx: Transaction, account_id: str, name: str, version_id: str, kind: PolicyType = PolicyType.CUSTOM
) -> PolicyVersion:
    """Give a version; NoSuchEntity."""
    for version in versions_of(tx, account_id, name, kind):
        if version.version_id == version_id:
            return version
    raise NoSuchEntity("Policy.Version", version_id)


def delete_version(tx: Transaction, account_id: str, name: str, version_id: str) -> None:
    """Delete a version that is not the default one."""
    if version_named(tx, account_id, name, version_id).default:
        raise EntityInUse("Policy", "Version.Default", "The default version of a policy cannot be deleted.")
    rows.remove_version(tx, account_id, name, rules.version_number(version_id))


def delete_policy(tx: Transaction, account_id: str, name: str, *, cascading: bool) -> None:
    """Delete a custom policy that hangs on nobody; `cascading` detaches it and lets its versions go first."""
    policy_named(tx, account_id, name, PolicyType.CUSTOM)
    holders = rows.holders(tx, account_id, name, PolicyType.CUSTOM)
    if holders and not cascading:
        held = _word(holders[0].holder.kind)
        raise EntityInUse("Policy", held, f"The policy is attached to the {held.lower()} {holders[0].holder.name}.")
    if len(rows.versions(tx, account_id, name)) > 1 and not cascading:
        raise EntityInUse("Policy", "Version", "The policy has versions that are not the default one: delete them first.")
    grants.forget_holders(tx, account_id, name)
    for attached in holders:
        rows.detach(tx, attached)
    rows.remove_policy(tx, account_id, name)


def attach(tx: Transaction, attached: Attached) -> None:
    """Attach a policy to a user, group or role; EntityExists if it is."""
    _named(tx, attached.holder, object)
    policy_named(tx, attached.holder.account_id, attached.policy, attached.kind)
    known = rows.attachments(tx, attached.holder)
    if any((one.kind, one.policy) == (attached.kind, attached.policy) for one in known):
        raise EntityExists(f"{_word(attached.holder.kind)}.Policy", attached.policy)
    if len(known) >= rules.ATTACHED_MAX:
        raise TooMany(f"{_word(attached.holder.kind)}.Policy", rules.ATTACHED_MAX)
    rows.attach(tx, attached)
    grants.forget(tx, attached.holder)


def detach(tx: Transaction, attached: Attached) -> None:
    """Detach a policy; NoSuchEntity if it is not attached."""
    _named(tx, attached.holder, object)
    if not rows.detach(tx, attached):
        raise NoSuchEntity(f"{_word(attached.holder.kind)}.Policy", attached.policy)
    grants.forget(tx, attached.holder)


def check_document(document: str) -> None:
    """Read a document for its mistakes alone."""
    if len(document) > rules.DOCUMENT_CHARS_MAX:
        raise InvalidParameter("PolicyDocument", f"It has {len(document)} characters; {rules.DOCUMENT_CHARS_MAX} at most.")
    read(document)


def read_trust(document: str) -> None:
    """Read a trust policy for its mistakes alone."""
    if len(document) > rules.TRUST_CHARS_MAX:
        raise InvalidParameter("AssumeRolePolicyDocument", f"It has {len(document)} characters; {rules.TRUST_CHARS_MAX} at most.")
    read(document, Kind.TRUST)


def _named(tx: Transaction, holder: Holder, kind: type[T]) -> T:
    found = rows.row_of(tx, holder)
    if found is None or not isinstance(found, kind):
        raise NoSuchEntity(_word(holder.kind), holder.name)
    return found


def _word(kind: HolderKind) -> str:
    return kind.value.capitalize()
