"""What commands print: one JSON document with --json, else lines and tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


def print_json(document: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    """Print one JSON document, indented."""
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def print_facts(facts: dict[str, str]) -> None:
    """Print `name  value` lines, aligned."""
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; into a pipe it is as wide as it needs to be, so that nothing is cut off."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    console.print(table) if console.is_terminal else Console(width=1000, highlight=False, markup=False).print(table)
