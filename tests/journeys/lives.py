"""Random accounts before a plan is made of them: what they hold, what they bought, what they wish for the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

START = datetime(2026, 1, 1, tzinfo=UTC)
"""2026-01-01 08:00 UTC+8: bought for a month, the end is 2026-02-02 00:00 UTC+8 = 2026-02-01T16:00:00Z."""


@dataclass(frozen=True)
class Bought:
    """An instance of an example, and what is done to it before the plan is made."""

    modules: dict[str, int]
    months: int
    status: str
    period: int
    connect: bool
    more: str
    wait_hours: int


@dataclass(frozen=True)
class Life:
    """An example: where it starts, what there is, how far one looks."""

    start: datetime
    cents: int
    alert_cents: int
    credit_cents: int
    coupons: list[tuple[int, int]]
    bought: list[Bought]
    seconds: int


modules = st.fixed_dictionaries(
    {},
    optional={
        "Spec": st.sampled_from([1000, 2000, 4000]),
        "KeyNum": st.integers(0, 60).map(lambda steps: 1000 + 10 * steps),
        "SecretNum": st.integers(0, 9).map(lambda steps: 100 * steps),
        "VpcNum": st.integers(1, 5),
    },
)
lives = st.builds(
    Life,
    start=st.integers(0, 3 * 365 * 24 * 3600).map(lambda seconds: START + timedelta(seconds=seconds)),
    cents=st.sampled_from([0, 100_000, 400_000, 1_500_000, 6_000_000]).flatmap(lambda most: st.integers(most // 2, most)),
    alert_cents=st.sampled_from([0, 100_000, 300_000, 600_000]),
    credit_cents=st.sampled_from([0, 0, 0, 100_000]),
    coupons=st.lists(st.tuples(st.integers(1, 120_000), st.sampled_from([0, 20, 90])), max_size=2),
    bought=st.lists(
        st.builds(
            Bought,
            modules=modules,
            months=st.sampled_from([1, 1, 2, 3, 9, 12]),
            status=st.sampled_from(["AutoRenewal", "AutoRenewal", "ManualRenewal", "NotRenewal"]),
            period=st.sampled_from([1, 1, 2, 3, 6, 12]),
            connect=st.booleans(),
            more=st.sampled_from(["", "", "renew", "reduce", "upgrade", "unpaid"]),
            wait_hours=st.integers(0, 24 * 25),
        ),
        min_size=1,
        max_size=3,
    ),
    seconds=st.tuples(st.sampled_from([1, 10, 35, 60, 90, 200, 500]), st.integers(0, 24 * 3600)).map(
        lambda span: span[0] * 24 * 3600 + span[1]
    ),
)
