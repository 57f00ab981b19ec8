"""The arithmetic of a bucket of units: for any interleaving never more than its rate and its size, and nothing lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keystead.store.leases import BURST_MS, Want, capacity, served

MS_AND_WANTED = st.lists(st.tuples(st.integers(0, 200), st.integers(-500, 500)), max_size=60)


@given(units=st.integers(1, 300_000), burst=st.integers(0, 500), steps=MS_AND_WANTED)
def test_never_more_than_rate_and_size(units: int, burst: int, steps: list[tuple[int, int]]) -> None:
    """Whatever is asked and given back when: in each stretch of t ms, t times the rate and what the bucket holds, at most."""
    size = max(units * BURST_MS, burst * 1000, 1000)
    left, at, taken = capacity(Want("b", units, 0, burst)), 0, 0
    assert left == size
    seen = [(0, 0)]
    for waited, asked in steps:
        wanted = max(asked, -taken)  # nobody gives back more than was taken
        got, left = served(Want("b", units, wanted, burst), left, waited)
        assert got <= wanted
        assert 0 <= left <= size
        at, taken = at + waited, taken + got
        seen.append((at, taken))
    for number, (begin, before) in enumerate(seen):
        for end, after in seen[number:]:
            assert (after - before) * 1000 <= (end - begin) * units + size


@given(units=st.integers(100, 300_000), waits=st.lists(st.integers(0, 40), max_size=200))
def test_nothing_is_lost(units: int, waits: list[int]) -> None:
    """Asked for everything at least each 40 ms: what was given and is left is what was there and came, to the thousandth.

    A full bucket holds 50 ms; after being emptied it holds less than a unit, 10 ms' worth of 100 a second, so it never runs over.
    """
    everything = Want("b", units, 1_000_000)
    given_in_all, left = served(everything, units * BURST_MS, 0)
    for waited in waits:
        got, left = served(everything, left, waited)
        given_in_all += got
    assert given_in_all * 1000 + left == units * BURST_MS + sum(waits) * units


@given(units=st.integers(1, 300_000), wants=st.lists(st.integers(0, 2000), min_size=1, max_size=8), waited=st.integers(0, 500))
def test_workers_get_together_what_one_would(units: int, wants: list[int], waited: int) -> None:
    """At one moment: whoever asks, in however many parts, the sum is what one asking for all of it gets."""
    alone, after = served(Want("b", units, sum(wants)), 0, waited)
    together, left = 0, 0
    for number, wanted in enumerate(wants):
        got, left = served(Want("b", units, wanted), left, 0 if number else waited)
        together += got
    assert (together, left) == (alone, after)


@given(units=st.integers(20, 300_000), held=st.integers(1, 1000))
def test_what_goes_back_can_be_taken_again(units: int, held: int) -> None:
    """As much as there is room for."""
    room = units * BURST_MS // 1000
    got, left = served(Want("b", units, -held), 0, 0)
    assert got == -held
    assert served(Want("b", units, held), left, 0)[0] == min(held, room)
