"""Requests a second: one figure an instance, and one a quota of the shared gateway, however many workers serve them.

A worker holds leased requests of the buckets it serves from. A thread renews the leases of all busy buckets every SLICE_SECONDS
in one transaction, asking for what the last slice needed; what an idle one does not use goes back. On the hot path an
admission is a dictionary look-up and a decrement a bucket. A bucket without a lease, or asked for more than before, is leased
on the spot, off the loop: a request is refused only where the bucket itself was found empty within DRY_SECONDS.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
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


class Rate(NamedTuple):
    """A bucket to take a request from, and what fills it; `group` names a quota of the shared gateway, empty is an instance."""

    bucket_id: str
    qps: int
    burst: int = 0
    group: str = ""


class Throttled(LimitFault):
    """The requests of this moment are used up; `retry_after_ms` is when asking again makes sense."""

    def __init__(self, rate: Rate) -> None:
        """Say which rate: the purchased one or the quota's."""
        what = f"the instance is purchased for {rate.qps} requests a second."
        if rate.group:
            what = f"the account has {rate.qps} requests a second in this region for this kind of action ({rate.group})."
        super().__init__(f"QPS Limit Exceeded: {what}")
        self.retry_after_ms = max(RETRY_AFTER_MS, 1000 // rate.qps)


class _Lease:
    __slots__ = ("asked", "asked_at", "burst", "dry_at", "left", "qps")

    def __init__(self, rate: Rate) -> None:
        self.qps = rate.qps
        self.burst = rate.burst
        self.left = 0
        self.asked = 0
        self.asked_at = 0.0
        self.dry_at = 0.0  # when the bucket was last found with less than was asked; monotonic seconds

    def add(self, wanted: int, given: int, now: float) -> None:
        self.left += given
        if given < wanted:
            self.dry_at = now


class Rates:
    """One worker's leases."""

    def __init__(self, store: Store) -> None:
        """Start with none."""
        self._store = store
        self._seen: Instant | None = None
        self._leases: dict[str, _Lease] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._busy = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="rate-leases", daemon=True)
        self._renewer.start()

    def admit(self, rates: Sequence[Rate], instant: Instant, *, inline: bool) -> None:
        """Take one request from each bucket or raise `Throttled`; `Cold` where a lease must be fetched and `inline` forbids it.

        Whatever is raised, nothing was taken.
        """
        leases = [self._lease(rate, instant, inline=inline) for rate in rates]
        self._seen = instant
        for rate, lease in zip(rates, leases, strict=True):
            lease.asked += 1
            lease.asked_at = instant.monotonic
            lease.qps = rate.qps
            if lease.left <= 0:
                raise Throttled(rate)
        for lease in leases:
            lease.left -= 1

    def close(self) -> None:
        """Stop the renewing thread, wait for it, and close the leases' file."""
        self._stop.set()
        self._busy.set()
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
        bucket_id, qps, burst, _ = rate
        with self._lock:
            lease = self._leases.get(bucket_id)
            if lease is None:
                lease = _Lease(rate)
            now = elapsed()
            if lease.left <= 0 and now - lease.dry_at > DRY_SECONDS:
                wanted = max(1, min(10 + lease.asked, int(qps * SLICE_SECONDS)))
                given = take(self._store, [Want(bucket_id, qps, wanted, burst)], to_ms(instant.wall))
                lease.add(wanted, given[bucket_id], now)
            lease.asked_at = instant.monotonic
            self._leases[bucket_id] = lease
        self._busy.set()
        return lease

    def _renew(self) -> None:
        while not self._stop.is_set():
            if not self._leases:
                self._busy.wait()
            self._busy.clear()
            if self._stop.wait(SLICE_SECONDS):
                return
            try:
                self._renew_all()
            except Exception:  # noqa: BLE001, S112 - without a lease requests are refused; the next slice tries again
                continue

    def _renew_all(self) -> None:
        seen, now = self._seen, elapsed()
        if seen is None:
            return
        wall_ms = to_ms(seen.wall) + int((now - seen.monotonic) * 1000)  # reckoned from the last call: only the gate reads clocks
        with self._lock:
            wants = []
            for bucket_id, lease in list(self._leases.items()):
                idle = now - lease.asked_at > IDLE_SECONDS
                asked, lease.asked = lease.asked, 0
                need = 0 if idle else min(asked + asked // 4 + 2, max(1, int(lease.qps * SLICE_SECONDS * 3)))
                count = need - lease.left
                if count < 0 and not idle:
                    continue
                if count < 0:
                    lease.left = 0
                wants.append(Want(bucket_id, lease.qps, count, lease.burst))
                if idle:
                    del self._leases[bucket_id]
            if wants:
                given = take(self._store, wants, wall_ms)
                for want in wants:
                    kept = self._leases.get(want.bucket_id)
                    if kept is not None and want.wanted > 0:
                        kept.add(want.wanted, given[want.bucket_id], now)
