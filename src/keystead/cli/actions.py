"""`keystead actions`: the table of actions this version serves, with where each is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from keystead.cli.report import print_json, print_table


def actions(*, json: Annotated[bool, Parameter(negative=())] = False) -> None:
    """List the actions served: product, name, what running it may do, file and line."""
    import keystead
    from keystead import app

    root = Path(next(iter(keystead.__path__))).parent
    rows = []
    for product in app.PRODUCTS_SHOWN:
        for action in product.actions.values():
            module, _, line = action.where.rpartition(":")
            source = sys.modules[module].__file__ or module
            rows.append(
                {
                    "product": product.code,
                    "version": product.version,
                    "action": action.name,
                    "effect": action.effect.value,
                    "where": f"{Path(source).relative_to(root)}:{line}",
                }
            )
    if json:
        print_json(rows)
    else:
        print_table(["product", "version", "action", "effect", "where"], [list(row.values()) for row in rows])
