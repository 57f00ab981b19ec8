"""Time: the one place that asks the machine what time it is.

Two times exist side by side. *Business time* (`Instant.now`) decides terms, notices, expiry and release; a manual clock moves
it. *Wall time* (`Instant.wall`) judges request signatures, nonces, tokens and rate leases, because real clients sign with
theirs; nothing moves it. Both are aware UTC. Business days are dates in UTC+8 (KMS billing page, read 2026-11-22).
The clock is read by the gate (once a request) and by the scheduler, and passed on from there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, Protocol

import msgspec

BUSINESS_ZONE = timezone(timedelta(hours=8), "UTC+8")
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO_Z: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII).fullmatch
_MILLISECOND = timedelta(milliseconds=1)


class Instant(msgspec.Struct, frozen=True):
    """One reading of the clock: `now` is business time, `wall` real time (both aware UTC), `monotonic` seconds."""

    now: datetime
    wall: datetime
    monotonic: float


class Clock(Protocol):
    """Where time comes from."""

    def read(self) -> Instant:
        """Give business time, wall time and the monotonic second count, read together."""
        ...


class SystemClock:
    """Business time is wall time."""

    def read(self) -> Instant:
        """Read the machine's clock once."""
        wall = datetime.now(UTC)
        return Instant(wall, wall, time.monotonic())


class ManualClock:
    """Business time stands still until somebody advances it; wall time runs on.

    `business` gives the standing business time, usually from the store, so that every worker sees the same.
    """

    def __init__(self, business: Callable[[], datetime]) -> None:
        """Take business time from `business` at every reading."""
        self._business = business

    def read(self) -> Instant:
        """Read both clocks."""
        return Instant(self._business(), datetime.now(UTC), time.monotonic())


def elapsed() -> float:
    """Give a monotonic second count for measuring how long something took; never a date."""
    return time.monotonic()


def business_day(at: datetime) -> date:
    """Give the UTC+8 date on which the instant `at` falls."""
    return at.astimezone(BUSINESS_ZONE).date()


def business_midnight(day: date) -> datetime:
    """Give the UTC instant at which the UTC+8 date `day` begins."""
    return datetime(day.year, day.month, day.day, tzinfo=BUSINESS_ZONE).astimezone(UTC)


def to_ms(at: datetime) -> int:
    """Give `at` as whole milliseconds since 1970-01-01T00:00:00Z, rounded down: the form the store keeps."""
    return (at - UNIX_EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    """Give the aware UTC instant of a stored millisecond count."""
    return UNIX_EPOCH + timedelta(milliseconds=milliseconds)


def iso_z(at: datetime) -> str:
    """Write `at` as the cloud does: `2026-01-02T03:04:05Z`, UTC, whole seconds (rounded down)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_iso_z(text: str) -> datetime:
    """Read `2026-01-02T03:04:05Z`, with or without a fraction of up to six digits; ValueError for anything else."""
    if not _ISO_Z(text):  # the library alone would also take week dates, dates without dashes and a time of hours only
        message = f"{text!r} is not a UTC time such as 2026-01-02T03:04:05Z"
        raise ValueError(message)
    return datetime.fromisoformat(text)
