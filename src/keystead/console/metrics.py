"""Figures of the API workers, kept in files of a shared folder (PROMETHEUS_MULTIPROC_DIR) and summed up when asked for."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter as Counts
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from keystead.access_log.model import Record
from keystead.key_use.model import BOUND

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the duration classes, in seconds."""
_MILLISECONDS: Final = 1000
log = logging.getLogger("keystead.console")


class _Durations(Histogram):
    """A histogram that takes a group of durations at once: two writes into the shared file a call cost more than all else."""

    def observe_all(self, amounts: list[float]) -> None:
        """Do what `observe` would for each, in seconds."""
        classes = Counts(bisect_left(BUCKETS, amount) for amount in amounts)
        self._sum.inc(sum(amounts))
        for at, number in classes.items():
            self._buckets[at].inc(number)


class Meter:
    """Counts what an API worker answers; one a process, PROMETHEUS_MULTIPROC_DIR set before this module is imported."""

    def __init__(self) -> None:
        """Begin, and count this worker as up."""
        registry = CollectorRegistry()
        self._requests = Counter(
            "keystead_requests", "Requests answered.", ["product", "action", "status", "code"], registry=registry
        )
        self._seconds = _Durations(
            "keystead_request_seconds",
            "Time from arrival to the answer being ready.",
            ["product", "action"],
            buckets=BUCKETS,
            registry=registry,
        )
        up = Gauge("keystead_workers_up", "API workers running.", multiprocess_mode="livesum", registry=registry)
        up.set(1)
        self._counters: dict[tuple[str, str, int, str], Counter] = {}
        self._histograms: dict[tuple[str, str], _Durations] = {}

    def observe(self, records: list[Record]) -> None:
        """Count a group of records; called by the journal's thread, which nothing here may end."""
        try:
            alike: dict[tuple[str, str, int, str], list[float]] = {}
            for record in records:
                key = (record.product, record.api_name, record.status_code, record.error_code)
                alike.setdefault(key, []).append(record.duration / _MILLISECONDS)
            for key, durations in alike.items():
                self._count(key, durations)
        except (OSError, ValueError):  # the folder is full or gone: figures may be lost, calls may not
            log.exception("requests not counted")

    def _count(self, key: tuple[str, str, int, str], durations: list[float]) -> None:
        """Labels come from tables of this program, not from callers: there are only so many."""
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._requests.labels(*map(str, key))
        counter.inc(len(durations))
        histogram = self._histograms.get(key[:2])
        if histogram is None:
            histogram = self._histograms[key[:2]] = self._seconds.labels(*key[:2])
        histogram.observe_all(durations)


def exposition(folder: str) -> bytes:
    """Give the figures of all workers, past ones included, in Prometheus' text format."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def wear(most: int, worn: int) -> bytes:
    """Give how far key versions are from the bound of GCM, in Prometheus' text format; it names no key."""
    registry = CollectorRegistry()
    bound = Gauge("keystead_key_version_encryptions_bound", "Encryptions a key version may do.", registry=registry)
    highest = Gauge("keystead_key_version_encryptions_max", "Encryptions of the key version that did most.", registry=registry)
    warned = Gauge("keystead_key_versions_worn", "Key versions whose owners are warned.", registry=registry)
    bound.set(BOUND)
    highest.set(most)
    warned.set(worn)
    return generate_latest(registry)


def worker_died(folder: str, process_id: int) -> None:
    """Count a dead worker as up no longer; what it counted stays."""
    multiprocess.mark_process_dead(process_id, path=folder)  # type: ignore[no-untyped-call]
