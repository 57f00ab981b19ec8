"""A process under the supervisor: API worker, scheduler or console, as its orders say.

It reads its orders from standard input and leaves it open: the input ends when the supervisor is gone, however that came about,
and then this process ends at once. That is safe: whatever kill -9 interrupts is whole or absent.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import Final, NoReturn

import msgspec
import uvloop

from keystead import app
from keystead.cli.serve.listening import Listener, Served, listen
from keystead.cli.serve.logs import log_as
from keystead.cli.serve.orders import READY, Orders, Role
from keystead.console.metrics import Meter
from keystead.gate.call import Service
from keystead.gate.rsgi import Gateway
from keystead.schedule.post import Postman
from keystead.schedule.runner import Runner

log = logging.getLogger("keystead.serve")
_ORDERS_BYTES_MAX: Final = 1 << 20
GC_THRESHOLD: Final = 50_000


def main() -> NoReturn:
    """Take the orders and carry them out until SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells every process; the supervisor decides
    orders = _take_orders()
    log_as(orders.name)
    threading.Thread(target=_end_with_supervisor, name="supervisor", daemon=True).start()
    work = {Role.API: _serve_api, Role.SCHEDULER: _run_scheduler, Role.CONSOLE: _serve_console}[orders.role]
    try:
        well = work(orders)
    except Exception:
        log.exception("%s failed", orders.name)
        well = False
    logging.shutdown()
    os._exit(0 if well else 1)  # a thread stuck in the database must not keep a drained process


def _take_orders() -> Orders:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, _ORDERS_BYTES_MAX)
        if not piece:
            os._exit(1)
        line += piece
    return msgspec.json.decode(line, type=Orders)


def _end_with_supervisor() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


def _report_ready() -> None:
    os.write(1, READY)


def _serve_api(orders: Orders) -> bool:
    service = app.open_service(orders.settings, orders.name)
    service.journal.observer = Meter().observe
    gateway = Gateway(service, app.hooks_of(orders.settings))
    listeners = [
        Listener(orders.listeners.plain),
        Listener(orders.listeners.tls, orders.certificate, orders.certificate_key),
    ]

    _settle_memory()

    async def serve() -> bool:
        service.warm.forbid_blocking_here()
        served = Served(gateway, lambda: gateway.in_progress)
        return await listen(served, listeners, _report_ready, _stop_event(), orders.settings.drain_seconds)

    well = uvloop.run(serve())
    app.close_service(service)
    return well


def _settle_memory() -> None:
    """Leave what is loaded by now out of every later garbage collection: it stays, and walking it costs tens of milliseconds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 50)


def _run_scheduler(orders: Orders) -> bool:
    service = app.open_service(orders.settings, orders.name)
    stop = threading.Event()

    def on_term(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_term)
    postman = _postman(service, stop)
    _report_ready()
    Runner(service).run(stop)
    if postman is not None:
        postman.join(orders.settings.drain_seconds)  # else what it was sending is sent again, under the same id
    app.close_service(service)
    return True


def _postman(service: Service, stop: threading.Event) -> threading.Thread | None:
    """Start delivering mail beside the jobs; None, and one line that says so, where there is no mail server."""
    server = app.mail_server_of(service.settings)
    if server is None:
        log.info("no mail server is configured (smtp_host): notices stay in the message centre")
        return None
    log.info("notices are mailed through %r", server)
    postman = Postman(service.store, service.clock, server, service.settings.smtp_tries)
    thread = threading.Thread(target=postman.run, args=(stop,), name="postman", daemon=True)
    thread.start()
    return thread


def _serve_console(orders: Orders) -> bool:
    from keystead.cli.serve.board import open_board  # only the console needs its template engine
    from keystead.cli.serve.wsgi import WsgiBridge
    from keystead.console.web import Console

    board, close = open_board(orders)
    bridge = WsgiBridge(Console(board))

    async def serve() -> bool:
        served = Served(bridge, lambda: bridge.in_progress)
        return await listen(
            served, [Listener(orders.listeners.console)], _report_ready, _stop_event(), orders.settings.drain_seconds
        )

    well = uvloop.run(serve())
    close()
    return well


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop


if __name__ == "__main__":
    sys.exit(main())
