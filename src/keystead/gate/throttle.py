"""Requests a second: one figure an instance, however many workers serve it.

A worker holds leased requests of the instances it serves. A thread renews the leases of all busy instances every SLICE_SECONDS
in one transaction, asking for what the last slice needed; what an idle instance does not use goes back. On the hot path an
admission is a dictionary look-up and a decrement. An instance without a lease, or one that asks for more than it did before, is
leased on the spot, off the loop: a request is refused only where the bucket itself was found empty within DRY_SECONDS.
"""

from __future__ import annotations

import threading
from typing import Final

from keystead.clock import Instant, elapsed, to_ms
from keystead.faults import LimitFault
from keystead.store.changes import Cold
from keystead.store.engine import Store
from keystead.store.leases import Want, take

SLICE_SECONDS: Final = 0.03
IDLE_SECONDS: Final = 1.0
DRY_SECONDS: Final = 0.05
RETRY_AFTER_MS: Final = 50


class Throttled(LimitFault):
    """The instance's requests of this moment are used up; `retry_after_ms` is when asking again makes sense."""

    def __init__(self, qps: int) -> None:
        """Say the purchased rate."""
        super().__init__(f"QPS Limit Exceeded: the instance is purchased for {qps} requests a second.")
        self.retry_after_ms = RETRY_AFTER_MS


class _Lease:
    __slots__ = ("asked", "asked_at", "dry_at", "left", "qps")

    def __init__(self, qps: int) -> None:
        self.qps = qps
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

    def admit(self, instance_id: str, qps: int, instant: Instant, *, inline: bool) -> None:
        """Take one request of the instance or raise `Throttled`; `Cold` where a lease must be fetched and `inline` forbids it."""
        lease = self._leases.get(instance_id)
        if lease is None or (lease.left <= 0 and instant.monotonic - lease.dry_at > DRY_SECONDS):
            if inline:
                raise Cold
            lease = self._lease_now(instance_id, qps, instant)
        self._seen = instant
        lease.asked += 1
        lease.asked_at = instant.monotonic
        lease.qps = qps
        if lease.left <= 0:
            raise Throttled(qps)
        lease.left -= 1

    def close(self) -> None:
        """Stop the renewing thread, wait for it, and close the leases' file."""
        self._stop.set()
        self._busy.set()
        self._renewer.join()
        if self._store.dialect == "sqlite":  # elsewhere the leases live in the main store, which is not ours to close
            self._store.close()

    def _lease_now(self, instance_id: str, qps: int, instant: Instant) -> _Lease:
        with self._lock:
            lease = self._leases.get(instance_id)
            if lease is None:
                lease = _Lease(qps)
            now = elapsed()
            if lease.left <= 0 and now - lease.dry_at > DRY_SECONDS:
                wanted = max(1, min(10 + lease.asked, int(qps * SLICE_SECONDS)))
                lease.add(wanted, take(self._store, [Want(instance_id, qps, wanted)], to_ms(instant.wall))[instance_id], now)
            lease.asked_at = instant.monotonic
            self._leases[instance_id] = lease
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
            for instance_id, lease in list(self._leases.items()):
                idle = now - lease.asked_at > IDLE_SECONDS
                asked, lease.asked = lease.asked, 0
                need = 0 if idle else min(asked + asked // 4 + 2, max(1, int(lease.qps * SLICE_SECONDS * 3)))
                count = need - lease.left
                if count < 0 and not idle:
                    continue
                if count < 0:
                    lease.left = 0
                wants.append(Want(instance_id, lease.qps, count))
                if idle:
                    del self._leases[instance_id]
            if wants:
                given = take(self._store, wants, wall_ms)
                for want in wants:
                    kept = self._leases.get(want.instance_id)
                    if kept is not None and want.wanted > 0:
                        kept.add(want.wanted, given[want.instance_id], now)
