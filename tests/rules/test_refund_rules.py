"""What comes back of an order, and when automatic renewal is tried."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.catalog.commands import load_catalogue
from keystead.catalog.faults import PeriodNotSold
from keystead.catalog.model import Discount, Edition
from keystead.entitlements import rules as entitlements
from keystead.entitlements.model import Term
from keystead.faults import InvalidParameter, MissingParameter
from keystead.instances.model import Renewal, RenewalStatus
from keystead.money import Money
from keystead.orders import rules
from keystead.orders.faults import OrderStateInvalid
from keystead.orders.model import Order, OrderLine, OrderState, OrderType

CATALOGUE = load_catalogue()
PRICES = CATALOGUE.price_lists[0]
POLICIES = CATALOGUE.policies
BOUGHT = datetime(2023, 9, 5, 12, 44, 19, tzinfo=UTC)
END = datetime(2023, 10, 5, 16, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def usd(minor: int) -> Money:
    """An amount in cents."""
    return Money(minor, "USD")


def order(term: Term, listed: int = 50_000, discount: int = 0, kind: OrderType = OrderType.NEW) -> Order:
    """A paid order for a term."""
    return Order(
        order_id="100000000000001",
        account_id="1234567890123456",
        kind=kind,
        state=OrderState.PAID,
        instance_id="kst-1",
        region="ap-southeast-1",
        product_code="kms",
        product_type="kms_ddi_public_intl",
        price_list_id=PRICES.id,
        months=1,
        parameters=(("ProductVersion", "3"),),
        lines=(OrderLine("ProductVersion", usd(50_000), usd(listed), usd(discount), usd(listed - discount)),),
        list_amount=usd(listed),
        discount=usd(discount),
        payable=usd(listed - discount),
        term=term,
        operator="",
        created_at=term.starts_at,
        paid_at=term.starts_at,
    )


def back(held: Order, now: datetime, paid: int | None = None) -> int:
    """What comes back, in cents; `paid` is the cash, where vouchers paid the rest."""
    return rules.share_of(held, held.payable if paid is None else usd(paid), PRICES, now).back.minor


@pytest.mark.parametrize(
    ("now", "cents"),
    [
        (BOUGHT, 50_000),  # row 28: within seconds of the purchase nothing has begun
        (BOUGHT + SECOND, 48_387),  # a day: 500 - 16.129
        (BOUGHT + 10 * DAY, 33_871),  # 500 - 500 / 31 x 10 = 338.7096...
        (BOUGHT + 10 * DAY + SECOND, 32_258),  # eleven days begun: 322.5806...
        (BOUGHT + 30 * DAY, 1_613),  # 500 / 31
        (BOUGHT + 30 * DAY + SECOND, 0),  # all 31 begun
        (END, 0),
    ],
)
def test_the_worked_refund(now: datetime, cents: int) -> None:
    """500 paid for 2023-09-05T12:44:19Z to 10-05T16:00:00Z, 31 day-slots."""
    share = rules.share_of(order(Term(BOUGHT, END)), usd(50_000), PRICES, now)
    assert (share.back.minor, share.days_sold) == (cents, 31)
    assert share.used + share.back == share.paid


def test_row_24_what_has_not_begun_comes_back_whole() -> None:
    """A renewal is refunded in full up to, and at, the instant it begins."""
    renewal = order(Term(END, END + 31 * DAY), kind=OrderType.RENEW)
    assert (back(renewal, END - SECOND), back(renewal, END), back(renewal, END + SECOND)) == (50_000, 50_000, 48_387)


def test_row_26_vouchers_never_come_back_and_use_is_taken_from_cash_first() -> None:
    """100.00 cash and 400.00 voucher: a day of 16.13 leaves 83.87, ten days leave nothing."""
    held = order(Term(BOUGHT, END))
    assert back(held, BOUGHT + DAY, paid=10_000) == 8_387
    assert back(held, BOUGHT + 10 * DAY, paid=10_000) == 0


def test_row_25_what_was_paid_by_voucher_alone_gives_nothing_back() -> None:
    """No cash, no refund."""
    assert back(order(Term(BOUGHT, END)), BOUGHT, paid=0) == 0


@pytest.mark.parametrize(
    ("now", "cents"),
    [
        # 6000.00 listed, 5100.00 paid for 365 d 16 h = 366 days; 6000 / 366 = 16.3934 a day.
        (datetime(2026, 3, 31, tzinfo=UTC), 364_098),  # 89 days, two whole months, nothing earned: 5100 - 1459.0164
        (datetime(2026, 4, 1, tzinfo=UTC), 369_836),  # 90 days, three months earn 5 %: 5100 - 1475.4098 x 0.95 = 1401.6393
    ],
)
def test_row_42_an_annual_purchase_is_used_at_what_the_time_used_would_have_earned(now: datetime, cents: int) -> None:
    """15 % off twelve months, 5 % off three."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    annual = order(Term(start, entitlements.purchase_end(start, 12)), listed=600_000, discount=90_000)
    discounts = (Discount(Edition.SOFTWARE, 12, Decimal("0.15")), Discount(Edition.SOFTWARE, 3, Decimal("0.05")))
    price_list = msgspec.structs.replace(PRICES, discounts=discounts)
    assert rules.share_of(annual, annual.payable, price_list, now).back == usd(cents)


@given(
    st.timedeltas(timedelta(0), timedelta(days=3650)).map(lambda later: BOUGHT + later),
    st.sampled_from([1, 3, 12, 60]),
    st.integers(0, 10**9),
    st.integers(0, 100),
    st.timedeltas(-DAY, 2000 * DAY),
    st.sampled_from(OrderType),
)
def test_row_37_what_comes_back_never_exceeds_what_was_paid(
    start: datetime, months: int, listed: int, percent: int, later: timedelta, kind: OrderType
) -> None:
    """Of any order at any moment, between nothing and the cash paid; what is used and what comes back are the whole."""
    held = order(Term(start, entitlements.purchase_end(start, months)), listed, listed * percent // 100, kind)
    share = rules.share_of(held, held.payable, PRICES, start + later)
    assert usd(0) <= share.back <= held.payable
    assert share.used + share.back == held.payable
    assert 0 <= share.days <= share.days_sold


def at(day: int, hour: int = 0) -> datetime:
    """A moment of UTC+8 in February 2026, by its date and hour; negative days are of January."""
    return datetime(2026, 2, 1, tzinfo=UTC) - timedelta(hours=8) + timedelta(days=day - 1, hours=hour)


def test_the_nine_days_of_automatic_renewal() -> None:
    """Ending 2026-02-20 00:00 UTC+8: tried at 08:00 of 02-11 to 02-19, and never after the end."""
    nine, ends_at = POLICIES.auto_renewal, at(20)
    tried, now = [], at(1)
    while (attempt := rules.next_attempt(nine, ends_at, now)) is not None:
        tried.append(attempt)
        now = attempt
    assert tried == [at(day, 8) for day in range(11, 20)]
    assert not rules.attempt_due(nine, ends_at, at(11, 8) - SECOND)
    assert rules.attempt_due(nine, ends_at, at(11, 8))
    assert rules.attempt_due(nine, ends_at, ends_at - SECOND)
    assert rules.attempt_due(nine, ends_at, ends_at + 10 * 24 * 3600 * SECOND)  # made up for: nobody was there to try


def test_the_international_schedule_goes_on_in_retention() -> None:
    """Days -3, -1, 0, +6 and +14 at 08:00, and none after them."""
    schedule, ends_at = POLICIES.auto_renewal_schedules["international"], at(20)
    assert [rules.next_attempt(schedule, ends_at, at(day, 8)) for day in (16, 17, 19, 20, 26)] == [
        at(17, 8),
        at(19, 8),
        at(20, 8),
        at(26, 8),
        at(34, 8),
    ]
    assert rules.next_attempt(schedule, ends_at, at(34, 8)) is None
    assert not rules.attempt_due(schedule, ends_at, at(17, 8) - SECOND)
    assert rules.attempt_due(schedule, ends_at, at(20, 8))


def test_the_wish_for_the_end() -> None:
    """SetRenewal: 1, 2, 3, 6, 12 months and years; M unless said; the period counts for AutoRenewal only."""
    assert rules.renewal_set("AutoRenewal", 1, "", POLICIES) == Renewal(RenewalStatus.AUTO, 1)
    assert rules.renewal_set("AutoRenewal", 2, "Y", POLICIES) == Renewal(RenewalStatus.AUTO, 24)
    assert rules.renewal_set("NotRenewal", 5, "M", POLICIES) == Renewal(RenewalStatus.NONE)
    assert rules.renewal_set("ManualRenewal", None, "", POLICIES) == Renewal(RenewalStatus.MANUAL)
    with pytest.raises(MissingParameter):
        rules.renewal_set("AutoRenewal", None, "M", POLICIES)
    with pytest.raises(PeriodNotSold):
        rules.renewal_set("AutoRenewal", 5, "M", POLICIES)
    for status, unit in (("Auto", "M"), ("AutoRenewal", "W")):
        with pytest.raises(InvalidParameter):
            rules.renewal_set(status, 1, unit, POLICIES)


def test_row_12_only_an_unpaid_order_that_has_not_lapsed_can_be_paid() -> None:
    """Paid, cancelled, refund, and lapsed to the instant."""
    paid = order(Term(BOUGHT, END))
    unpaid = msgspec.structs.replace(paid, state=OrderState.UNPAID, paid_at=None, expires_at=BOUGHT + 7 * DAY)
    rules.payable_at(unpaid, BOUGHT + 7 * DAY - SECOND)
    for refused, now in (
        (unpaid, BOUGHT + 7 * DAY),
        (paid, BOUGHT),
        (msgspec.structs.replace(unpaid, state=OrderState.CANCELLED), BOUGHT),
        (msgspec.structs.replace(unpaid, state=None, kind=OrderType.REFUND), BOUGHT),
    ):
        with pytest.raises(OrderStateInvalid):
            rules.payable_at(refused, now)
