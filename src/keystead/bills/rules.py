"""Pure decisions on bills: which month, which rows, which shares.

A subscription order stands, whole, in the bill of the month in which it was paid, by UTC+8; a refund is a row of its own, with
amounts below zero, in the month in which it was made (Alibaba Cloud billing pages, read 2026-11-22).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from keystead.bills.model import Amounts, Charge, Cycle, Group, Item, Share, Sums
from keystead.clock import BUSINESS_ZONE, business_day, business_midnight
from keystead.faults import InvalidParameter
from keystead.ledger.model import Finding
from keystead.money import Money
from keystead.orders.model import Order, OrderLine, OrderState

CYCLES_KEPT: Final = 18
"""DescribeInstanceBill answers for the last 18 months (BssOpenApi page, read 2026-11-22)."""
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9998
"""The last whose end is a date, too."""
_CYCLE: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
_REFUNDS: Final = frozenset({"Refund"})


def cycle_named(text: str, name: str = "BillingCycle") -> Cycle:
    """Read a month written `2026-01`; InvalidParameter naming the parameter `name` for anything else."""
    match = _CYCLE.fullmatch(text)
    if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise InvalidParameter(name, "It must be a month like 2026-01.")
    return Cycle(int(match[1]), int(match[2]))


def day_named(text: str, name: str = "BillingDate") -> date:
    """Read a day written `2026-01-31`; InvalidParameter naming the parameter `name` for anything else."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidParameter(name, "It must be a day like 2026-01-31.")


def cycle_of(at: datetime) -> Cycle:
    """Give the month in which an instant falls, by UTC+8."""
    return cycle_of_day(business_day(at))


def cycle_of_day(day: date) -> Cycle:
    """Give the month of a day."""
    return Cycle(day.year, day.month)


def span_of(cycle: Cycle) -> tuple[datetime, datetime]:
    """Give the instants at which the month begins and ends."""
    return business_midnight(cycle.first_day), business_midnight(cycle.next.first_day)


def wall_of(at: datetime) -> str:
    """Write an instant as bills do: `2026-01-31 23:30:00`, UTC+8, without saying so."""
    return at.astimezone(BUSINESS_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def kept(cycle: Cycle, now: datetime) -> Cycle:
    """Give the month back, or raise InvalidParameter if it is more than the last 18 ago, the running one counted."""
    if cycle < cycle_of(now).earlier(CYCLES_KEPT - 1):
        raise InvalidParameter("BillingCycle", f"It must be one of the last {CYCLES_KEPT} months.")
    return cycle


def charge_of(order: Order, transaction: str, cash: Money) -> Charge | None:
    """Give an order's bill row; None for one that moved no money. `cash` is the ledger's amount, never below zero.

    A refund has no list price and no discount: its row is what came back.
    """
    refund = order.kind.value in _REFUNDS
    if not refund and order.state is not OrderState.PAID:
        return None
    payable = abs(order.payable.minor)
    amounts = _amounts(payable if refund else abs(order.list_amount.minor), payable, cash)
    return Charge(
        order=order,
        item=Item.REFUND if refund else Item.SUBSCRIPTION_ORDER,
        at=order.paid_at or order.created_at,
        transaction=transaction,
        amounts=_turned(amounts) if refund else amounts,
    )


def payable_minor(order: Order) -> int:
    """Give what an order cost, below zero for one that paid back, in minor units."""
    size = abs(order.payable.minor)
    return -size if order.kind.value in _REFUNDS else size


def disagreements(sums: Sums) -> list[Finding]:
    """Say where an account's sums do not agree."""
    found = []
    if sums.bills != sums.orders:
        found.append(f"its bills say {sums.bills}, its orders {sums.orders}")
    if sums.ledger != sums.orders:
        found.append(f"its ledger took {sums.ledger} for orders of {sums.orders}")
    if sums.bills_coupons != sums.coupons:
        found.append(f"its bills say that coupons paid {sums.bills_coupons}, their book {sums.coupons}")
    cash = sums.ledger - sums.coupons
    if sums.balance != sums.credited - cash:
        found.append(f"it holds {sums.balance}, and {sums.credited} credited less {cash} taken is another sum")
    return [Finding(sums.account_id, problem) for problem in found]


def parts_of(charge: Charge) -> list[Charge]:
    """Give a row's modules as rows, in the order's order; what a coupon paid is spread over them by what they cost.

    A refund is of orders, not of modules, and stays whole.
    """
    order = charge.order
    if charge.item is Item.REFUND or not order.lines:
        return [charge]
    currency = order.payable.currency
    payables = [abs(line.payable.minor) for line in order.lines]
    cash = spread(abs(charge.amounts.cash.minor), payables)
    found = []
    for line, part in zip(order.lines, cash, strict=True):
        amounts = _amounts(abs(line.list_amount.minor), abs(line.payable.minor), Money(part, currency))
        found.append(_part(charge, line, amounts))
    return found


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Share a whole number out by weight: nobody is off by one or more, none gets more than its weight if the whole does not.

    Each gets what the sum up to it has, rounded down, less what was given before it; so the parts sum to the whole.
    """
    all_of_it = sum(weights)
    if all_of_it == 0:
        return [total, *[0] * (len(weights) - 1)] if weights else []
    given, seen, found = 0, 0, []
    for weight in weights:
        seen += weight
        upto = total * seen // all_of_it
        found.append(upto - given)
        given = upto
    return found


def added(charges: Iterable[Charge], currency: str) -> Amounts:
    """Add rows up."""
    return sum((charge.amounts for charge in charges), start=Amounts.none(currency))


def groups_of(charges: Iterable[Charge], currency: str) -> list[Group]:
    """Add rows up by product type and item."""

    def key(charge: Charge) -> tuple[str, str]:
        return charge.order.product_type, charge.item.value

    found = []
    for (product_type, item), some in groupby(sorted(charges, key=key), key=key):
        found.append(Group(product_type, Item(item), added(some, currency)))
    return found


def days_of(charge: Charge) -> tuple[date, date]:
    """Give the first day of what a row paid for and the day after its last; a started day is a whole one.

    A row without a term is consumed on the day it was paid.
    """
    term = charge.order.term
    first = business_day(term.starts_at)
    end = business_day(term.ends_at)
    if term.ends_at > business_midnight(end):
        end += timedelta(days=1)
    if end <= first:
        first = business_day(charge.at)
        end = first + timedelta(days=1)
    return first, end


def consumed(charge: Charge, since: date, before: date) -> Amounts:
    """Give what the days from `since` up to, and not at, `before` consume of a row: every day of its term the same.

    Shares of spans that join sum to the row exactly: each is the rounded-down sum up to its end less that up to its start, so
    that a day is at most a cent off and the last one closes the sum.
    """
    first, end = days_of(charge)
    days = (end - first).days
    upto, earlier = (min(max((day - first).days, 0), days) for day in (before, since))

    def share(amount: Money) -> Money:
        size = abs(amount.minor)
        part = size * upto // days - size * earlier // days
        return Money(part if amount.minor >= 0 else -part, amount.currency)

    whole = charge.amounts
    discount, coupon, cash = share(whole.discount), share(whole.coupon), share(whole.cash)
    return Amounts(discount + coupon + cash, discount, coupon, cash)


def shares_of(charges: Sequence[Charge], cycle: Cycle, now: datetime) -> list[Share]:
    """Spread the rows of month `cycle` over the months that consume them: a share an instance and month, in that order."""

    def instance(charge: Charge) -> str:
        return charge.order.instance_id

    found = []
    for _, group in groupby(sorted(charges, key=instance), key=instance):
        found.extend(_shares(list(group), cycle, now))
    return found


def _shares(charges: list[Charge], cycle: Cycle, now: datetime) -> list[Share]:
    order = charges[0].order
    spans = [days_of(charge) for charge in charges]
    period = cycle_of_day(min(first for first, _ in spans))
    end = max(end for _, end in spans)
    total = added(charges, order.payable.currency)
    before = Amounts.none(order.payable.currency)
    found = []
    while period.first_day < end:
        parts = [consumed(charge, period.first_day, period.next.first_day) for charge in charges]
        current = sum(parts, start=Amounts.none(order.payable.currency))
        found.append(
            Share(
                instance_id=order.instance_id,
                region=order.region,
                product_type=order.product_type,
                consumed=cycle,
                period=period,
                total=total,
                before=before,
                current=current,
                after=total - before - current,
                over=span_of(period)[1] <= now,
            )
        )
        before += current
        period = period.next
    return found


def _amounts(gross: int, payable: int, cash: Money) -> Amounts:
    currency = cash.currency
    return Amounts(Money(gross, currency), Money(gross - payable, currency), Money(payable, currency) - cash, cash)


def _turned(amounts: Amounts) -> Amounts:
    return Amounts(-amounts.gross, -amounts.discount, -amounts.coupon, -amounts.cash)


def _part(charge: Charge, line: OrderLine, amounts: Amounts) -> Charge:
    return Charge(
        order=charge.order,
        item=charge.item,
        at=charge.at,
        transaction=charge.transaction,
        amounts=amounts,
        line=line,
    )


def configuration_of(order: Order) -> str:
    """Write what an order was priced by as bills do: `Spec:1000;KeyNum:1000;…`."""
    return ";".join(f"{code}:{value}" for code, value in order.parameters)
