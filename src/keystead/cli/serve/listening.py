"""HTTP listeners on one event loop: several, plain and TLS, until told to stop; then drained."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.embed import Server

from keystead.cli.serve.orders import Address
from keystead.clock import elapsed

BACKLOG: Final = 1024
CONNECTIONS_MAX: Final = 4096
"""Open connections a listener of a process; more wait in the backlog."""
HEADER_SECONDS_MAX: Final = 30
REQUEST_HEAD_BYTES_MAX: Final = 256 * 1024
DRAIN_LOOK_SECONDS: Final = 0.02


class Listener(NamedTuple):
    """A place to listen at, with certificate and key files if it speaks TLS."""

    address: Address
    certificate: str = ""
    key: str = ""


class Served(NamedTuple):
    """An RSGI application, and how many of its requests are in progress."""

    application: Any
    in_progress: Callable[[], int]


async def listen(
    served: Served, listeners: Sequence[Listener], ready: Callable[[], None], stop: asyncio.Event, drain_seconds: float
) -> bool:
    """Serve until `stop` is set, then wait for requests in progress; False if a listener failed or the wait was in vain.

    `ready` is called once all listeners are bound.
    """
    _raise_file_limit()
    servers = [_server(served.application, listener) for listener in listeners]
    bound = [asyncio.Event() for _ in servers]
    for server, event in zip(servers, bound, strict=True):
        server.on_startup(event.set)
    serving = [asyncio.create_task(server.serve()) for server in servers]
    all_bound = asyncio.create_task(_all(bound))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*serving, all_bound], return_when=asyncio.FIRST_COMPLETED)
    if all_bound.done():
        ready()
    await asyncio.wait([*serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    failed = any(task.done() for task in serving)
    for server in servers:
        server.stop()  # type: ignore[no-untyped-call]
    until = elapsed() + drain_seconds
    while served.in_progress() and elapsed() < until:  # noqa: ASYNC110 - a count, kept by the application
        await asyncio.sleep(DRAIN_LOOK_SECONDS)
    _, left = await asyncio.wait(serving, timeout=max(0.0, until - elapsed()) or DRAIN_LOOK_SECONDS)
    for task in (all_bound, stopping):
        task.cancel()
    for task in serving:
        if task.done() and (error := task.exception()) is not None:
            raise error
    return not failed and not left


async def _all(events: Sequence[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


def _server(application: Any, listener: Listener) -> Server:  # noqa: ANN401 - granian's own types are not public
    return Server(
        application,
        listener.address.host,
        listener.address.port,
        interface=Interfaces.RSGI,
        backlog=BACKLOG,
        backpressure=CONNECTIONS_MAX,
        websockets=False,
        log_enabled=False,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_SECONDS_MAX * 1000, keep_alive=True, max_buffer_size=REQUEST_HEAD_BYTES_MAX
        ),
        ssl_cert=Path(listener.certificate) if listener.certificate else None,
        ssl_key=Path(listener.key) if listener.key else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )


def _raise_file_limit() -> None:
    """Allow this process as many open files as it may allow itself."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
