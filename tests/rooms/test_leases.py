"""Leases of request rates: what workers get together is what was purchased, on SQLite and on PostgreSQL alike."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keystead.clock import SystemClock
from keystead.gate.throttle import Rate, Rates, Throttled
from keystead.store import Cold, Store, open_store
from keystead.store.leases import BURST_MS, Want, open_rates, take

WALL_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z in milliseconds: 20,454 days of 86,400 seconds


@pytest.fixture
def opened(database_url: str) -> Iterator[Callable[[], Store]]:
    """Opens the database again and again, as several processes would."""
    stores: list[Store] = []

    def open_one() -> Store:
        stores.append(open_store(database_url))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    """One opening of it."""
    return opened()


@pytest.fixture
def rates(store: Store, tmp_path: Path) -> Iterator[Store]:
    """Where the buckets are."""
    opened = open_rates(tmp_path, store)
    yield opened
    opened.close()


def test_two_workers_together_get_the_purchased_rate(rates: Store) -> None:
    """1,000 a second over 10 s, two workers asking in turns for more than there is, 10 ms apart: 10,000, and 1 % at most beside.

    The bucket holds 50 ms of the rate, 50 requests: 10,000 + 50 is the most that 10 s may give.
    """
    given = [take(rates, [Want("kst-1", 1000, 40)], WALL_MS + ms)["kst-1"] for ms in range(0, 20_000, 10)]
    windows = [sum(given[at : at + 1000]) for at in range(1001)]  # every 10 s there are in 20 s, one begun each 10 ms
    assert max(windows) <= 10_000 + 50
    assert min(windows) >= 9_900


@pytest.mark.parametrize("qps", [1, 3, 7, 4000])
def test_odd_rates_are_kept_too(rates: Store, qps: int) -> None:
    """Nothing is lost to rounding: asked every 7 ms for 10 s, the rate and at most what the bucket held at the start."""
    given = sum(take(rates, [Want("kst-1", qps, 1000)], WALL_MS + ms)["kst-1"] for ms in range(0, 10_001, 7))
    assert qps * 10 - 1 <= given <= qps * 10 + max(1, qps * BURST_MS // 1000)


def test_what_is_given_back_can_be_taken(rates: Store) -> None:
    """But a bucket never holds more than 50 ms of its rate."""
    assert take(rates, [Want("kst-1", 1000, 40)], WALL_MS) == {"kst-1": 40}
    assert take(rates, [Want("kst-1", 1000, 40)], WALL_MS) == {"kst-1": 10}
    assert take(rates, [Want("kst-1", 1000, -20)], WALL_MS) == {"kst-1": -20}
    assert take(rates, [Want("kst-1", 1000, 50)], WALL_MS) == {"kst-1": 20}
    assert take(rates, [Want("kst-1", 1000, -500)], WALL_MS) == {"kst-1": -500}
    assert take(rates, [Want("kst-1", 1000, 500)], WALL_MS) == {"kst-1": 50}


def test_a_clock_set_back_gives_nothing_away(rates: Store) -> None:
    """An hour back: nothing is filled until the old time is passed, and nothing is taken away; an hour ahead fills 50 ms."""
    hour = 3_600_000
    assert take(rates, [Want("kst-1", 1000, 30)], WALL_MS) == {"kst-1": 30}
    assert take(rates, [Want("kst-1", 1000, 60)], WALL_MS - hour) == {"kst-1": 20}
    assert take(rates, [Want("kst-1", 1000, 60)], WALL_MS - 1) == {"kst-1": 0}
    assert take(rates, [Want("kst-1", 1000, 60)], WALL_MS + 5) == {"kst-1": 5}
    assert take(rates, [Want("kst-1", 1000, 500)], WALL_MS + hour) == {"kst-1": 50}


def test_an_upgrade_counts_from_now_on(rates: Store) -> None:
    """Twice the rate fills twice as fast; a bucket of the new size is not full because the old one was."""
    assert take(rates, [Want("kst-1", 1000, 500)], WALL_MS) == {"kst-1": 50}
    assert take(rates, [Want("kst-1", 2000, 500)], WALL_MS + 10) == {"kst-1": 20}
    assert take(rates, [Want("kst-1", 2000, 500)], WALL_MS + 1000) == {"kst-1": 100}


def test_many_instances_in_one_transaction(rates: Store) -> None:
    """Each from its own bucket; what one gets does not depend on the others."""
    wants = [Want(f"kst-{number}", 1000, number) for number in range(100)]
    assert take(rates, wants, WALL_MS) == {f"kst-{number}": min(number, 50) for number in range(100)}


def test_workers_that_come_first_together(opened: Callable[[], Store], tmp_path: Path) -> None:
    """Ten nodes ask for an instance nobody asked for before, at once: none fails, and together they get one bucket's worth."""
    mains, stores = [opened() for _ in range(10)], list[Store]()
    together = threading.Barrier(10)

    def first(main: Store) -> int:
        together.wait()
        store = open_rates(tmp_path, main)
        stores.append(store)
        together.wait()
        return take(store, [Want("kst-1", 1000, 10)], WALL_MS)["kst-1"]

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(first, mains)) == 50
    for store in stores:
        store.close()


# ---------------------------------------------------------------- a worker's own share


@pytest.fixture
def worker(rates: Store) -> Iterator[Rates]:
    """One worker's leases."""
    made = Rates(rates)
    yield made
    made.close()


def test_nobody_is_refused_while_the_bucket_holds_some(worker: Rates) -> None:
    """190 requests at once of an instance of 4,000 a second: its bucket holds 200, whatever the worker had leased before."""
    clock = SystemClock()
    for _ in range(190):
        worker.admit([Rate("kst-1", 4000)], clock.read(), inline=False)


def test_who_is_over_the_rate_is_refused_at_once(worker: Rates) -> None:
    """Asking 20,000 times: refused without a look into the store each time, and what was admitted is what time has filled."""
    clock, admitted = SystemClock(), 0
    began = clock.read().monotonic
    for _ in range(20_000):
        try:
            worker.admit([Rate("kst-1", 1000)], clock.read(), inline=False)
            admitted += 1
        except Throttled:
            pass
    seconds = clock.read().monotonic - began
    assert 50 <= admitted <= 50 + 1000 * seconds + 1


def spend(worker: Rates, clock: SystemClock, *, inline: bool) -> None:
    """Ask for more than a bucket holds."""
    for _ in range(1000):
        worker.admit([Rate("kst-1", 1000)], clock.read(), inline=inline)


def test_on_the_loop_a_lease_is_never_fetched(worker: Rates) -> None:
    """Cold instead, the first time and whenever the lease is used up; not where the bucket was just found empty."""
    clock = SystemClock()
    with pytest.raises(Cold):
        worker.admit([Rate("kst-1", 1000)], clock.read(), inline=True)
    worker.admit([Rate("kst-1", 1000)], clock.read(), inline=False)
    with pytest.raises((Cold, Throttled)):
        spend(worker, clock, inline=True)
    with pytest.raises(Throttled):
        spend(worker, clock, inline=False)
    with pytest.raises(Throttled, match="serves 1000 requests a second"):
        worker.admit([Rate("kst-1", 1000)], clock.read(), inline=True)


def test_of_two_buckets_both_are_taken_from_or_neither(worker: Rates) -> None:
    """An account's quota of 1,000 and an instance of 4,000, whose buckets hold 50 and 200: the quota's being empty takes nothing.

    What 5,000 calls were refused would have emptied the instance's; a call on it alone is served at once.
    """
    clock, served, refused = SystemClock(), 0, set[str]()
    began = clock.read().monotonic
    both = [Rate("kst-1", 4000), Rate("1/here/symmetric", 1000, 1, 50, "symmetric")]
    for _ in range(5000):
        try:
            worker.admit(both, clock.read(), inline=False)
            served += 1
        except Throttled as refusal:
            refused.add(refusal.sentence)
    assert 50 <= served <= 50 + 1000 * (clock.read().monotonic - began) + 1
    assert len(refused) == 1
    assert "symmetric" in refused.pop()
    worker.admit([Rate("kst-1", 4000)], clock.read(), inline=False)


@pytest.mark.parametrize(("qps", "burst", "held"), [(10, 10, 10), (1, 1, 1), (300, 50, 50), (1000, 50, 50), (4000, 0, 200)])
def test_a_bucket_holds_its_burst_or_50_ms(rates: Store, qps: int, burst: int, held: int) -> None:
    """Whichever is more; then it fills at its rate: 100 ms bring a tenth of it."""
    assert take(rates, [Want("b", qps, 10_000, burst)], WALL_MS) == {"b": held}
    assert take(rates, [Want("b", qps, 10_000, burst)], WALL_MS) == {"b": 0}
    assert take(rates, [Want("b", qps, 10_000, burst)], WALL_MS + 100) == {"b": min(held, qps // 10)}
