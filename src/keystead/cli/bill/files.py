"""Writing a bill: CSV for programs, XLSX for people who reckon, PDF for people who read."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from keystead.cli.bill.contents import AMOUNTS, COLUMNS, WORDS, Bill, Row
from keystead.faults import Unavailable

if TYPE_CHECKING:
    from keystead.bills.model import Charge

WIDTH_OF_WORDS: Final = 24
WIDTH_OF_AMOUNTS: Final = 16
TEMPLATES: Final = Path(__file__).parent / "templates"


class DocumentsUnavailable(Unavailable):
    """The machine lacks what PDF files are made with."""

    def __init__(self, error: Exception) -> None:
        """Say what to install."""
        super().__init__(f"PDF needs the system's libpango (apt install libpango-1.0-0 libpangoft2-1.0-0): {error}")


def write_csv(_bill: Bill, rows: Iterable[Row], path: Path) -> None:
    """Write UTF-8 with a heading line; amounts with two decimals."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def write_xlsx(bill: Bill, rows: Iterable[Row], path: Path) -> None:
    """Write one sheet with a frozen heading, amounts as numbers and their sums below; rows go to the disk as they come."""
    from xlsxwriter import Workbook

    with Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet(f"Bill {bill.cycle}")
        heading = book.add_format({"bold": True, "bottom": 1})
        money = book.add_format({"num_format": "#,##0.00"})
        summed = book.add_format({"num_format": "#,##0.00", "bold": True, "top": 1})
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(WORDS) - 1, WIDTH_OF_WORDS)
        sheet.set_column(len(WORDS), len(COLUMNS) - 1, WIDTH_OF_AMOUNTS)
        for column, name in enumerate(COLUMNS):
            sheet.write_string(0, column, name, heading)
        sums = dict.fromkeys(range(len(WORDS), len(WORDS) + len(AMOUNTS)), Decimal(0))
        line = 0
        for line, row in enumerate(rows, 1):
            for column, value in enumerate(row):
                if isinstance(value, Decimal):
                    sheet.write_number(line, column, float(value), money)
                    sums[column] += value
                else:
                    sheet.write_string(line, column, value)  # a name that begins with = stays a name
        sheet.write_string(line + 1, 0, "Total", summed)
        for column, total in sums.items():
            sheet.write_number(line + 1, column, float(total), summed)


def write_pdf(bill: Bill, rows: Iterable[Row], path: Path) -> None:
    """Write a statement: the balance at both ends, what moved it, each order with its modules, the total."""
    try:
        from weasyprint import HTML
    except OSError as error:
        raise DocumentsUnavailable(error) from None
    for _ in rows:  # the statement is laid out in one go; this is the reading of its rows
        pass
    HTML(string=statement(bill), url_fetcher=_fetch_nothing).write_pdf(str(path))


def statement(bill: Bill) -> str:
    """Give the statement as one HTML page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from keystead.bills import rules
    from keystead.bills.model import Item

    def amount(charges: list[Charge]) -> str:
        taken = rules.added(charges, bill.currency).cash
        return f"{(-taken).as_decimal():,.2f}"

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.filters["money"] = lambda value: f"{value.as_decimal():,.2f}"
    environment.filters["wall"] = rules.wall_of
    modules = {text.code.value: text.name for text in bill.product.modules}
    since, before = rules.span_of(bill.cycle)
    facts: dict[str, Any] = {
        "bill": bill,
        "since": rules.wall_of(since),
        "before": rules.wall_of(before),
        "orders": [(charge, rules.parts_of(charge)) for charge in bill.charges],
        "modules": modules,
        "total": rules.added(bill.charges, bill.currency),
        "spent": amount([charge for charge in bill.charges if charge.item is not Item.REFUND]),
        "returned": amount([charge for charge in bill.charges if charge.item is Item.REFUND]),
        "credits": [movement for movement in bill.movements if not movement.order_id],
    }
    return environment.get_template("statement.html").render(facts)


def _fetch_nothing(url: str) -> Any:  # noqa: ANN401 - the library's own type
    raise ValueError(f"a statement loads nothing: {url}")
