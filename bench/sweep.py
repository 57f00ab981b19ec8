"""The case `sweep`: a night's work among many instances, in process, on SQLite. It must cost what is due, not what is there."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from crowd import TONIGHT, move_in

from keystead import app
from keystead.clock import iso_z
from keystead.schedule.runner import Runner
from keystead.settings import Settings
from keystead.store import business_time
from keystead.store.migrations import upgrade

SIZES: Final = ((100_000, 1000), (100_000, 100), (10_000, 1000), (10_000, 100))
Row = dict[str, Any]


def sweep(folder: Path) -> list[Row]:
    """Half of the due instances stop, half are released; with telling it that is 3 jobs an instance, each a durable commit."""
    rows = [_night(folder / f"{total}-{due}", total, due) for total, due in SIZES]
    for row, base in zip(rows[:2], rows[2:], strict=True):  # against a tenth of the instances with as many due
        row["limit"] = base["ops_per_s"]
        row["ratio"] = round(row["ops_per_s"] / base["ops_per_s"], 3)
    return rows


def _night(folder: Path, total: int, due: int) -> Row:
    folder.mkdir()
    start = TONIGHT - timedelta(hours=1)
    settings = Settings(data=str(folder), clock=f"manual:{iso_z(start)}", log_requests=False)
    store = app.store_of(settings)
    upgrade(store.url)
    with store.write() as tx:
        business_time.begin(tx, start)
    move_in(store, total, due)
    store.close()
    service = app.open_service(settings, "bench")
    runner = Runner(service)
    assert not runner.step()
    with service.store.write() as tx:
        business_time.move(tx, TONIGHT)
    began, used = time.monotonic(), time.process_time()
    jobs = 0
    while runner.step():
        jobs += 1
    seconds, cpu_seconds = time.monotonic() - began, time.process_time() - used
    app.close_service(service)
    assert jobs == 3 * due, jobs
    per_due = round(seconds / due * 1000, 2)
    print(f"{total} instances, {due} due: {seconds:.2f} s, {per_due} ms a due one", flush=True)
    return {
        "case": f"sweep: {due:,} due of {total:,}",
        "ops_per_s": round(due / seconds),
        "cpu_us_per_op": round(cpu_seconds / due * 1e6, 1),
        "seconds": round(seconds, 3),
        "jobs": jobs,
        "ms_per_due": per_due,
    }
