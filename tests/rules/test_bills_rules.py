"""The arithmetic of bills, without a store."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.bills import rules
from keystead.bills.model import Amounts, Charge, Cycle, Item, Sums
from keystead.clock import business_day, parse_iso_z
from keystead.entitlements.model import Term
from keystead.entitlements.rules import purchase_end
from keystead.faults import InvalidParameter
from keystead.money import Money
from keystead.orders.model import Order, OrderLine, OrderState, OrderType

FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def usd(minor: int) -> Money:
    """An amount in cents."""
    return Money(minor, "USD")


def an_order(lines: list[tuple[int, int]], at: datetime, months: int = 1) -> Order:
    """An order paid at `at`, of lines (list price, discount)."""
    kept = tuple(OrderLine(f"M{n}", usd(gross), usd(gross), usd(off), usd(gross - off)) for n, (gross, off) in enumerate(lines))
    gross, off = sum(one for one, _ in lines), sum(one for _, one in lines)
    return Order(
        order_id="1",
        account_id="2",
        kind=OrderType.NEW,
        state=OrderState.PAID,
        instance_id="kst-1",
        region="ap-southeast-1",
        product_code="kms",
        product_type="kms_ddi_public_intl",
        price_list_id="p",
        months=months,
        parameters=(("Spec", "1000"), ("KeyNum", "1010")),
        lines=kept,
        list_amount=usd(gross),
        discount=usd(off),
        payable=usd(gross - off),
        term=Term(at, purchase_end(at, months)),
        operator="",
        created_at=at,
        paid_at=at,
    )


def a_charge(order: Order, cash: int | None = None) -> Charge:
    """The order's bill row, paid in cash unless said otherwise."""
    found = rules.charge_of(order, "9", order.payable if cash is None else usd(cash))
    assert found is not None
    return found


lines = st.lists(
    st.integers(0, 30_000_000).flatmap(lambda gross: st.tuples(st.just(gross), st.integers(0, gross))), min_size=1, max_size=8
)
moments = st.integers(0, 5 * 366 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds))


@given(lines, moments, st.integers(1, 60), st.lists(st.integers(0, 2000), max_size=20), st.data())
def test_spans_that_join_sum_to_the_order(
    parts: list[tuple[int, int]], at: datetime, months: int, cuts: list[int], data: st.DataObject
) -> None:
    """However a term is cut, the shares sum to each amount to the cent, and no share of a charge is below zero."""
    order = an_order(parts, at, months)
    charge = a_charge(order, data.draw(st.integers(0, order.payable.minor)))
    first, end = rules.days_of(charge)
    edges = sorted({first, end, *(first + timedelta(days=cut) for cut in cuts if first + timedelta(days=cut) < end)})
    shares = [rules.consumed(charge, since, before) for since, before in pairwise(edges)]
    assert sum(shares, start=Amounts.none("USD")) == charge.amounts
    assert all(min(share.gross, share.discount, share.coupon, share.cash) >= usd(0) for share in shares)


@given(lines, moments, st.integers(1, 60))
def test_months_sum_to_the_order(parts: list[tuple[int, int]], at: datetime, months: int) -> None:
    """Total is before + current + after in every month, and the months' shares are the total."""
    charge = a_charge(an_order(parts, at, months))
    shares = rules.shares_of([charge], rules.cycle_of(at), at)
    assert sum((share.current for share in shares), start=Amounts.none("USD")) == charge.amounts
    assert all(share.before + share.current + share.after == share.total == charge.amounts for share in shares)
    assert (shares[0].before, shares[-1].after) == (Amounts.none("USD"), Amounts.none("USD"))
    assert shares[0].period == rules.cycle_of(at)


@given(lines, moments, st.data())
def test_modules_sum_to_the_order(parts: list[tuple[int, int]], at: datetime, data: st.DataObject) -> None:
    """The module rows sum to the order's row in every amount, also where a coupon paid a part."""
    order = an_order(parts, at)
    charge = a_charge(order, data.draw(st.integers(0, order.payable.minor)))
    rows = rules.parts_of(charge)
    assert rules.added(rows, "USD") == charge.amounts
    assert all(usd(0) <= row.amounts.cash <= row.amounts.payable for row in rows)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=10))
def test_spreading_loses_nothing(total: int, weights: list[int]) -> None:
    """The parts sum to the whole; each is less than one from its exact share."""
    parts = rules.spread(total, weights)
    assert sum(parts) == total
    if sum(weights):
        assert all(abs(part * sum(weights) - total * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True))


@given(moments, st.integers(1, 60))
def test_days_of_a_term(at: datetime, months: int) -> None:
    """A started day is a whole one, and the end, a midnight, begins no day: ends_at's date closes the span."""
    charge = a_charge(an_order([(100, 0)], at, months))
    assert rules.days_of(charge) == (business_day(at), business_day(charge.order.term.ends_at))


@pytest.mark.parametrize(
    ("at", "cycle"),
    [
        ("2026-01-31T15:30:00Z", Cycle(2026, 1)),  # 23:30 on the 31st
        ("2026-01-31T15:59:59Z", Cycle(2026, 1)),
        ("2026-01-31T16:00:00Z", Cycle(2026, 2)),  # midnight
        ("2025-12-31T16:00:00Z", Cycle(2026, 1)),
        ("2028-02-29T15:59:59Z", Cycle(2028, 2)),
    ],
)
def test_row_39_the_month_is_that_of_utc_8(at: str, cycle: Cycle) -> None:
    """Row 39: the billing month is the calendar month of UTC+8, whatever UTC's is."""
    moment = parse_iso_z(at)
    assert rules.cycle_of(moment) == cycle
    since, before = rules.span_of(cycle)
    assert since <= moment < before


def test_months_before_and_after() -> None:
    """December is followed by January, and 17 months before February 2026 is September 2024."""
    assert Cycle(2025, 12).next == Cycle(2026, 1)
    assert Cycle(2026, 2).earlier(17) == Cycle(2024, 9)
    assert Cycle(2026, 1).earlier(1) == Cycle(2025, 12)
    assert str(Cycle(2026, 2)) == "2026-02"


@pytest.mark.parametrize("text", ["2026-02-29", "2026-1-01", "20260101", "", "2026-01-01T", "2026-01-0\uff11"])
def test_a_day_that_is_none_is_refused(text: str) -> None:
    """BillingDate is YYYY-MM-DD and a day of the calendar."""
    with pytest.raises(InvalidParameter):
        rules.day_named(text)
    assert rules.day_named("2028-02-29") == date(2028, 2, 29)


def test_row_36_prices_are_whole_cents_and_lines_are_the_total() -> None:
    """Row 36: an order of 500.00 and 9.00 less 10 %: lines 450.00 and 8.10, row 458.10, nothing is left to round down."""
    charge = a_charge(an_order([(50_000, 5_000), (900, 90)], FIRST))
    assert charge.item is Item.SUBSCRIPTION_ORDER
    assert charge.amounts == Amounts(usd(50_900), usd(5_090), usd(0), usd(45_810))
    assert [row.amounts.payable for row in rules.parts_of(charge)] == [usd(45_000), usd(810)]


def test_what_disagrees_is_said() -> None:
    """Equal sums say nothing; one cent off anywhere does, naming the account."""
    assert rules.disagreements(Sums("2", 500, 500, 500, 1000, 500)) == []
    for spoiled in (
        Sums("2", 501, 500, 500, 1000, 500),
        Sums("2", 500, 501, 500, 1000, 500),
        Sums("2", 500, 500, 500, 1000, 501),
    ):
        assert {finding.subject for finding in rules.disagreements(spoiled)} == {"2"}


class Kind(enum.StrEnum):
    """An order's type as the refunds' own room names it."""

    REFUND = "Refund"


@given(lines, moments, st.sampled_from([1, -1]))
def test_a_refund_is_a_row_below_zero(parts: list[tuple[int, int]], at: datetime, sign: int) -> None:
    """However the order keeps its amounts, the row is what came back, below zero and whole; its months sum to it."""
    order = an_order(parts, at)
    refund = msgspec.structs.replace(
        order,
        kind=Kind.REFUND,
        paid_at=None,
        lines=tuple(
            msgspec.structs.replace(line, list_amount=line.list_amount * sign, payable=line.payable * sign)
            for line in order.lines
        ),
        list_amount=order.list_amount * sign,
        payable=order.payable * sign,
    )
    charge = rules.charge_of(refund, "9", order.payable)
    assert charge is not None
    assert (charge.item, charge.at) == (Item.REFUND, order.created_at)
    assert charge.amounts == Amounts(-order.payable, usd(0), usd(0), -order.payable)
    assert rules.parts_of(charge) == [charge]
    shares = rules.shares_of([charge], rules.cycle_of(at), at)
    assert sum((share.current for share in shares), start=Amounts.none("USD")) == charge.amounts
    assert rules.payable_minor(refund) == -order.payable.minor


@pytest.mark.parametrize(
    ("coupons", "on_bills", "balance", "word"),
    [(200, 200, 700, ""), (200, 199, 700, "coupons paid 199"), (200, 200, 500, "another sum"), (0, 0, 700, "another sum")],
)
def test_sums_with_coupons(coupons: int, on_bills: int, balance: int, word: str) -> None:
    """Orders of 500 of which coupons paid 200: 300 of 1000 in cash, 700 held; a cent elsewhere is found."""
    found = rules.disagreements(Sums("2", 500, 500, 500, 1000, balance, coupons, on_bills))
    assert [word in finding.problem for finding in found] == ([True] if word else [])
