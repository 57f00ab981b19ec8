"""Which coupon pays and how much, what one is at an instant, and what an audit finds wrong with its movements."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.coupons import rules
from keystead.coupons.faults import CouponInvalid
from keystead.coupons.model import Coupon, CouponState, Grant, MovementKind, Search, Step
from keystead.money import Money

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = NOW + DAY


def usd(minor: int) -> Money:
    """An amount in cents."""
    return Money(minor, "USD")


def coupon(
    left: int, expires_at: datetime | None = None, granted_at: datetime = NOW, products: tuple[str, ...] = (), name: str = "1"
) -> Coupon:
    """A coupon of 1000.00 on which so many cents are left."""
    grant = Grant(name, "2", "Q-1", usd(100_000), granted_at, NOW, expires_at, products, "", "k")
    return Coupon(grant, Step(2, MovementKind.USE, left - 100_000, left, "t", "o"))


def chosen(*coupons: Coupon, payable: int = 100) -> str:
    """Which coupon pays."""
    part = rules.paying(coupons, "kms", usd(payable), NOW)
    return "" if part is None else part.coupon.grant.coupon_id


def test_the_largest_pays_then_the_first_to_expire_then_the_first_granted() -> None:
    """The order of the voucher pages; one that never expires comes after those that do."""
    assert chosen(coupon(10, name="a"), coupon(30, name="b"), coupon(20, name="c")) == "b"
    assert chosen(coupon(10, name="a"), coupon(10, LATER + DAY, name="b"), coupon(10, LATER, name="c")) == "c"
    assert chosen(coupon(10, granted_at=NOW, name="a"), coupon(10, granted_at=NOW - DAY, name="b")) == "b"


@pytest.mark.parametrize(
    "unusable",
    [
        coupon(0),
        coupon(10, NOW),
        coupon(10, products=("ecs",)),
        Coupon(coupon(10).grant, Step(3, MovementKind.REVOKE, -10, 0, "t")),
    ],
    ids=["empty", "expires now", "other product", "revoked"],
)
def test_what_cannot_pay(unusable: Coupon) -> None:
    """At the very instant of its expiry a coupon is worth nothing."""
    assert chosen(unusable) == ""


def test_a_coupon_of_another_time_currency_or_an_order_of_nothing() -> None:
    """One not yet in effect, one in another currency, and an order that costs nothing."""
    later = Coupon(Grant("1", "2", "Q", usd(9), NOW, LATER, None, (), "", "k"), Step(1, MovementKind.GRANT, 9, 9, "t"))
    assert chosen(later) == ""
    assert rules.paying([coupon(10)], "kms", Money(10, "CNY"), NOW) is None
    assert chosen(coupon(10), payable=0) == ""
    assert chosen(coupon(10, products=("kms",)), payable=1) == "1"


@given(st.lists(st.integers(0, 1000), max_size=6), st.integers(0, 1000))
def test_one_coupon_pays_what_it_can_and_not_more_than_the_price(lefts: list[int], payable: int) -> None:
    """The part is the smaller of the price and the largest balance; nothing if either is zero."""
    part = rules.paying([coupon(left, name=str(n)) for n, left in enumerate(lefts)], "kms", usd(payable), NOW)
    expected = min(payable, max(lefts, default=0))
    assert (0 if part is None else part.amount.minor) == expected


def test_state_by_time_alone() -> None:
    """Available a millisecond before the end, Expired at it, whether or not the job came; nothing is left then."""
    mine = coupon(10, LATER)
    before = LATER - timedelta(milliseconds=1)
    assert (rules.state_of(mine, before), rules.left_of(mine, before)) == (CouponState.AVAILABLE, usd(10))
    assert (rules.state_of(mine, LATER), rules.left_of(mine, LATER)) == (CouponState.EXPIRED, usd(0))
    voided = Coupon(mine.grant, Step(3, MovementKind.EXPIRE, -10, 0, "t"))
    assert rules.state_of(voided, LATER) is CouponState.EXPIRED
    revoked = Coupon(mine.grant, Step(3, MovementKind.REVOKE, -10, 0, "t"))
    assert rules.state_of(revoked, LATER) is CouponState.CANCELLED


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [(None, None, True), (LATER, LATER, True), (LATER + DAY, None, False), (None, NOW, False), (NOW, LATER + DAY, True)],
)
def test_searched_by_expiry(since: datetime | None, until: datetime | None, found: bool) -> None:  # noqa: FBT001
    """Both ends count; a coupon without an end expires after every instant."""
    assert rules.matches(coupon(10, LATER), Search(since, until), NOW) is found
    endless = coupon(10)
    assert rules.matches(endless, Search(since, None), NOW)
    assert not rules.matches(endless, Search(None, LATER), NOW)


@pytest.mark.parametrize(
    ("value", "begins", "ends"), [(0, NOW, None), (-1, NOW, None), (1, NOW, NOW), (1, LATER, LATER), (1, NOW, NOW - DAY)]
)
def test_not_granted(value: int, begins: datetime, ends: datetime | None) -> None:
    """Worth nothing, or over before it begins."""
    with pytest.raises(CouponInvalid):
        rules.grantable(Grant("", "2", "", usd(value), NOW, begins, ends, (), "", "k"), "USD")


def test_not_granted_in_another_currency() -> None:
    """The account is kept in USD."""
    with pytest.raises(CouponInvalid, match="USD"):
        rules.grantable(Grant("", "2", "", Money(1, "CNY"), NOW, NOW, None, (), "", "k"), "USD")


GRANTED = Grant("1", "2", "Q", usd(10), NOW, NOW, None, (), "", "k")
FIRST = Step(1, MovementKind.GRANT, 10, 10, "t")


@given(st.lists(st.integers(1, 10), max_size=8))
def test_steps_that_follow_one_another_are_sound(taken: list[int]) -> None:
    """Whatever is taken, as long as it is there, and the rest voided at the end."""
    steps = [FIRST]
    for minor in taken:
        if minor <= steps[-1].balance_minor:
            steps.append(rules.next_step(steps[-1], MovementKind.USE, minor, "t", "o"))
    assert rules.chain_problem(GRANTED, steps) == ""
    steps.append(rules.next_step(steps[-1], MovementKind.REVOKE, steps[-1].balance_minor, "t"))
    assert rules.chain_problem(GRANTED, steps) == ""


@pytest.mark.parametrize(
    ("steps", "word"),
    [
        ([], "not granted"),
        ([Step(1, MovementKind.GRANT, 9, 9, "t")], "not granted"),
        ([FIRST, Step(3, MovementKind.USE, -1, 9, "t")], "out of place"),
        ([FIRST, Step(2, MovementKind.GRANT, 1, 11, "t")], "out of place"),
        ([Step(1, MovementKind.USE, 10, 10, "t")], "out of place"),
        ([FIRST, Step(2, MovementKind.USE, -1, 8, "t")], "sum"),
        ([FIRST, Step(2, MovementKind.USE, -11, -1, "t")], "sum"),
        ([FIRST, Step(2, MovementKind.REVOKE, -1, 9, "t")], "left"),
        ([FIRST, Step(2, MovementKind.EXPIRE, -10, 0, "t"), Step(3, MovementKind.USE, 0, 0, "t")], "out of place"),
    ],
)
def test_steps_that_are_not_sound(steps: list[Step], word: str) -> None:
    """A gap, a second grant, a wrong sum, an overdraft, something left after the end, something after the end."""
    assert word in rules.chain_problem(GRANTED, steps)
