"""Terms end at midnights of UTC+8, by the calendar; what an end means is a question of the instant."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.clock import BUSINESS_ZONE, business_day, from_ms, parse_iso_z
from keystead.entitlements import rules
from keystead.entitlements.faults import TermReleased
from keystead.entitlements.model import Entitlement, Figures, Run, Standing, Term

MILLISECOND = timedelta(milliseconds=1)
END = parse_iso_z("2026-03-01T16:00:00Z")
RUN = Run(parse_iso_z("2026-02-01T02:00:00Z"), END)
RETENTION = 15


def local(text: str) -> datetime:
    """A wall time of UTC+8."""
    return datetime.fromisoformat(text).replace(tzinfo=BUSINESS_ZONE)


# Bought (UTC+8), months, end, end after a renewal by a month. The first three are published examples (Subscription page of ECS,
# GetKmsInstance's sample, read 2026-11-22); the others follow their rule: local date + months, clamped, then the next midnight.
TERMS = [
    ("2019-08-09 13:00:00", 1, "2019-09-09T16:00:00Z", "2019-10-09T16:00:00Z"),
    ("2017-11-08 10:00:00", 1, "2017-12-08T16:00:00Z", "2018-01-08T16:00:00Z"),
    ("2023-09-05 20:44:19", 1, "2023-10-05T16:00:00Z", "2023-11-05T16:00:00Z"),
    ("2023-01-31 09:00:00", 1, "2023-02-28T16:00:00Z", "2023-03-31T16:00:00Z"),
    ("2024-01-31 09:00:00", 1, "2024-02-29T16:00:00Z", "2024-03-31T16:00:00Z"),
    ("2024-02-29 12:00:00", 12, "2025-02-28T16:00:00Z", "2025-03-29T16:00:00Z"),
    ("2024-02-29 12:00:00", 48, "2028-02-29T16:00:00Z", "2028-03-29T16:00:00Z"),
    ("2024-12-31 23:59:59", 2, "2025-02-28T16:00:00Z", "2025-03-31T16:00:00Z"),
    ("2025-01-01 00:00:00", 1, "2025-02-01T16:00:00Z", "2025-03-01T16:00:00Z"),
    ("2025-08-31 10:00:00", 6, "2026-02-28T16:00:00Z", "2026-03-31T16:00:00Z"),
    ("2027-08-31 10:00:00", 6, "2028-02-29T16:00:00Z", "2028-03-31T16:00:00Z"),
]
ROWS = [f"bought {bought} for {months}" for bought, months, _, _ in TERMS]


@pytest.mark.parametrize(("bought", "months", "end", "after"), TERMS, ids=ROWS)
def test_ends_of_purchase_and_renewal(bought: str, months: int, end: str, after: str) -> None:
    """A purchase ends with its expiry date; a renewal by a month goes on from that midnight, counted from the day of purchase."""
    assert rules.purchase_end(local(bought), months) == parse_iso_z(end)
    assert rules.renewal_end(local(bought), parse_iso_z(end), 1) == parse_iso_z(after)


def test_the_published_sample_in_utc() -> None:
    """GetKmsInstance's sample: started 2023-09-05T12:44:19Z for a month, ends 2023-10-05T16:00:00Z."""
    assert rules.purchase_end(parse_iso_z("2023-09-05T12:44:19Z"), 1) == parse_iso_z("2023-10-05T16:00:00Z")


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Shanghai", "Pacific/Kiritimati", "Australia/Lord_Howe"])
def machine_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """The machine's zone is another."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("machine_zone")
def test_row_4_the_machines_zone_does_not_matter() -> None:
    """Every row of the table again, with daylight saving around, or a day's difference."""
    for bought, months, end, after in TERMS:
        assert rules.purchase_end(local(bought), months) == parse_iso_z(end)
        assert rules.purchase_end(local(bought).astimezone(UTC), months) == parse_iso_z(end)
        assert rules.renewal_end(local(bought), parse_iso_z(end), 1) == parse_iso_z(after)


INSTANTS = st.integers(946_684_800_000, 3_786_912_000_000).map(from_ms)  # 2000 to 2090
MONTHS = st.sampled_from([*range(1, 10), 12, 24, 36, 48, 60])
ENDS = st.builds(rules.purchase_end, INSTANTS, MONTHS)


@given(INSTANTS, MONTHS)
def test_a_purchase_gives_its_months_and_the_rest_of_the_day(bought: datetime, months: int) -> None:
    """The end is a UTC+8 midnight, 28 days a month at the least after the start and under 31 days a month and a day."""
    end = rules.purchase_end(bought, months)
    here = end.astimezone(BUSINESS_ZONE)
    assert (here.hour, here.minute, here.second, here.microsecond) == (0, 0, 0, 0)
    assert timedelta(days=28 * months) < end - bought <= timedelta(days=31 * months + 1)


@given(INSTANTS, MONTHS)
def test_the_expiry_date_is_the_same_day_of_a_later_month_or_its_last(bought: datetime, months: int) -> None:
    """The day before the end: month counted on, day kept, or the last day there is."""
    start, expiry = business_day(bought), business_day(rules.purchase_end(bought, months) - MILLISECOND)
    assert expiry.year * 12 + expiry.month == start.year * 12 + start.month + months
    assert expiry.day == start.day or (expiry.day < start.day and (expiry + timedelta(days=1)).day == 1)


@given(INSTANTS, MONTHS, st.lists(MONTHS, min_size=1, max_size=6))
def test_row_6_early_renewals_stack_to_what_one_purchase_gives(bought: datetime, months: int, renewals: list[int]) -> None:
    """Each begins where the one before ends, and the last ends where a purchase of all the months would: no day is lost."""
    end = rules.purchase_end(bought, months)
    for each in renewals:
        term = rules.renewed(Run(bought, end), end - MILLISECOND, each, RETENTION, "from_now")
        assert term.starts_at == end < term.ends_at
        end = term.ends_at
    assert end == rules.purchase_end(bought, months + sum(renewals))


@pytest.mark.parametrize(
    ("bought", "expiry_dates"),
    [
        ("2023-01-31 09:00:00", ["2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31"]),
        ("2024-01-31 09:00:00", ["2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]),
        ("2022-12-30 12:00:00", ["2023-01-30", "2023-02-28", "2023-03-30", "2023-04-30"]),
        ("2022-12-29 00:00:00", ["2023-01-29", "2023-02-28", "2023-03-29", "2023-04-29"]),
        ("2023-01-28 23:59:59", ["2023-02-28", "2023-03-28", "2023-04-28", "2023-05-28"]),
    ],
)
def test_row_1_a_clamped_month_does_not_shift_the_next(bought: str, expiry_dates: list[str]) -> None:
    """31 Jan, 28 Feb, 31 Mar: the day of purchase is kept wherever the month has it (Kill Bill's billing day 31)."""
    ends = [rules.purchase_end(local(bought), 1)]
    while len(ends) < len(expiry_dates):
        ends.append(rules.renewal_end(local(bought), ends[-1], 1))
    assert [business_day(end - MILLISECOND).isoformat() for end in ends] == expiry_dates


def test_row_2_a_year_from_the_29th_of_february() -> None:
    """29 Feb 2024 and twelve months: 28 Feb 2025; by the month to the next leap year: the 29th again."""
    bought = local("2024-02-29 12:00:00")
    end = rules.purchase_end(bought, 12)
    assert end == local("2025-03-01 00:00:00")
    for _ in range(36):
        end = rules.renewal_end(bought, end, 1)
    assert end == local("2028-03-01 00:00:00")


def test_what_was_renewed_by_another_rule_comes_back_to_the_anchor_date() -> None:
    """Bought 30 Dec, renewed to 28 Feb 00:00 when ends were counted from the boundary: a month more is 30 Mar, whole."""
    assert rules.renewal_end(local("2022-12-30 12:00:00"), local("2023-02-28 00:00:00"), 1) == local("2023-03-31 00:00:00")


def test_the_anchor_is_where_the_last_unbroken_run_began() -> None:
    """An upgrade and a renewal in time keep it; a renewal in retention, from then on, is a new one."""
    first = entitlement(END - timedelta(days=31), END, 1000)
    upgrade = entitlement(END - timedelta(days=5), END, 1500)
    second = entitlement(END, END + timedelta(days=31), 1000)
    late = entitlement(END + timedelta(days=40), END + timedelta(days=70), 1000)
    assert rules.anchor_of([first]) == first.term.starts_at
    assert rules.anchor_of([first, upgrade, second]) == first.term.starts_at
    assert rules.anchor_of([first, second, late]) == late.term.starts_at


@pytest.mark.parametrize(
    ("at", "means"),
    [
        (END - timedelta(days=400), Standing.ACTIVE),
        (END - MILLISECOND, Standing.ACTIVE),
        (END, Standing.EXPIRED),
        (END + timedelta(days=15) - MILLISECOND, Standing.EXPIRED),
        (END + timedelta(days=15), Standing.RELEASED),
        (END + timedelta(days=4000), Standing.RELEASED),
    ],
)
def test_standing_turns_at_the_instant(at: datetime, means: Standing) -> None:
    """Served up to the last millisecond; refused at the end; released as the 16th day begins, and never earlier."""
    assert rules.standing(END, at, RETENTION) is means


@given(ENDS, st.integers(-(10**11), 10**11), st.integers(0, 27))
def test_standing_is_a_question_of_milliseconds(end: datetime, offset: int, retention: int) -> None:
    """Whatever the end and the retention."""
    expected = Standing.ACTIVE if offset < 0 else Standing.EXPIRED if offset < retention * 86_400_000 else Standing.RELEASED
    assert rules.standing(end, end + offset * MILLISECOND, retention) is expected
    assert rules.release_at(end, retention) == end + timedelta(days=retention)


def test_renewed_in_retention_from_now() -> None:
    """Ended 2026-03-02 00:00 UTC+8, renewed ten days later: from then, by the purchase's rule to 2026-04-13 00:00 UTC+8."""
    now = END + timedelta(days=10)
    assert rules.renewed(RUN, now, 1, RETENTION, "from_now") == Term(now, parse_iso_z("2026-04-12T16:00:00Z"))


def test_renewed_in_retention_from_the_old_end() -> None:
    """The China site's rule: as if it had been renewed in time, to 2026-04-02 00:00 UTC+8."""
    now = END + timedelta(days=10)
    assert rules.renewed(RUN, now, 1, RETENTION, "from_old_end") == Term(END, parse_iso_z("2026-04-01T16:00:00Z"))


def test_renewed_at_the_very_end_nothing_was_lost() -> None:
    """At 00:00:00 it is over, and a renewal then goes on as before; a millisecond later it has the purchase's extra day."""
    before = rules.renewed(RUN, END - MILLISECOND, 1, RETENTION, "from_now")
    assert before == Term(END, parse_iso_z("2026-04-01T16:00:00Z"))
    assert rules.renewed(RUN, END, 1, RETENTION, "from_now") == before
    late = END + MILLISECOND
    assert rules.renewed(RUN, late, 1, RETENTION, "from_now") == Term(late, parse_iso_z("2026-04-02T16:00:00Z"))


@pytest.mark.parametrize("policy", ["from_now", "from_old_end"])
def test_nothing_is_renewed_after_release(policy: str) -> None:
    """To the millisecond; the refusal says when it was released."""
    released = END + timedelta(days=15)
    assert rules.renewed(RUN, released - MILLISECOND, 1, RETENTION, "from_now").ends_at > released
    with pytest.raises(TermReleased, match="2026-03-16T16:00:00Z"):
        rules.renewed(RUN, released, 1, RETENTION, "from_now" if policy == "from_now" else "from_old_end")


@given(INSTANTS, st.integers(0, 15 * 86_400_000 - 1), MONTHS, st.sampled_from(["from_now", "from_old_end"]))
def test_row_7_a_renewal_in_retention_serves_again_at_once(bought: datetime, late: int, months: int, policy: str) -> None:
    """By either policy the new term has begun and has not ended."""
    end = rules.purchase_end(bought, months)
    now = end + late * MILLISECOND
    term = rules.renewed(Run(bought, end), now, months, RETENTION, "from_now" if policy == "from_now" else "from_old_end")
    assert term.starts_at <= now < term.ends_at
    assert rules.standing(term.ends_at, now, RETENTION) is Standing.ACTIVE


def entitlement(starts: datetime, ends: datetime, keys: int, made: datetime | None = None) -> Entitlement:
    """An entitlement told from others by its keys."""
    figures = Figures(qps=1000, key_num=keys, secret_num=0, access_num=1, log=False, log_storage_gb=0)
    return Entitlement(str(keys), "1" * 16, "kst-1", Term(starts, ends), figures, made or starts)


def test_a_purchased_term_starts_at_the_second() -> None:
    """KMS billing page: immediately upon purchase."""
    now = parse_iso_z("2023-09-05T12:44:19Z")
    assert rules.purchased(now, 1) == Term(now, parse_iso_z("2023-10-05T16:00:00Z"))


def test_the_figures_are_those_made_last_of_what_has_begun() -> None:
    """A pending renewal's figures wait for its start; after the end the last ones stay; an upgrade outlasts what was pending."""
    first = entitlement(END - timedelta(days=31), END, 1000)
    pending = entitlement(END, END + timedelta(days=31), 2000, made=END - timedelta(days=20))
    both = [first, pending]
    assert rules.last_end(both) == pending.term.ends_at
    assert rules.figures_at(both, END - MILLISECOND).key_num == 1000
    assert rules.figures_at(both, END).key_num == 2000
    assert rules.figures_at(both, END + timedelta(days=100)).key_num == 2000
    assert rules.figures_at(both, first.term.starts_at - MILLISECOND).key_num == 1000
    upgrade = entitlement(END - timedelta(days=10), pending.term.ends_at, 3000, made=END - timedelta(days=10))
    assert rules.figures_at([*both, upgrade], END - timedelta(days=10)).key_num == 3000
    assert rules.figures_at([*both, upgrade], END).key_num == 3000
