"""The loop that does what is due. With the gate, it is where the clock is read.

One step: read the clock; find the earliest open job due by now; in one writing transaction lock its account, lock the job, do its
work, close it. Whoever gets the job's lock second finds it done. A failure rolls all of that back and puts the job off, doubling
from RETRY_SECONDS_MIN to RETRY_SECONDS_MAX of wall time; other jobs go on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Event as Signal
from typing import Final

from keystead.access.rows import lock_account
from keystead.clock import Instant
from keystead.faults import CallerFault, StateFault
from keystead.gate.call import Service
from keystead.schedule.jobs import CHORES, Handler, handlers_of
from keystead.store import Conflict, Transaction, business_time, events, jobs
from keystead.store.changes import LEASE_SECONDS
from keystead.store.events import Event
from keystead.store.jobs import Job

IDLE_SECONDS: Final = 0.2
TROUBLE_SECONDS: Final = 1.0
RETRY_SECONDS_MIN: Final = 1
RETRY_SECONDS_MAX: Final = 300
LISTED_MAX: Final = 1000
log = logging.getLogger("keystead.schedule")


class ClockNotManual(StateFault):
    """Business time is wall time here: nobody can move it."""

    def __init__(self) -> None:
        """Say how a movable clock is had."""
        super().__init__("This deployment runs on the system clock; only one started with --clock manual:… can be advanced.")


class DurationNegative(CallerFault):
    """Business time only moves forward."""

    def __init__(self, by: timedelta) -> None:
        """Name what was asked for."""
        super().__init__(f"Business time only moves forward; {by} is negative.")


class WorkPutOff(StateFault):
    """The clock was moved, but `jobs`, due by then, failed and wait for another try; `events` is what did happen."""

    def __init__(self, put_off: list[Job], happened: list[Event]) -> None:
        """Name the first of them and its error."""
        first = put_off[0]
        super().__init__(
            f"{len(put_off)} job(s) due by then failed and are put off; the first is {first.kind} of {first.subject}:"
            f" {first.last_error}"
        )
        self.jobs = put_off
        self.events = happened


class Runner:
    """Does the due jobs of a deployment; any number of runners, in any number of processes, may share the work."""

    def __init__(self, service: Service, handlers: Mapping[str, Handler] | None = None) -> None:
        """Work on what `app.py` opened, by the table of work unless another is given."""
        self._service = service
        self._handlers = handlers_of(service) if handlers is None else handlers
        self._chores_due = dict.fromkeys(CHORES, 0.0)

    def run(self, stop: Signal) -> None:
        """Work until told to stop; a job in progress is finished first."""
        while not stop.is_set():
            try:
                worked = self.step()
                self.keep_house()
            except Exception:  # the store may be away: the loop outlives that
                log.exception("the scheduler could not look for work")
                stop.wait(TROUBLE_SECONDS)
                continue
            if not worked:
                stop.wait(IDLE_SECONDS)

    def step(self) -> bool:
        """Do the earliest job that is due; False when there is none."""
        self._service.warm.check()
        instant = self._service.clock.read()
        job = self.earliest(instant.now, instant.wall)
        if job is None:
            return False
        self.perform(job, instant)
        return True

    def earliest(self, until: datetime, wall: datetime) -> Job | None:
        """Give the earliest open job due by `until` (business time) that is not put off beyond `wall`."""
        with self._service.store.read() as tx:
            return jobs.next_due(tx, until, wall)

    def perform(self, job: Job, instant: Instant) -> None:
        """Do one job as of `instant`, or put it off; nothing if somebody else got to it first."""
        try:
            with self._service.store.write() as tx:
                lock_account(tx, job.account_id)
                held = jobs.lock_open(tx, job.id)
                if held is None or held.attempts != job.attempts:
                    return
                self._handlers.get(job.kind, _unknown)(tx, instant.now, job.subject)
                jobs.finish(tx, job.id, instant.now)
        except Conflict:
            return  # with another transaction, not with the facts: the next step finds the job as it was
        except Exception as error:
            log.exception("job %s of %s failed, try %d", job.kind, job.subject, job.attempts + 1)
            self._put_off(job, instant, f"{type(error).__name__}: {error}")

    def _put_off(self, job: Job, instant: Instant, error: str) -> None:
        seconds = min(RETRY_SECONDS_MIN * 2 ** min(job.attempts, 20), RETRY_SECONDS_MAX)
        with self._service.store.write() as tx:
            if jobs.lock_open(tx, job.id) is not None:
                jobs.put_off(tx, job.id, instant.wall + timedelta(seconds=seconds), error)

    def keep_house(self) -> None:
        """Do the chores whose time has come; a new runner does all of them."""
        instant = self._service.clock.read()
        for chore, due in self._chores_due.items():
            if instant.monotonic >= due:
                self._chores_due[chore] = instant.monotonic + chore.every.total_seconds()
                try:
                    chore.do(self._service, instant)
                except Exception:  # the next time will do; no work waits for it
                    log.exception("the chore %s failed", chore.name)


def advance(service: Service, by: timedelta, handlers: Mapping[str, Handler] | None = None) -> list[Event]:
    """Move a manual clock forward and do all that falls due on the way, each job at its own instant; gives what happened.

    Work that the span's own work asks for is done too, and so is what a server running beside this does: the answer comes when
    nothing due by the end is left and every worker has seen it. ClockNotManual and DurationNegative move nothing; WorkPutOff
    comes after the clock has moved.
    """
    if by < timedelta(0):
        raise DurationNegative(by)
    with service.store.read() as tx:
        start = business_time.standing(tx)
        before = events.last_id(tx)
    if start is None:
        raise ClockNotManual
    target = start + by
    runner = Runner(service, handlers)
    while True:
        _drain(service, runner, target)
        _move(service, target)
        with service.store.read() as tx:
            happened = events.since(tx, before)
            left = jobs.listing(tx, LISTED_MAX, target)
        runner.keep_house()
        if all(job.attempts > 0 for job in left):  # else another process's job asked for more work just now
            break
    if service.store.dialect != "sqlite":
        Signal().wait(LEASE_SECONDS)  # by then every worker of every node has seen all of it
    service.warm.check()
    if left:
        raise WorkPutOff(left, happened)
    return happened


def _unknown(_tx: Transaction, _now: datetime, _subject: str) -> None:
    raise LookupError("this version knows no job of this kind")


def _drain(service: Service, runner: Runner, target: datetime) -> None:
    """Do what is due by `target`, moving business time to each job's instant."""
    while (job := runner.earliest(target, service.clock.read().wall)) is not None:
        now = _move(service, job.due)
        instant = service.clock.read()
        runner.perform(job, Instant(now, instant.wall, instant.monotonic))


def _move(service: Service, to: datetime) -> datetime:
    """Move business time to `to` unless it is past that; gives where it stands then."""
    with service.store.write() as tx:
        standing = business_time.standing(tx)
        if standing is None:
            raise ClockNotManual
        if to <= standing:
            return standing
        business_time.move(tx, to)
        return to
