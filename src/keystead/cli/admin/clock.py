"""`keystead admin clock …` and `keystead admin jobs`: business time, and the work that waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from keystead.cli.admin.durations import parse_duration
from keystead.cli.report import print_facts, print_json, print_table
from keystead.cli.target import Target, open_target
from keystead.clock import iso_z

if TYPE_CHECKING:
    from keystead.store.events import Event
    from keystead.store.jobs import Job

clock = App(name="clock", help="Business time.")
_HERE = Target()
JOBS_SHOWN_MAX = 1000


@clock.command
def show(*, target: Target = _HERE) -> None:
    """Show business time and whether it can be moved."""
    with open_target(target) as service:
        instant = service.clock.read()
        kind = "system" if service.settings.clock == "system" else "manual"
    facts = {"clock": kind, "business_time": iso_z(instant.now), "wall_time": iso_z(instant.wall)}
    if target.json:
        print_json(facts)
    else:
        print_facts(facts)


@clock.command
def advance(
    duration: Annotated[str, Parameter(help="Such as 30d, 12h, 1d6h, 90m, 45s or P1DT2H.")], /, *, target: Target = _HERE
) -> None:
    """Move a manual clock forward; returns when all work due by then is done, and shows what happened."""
    from keystead.schedule.runner import WorkPutOff
    from keystead.schedule.runner import advance as advance_clock

    by = parse_duration(duration)
    refused: WorkPutOff | None = None
    with open_target(target) as service:
        try:
            happened = advance_clock(service, by)
        except WorkPutOff as fault:
            refused, happened = fault, fault.events
        service.warm.check()
        now = iso_z(service.clock.read().now)
    if target.json:
        put_off = [_job_facts(job) for job in refused.jobs] if refused else []
        print_json({"business_time": now, "events": [_event_facts(event) for event in happened], "put_off": put_off})
    else:
        for event in happened:
            detail = " ".join(f"{name}={value}" for name, value in event.detail.items())
            print(f"{iso_z(event.at)}  {event.kind}  {event.subject}  {detail}".rstrip())
        print(f"it is {now}; {len(happened)} event(s)")
    if refused is not None:
        raise refused


def jobs(*, target: Target = _HERE) -> None:
    """Show open jobs, soonest first, with the error of those that failed."""
    from keystead.store import jobs as queue

    with open_target(target) as service, service.store.read() as tx:
        found = queue.listing(tx, JOBS_SHOWN_MAX)
    if target.json:
        print_json([_job_facts(job) for job in found])
    elif found:
        rows = [[iso_z(job.due), job.kind, job.subject, str(job.attempts), job.last_error] for job in found]
        print_table(["due", "kind", "subject", "failed tries", "last error"], rows)
    else:
        print("no open jobs")


def _event_facts(event: Event) -> dict[str, Any]:
    return {
        "at": iso_z(event.at),
        "kind": event.kind,
        "subject": event.subject,
        "account_id": event.account_id,
        "detail": event.detail,
    }


def _job_facts(job: Job) -> dict[str, Any]:
    return {
        "kind": job.kind,
        "subject": job.subject,
        "account_id": job.account_id,
        "due": iso_z(job.due),
        "failed_tries": job.attempts,
        "last_error": job.last_error,
    }
