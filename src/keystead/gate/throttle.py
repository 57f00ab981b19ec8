"""Requests a second: one budget an instance, and one a quota of the shared gateway, however many workers serve them.

A budget is in whole units, of which a request takes its weight. A worker holds leased units of the buckets it serves from. A
thread renews the leases of all busy buckets every SLICE_SECONDS in one transaction, asking for what the last slice needed; what
is not needed any more goes back, but for KEPT_SECONDS' worth until nothing was asked for IDLE_SECONDS. On the hot path an
admission is a dictionary look-up and a decrement a bucket. A bucket without a lease, or asked for more than before, is leased on
the spot, off the loop: a request is refused only where the bucket itself was found empty within DRY_SECONDS.

A request is admitted while any unit is left, and what it weighs beyond that is a debt, paid from what is leased next: so heavy
requests have the same chance as light ones, and every unit is counted all the same (docs/adr/0107).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from keystead.clock import Instant, elapsed, to_ms
from keystead.faults import LimitFault
from keystead.store.changes import Cold
from keystead.store.engine import Store
from keystead.store.leases import Want, take

SLICE_SECONDS: Final = 0.03
IDLE_SECONDS: Final = 1.0
DRY_SECONDS: Final = 0.05
RETRY_AFTER_MS: Final = 50
KEPT_SECONDS: Final = 0.01


class Rate(NamedTuple):
    """A bucket to take a request of so many units from, and how many a second fill it.

    `group` names a quota of the shared gateway; empty is an instance.
    """

    bucket_id: str
    units: int
    weight: int = 1
    burst: int = 0
    group: str = ""


class Throttled(LimitFault):
    """The requests of this moment are used up; `retry_after_ms` is when asking again makes sense."""

    def __init__(self, rate: Rate) -> None:
        """Say which rate: the purchased one or the quota's."""
        alone = max(1, rate.units // rate.weight)
        what = f"the instance serves {alone} requests a second of this kind, or others in their place."
        if rate.group:
            what = f"the account has {alone} requests a second in this region for this kind of action ({rate.group})."
        super().__init__(f"QPS Limit Exceeded: {what}")
        comes_after_ms = -(-1000 * rate.weight // rate.units)
        self.retry_after_ms = max(RETRY_AFTER_MS, comes_after_ms + int(SLICE_SECONDS * 1000))  # a slice must have leased it


class _Lease:
    __slots__ = ("asked", "asked_at", "burst", "dry_at", "left", "units")

    def __init__(self, rate: Rate) -> None:
        self.units = rate.units
        self.burst = rate.burst
        self.left = 0  # units; below zero a debt
        self.asked = 0  # units, since the last renewal
        self.asked_at = 0.0
        self.dry_at = 0.0  # when the bucket was found with less than was asked; monotonic seconds, 0 after it had enough

    def add(self, wanted: int, given: int, now: float) -> None:
        self.left += given
        self.dry_at = now if given < wanted else 0.0

    def change(self, units: int) -> None:
        """Count in other units, those of an upgrade: what is left of a slice is as much of a second as before."""
        self.left = self.left * units // self.units
        self.units = units

    def surplus(self, now: float) -> int:
        """Give how many units more are left than the next slice needs; negative is how many to ask for."""
        needed, self.asked = max(self.asked + self.asked // 4 + 2, int(self.units * KEPT_SECONDS)), 0
        if now - self.asked_at > IDLE_SECONDS:
            return self.left
        return self.left - min(needed, max(1, int(self.units * SLICE_SECONDS * 3)))


class Rates:
    """One worker's leases."""

    def __init__(self, store: Store, clock: Callable[[], float] = elapsed, *, by_itself: bool = True) -> None:
        """Start with none; `clock` counts monotonic seconds. Unless `by_itself`, only calls of `renew` renew leases."""
        self._store = store
        self._clock = clock
        self._seen: Instant | None = None
        self._leases: dict[str, _Lease] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._busy = threading.Event()
        self._renewer = threading.Thread(target=self._renew_on, name="rate-leases", daemon=True)
        if by_itself:
            self._renewer.start()

    def admit(self, rates: Sequence[Rate], instant: Instant, *, inline: bool) -> None:
        """Take a request from each bucket or raise `Throttled`; `Cold` where a lease must be fetched and `inline` forbids it.

        Whatever is raised, nothing was taken.
        """
        leases = [self._lease(rate, instant, inline=inline) for rate in rates]
        self._seen = instant
        for rate, lease in zip(rates, leases, strict=True):
            lease.asked += rate.weight
            lease.asked_at = instant.monotonic
            if lease.units != rate.units:
                lease.change(rate.units)
            if lease.left <= 0:
                raise Throttled(rate)
        for rate, lease in zip(rates, leases, strict=True):
            lease.left -= rate.weight

    def close(self) -> None:
        """Stop the renewing thread, wait for it, and close the leases' file."""
        self._stop.set()
        self._busy.set()
        if self._renewer.is_alive():
            self._renewer.join()
        if self._store.dialect == "sqlite":  # elsewhere the leases live in the main store, which is not ours to close
            self._store.close()

    def _lease(self, rate: Rate, instant: Instant, *, inline: bool) -> _Lease:
        lease = self._leases.get(rate.bucket_id)
        if lease is None or (lease.left <= 0 and instant.monotonic - lease.dry_at > DRY_SECONDS):
            if inline:
                raise Cold
            lease = self._lease_now(rate, instant)
        return lease

    def _lease_now(self, rate: Rate, instant: Instant) -> _Lease:
        with self._lock:
            lease = self._leases.get(rate.bucket_id)
            if lease is None:
                lease = _Lease(rate)
            now = self._clock()
            if lease.left <= 0 and now - lease.dry_at > DRY_SECONDS:
                slice_of = int(rate.units * SLICE_SECONDS)
                wanted = max(rate.weight, min(10 * rate.weight + lease.asked, slice_of)) - lease.left
                given = take(self._store, [Want(rate.bucket_id, rate.units, wanted, rate.burst)], to_ms(instant.wall))
                lease.add(wanted, given[rate.bucket_id], now)
            lease.asked_at = instant.monotonic
            self._leases[rate.bucket_id] = lease
        self._busy.set()
        return lease

    def _renew_on(self) -> None:
        while not self._stop.is_set():
            if not self._leases:
                self._busy.wait()
            self._busy.clear()
            began = self._clock()
            with contextlib.suppress(Exception):  # without a lease requests are refused; the next slice tries again
                self.renew()
            # A slice begins where the last one did, however long that took: on a busy core a transaction waits for its turn.
            if self._stop.wait(max(0.0, SLICE_SECONDS - (self._clock() - began))):
                return

    def renew(self) -> None:
        """Ask for what the next slice needs, and give back what it does not, of all buckets at once."""
        seen, now = self._seen, self._clock()
        if seen is None:
            return
        wall_ms = to_ms(seen.wall) + int((now - seen.monotonic) * 1000)  # reckoned from the last call: only the gate reads clocks
        with self._lock:
            wants = []
            for bucket_id, lease in list(self._leases.items()):
                surplus = lease.surplus(now)
                if surplus > 0:  # not to be used any more from here on
                    lease.left -= surplus
                wants.append(Want(bucket_id, lease.units, -surplus, lease.burst))
            if not wants:
                return
            given = take(self._store, wants, wall_ms)
            for want in wants:
                lease = self._leases[want.bucket_id]
                lease.add(max(want.wanted, 0), max(given[want.bucket_id], 0), now)  # what was given back is off `left` already
                if now - lease.asked_at > IDLE_SECONDS and lease.left == 0:
                    del self._leases[want.bucket_id]
