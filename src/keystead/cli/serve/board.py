"""What the console reads from: the store, the clock, the table of actions, the workers' figures."""

from __future__ import annotations

from collections.abc import Callable

from keystead import __version__, app
from keystead.cli.serve.orders import Orders
from keystead.console.metrics import exposition, wear
from keystead.console.web import Board, Times
from keystead.key_use import commands as key_use
from keystead.store import Warm


def open_board(orders: Orders) -> tuple[Board, Callable[[], None]]:
    """Open what the console process needs, which is less than a service; gives the board and what closes it."""
    settings = orders.settings
    store = app.store_of(settings)
    warm = Warm(store)
    clock = app.clock_of(settings, warm)

    def times() -> Times:
        warm.check()
        instant = clock.read()
        return Times(instant.now, instant.wall, manual=settings.clock != "system")

    def metrics() -> bytes:
        with store.read() as tx:
            figures = key_use.figures(tx, settings.encryptions_warned)
        return exposition(orders.metrics) + wear(*figures)

    def close() -> None:
        warm.close()
        store.close()

    board = Board(
        version=__version__,
        endpoints=orders.listeners.endpoints,
        region=settings.default_region,
        store={"sqlite": "SQLite, embedded", "postgresql": "PostgreSQL"}[store.dialect],
        actions={f"{product.code} {product.version}": sorted(product.actions) for product in app.PRODUCTS_SHOWN},
        times=times,
        ready=store.ready,
        metrics=metrics,
    )
    return board, close
