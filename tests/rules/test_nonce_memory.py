"""The memory of nonces: what it remembers it refuses, and it never grows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.gate.signature import NonceMemory, NonceUsed

START = datetime(2026, 11, 22, 18, 59, 5, tzinfo=UTC)


def nonces(count: int, word: str = "n") -> Iterator[str]:
    """So many different nonces."""
    return (f"{word}{number}" for number in range(count))


def test_a_nonce_is_taken_once() -> None:
    """The second time it is refused; another caller's equal nonce is another one."""
    memory = NonceMemory(slots=1 << 10)
    memory.claim("LTAI1", "a", START)
    with pytest.raises(NonceUsed):
        memory.claim("LTAI1", "a", START)
    memory.claim("LTAI2", "a", START)
    memory.claim("LTAI1", "b", START)


def test_access_key_and_nonce_do_not_run_together() -> None:
    """("ab", "c") and ("a", "bc") are two requests."""
    memory = NonceMemory(slots=1 << 10)
    memory.claim("ab", "c", START)
    memory.claim("a", "bc", START)


@given(st.lists(st.text(min_size=1, max_size=8), max_size=200))
def test_exactly_the_repeated_ones_are_refused(arriving: list[str]) -> None:
    """As long as they fit one table (716 of 1024), it behaves as a set does."""
    memory, seen = NonceMemory(slots=1 << 10), set[str]()
    for nonce in arriving:
        if nonce in seen:
            with pytest.raises(NonceUsed):
                memory.claim("k", nonce, START)
        else:
            memory.claim("k", nonce, START)
        seen.add(nonce)


def test_the_promised_number_is_remembered_whatever_comes() -> None:
    """70 % of a table is the least that is remembered: the last 716 of any flood through 1024 slots (716 = 0.7 * 1024)."""
    memory = NonceMemory(slots=1 << 10)
    flood = list(nonces(10_000))
    for at, nonce in enumerate(flood):
        memory.claim("k", nonce, START)
        if at % 97 == 0:
            for earlier in (flood[max(0, at - 715)], nonce):
                with pytest.raises(NonceUsed):
                    memory.claim("k", earlier, START)


def test_the_bound_of_memory_is_kept() -> None:
    """Two tables of 8 bytes a slot, as many after a flood as before: 2 * 8 * 1024 bytes; 32 MiB at the default size."""
    memory = NonceMemory(slots=1 << 10)
    for nonce in nonces(20_000):
        memory.claim("k", nonce, START)
    tables = [value for value in vars(memory).values() if hasattr(value, "itemsize")]
    assert sum(len(table) * table.itemsize for table in tables) == 2 * 8 * 1024
    others = [value for value in vars(memory).values() if isinstance(value, dict | list | set)]
    assert others == []


def test_every_nonce_is_remembered_while_its_date_is_acceptable() -> None:
    """At a gentle pace: signed 15 minutes ahead, it can come again for 30 minutes, and is refused each time."""
    memory = NonceMemory(slots=1 << 10)
    for minute in range(200):
        now = START + timedelta(minutes=minute)
        memory.claim("k", f"m{minute}", now)
        for earlier in range(max(0, minute - 30), minute + 1):
            with pytest.raises(NonceUsed):
                memory.claim("k", f"m{earlier}", now)


def test_what_is_older_than_two_windows_is_forgotten() -> None:
    """A table is dropped when the one after it has had its window too: nothing is kept for ever."""
    memory = NonceMemory(slots=1 << 10)
    memory.claim("k", "old", START)
    memory.claim("k", "x", START + timedelta(minutes=31))
    memory.claim("k", "y", START + timedelta(minutes=62))
    memory.claim("k", "old", START + timedelta(minutes=62))


def test_a_clock_stepping_back_forgets_nothing() -> None:
    """Wall time may be set back; a nonce seen before stays seen."""
    memory = NonceMemory(slots=1 << 10)
    memory.claim("k", "a", START)
    with pytest.raises(NonceUsed):
        memory.claim("k", "a", START - timedelta(hours=1))
