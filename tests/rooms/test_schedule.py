"""The scheduler on both databases: in order, once, and a failure holds up nothing but itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from keystead import app
from keystead.access import commands as access
from keystead.clock import Clock, Instant, SystemClock, elapsed, to_ms
from keystead.gate.call import Service
from keystead.schedule.jobs import Handler
from keystead.schedule.runner import ClockNotManual, DurationNegative, Runner, WorkPutOff, advance
from keystead.settings import Settings
from keystead.store import Transaction, business_time, claims, events, jobs
from keystead.store.events import record_event

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class MovedWall:
    """A clock whose wall time the test moves; business time is another clock's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = timedelta(0)

    def read(self) -> Instant:
        """Business time untouched, wall time ahead by `ahead`."""
        instant = self._clock.read()
        return Instant(instant.now, instant.wall + self.ahead, instant.monotonic + self.ahead.total_seconds())


class Deployment:
    """A service with an account, and handlers that note down what they did and when."""

    def __init__(self, database_url: str, folder: Path, clock: str) -> None:
        self.settings = Settings(data=str(folder), database=database_url, clock=clock, log_requests=False)
        self.opened: list[Service] = []
        self.done: list[tuple[str, datetime]] = []
        self.failing: set[str] = set()
        self.service = self.open()
        with self.service.store.write() as tx:
            if clock != "system":
                business_time.begin(tx, START)
            self.account_id = access.create_account(tx, START, "owner").account_id

    def open(self) -> Service:
        """Open the service once more, as another process would."""
        service = app.open_service(self.settings, "test")
        self.opened.append(service)
        return service

    def close(self) -> None:
        """Close all that was opened."""
        for service in self.opened:
            app.close_service(service)

    def ask(self, subject: str, due: datetime, kind: str = "note") -> None:
        """Enqueue a job."""
        with self.service.store.write() as tx:
            jobs.enqueue(tx, kind, subject, self.account_id, due)

    def note(self, tx: Transaction, now: datetime, subject: str) -> None:
        """Record an event; fail where the test wants it, after having written."""
        record_event(tx, "noted", subject, self.account_id, now)
        if subject in self.failing:
            message = f"no luck with {subject}"
            raise RuntimeError(message)
        self.done.append((subject, now))

    def chain(self, tx: Transaction, now: datetime, subject: str) -> None:
        """Ask for the next day's job of the same kind, until there were three."""
        record_event(tx, "chained", subject, self.account_id, now)
        if len(subject) < 3:
            jobs.enqueue(tx, "chain", subject + "+", self.account_id, now + DAY)

    @property
    def handlers(self) -> dict[str, Handler]:
        """The table of work of these tests."""
        return {"note": self.note, "chain": self.chain}

    def happened(self) -> list[tuple[str, datetime]]:
        """Every event's subject and instant, in the order of the list."""
        with self.service.store.read() as tx:
            return [(event.subject, event.at) for event in events.since(tx, 0)]

    def open_jobs(self) -> list[jobs.Job]:
        """What is still open."""
        with self.service.store.read() as tx:
            return jobs.listing(tx, 100)


@pytest.fixture
def manual(database_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on a manual clock that stands at START."""
    deployment = Deployment(database_url, tmp_path, "manual:2026-01-01T00:00:00Z")
    yield deployment
    deployment.close()


@pytest.fixture
def system(database_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on the system clock."""
    deployment = Deployment(database_url, tmp_path, "system")
    yield deployment
    deployment.close()


def drained(runner: Runner) -> int:
    """Step until nothing is due; gives how many steps found work."""
    steps = 0
    while runner.step():
        steps += 1
    return steps


def test_after_an_outage_due_work_is_done_in_the_order_it_fell_due(system: Deployment) -> None:
    """Jobs asked for in any order run by due time, each seeing the present as its `now`; what is not due waits."""
    now = SystemClock().read().now
    for days in (1, 3, 2):
        system.ask(f"{days} days late", now - days * DAY)
    system.ask("tomorrow", now + DAY)
    assert drained(Runner(system.service, system.handlers)) == 3
    assert [subject for subject, _ in system.done] == ["3 days late", "2 days late", "1 days late"]
    assert all(now <= at < now + timedelta(minutes=5) for _, at in system.done)
    assert [job.subject for job in system.open_jobs()] == ["tomorrow"]


def test_two_runners_do_each_job_once(system: Deployment) -> None:
    """Two processes that work through the same queue at the same time do nothing twice and leave nothing."""
    past = SystemClock().read().now - DAY
    subjects = [f"job {number}" for number in range(40)]
    with system.service.store.write() as tx:
        for subject in subjects:
            jobs.enqueue(tx, "note", subject, system.account_id, past)
    runners = [Runner(system.open(), system.handlers) for _ in range(2)]
    gate = threading.Barrier(2)

    def work(runner: Runner) -> None:
        gate.wait()
        drained(runner)

    threads = [threading.Thread(target=work, args=(runner,)) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(subject for subject, _ in system.done) == sorted(subjects)
    assert sorted(subject for subject, _ in system.happened()) == sorted(subjects)
    assert system.open_jobs() == []


def test_a_failure_is_undone_put_off_and_holds_up_nothing_else(system: Deployment) -> None:
    """What a failing job wrote is gone; its error and count are told; later jobs are done; it is tried again after 1 s, 2 s."""
    clock = MovedWall(system.service.clock)
    runner = Runner(replace(system.service, clock=clock), system.handlers)
    past = SystemClock().read().now - DAY
    system.ask("bad", past)
    system.ask("good", past + timedelta(hours=1))
    system.failing = {"bad"}
    assert drained(runner) == 2
    assert [subject for subject, _ in system.happened()] == ["good"]
    (job,) = system.open_jobs()
    assert (job.subject, job.attempts, job.last_error) == ("bad", 1, "RuntimeError: no luck with bad")
    clock.ahead = timedelta(seconds=2)  # past the first second's wait
    assert drained(runner) == 1
    assert system.open_jobs()[0].attempts == 2
    clock.ahead = timedelta(seconds=3)  # one second into the second wait, of two seconds
    assert drained(runner) == 0
    system.failing = set()
    clock.ahead = timedelta(seconds=10)
    assert drained(runner) == 1
    assert system.open_jobs() == []


def test_the_wait_after_a_failure_doubles_up_to_five_minutes(system: Deployment) -> None:
    """Waits are 1, 2, 4 … 256 s and then 300 s: just before its end a job is left alone, just after it is tried."""
    clock = MovedWall(system.service.clock)
    runner = Runner(replace(system.service, clock=clock), system.handlers)
    system.ask("bad", SystemClock().read().now - DAY)
    system.failing = {"bad"}
    assert drained(runner) == 1
    for wait in (1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300):
        clock.ahead += timedelta(seconds=wait - 1)  # the test itself takes less than the second left
        assert not runner.step(), wait
        clock.ahead += timedelta(seconds=2)
        assert runner.step(), wait


def test_a_job_of_an_unknown_kind_is_put_off(system: Deployment) -> None:
    """A job of a later version waits for it, with a word on why."""
    system.ask("later", SystemClock().read().now - DAY, kind="from_the_future")
    assert drained(Runner(system.service, system.handlers)) == 1
    assert "knows no job of this kind" in system.open_jobs()[0].last_error


def test_advancing_does_each_job_at_its_own_instant(manual: Deployment) -> None:
    """Every job of the span runs when business time stands at its due, jobs that jobs ask for too; then the target is reached."""
    manual.ask("late", START + 5 * DAY)
    manual.ask("early", START + 1 * DAY)
    manual.ask("beyond", START + 6 * DAY + timedelta(milliseconds=1))
    manual.ask("c", START + 2 * DAY, kind="chain")
    happened = advance(manual.service, 6 * DAY, manual.handlers)
    expected = [
        ("early", START + 1 * DAY),
        ("c", START + 2 * DAY),
        ("c+", START + 3 * DAY),
        ("c++", START + 4 * DAY),
        ("late", START + 5 * DAY),
    ]
    assert [(event.subject, event.at) for event in happened] == expected
    assert manual.service.clock.read().now == START + 6 * DAY
    assert [job.subject for job in manual.open_jobs()] == ["beyond"]
    manual.ask("now", START + 6 * DAY)
    assert [event.subject for event in advance(manual.service, timedelta(0), manual.handlers)] == ["now"]


def test_advancing_beside_a_running_scheduler_does_nothing_twice(manual: Deployment) -> None:
    """A server's scheduler and an operator's advance share the work: each job once, at its own instant."""
    subjects = {f"day {day}": START + day * DAY for day in range(1, 21)}
    for subject, due in subjects.items():
        manual.ask(subject, due)
    stop = threading.Event()
    server = threading.Thread(target=Runner(manual.open(), manual.handlers).run, args=(stop,))
    server.start()
    try:
        happened = advance(manual.service, 20 * DAY, manual.handlers)
    finally:
        stop.set()
        server.join()
    assert [(event.subject, event.at) for event in happened] == list(subjects.items())


def test_advancing_past_a_failure_tells_of_it(manual: Deployment) -> None:
    """The clock reaches its target, other work is done, and the answer is the refusal that names the job: no endless loop."""
    manual.ask("bad", START + 1 * DAY)
    manual.ask("good", START + 2 * DAY)
    manual.failing = {"bad"}
    with pytest.raises(WorkPutOff, match="note of bad: RuntimeError: no luck with bad") as caught:
        advance(manual.service, 3 * DAY, manual.handlers)
    assert [event.subject for event in caught.value.events] == ["good"]
    assert [job.subject for job in caught.value.jobs] == ["bad"]
    assert manual.service.clock.read().now == START + 3 * DAY


def test_row_35_time_does_not_move_back(manual: Deployment) -> None:
    """A negative duration is refused and moves nothing."""
    with pytest.raises(DurationNegative):
        advance(manual.service, -timedelta(seconds=1), manual.handlers)
    assert manual.service.clock.read().now == START


def test_the_system_clock_cannot_be_moved(system: Deployment) -> None:
    """A deployment on the system clock refuses to be advanced."""
    with pytest.raises(ClockNotManual):
        advance(system.service, DAY, system.handlers)


def test_nonces_are_forgotten_once_their_date_alone_refuses_them(system: Deployment) -> None:
    """The running scheduler deletes nonces seen more than twice the 15 minutes of skew ago, and no younger one."""
    wall = SystemClock().read().wall
    ages = {"old": timedelta(minutes=31), "young": timedelta(minutes=29)}
    with system.service.store.write() as tx:
        for nonce, age in ages.items():
            assert claims.claim_nonce(tx, "AK", nonce, to_ms(wall - age))
    system.ask("due", wall - DAY)
    stop = threading.Event()
    loop = threading.Thread(target=Runner(system.service, system.handlers).run, args=(stop,))
    loop.start()
    until = elapsed() + 10
    while (system.open_jobs() or nonces(system) != ["young"]) and elapsed() < until:
        stop.wait(0.05)
    stop.set()
    loop.join()
    assert nonces(system) == ["young"]
    assert system.open_jobs() == []


def nonces(deployment: Deployment) -> list[str]:
    """Every nonce remembered."""
    with deployment.service.store.read() as tx:
        return list(tx.execute(select(claims.request_nonce.c.nonce)).scalars())
