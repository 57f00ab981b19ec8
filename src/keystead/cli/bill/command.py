"""`keystead bill export …`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import App, Parameter

from keystead.cli.report import print_facts, print_json
from keystead.cli.target import Target, open_target
from keystead.faults import Unavailable

if TYPE_CHECKING:
    from keystead.cli.bill.contents import Bill, Row

bill = App(name="bill", help="Bills of accounts.")
Format = Literal["csv", "xlsx", "pdf"]
ROWS_WITHOUT_BAR_MAX: Final = 1000
_HERE = Target()


class NoFolder(Unavailable):
    """The bill would be written into a folder that is not there."""


@bill.command
def export(
    name: Annotated[str, Parameter(help="The account's name or id.")],
    /,
    *,
    month: Annotated[str, Parameter(help="The billing month, such as 2026-01 (UTC+8).")],
    out: Annotated[Path, Parameter(help="The file to write; one that is there is replaced once the new one is whole.")],
    format: Annotated[Format, Parameter(help="csv, xlsx, or pdf for a statement.")] = "csv",  # noqa: A002 - the flag's name
    target: Target = _HERE,
) -> None:
    """Write an account's bill of a month into a file."""
    from keystead.access import commands as access
    from keystead.bills import rules
    from keystead.cli.bill import contents

    cycle = rules.cycle_named(month, "month")
    with open_target(target) as service, service.store.read() as tx:
        found = contents.read_bill(tx, access.account_named(tx, name), service.catalogue.product, cycle)
    _write(found, format, out)
    total = rules.added(found.charges, found.currency)
    facts = {
        "account_id": found.account.account_id,
        "month": str(cycle),
        "rows": str(len(found.charges)),
        "payable": total.payable.plain(),
        "currency": found.currency,
        "file": str(out),
    }
    if target.json:
        print_json(facts)
    else:
        print_facts(facts)


def _write(found: Bill, form: Format, out: Path) -> None:
    from keystead.cli.bill import files
    from keystead.cli.bill.contents import rows_of

    writers: dict[Format, Callable[[Bill, Iterable[Row], Path], None]] = {
        "csv": files.write_csv,
        "xlsx": files.write_xlsx,
        "pdf": files.write_pdf,
    }
    if not out.parent.is_dir():
        raise NoFolder(f"--out: there is no folder {out.parent}: make it first")
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        told = _laying_out if form == "pdf" else _told
        with told(rows_of(found), len(found.charges), out.name) as rows:
            writers[form](found, rows, partial)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _laying_out(rows: Iterator[Row], count: int, what: str) -> Iterator[Iterable[Row]]:
    """Say on stderr that pages are laid out, which happens in one go, if a person looks on."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield rows
        return
    with console.status(f"{what}: laying out {count} order(s)"):
        yield rows


@contextmanager
def _told(rows: Iterator[Row], count: int, what: str) -> Iterator[Iterable[Row]]:
    """Show a bar on stderr while many rows are written, if a person looks on."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if count <= ROWS_WITHOUT_BAR_MAX or not console.is_terminal:
        yield rows
        return
    with Progress(console=console, transient=True) as progress:
        yield progress.track(rows, total=count, description=what)
