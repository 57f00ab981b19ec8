"""Workers that lease units of one budget, in time that the test moves: what they admit together, and when to come back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keystead.clock import Instant
from keystead.gate.throttle import KEPT_SECONDS, SLICE_SECONDS, Rate, Rates, Throttled
from keystead.quotas.model import Work
from keystead.quotas.tiers import load_tiers
from keystead.store import Store, open_store
from keystead.store.leases import BURST_MS, open_rates

START = datetime(2026, 1, 1, tzinfo=UTC)
MS = 0.001
TIERS = load_tiers()


class Hand:
    """Time that stands until it is moved."""

    def __init__(self) -> None:
        """Begin a minute after the machine did."""
        self.ms = 60_000

    def __call__(self) -> float:
        """Give monotonic seconds."""
        return self.ms * MS

    def instant(self) -> Instant:
        """Give the moment as the gate reads it."""
        wall = START + timedelta(milliseconds=self.ms)
        return Instant(wall, wall, self())


class Crew:
    """Workers whose leases are renewed each 30 ms, one after the other within them."""

    def __init__(self, store: Store, workers: int, hand: Hand) -> None:
        """Begin without leases."""
        self.hand = hand
        self.workers = [Rates(store, hand, by_itself=False) for _ in range(workers)]
        self.offset = int(SLICE_SECONDS * 1000) // workers

    def pass_ms(self) -> None:
        """A millisecond passes, and whose slice ends renews."""
        self.hand.ms += 1
        for number, worker in enumerate(self.workers):
            if (self.hand.ms + number * self.offset) % int(SLICE_SECONDS * 1000) == 0:
                worker.renew()

    def ask(self, worker: int, rate: Rate) -> int:
        """Ask one of them; gives the units admitted."""
        try:
            self.workers[worker].admit([rate], self.hand.instant(), inline=False)
        except Throttled:
            return 0
        return rate.weight


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    """Where the buckets are."""
    main = open_store(database_url)
    opened = open_rates(tmp_path, main)
    yield opened
    opened.close()
    main.close()


def rate_of(qps: int, work: Work, edition: str = "software") -> Rate:
    """What a request of an instance takes."""
    tier = TIERS.tier(edition, qps)
    return Rate("kst-1", tier.units, tier.weights[work])


@pytest.mark.parametrize(("workers", "qps"), [(1, 1000), (2, 4000), (4, 2000)])
def test_a_mix_gets_the_tier_over_any_ten_seconds(store: Store, workers: int, qps: int) -> None:
    """Twice of what there is, asked of workers drawn at random, Encrypts, signatures and values in turns, from rest on.

    In units, of each stretch of 10 s: 10 s of the tier, 1 % more or less. A signature has the chance an Encrypt has.
    """
    crew = Crew(store, workers, Hand())
    works = (Work.SYMMETRIC, Work.ASYMMETRIC, Work.SECRET_VALUE)
    rates = [rate_of(qps, work) for work in works]
    a_round = sum(rate.weight for rate in rates)
    rounds_a_ms = 2 * rates[0].units / a_round / 1000
    admitted, asked, served, due = [0], [0, 0, 0], [0, 0, 0], 0.0
    draw = random.Random(20261122)  # the same draws in every run
    for _ in range(11_000):
        crew.pass_ms()
        due += rounds_a_ms * 3
        units = 0
        while due >= 1:
            due -= 1
            kind = draw.randrange(3)
            got = crew.ask(draw.randrange(workers), rates[kind])
            asked[kind] += 1
            served[kind] += got > 0
            units += got
        admitted.append(admitted[-1] + units)
    ten = [admitted[at + 10_000] - admitted[at] for at in range(0, 1001, 10)]
    assert max(ten) <= rates[0].units * 10 * 1.01
    assert min(ten) >= rates[0].units * 10 * 0.99
    light, heavy, _ = (done / tried for done, tried in zip(served, asked, strict=True))
    assert 0.8 < heavy / light < 1.25


def test_after_a_pause_a_worker_admits_what_is_held(store: Store) -> None:
    """1,000 a second, two workers that served a request each and waited half a second: 50 in the bucket and 10 in each lease.

    A third that was never asked gets what the others left. After two seconds of silence nothing is leased: 50.
    """
    crew, one = Crew(store, 3, Hand()), rate_of(1000, Work.SYMMETRIC)
    kept = int(one.units * KEPT_SECONDS)
    assert (kept, BURST_MS) == (10, 50)
    for worker in (0, 1):
        assert crew.ask(worker, one) == 1
    for silence, most in ((500, 70), (2500, 50)):
        for _ in range(silence):
            crew.pass_ms()
        assert sum(crew.ask(worker, one) for worker in (0, 1, 2) for _ in range(200)) == most


def test_a_bucket_found_short_is_short_until_it_had_enough(store: Store) -> None:
    """1,000 a second: five signatures of 5 just before a slice ends, which asks for 28 of the 20 left; five more 40 ms later.

    By then the bucket has filled and the worker has given back all but 10 of what it got: two from those, three from the bucket.
    """
    crew, heavy = Crew(store, 1, Hand()), rate_of(1000, Work.ASYMMETRIC)
    while (crew.hand.ms + 1) % int(SLICE_SECONDS * 1000):
        crew.pass_ms()
    assert [crew.ask(0, heavy) for _ in range(5)] == [5] * 5
    for _ in range(40):
        crew.pass_ms()
    assert [crew.ask(0, heavy) for _ in range(5)] == [5] * 5


def test_a_heavy_request_owes_what_was_not_there(store: Store) -> None:
    """1,000 a second, 50 in the bucket, one taken: of signatures of 5, the tenth finds 4, owes 1, and the eleventh finds none.

    The next slice brings what comes in its time less what is owed, and an Encrypt is served.
    """
    crew, light, heavy = Crew(store, 1, Hand()), rate_of(1000, Work.SYMMETRIC), rate_of(1000, Work.ASYMMETRIC)
    assert crew.ask(0, light) == 1
    assert [crew.ask(0, heavy) for _ in range(11)] == [5] * 10 + [0]
    first = crew.hand.ms
    while not crew.ask(0, light):
        crew.pass_ms()
    assert crew.hand.ms - first <= SLICE_SECONDS * 1000


@pytest.mark.parametrize(
    ("rate", "waits_ms"),
    [
        (rate_of(1000, Work.SYMMETRIC), 50),
        (rate_of(1000, Work.ASYMMETRIC), 50),
        (rate_of(2000, Work.ASYMMETRIC), 50),
        (Rate("1/here/key write", 30, 1, 30, "key write"), 34 + 30),  # the next one comes after 33.3 ms, and a slice sees it
        (Rate("1/here/key create", 10, 1, 10, "key create"), 100 + 30),
        (Rate("kst-1/pair", 1), 1000 + 30),
    ],
    ids=lambda value: f"{value.bucket_id} {value.units}/{value.weight}" if isinstance(value, Rate) else "",
)
def test_who_waits_as_told_is_served(store: Store, rate: Rate, waits_ms: int) -> None:
    """A client alone that fires until it is refused, waits, and is served at its next try; again and again, at any offset."""
    crew = Crew(store, 1, Hand())
    for turn in range(8):
        with pytest.raises(Throttled) as refused:
            fire(crew, rate)
        assert refused.value.retry_after_ms == waits_ms
        for _ in range(waits_ms):
            crew.pass_ms()
        assert crew.ask(0, rate) == rate.weight, turn
        for _ in range(turn * 7):
            crew.pass_ms()


def fire(crew: Crew, rate: Rate) -> None:
    """Ask more often than a bucket could serve."""
    for _ in range(10_000):
        crew.workers[0].admit([rate], crew.hand.instant(), inline=False)


def test_an_upgrade_keeps_what_was_leased_as_time(store: Store) -> None:
    """A slice of 1,000 units a second counts six times as many after an upgrade to 2,000, whose Encrypts weigh 3 of 6,000.

    Asked once, a worker has 10 leased; 9 are left, 54 of the new: 18 Encrypts; and the bucket's 40 are 13 and a debt of 1.
    """
    crew, before, after = Crew(store, 1, Hand()), rate_of(1000, Work.SYMMETRIC), rate_of(2000, Work.SYMMETRIC)
    assert (after.units, after.weight) == (6000, 3)
    assert crew.ask(0, before) == 1
    assert sum(crew.ask(0, after) > 0 for _ in range(200)) == 18 + 14


def test_two_instances_do_not_touch_each_other(store: Store) -> None:
    """What one is asked too much does not count against the other, through the same workers."""
    crew, mine = Crew(store, 2, Hand()), rate_of(1000, Work.SYMMETRIC)
    other = mine._replace(bucket_id="kst-2")
    refused = 0
    for ms in range(1500):
        crew.pass_ms()
        for worker in (0, 1):
            crew.ask(worker, mine), crew.ask(worker, mine)
        if ms % 2:  # 500 a second of 1,000
            refused += not crew.ask(ms // 2 % 2, other)
    assert refused == 0
