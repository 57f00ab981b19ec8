"""When a reminder is due and which, days left, low balances; and the words of every kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from keystead.catalog.commands import load_catalogue
from keystead.clock import parse_iso_z
from keystead.instances.model import RenewalStatus
from keystead.money import Money
from keystead.notices import rules
from keystead.notices.model import Category, Message, NoticeKind, ShownInstance, Telling, Written
from keystead.notices.writing import written

POLICIES = load_catalogue().policies
DAY = timedelta(days=1)
END = parse_iso_z("2026-02-01T16:00:00Z")  # 2026-02-02 00:00 UTC+8: the expiry date is 2026-02-01
ends = st.dates(min_value=datetime(2000, 2, 1, tzinfo=UTC).date()).map(
    lambda day: datetime(day.year, day.month, day.day, 16, tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("days", "at"),
    [(7, "2026-01-26T02:00:00Z"), (3, "2026-01-30T02:00:00Z"), (1, "2026-02-01T02:00:00Z")],
)
def test_reminders_are_due_at_ten_in_the_morning(days: int, at: str) -> None:
    """End 2026-02-02 00:00 UTC+8, less 7, 3, 1 days: 01-26, 01-30, 02-01, each at 10:00 UTC+8 = 02:00 UTC."""
    assert rules.reminder_at(END, days, 10) == parse_iso_z(at)


@given(ends, st.integers(1, 30), st.integers(0, 23))
def test_a_reminder_is_within_its_day(ends_at: datetime, days: int, hour: int) -> None:
    """Never before end - n days, always before end - (n - 1) days, whatever the hour; days left are n from then on."""
    at = rules.reminder_at(ends_at, days, hour)
    assert ends_at - days * DAY <= at < ends_at - (days - 1) * DAY
    assert rules.days_left(ends_at, at) == days
    assert rules.reminder_due(ends_at, at, (days,), hour) == days
    assert rules.reminder_due(ends_at, at - timedelta(milliseconds=1), (days,), hour) is None


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-01-26T01:59:59Z", None),
        ("2026-01-26T02:00:00Z", 7),
        ("2026-01-30T01:59:59Z", 7),
        ("2026-01-30T16:00:00Z", 3),
        ("2026-02-01T02:00:00Z", 1),
        ("2026-02-01T15:59:59Z", 1),
        ("2026-02-01T16:00:00Z", None),
        ("2026-02-20T00:00:00Z", None),
    ],
)
def test_the_nearest_reminder_that_has_come_is_due(now: str, due: int | None) -> None:
    """Of those whose moment has come the nearest to the end, whenever one asks; none from the end on."""
    assert rules.reminder_due(END, parse_iso_z(now), POLICIES.notice_days, POLICIES.notice_hour) == due


def test_not_renewed_is_reminded_once() -> None:
    """NotRenewal has the 7-day reminder alone, the other two wishes have all three."""
    assert rules.reminder_days(POLICIES, RenewalStatus.NONE) == (7,)
    assert rules.reminder_days(POLICIES, RenewalStatus.MANUAL) == (7, 3, 1)
    assert rules.reminder_days(POLICIES, RenewalStatus.AUTO) == (7, 3, 1)


@pytest.mark.parametrize(
    ("now", "left"),
    [("2026-01-25T16:00:00Z", 7), ("2026-01-25T15:59:59Z", 8), ("2026-02-01T15:59:59Z", 1), ("2026-02-01T16:00:00Z", 0)],
)
def test_days_left_count_a_begun_day(now: str, left: int) -> None:
    """Exactly seven days before the end it is 7; on the expiry date it is 1; at the end 0."""
    assert rules.days_left(END, parse_iso_z(now)) == left


@pytest.mark.parametrize(("balance", "low"), [(0, True), (9999, True), (10000, False), (-1, False)])
def test_a_low_balance(balance: int, low: bool) -> None:  # noqa: FBT001 - a column of the table
    """Below the threshold of 100.00 and not negative."""
    assert rules.is_low(Money(balance, "USD"), Money(10000, "USD")) is low


def test_instants_are_written_with_both_zones() -> None:
    """The business zone first, then UTC; the expiry date is the last day served."""
    assert rules.moment(END) == "2026-02-02 00:00 UTC+8 (2026-02-01T16:00:00Z)"
    assert rules.expiry_date(END) == "2026-02-01"


SHOWN = ShownInstance(
    "kst-1", "<b>payments</b> & co", "Software Key Management Instance", "ap-southeast-1 (Singapore)", "stops", 1, "5 USD"
)
FACTS = {
    NoticeKind.EXPIRING: {"ends_at": "2026-02-01T16:00:00Z", "releases_at": "2026-02-16T16:00:00Z", "renewal": "ManualRenewal"},
    NoticeKind.STOPPED: {"stopped_at": "2026-02-01T16:00:00Z", "releases_at": "2026-02-16T16:00:00Z"},
    NoticeKind.RELEASED: {"released_at": "2026-02-16T16:00:00Z"},
    NoticeKind.SHARED_INSTANCE: {"owner": "17", "released_at": "2026-02-16T16:00:00Z"},
    NoticeKind.PURCHASED: {"ends_at": "2026-02-01T16:00:00Z", "order_id": "1", "amount": "500.00 USD", "months": "1"},
    NoticeKind.RENEWED: {"ends_at": "2026-03-01T16:00:00Z", "order_id": "2", "amount": "500.00 USD", "months": "1"},
    NoticeKind.UPGRADED: {
        "ends_at": "2026-03-01T16:00:00Z",
        "order_id": "3",
        "amount": "50.00 USD",
        "changes": "Spec from 1000 to 2000",
    },
    NoticeKind.REFUNDED: {"released_at": "2026-01-20T00:00:00Z", "order_id": "4", "refund": "338.71 USD"},
    NoticeKind.RENEWAL_CANCELLED: {"ends_at": "2026-02-01T16:00:00Z", "order_id": "5", "refund": "500.00 USD"},
    NoticeKind.AUTO_RENEWAL_FAILED: {
        "ends_at": "2026-02-01T16:00:00Z",
        "releases_at": "2026-02-16T16:00:00Z",
        "reason": "The balance is too low.",
        "next_try": "2026-02-01T00:00:00Z",
    },
    NoticeKind.BALANCE_LOW: {"available": "20.00 USD", "threshold": "100.00 USD", "days_more": "5"},
    NoticeKind.USAGE_HIGH: {"what": "key versions", "level": "70 %", "used": "700", "allowed": "1000"},
    NoticeKind.COUPON_GRANTED: {
        "coupon": "Q-1",
        "value": "250.00 USD",
        "usable_from": "2026-01-01T00:00:00Z",
        "usable_until": "2026-12-31T16:00:00Z",
        "pays_for": "orders of kms",
        "description": "welcome",
    },
    NoticeKind.TOP_UP_RECEIVED: {
        "top_up": "tu-1",
        "received": "99.90 USD",
        "transaction": "7",
        "available": "599.90 USD",
    },
    NoticeKind.KEY_WORN: {
        "key_id": "key-1",
        "version_id": "key-1-2",
        "sealed": "2147483650",
        "bound": "4294967296",
        "reached": "",
    },
    NoticeKind.KEY_IN_USE: {
        "key_id": "key-1",
        "delete_at": "2026-02-09T00:00:00Z",
        "last_used_at": "2026-02-01T00:00:00Z",
        "operations": "Decrypt, Encrypt",
    },
    NoticeKind.CLIENT_KEY_EXPIRING: {
        "client_key_id": "KAAP.00000000-0000-4000-8000-000000000000",
        "access_point": "shop",
        "expires_at": "2026-02-01T16:00:00Z",
    },
}

MONEY = {NoticeKind.BALANCE_LOW, NoticeKind.COUPON_GRANTED, NoticeKind.TOP_UP_RECEIVED}


def _message(kind: NoticeKind, **facts: str) -> Message:
    telling = Telling(kind, "1000000000000000", "occasion", "kst-1", FACTS[kind] | facts)
    return Message("msg-1", telling, parse_iso_z("2026-01-26T02:00:00Z"), Written(), composed=False, read_at=None)


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_kind_has_words(kind: NoticeKind) -> None:
    """A subject of one line, text and HTML with the same facts; money is filed under Account."""
    words = written(_message(kind), None if kind in MONEY else SHOWN, "https://console.example")
    assert words.subject
    assert "\n" not in words.subject
    assert words.subject in words.text
    for fact in FACTS[kind].values():
        if not fact.endswith("Renewal"):
            assert fact in words.text
            assert fact in words.html
    assert kind.category is (Category.ACCOUNT if kind in MONEY else Category.PRODUCT)


def test_a_name_cannot_become_markup() -> None:
    """What a customer may choose is escaped in HTML and plain in text."""
    words = written(_message(NoticeKind.EXPIRING), SHOWN, "https://console.example/?a=1&b=2")
    assert "<b>payments</b> & co" in words.text
    assert "&lt;b&gt;payments&lt;/b&gt; &amp; co" in words.html
    assert "<b>" not in words.html
    assert 'href="https://console.example/?a=1&amp;b=2"' in words.html


def test_a_missing_fact_is_not_passed_over() -> None:
    """A telling without a fact its words need fails, instead of mailing a gap."""
    telling = Telling(NoticeKind.STOPPED, "1000000000000000", "occasion", "kst-1", {})
    message = Message("msg-1", telling, END, Written(), composed=False, read_at=None)
    with pytest.raises(UndefinedError):
        written(message, SHOWN, "")


@pytest.mark.parametrize(
    ("renewal", "says"),
    [
        ("NotRenewal", "the only reminder"),
        ("AutoRenewal", "Automatic renewal is on."),
        ("ManualRenewal", "Automatic renewal is off."),
    ],
)
def test_a_reminder_tells_of_the_wish(renewal: str, says: str) -> None:
    """What the customer wished for the end is said."""
    assert says in written(_message(NoticeKind.EXPIRING, renewal=renewal), SHOWN, "").text.replace("\n", " ")
