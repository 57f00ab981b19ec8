"""The tables of orders and their lines, and every statement on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Row,
    String,
    Table,
    Text,
    Update,
    and_,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from keystead.clock import from_ms, to_ms
from keystead.entitlements.model import Term
from keystead.instances.model import Renewal, RenewalStatus
from keystead.money import Money
from keystead.orders.model import Order, OrderLine, OrderState, OrderType, Search, Settled
from keystead.orders.rules import added_up
from keystead.store import Transaction, metadata

LINES_READ_OF_ORDERS_AT_ONCE: Final = 500
_NONE: Final = ""
"""The state of an order that has none."""

purchase_order = Table(
    "purchase_order",
    metadata,
    Column("order_id", String(32), primary_key=True),
    Column("account_id", String(16), ForeignKey("account.account_id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("instance_id", String(32), nullable=False, index=True),
    Column("region", String(32), nullable=False),
    Column("product_code", String(32), nullable=False),
    Column("product_type", String(64), nullable=False),
    Column("price_list_id", String(64), nullable=False),
    Column("months", Integer, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("list_minor", BigInteger, nullable=False),
    Column("discount_minor", BigInteger, nullable=False),
    Column("payable_minor", BigInteger, nullable=False),
    Column("starts_at_ms", BigInteger, nullable=False),
    Column("ends_at_ms", BigInteger, nullable=False),
    Column("operator", String(64), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("paid_at_ms", BigInteger, nullable=True),
    Column("original_parameters", Text, nullable=False, server_default="[]"),
    Column("related_order_id", String(32), nullable=True),
    Column("expires_at_ms", BigInteger, nullable=True),
    Column("renewal_status", String(16), nullable=False, server_default="ManualRenewal"),
    Column("renewal_months", Integer, nullable=True),
    Column("withdrawn_at_ms", BigInteger, nullable=True),
    Index("ix_purchase_order_account_id_created_at_ms", "account_id", "created_at_ms"),
    Index("ix_purchase_order_account_id_paid_at_ms", "account_id", "paid_at_ms"),
)
Index(
    "uq_purchase_order_bought_once",
    purchase_order.c.instance_id,
    unique=True,
    sqlite_where=text("kind = 'New'"),
    postgresql_where=text("kind = 'New'"),
)
# One renewal a cycle, by hand or by itself: whoever comes second finds the end moved, and cannot double it if it did not look.
Index(
    "uq_purchase_order_renewed_once",
    purchase_order.c.instance_id,
    purchase_order.c.starts_at_ms,
    unique=True,
    sqlite_where=text("kind = 'Renew' AND state = 'Paid' AND withdrawn_at_ms IS NULL"),
    postgresql_where=text("kind = 'Renew' AND state = 'Paid' AND withdrawn_at_ms IS NULL"),
)
order_line = Table(
    "order_line",
    metadata,
    Column("order_id", String(32), ForeignKey("purchase_order.order_id"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("module_code", String(32), nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    Column("list_minor", BigInteger, nullable=False),
    Column("discount_minor", BigInteger, nullable=False),
    Column("payable_minor", BigInteger, nullable=False),
    # No order is refunded twice.
    Column("related_order_id", String(32), nullable=True, unique=True),
    PrimaryKeyConstraint("order_id", "line"),
)


def add(tx: Transaction, new: Order) -> None:
    """Insert an order with its lines; the schema refuses a second New order for the same instance."""
    tx.execute(
        insert(purchase_order).values(
            order_id=new.order_id,
            account_id=new.account_id,
            kind=new.kind.value,
            state=_NONE if new.state is None else new.state.value,
            instance_id=new.instance_id,
            region=new.region,
            product_code=new.product_code,
            product_type=new.product_type,
            price_list_id=new.price_list_id,
            months=new.months,
            parameters=msgspec.json.encode(new.parameters).decode(),
            currency=new.payable.currency,
            list_minor=new.list_amount.minor,
            discount_minor=new.discount.minor,
            payable_minor=new.payable.minor,
            starts_at_ms=to_ms(new.term.starts_at),
            ends_at_ms=to_ms(new.term.ends_at),
            operator=new.operator,
            created_at_ms=to_ms(new.created_at),
            paid_at_ms=_ms(new.paid_at),
            original_parameters=msgspec.json.encode(new.original_parameters).decode(),
            related_order_id=new.related_order_id or None,
            expires_at_ms=_ms(new.expires_at),
            renewal_status=new.renewal.status.value,
            renewal_months=new.renewal.months,
        )
    )
    tx.execute(
        insert(order_line),
        [
            {
                "order_id": new.order_id,
                "line": number,
                "module_code": line.module_code,
                "unit_price_minor": line.unit_price.minor,
                "list_minor": line.list_amount.minor,
                "discount_minor": line.discount.minor,
                "payable_minor": line.payable.minor,
                "related_order_id": line.related_order_id or None,
            }
            for number, line in enumerate(new.lines, 1)
        ],
    )


def settle(tx: Transaction, paid: Order) -> None:
    """Record that an unpaid order was paid, and the term it bought with that."""
    tx.execute(
        _unpaid(paid.order_id).values(
            state=OrderState.PAID.value,
            paid_at_ms=_ms(paid.paid_at),
            starts_at_ms=to_ms(paid.term.starts_at),
            ends_at_ms=to_ms(paid.term.ends_at),
        )
    )


def cancel(tx: Transaction, order_id: str) -> None:
    """Record that an unpaid order was cancelled."""
    tx.execute(_unpaid(order_id).values(state=OrderState.CANCELLED.value))


def withdraw(tx: Transaction, order_id: str, now: datetime) -> None:
    """Record that a paid renewal was given back before it began."""
    tx.execute(update(purchase_order).where(purchase_order.c.order_id == order_id).values(withdrawn_at_ms=to_ms(now)))


def unpaid_on(tx: Transaction, instance_id: str, now: datetime) -> str:
    """Give the id of an order on the instance that can still be paid at `now`; empty if there is none."""
    statement = select(purchase_order.c.order_id).where(
        purchase_order.c.instance_id == instance_id,
        purchase_order.c.state == OrderState.UNPAID.value,
        purchase_order.c.expires_at_ms > to_ms(now),
    )
    return tx.execute(statement).scalars().first() or ""


def unpaid_of(tx: Transaction, account_id: str) -> list[tuple[str, str, datetime]]:
    """Give an account's unpaid orders, oldest first: id, instance, and when each lapses."""
    statement = select(purchase_order.c.order_id, purchase_order.c.instance_id, purchase_order.c.expires_at_ms).where(
        purchase_order.c.account_id == account_id, purchase_order.c.state == OrderState.UNPAID.value
    )
    found = tx.execute(statement.order_by(purchase_order.c.created_at_ms, purchase_order.c.order_id))
    return [(row.order_id, row.instance_id, from_ms(row.expires_at_ms)) for row in found]


def paid_for(tx: Transaction, instance_id: str) -> list[Order]:
    """Give the paid orders of an instance that were not given back, those of the latest terms first, each proved."""
    standing = (purchase_order.c.state == OrderState.PAID.value) & purchase_order.c.withdrawn_at_ms.is_(None)
    statement = (
        select(purchase_order)
        .where(purchase_order.c.instance_id == instance_id, standing)
        .order_by(purchase_order.c.starts_at_ms.desc(), purchase_order.c.created_at_ms.desc(), purchase_order.c.order_id)
    )
    return [added_up(order) for order in _orders(tx, tx.execute(statement).all())]


def whoever(tx: Transaction, order_id: str) -> Order | None:
    """Give an order, whoever's: for the scheduler."""
    row = tx.execute(select(purchase_order).where(purchase_order.c.order_id == order_id)).one_or_none()
    return None if row is None else added_up(_orders(tx, [row])[0])


def of_account(tx: Transaction, account_id: str, order_id: str) -> Order | None:
    """Give an account's order, its sums proved."""
    statement = select(purchase_order).where(purchase_order.c.account_id == account_id, purchase_order.c.order_id == order_id)
    row = tx.execute(statement).one_or_none()
    return None if row is None else added_up(_orders(tx, [row])[0])


def found(tx: Transaction, account_id: str, search: Search) -> tuple[list[Order], int]:
    """Give one page of an account's orders, newest first, and how many there are in all."""
    where = _matching(account_id, search)
    total = tx.execute(select(func.count()).select_from(purchase_order).where(where)).scalar_one()
    statement = (
        select(purchase_order)
        .where(where)
        .order_by(purchase_order.c.created_at_ms.desc(), purchase_order.c.ends_at_ms.desc(), purchase_order.c.order_id)
        .limit(search.size)
        .offset((search.page - 1) * search.size)
    )
    return [added_up(order) for order in _orders(tx, tx.execute(statement).all())], int(total)


def every(tx: Transaction) -> list[Order]:
    """Give all orders of the deployment as stored, unproved, for an audit."""
    return _orders(tx, tx.execute(select(purchase_order)).all())


def settled(tx: Transaction, account_id: str, which: Settled) -> list[Order]:
    """Give the account's orders that moved money, oldest first, their sums proved.

    An order that is not paid because it pays back counts at the time it was made.
    """
    statement = select(purchase_order).where(_moved(account_id, which)).order_by(*_MOVED_IN_ORDER)
    return [added_up(order) for order in _orders(tx, tx.execute(statement).all())]


def settled_page(tx: Transaction, account_id: str, which: Settled, first: int, size: int) -> tuple[list[Order], int]:
    """Give some of them, and how many there are in all: only the orders of the page are read."""
    total = tx.execute(select(func.count()).select_from(purchase_order).where(_moved(account_id, which))).scalar_one()
    if first >= total:
        return [], int(total)
    ids = select(purchase_order.c.order_id).where(_moved(account_id, which)).order_by(*_MOVED_IN_ORDER)
    named = list(tx.execute(ids.offset(first).limit(size)).scalars())
    statement = select(purchase_order).where(purchase_order.c.order_id.in_(named)).order_by(*_MOVED_IN_ORDER)
    return [added_up(order) for order in _orders(tx, tx.execute(statement).all())], int(total)


_MOVED_IN_ORDER: Final = (
    func.coalesce(purchase_order.c.paid_at_ms, purchase_order.c.created_at_ms),
    purchase_order.c.order_id,
)


def _moved(account_id: str, which: Settled) -> ColumnElement[bool]:
    since, before = to_ms(which.since), to_ms(which.before)
    paid, made, kind = purchase_order.c.paid_at_ms, purchase_order.c.created_at_ms, purchase_order.c.kind
    bought = and_(paid >= since, paid < before)
    refund = and_(kind == OrderType.REFUND.value, paid.is_(None), made >= since, made < before)
    if not which.free:
        bought, refund = and_(bought, purchase_order.c.list_minor != 0), and_(refund, purchase_order.c.payable_minor != 0)
    moved = {None: or_(bought, refund), True: refund, False: bought}[which.refunds]
    conditions = [purchase_order.c.account_id == account_id, moved]
    if which.order_id:
        conditions.append(purchase_order.c.order_id == which.order_id)
    if which.instance_id:
        conditions.append(purchase_order.c.instance_id == which.instance_id)
    return and_(*conditions)


def _matching(account_id: str, search: Search) -> ColumnElement[bool]:
    conditions = [
        purchase_order.c.account_id == account_id,
        purchase_order.c.created_at_ms >= to_ms(search.since),
        purchase_order.c.created_at_ms < to_ms(search.before),
    ]
    if search.kind is not None:
        conditions.append(purchase_order.c.kind == search.kind.value)
    if search.state is not None:
        conditions.append(purchase_order.c.state == search.state.value)
    return and_(*conditions)


def _orders(tx: Transaction, found: Sequence[Row[Any]]) -> list[Order]:
    """Give rows as orders; their lines are read by the hundred orders, not one by one."""
    lines: dict[str, list[Row[Any]]] = defaultdict(list)
    ids = [row.order_id for row in found]
    for start in range(0, len(ids), LINES_READ_OF_ORDERS_AT_ONCE):
        some = ids[start : start + LINES_READ_OF_ORDERS_AT_ONCE]
        statement = select(order_line).where(order_line.c.order_id.in_(some)).order_by(order_line.c.order_id, order_line.c.line)
        for line in tx.execute(statement):
            lines[line.order_id].append(line)
    return [_order(row, lines[row.order_id]) for row in found]


def _order(row: Row[Any], its_lines: list[Row[Any]]) -> Order:
    currency = row.currency
    lines = tuple(
        OrderLine(
            module_code=line.module_code,
            unit_price=Money(line.unit_price_minor, currency),
            list_amount=Money(line.list_minor, currency),
            discount=Money(line.discount_minor, currency),
            payable=Money(line.payable_minor, currency),
            related_order_id=line.related_order_id or "",
        )
        for line in its_lines
    )
    return Order(
        order_id=row.order_id,
        account_id=row.account_id,
        kind=OrderType(row.kind),
        state=None if row.state == _NONE else OrderState(row.state),
        instance_id=row.instance_id,
        region=row.region,
        product_code=row.product_code,
        product_type=row.product_type,
        price_list_id=row.price_list_id,
        months=row.months,
        parameters=msgspec.json.decode(row.parameters, type=tuple[tuple[str, str], ...]),
        lines=lines,
        list_amount=Money(row.list_minor, currency),
        discount=Money(row.discount_minor, currency),
        payable=Money(row.payable_minor, currency),
        term=Term(from_ms(row.starts_at_ms), from_ms(row.ends_at_ms)),
        operator=row.operator,
        created_at=from_ms(row.created_at_ms),
        paid_at=None if row.paid_at_ms is None else from_ms(row.paid_at_ms),
        original_parameters=msgspec.json.decode(row.original_parameters, type=tuple[tuple[str, str], ...]),
        related_order_id=row.related_order_id or "",
        expires_at=None if row.expires_at_ms is None else from_ms(row.expires_at_ms),
        renewal=Renewal(RenewalStatus(row.renewal_status), row.renewal_months),
        withdrawn_at=None if row.withdrawn_at_ms is None else from_ms(row.withdrawn_at_ms),
    )


def _unpaid(order_id: str) -> Update:
    return update(purchase_order).where(purchase_order.c.order_id == order_id, purchase_order.c.state == OrderState.UNPAID.value)


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)
