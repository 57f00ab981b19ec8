"""The tables of users, groups, roles, policies and attachments, and every statement on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, Row, String, Table, Text, delete, func, insert, select, update

from keystead.clock import from_ms, to_ms
from keystead.identity.model import (
    Attached,
    Group,
    Holder,
    HolderKind,
    Membership,
    Policy,
    PolicyType,
    PolicyVersion,
    Role,
    User,
)
from keystead.store import Transaction, metadata

GRANTS = "grants"

ram_user = Table(
    "ram_user",
    metadata,
    Column("account_id", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("user_id", String(20), nullable=False, unique=True),
    Column("display_name", String(128), nullable=False),
    Column("mobile", String(64), nullable=False),
    Column("email", String(254), nullable=False),
    Column("comments", String(128), nullable=False),
    Column("login", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
)
ram_group = Table(
    "ram_group",
    metadata,
    Column("account_id", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("group_id", String(20), nullable=False, unique=True),
    Column("comments", String(128), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
)
ram_role = Table(
    "ram_role",
    metadata,
    Column("account_id", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("role_id", String(20), nullable=False, unique=True),
    Column("trust", Text, nullable=False),
    Column("description", String(1024), nullable=False),
    Column("max_session_seconds", Integer, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
)
ram_member = Table(
    "ram_member",
    metadata,
    Column("account_id", String(16), primary_key=True),
    Column("group_name", String(64), primary_key=True),
    Column("user_name", String(64), primary_key=True),
    Column("joined_at_ms", BigInteger, nullable=False),
)
ram_policy = Table(
    "ram_policy",
    metadata,
    Column("account_id", String(16), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("description", String(1024), nullable=False),
    Column("newest", Integer, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
)
ram_policy_version = Table(
    "ram_policy_version",
    metadata,
    Column("account_id", String(16), primary_key=True),
    Column("policy_name", String(128), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("is_default", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)
ram_attachment = Table(
    "ram_attachment",
    metadata,
    Column("account_id", String(16), primary_key=True),
    Column("holder_kind", String(8), primary_key=True),
    Column("holder_name", String(64), primary_key=True),
    Column("policy_type", String(8), primary_key=True),
    Column("policy_name", String(128), primary_key=True),
    Column("attached_at_ms", BigInteger, nullable=False),
)
_TABLES = {HolderKind.USER: ram_user, HolderKind.GROUP: ram_group, HolderKind.ROLE: ram_role}


def add(tx: Transaction, made: User | Group | Role) -> None:
    """Insert a user, group or role; the schema refuses a name that is taken."""
    values = {to: getattr(made, to) for to in made.__struct_fields__ if not to.endswith("_at")}
    table = ram_user if isinstance(made, User) else ram_group if isinstance(made, Group) else ram_role
    tx.execute(
        insert(table).values(**values, created_at_ms=to_ms(made.created_at), updated_at_ms=to_ms(made.updated_at)),
    )


def change(tx: Transaction, holder: Holder, at: datetime, **values: Any) -> None:  # noqa: ANN401 - column values
    """Change columns of a user, group or role."""
    table = _TABLES[holder.kind]
    where = (table.c.account_id == holder.account_id) & (table.c.name == holder.name)
    tx.execute(update(table).where(where).values(**values, updated_at_ms=to_ms(at)))


def rename(tx: Transaction, holder: Holder, name: str, at: datetime) -> None:
    """Give a user or group another name, here and where it is used."""
    change(tx, holder, at, name=name)
    column = ram_member.c.user_name if holder.kind is HolderKind.USER else ram_member.c.group_name
    where = (ram_member.c.account_id == holder.account_id) & (column == holder.name)
    tx.execute(update(ram_member).where(where).values({column: name}))
    table = ram_attachment
    where = (table.c.account_id == holder.account_id) & (table.c.holder_kind == holder.kind.value)
    tx.execute(update(table).where(where & (table.c.holder_name == holder.name)).values(holder_name=name))


def remove(tx: Transaction, holder: Holder) -> None:
    """Delete a user, group or role."""
    table = _TABLES[holder.kind]
    tx.execute(delete(table).where((table.c.account_id == holder.account_id) & (table.c.name == holder.name)))


def row_of(tx: Transaction, holder: Holder) -> User | Group | Role | None:
    """Give the user, group or role of this name."""
    table = _TABLES[holder.kind]
    row = tx.execute(
        select(table).where((table.c.account_id == holder.account_id) & (table.c.name == holder.name)),
    ).one_or_none()
    return None if row is None else _made(holder.kind, row)


def by_id(tx: Transaction, kind: HolderKind, identifier: str) -> User | Group | Role | None:
    """Give the user or role of this id."""
    table = _TABLES[kind]
    row = tx.execute(select(table).where(table.c[f"{kind.value}_id"] == identifier)).one_or_none()
    return None if row is None else _made(kind, row)


def page(tx: Transaction, account_id: str, kind: HolderKind, after: str, limit: int) -> list[User | Group | Role]:
    """Give `limit` users, groups or roles by name, from behind `after`."""
    table = _TABLES[kind]
    statement = (
        select(table).where((table.c.account_id == account_id) & (table.c.name > after)).order_by(table.c.name).limit(limit)
    )
    return [_made(kind, row) for row in tx.execute(statement)]


def count(tx: Transaction, account_id: str, kind: HolderKind) -> int:
    """Count the account's users, groups or roles."""
    table = _TABLES[kind]
    return int(tx.execute(select(func.count()).select_from(table).where(table.c.account_id == account_id)).scalar_one())


def join(tx: Transaction, account_id: str, membership: Membership) -> None:
    """Put a user into a group."""
    values = {"group_name": membership.group, "user_name": membership.user, "joined_at_ms": to_ms(membership.at)}
    tx.execute(insert(ram_member).values(account_id=account_id, **values))


def leave(tx: Transaction, account_id: str, group: str, user: str) -> bool:
    """Take a user out of a group; False if it was not in it."""
    where = (ram_member.c.account_id == account_id) & (ram_member.c.group_name == group) & (ram_member.c.user_name == user)
    return tx.execute(delete(ram_member).where(where)).rowcount > 0


def memberships(tx: Transaction, account_id: str, *, group: str = "", user: str = "") -> list[Membership]:
    """Give the members of a group, or the groups of a user."""
    where = ram_member.c.account_id == account_id
    where &= (ram_member.c.group_name == group) if group else (ram_member.c.user_name == user)
    found = tx.execute(select(ram_member).where(where).order_by(ram_member.c.group_name, ram_member.c.user_name))
    return [Membership(row.group_name, row.user_name, from_ms(row.joined_at_ms)) for row in found]


def add_policy(tx: Transaction, account_id: str, policy: Policy) -> None:
    """Insert a custom policy with its first version."""
    at = to_ms(policy.created_at)
    values = {"account_id": account_id, "name": policy.name, "description": policy.description}
    tx.execute(insert(ram_policy).values(**values, newest=0, created_at_ms=at, updated_at_ms=at))
    add_version(tx, account_id, policy.name, policy.document, policy.created_at)
    set_default(tx, account_id, policy.name, 1, policy.created_at)


def add_version(tx: Transaction, account_id: str, name: str, document: str, at: datetime) -> int:
    """Insert the next version of a policy; gives its number."""
    where = (ram_policy.c.account_id == account_id) & (ram_policy.c.name == name)
    number = int(tx.execute(select(ram_policy.c.newest).where(where)).scalar_one()) + 1
    tx.execute(update(ram_policy).where(where).values(newest=number, updated_at_ms=to_ms(at)))
    values = {"account_id": account_id, "policy_name": name, "number": number, "document": document}
    tx.execute(insert(ram_policy_version).values(**values, is_default=False, created_at_ms=to_ms(at)))
    return number


def set_default(tx: Transaction, account_id: str, name: str, number: int, at: datetime) -> None:
    """Make a version the one that counts."""
    table = ram_policy_version
    where = (table.c.account_id == account_id) & (table.c.policy_name == name)
    tx.execute(update(table).where(where).values(is_default=table.c.number == number))
    where = (ram_policy.c.account_id == account_id) & (ram_policy.c.name == name)
    tx.execute(update(ram_policy).where(where).values(updated_at_ms=to_ms(at)))


def versions(tx: Transaction, account_id: str, name: str) -> list[PolicyVersion]:
    """Give the versions of a custom policy, oldest first."""
    table = ram_policy_version
    where = (table.c.account_id == account_id) & (table.c.policy_name == name)
    return [
        PolicyVersion(f"v{row.number}", row.document, from_ms(row.created_at_ms), bool(row.is_default))
        for row in tx.execute(select(table).where(where).order_by(table.c.number))
    ]


def remove_version(tx: Transaction, account_id: str, name: str, number: int) -> None:
    """Delete a version."""
    table = ram_policy_version
    where = (table.c.account_id == account_id) & (table.c.policy_name == name) & (table.c.number == number)
    tx.execute(delete(table).where(where))


def remove_policy(tx: Transaction, account_id: str, name: str) -> None:
    """Delete a custom policy and its versions."""
    table = ram_policy_version
    tx.execute(delete(table).where((table.c.account_id == account_id) & (table.c.policy_name == name)))
    tx.execute(delete(ram_policy).where((ram_policy.c.account_id == account_id) & (ram_policy.c.name == name)))


def custom_policies(tx: Transaction, account_id: str, *, name: str = "", limit: int = 1) -> list[Policy]:
    """Give the custom policy `name`, or the first `limit` of them by name."""
    table = ram_policy_version
    joined = ram_policy.join(
        table,
        (table.c.account_id == ram_policy.c.account_id) & (table.c.policy_name == ram_policy.c.name) & table.c.is_default,
    )
    statement = (
        select(ram_policy, table.c.number, table.c.document).select_from(joined).where(ram_policy.c.account_id == account_id)
    )
    if name:
        statement = statement.where(ram_policy.c.name == name)
    counts = attachment_counts(tx, account_id, PolicyType.CUSTOM)
    return [
        Policy(
            row.name,
            PolicyType.CUSTOM,
            from_ms(row.created_at_ms),
            from_ms(row.updated_at_ms),
            f"v{row.number}",
            row.document,
            row.description,
            counts.get(row.name, 0),
        )
        for row in tx.execute(statement.order_by(ram_policy.c.name).limit(limit))
    ]


def describe_policy(tx: Transaction, account_id: str, name: str, description: str, at: datetime) -> None:
    """Change a policy's description."""
    where = (ram_policy.c.account_id == account_id) & (ram_policy.c.name == name)
    tx.execute(update(ram_policy).where(where).values(description=description, updated_at_ms=to_ms(at)))


def attachment_counts(tx: Transaction, account_id: str, kind: PolicyType) -> dict[str, int]:
    """Count the holders of each attached policy."""
    table = ram_attachment
    where = (table.c.account_id == account_id) & (table.c.policy_type == kind.value)
    found = tx.execute(select(table.c.policy_name, func.count().label("n")).where(where).group_by(table.c.policy_name))
    return {row.policy_name: int(row.n) for row in found}


def attach(tx: Transaction, attached: Attached) -> None:
    """Attach a policy."""
    tx.execute(insert(ram_attachment).values(**_attachment(attached), attached_at_ms=to_ms(attached.at)))


def detach(tx: Transaction, attached: Attached) -> bool:
    """Detach a policy; False if it was not attached."""
    statement = delete(ram_attachment)
    for column, value in _attachment(attached).items():
        statement = statement.where(ram_attachment.c[column] == value)
    return tx.execute(statement).rowcount > 0


def attachments(tx: Transaction, holder: Holder) -> list[Attached]:
    """Give what is attached to a holder."""
    table = ram_attachment
    where = (table.c.account_id == holder.account_id) & (table.c.holder_kind == holder.kind.value)
    return _attached(tx, where & (table.c.holder_name == holder.name))


def holders(tx: Transaction, account_id: str, name: str, kind: PolicyType) -> list[Attached]:
    """Give whom a policy is attached to."""
    table = ram_attachment
    where = (table.c.account_id == account_id) & (table.c.policy_type == kind.value)
    return _attached(tx, where & (table.c.policy_name == name))


def _attached(tx: Transaction, where: Any) -> list[Attached]:  # noqa: ANN401 - an SQL expression
    table = ram_attachment
    order = (table.c.holder_kind, table.c.holder_name, table.c.policy_type, table.c.policy_name)
    return [
        Attached(
            Holder(row.account_id, HolderKind(row.holder_kind), row.holder_name),
            row.policy_name,
            PolicyType(row.policy_type),
            from_ms(row.attached_at_ms),
        )
        for row in tx.execute(select(table).where(where).order_by(*order))
    ]


def _attachment(attached: Attached) -> dict[str, str]:
    return {
        "account_id": attached.holder.account_id,
        "holder_kind": attached.holder.kind.value,
        "holder_name": attached.holder.name,
        "policy_type": attached.kind.value,
        "policy_name": attached.policy,
    }


def _made(kind: HolderKind, row: Row[Any]) -> User | Group | Role:
    values = {name: value for name, value in row._asdict().items() if not name.endswith("_at_ms")}
    values |= {"created_at": from_ms(row.created_at_ms), "updated_at": from_ms(row.updated_at_ms)}
    if kind is HolderKind.USER:
        return User(**values)
    return Group(**values) if kind is HolderKind.GROUP else Role(**values)
