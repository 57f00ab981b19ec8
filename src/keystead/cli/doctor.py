"""`keystead doctor`: is everything in order? One line a check; status 1 if anything is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from cyclopts import Parameter

from keystead.cli.report import print_json
from keystead.cli.target import DeploymentMissing, StoreUnreachable, Target, open_target_store
from keystead.clock import SystemClock, iso_z
from keystead.faults import Fault
from keystead.settings import Settings

if TYPE_CHECKING:
    from keystead.store import Store

JOBS_LOOKED_AT_MAX: Final = 100_000
WRITING_SECONDS_MAX: Final = 0.5
"""How long a running server may take to finish a frame of its journal."""


_HERE = Target()


class Check(NamedTuple):
    """One check: its name, whether all is well, and what was seen."""

    name: str
    well: bool
    seen: str


def doctor(
    *,
    ledger: Annotated[bool, Parameter(negative=(), help="Check the books alone: orders, ledger, bills and balances.")] = False,
    target: Target = _HERE,
) -> int:
    """Check store, schema, books, jobs, mail, root key, certificate and journal; status 1 if anything is wrong."""
    checks = list(_books(target) if ledger else _examine(target))
    well = all(check.well for check in checks)
    if target.json:
        print_json({"well": well, "checks": [check._asdict() for check in checks]})
    else:
        for check in checks:
            print(f"{'ok   ' if check.well else 'WRONG'}  {check.name:<12} {check.seen}")
    return 0 if well else 1


def _examine(target: Target) -> Iterator[Check]:
    settings = target.settings()
    try:
        with open_target_store(target) as (_, store):
            yield Check("store", True, f"{store.dialect} answers")
            schema = _checked("schema", lambda: _schema(store))
            yield schema
            if schema.well:
                yield _checked("ledger", lambda: _ledger(store))
                yield _checked("jobs", lambda: _jobs(store))
                yield _checked("mail", lambda: _mail(store))
                yield _checked("networks", lambda: _networks(store))
    except (DeploymentMissing, StoreUnreachable) as fault:
        yield Check("store", False, fault.sentence)
    yield _checked("root key", lambda: _root_key(settings))
    yield _checked("certificate", lambda: _certificate(settings))
    yield _checked("journal", lambda: _journal(settings))


def _books(target: Target) -> Iterator[Check]:
    try:
        with open_target_store(target) as (_, store):
            schema = _checked("schema", lambda: _schema(store))
            yield _checked("ledger", lambda: _ledger(store)) if schema.well else schema
    except (DeploymentMissing, StoreUnreachable) as fault:
        yield Check("store", False, fault.sentence)


class _Wrong(Exception):
    """What a check found."""


def _checked(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except _Wrong as wrong:
        return Check(name, False, str(wrong))
    except Fault as fault:
        return Check(name, False, fault.sentence)
    except Exception as error:  # noqa: BLE001 - a broken database shows itself anywhere; the other checks go on
        return Check(name, False, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no more is known'}")


def _schema(store: Store) -> str:
    from keystead.store.migrations import current

    if not current(store):
        raise _Wrong("not this version's: start `keystead serve` once to bring it there")
    return "current"


def _ledger(store: Store) -> str:
    from keystead.access import commands as access
    from keystead.bills import commands as bills

    with store.read() as tx:
        findings = bills.audit(tx)
        accounts = len(access.accounts(tx))
    if findings:
        raise _Wrong(f"{len(findings)} finding(s), first: {findings[0]}")
    return f"balanced, and at one with orders, instances, bills and the balances of {accounts} account(s)"


def _jobs(store: Store) -> str:
    from keystead.store import jobs

    with store.read() as tx:
        found = jobs.listing(tx, JOBS_LOOKED_AT_MAX)
    failed = [job for job in found if job.attempts]
    if failed:
        worst = max(failed, key=lambda job: job.attempts)
        raise _Wrong(
            f"{len(failed)} put off; {worst.kind} of {worst.subject} failed {worst.attempts} time(s), last: {worst.last_error}"
        )
    return f"{len(found)} open, none failed"


def _mail(store: Store) -> str:
    from keystead.store import outbox

    with store.read() as tx:
        waiting, dead = outbox.counts(tx)
        mailing = outbox.is_mailing(tx)
        newest = [letter for letter in outbox.unsent(tx, JOBS_LOOKED_AT_MAX) if letter.dead][-1:]
    if dead:
        raise _Wrong(
            f"{dead} letter(s) given up, last: {newest[0].last_error}; `keystead admin outbox` shows them,"
            " --retry sends them again, --forget drops them"
        )
    route = "" if mailing else "; no mail server is configured: notices stay in the message centre"
    return f"{waiting} letter(s) waiting{route}"


def _networks(store: Store) -> str:
    from keystead.instances import commands as instances
    from keystead.networks import commands as networks

    with store.read() as tx:
        registered = len(networks.vpcs(tx))
        cut_off = instances.cut_off(tx)
    if cut_off:
        raise _Wrong(
            f"{len(cut_off)} instance(s), such as {cut_off[0]}, were enabled in VPCs that are not registered: their own addresses"
            " answer only to further VPCs that they are bound to; `keystead admin vpc create` registers one"
        )
    return f"{registered} VPC(s)" if registered else "no VPC is registered: instances answer everywhere"


def _root_key(settings: Settings) -> str:
    from keystead import app
    from keystead.hsm.software import open_root_key

    path = settings.data_path / app.ROOT_KEY_FILE
    if not path.exists():
        raise _Wrong(f"{path} is missing: what it sealed cannot be opened")
    open_root_key(path)
    return f"{path} opens and is its owner's alone"


def _certificate(settings: Settings) -> str:
    from keystead.cli.certificates import certificate_ends

    ends = certificate_ends(settings.data_path)
    if ends is None:
        raise _Wrong("there is none: the next `keystead serve` makes one")
    if ends <= SystemClock().read().wall:
        raise _Wrong(f"ended {iso_z(ends)}: the next `keystead serve` makes another")
    return f"good until {iso_z(ends)}"


def _journal(settings: Settings) -> str:
    from keystead import app

    files = sorted(app.journal_folder(settings).glob("*.journal"))
    torn = [path for path in files if _torn(path)]
    if torn:
        raise _Wrong(f"{len(torn)} torn, first: {torn[0]}; the next `keystead serve` moves the unanswered tail aside")
    return f"{len(files)} file(s), all whole"


def _torn(path: Path) -> bool:
    """Whether a frame at the end is not whole, and stays so for longer than a running server needs to finish it."""
    from keystead.access_log.journal import MAGIC, frames

    def end() -> int:
        return max((offset for offset, _ in frames(path)), default=len(MAGIC))

    before = end()
    if path.stat().st_size <= before:
        return False
    Event().wait(WRITING_SECONDS_MAX)
    return end() == before and path.stat().st_size > before
