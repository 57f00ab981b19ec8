"""The supervisor: starts the processes, replaces those that die, stops them all.

A process is told its orders by a pipe that stays open (its end means the supervisor is gone) and answers on another: a line
when it serves, the end when it is dead. The supervisor sleeps until a pipe or a signal wakes it.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import os
import selectors
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Final, NamedTuple

import msgspec

from keystead.cli.serve.orders import READY, Listeners, Orders, Role
from keystead.clock import elapsed

STEADY_SECONDS: Final = 10.0
"""A process that lived this long is replaced at once, however often one died before."""
RESTART_SECONDS_MIN: Final = 0.1
RESTART_SECONDS_MAX: Final = 10.0
KILL_SECONDS: Final = 5.0
"""How much longer than the drain a process may take to stop."""
PROBE_SECONDS_MAX: Final = 5.0
log = logging.getLogger("keystead.serve")


@dataclass
class Child:
    """A place for a process, and the process in it now."""

    name: str
    environment: dict[str, str]
    orders: Orders | None = None
    """What it is told when it starts; None while that is being found out."""
    process: subprocess.Popen[bytes] | None = None
    born: float = 0.0
    ready: bool = False
    deaths: int = 0
    start_at: float = 0.0

    @property
    def answers(self) -> IO[bytes]:
        """The pipe on which the process answers."""
        assert self.process is not None  # noqa: S101
        assert self.process.stdout is not None  # noqa: S101
        return self.process.stdout


class Plan(NamedTuple):
    """What is to be served and how, known once everything is prepared."""

    orders: dict[str, Orders]
    """By the child's name."""
    listeners: Listeners
    ca: Path
    """The authority that makes the server's own certificate good."""
    drain_seconds: int
    on_ready: Callable[[], None]
    """Called once, when everything serves."""
    on_death: Callable[[int], None]
    """Called with the process id of each API worker that has ended."""


class Supervisor:
    """Runs one server; `run` is its whole life."""

    def __init__(self, children: list[Child], lock: int) -> None:
        """Start these at once, to load their programs while their orders are prepared; all inherit the descriptor `lock`."""
        self._children = children
        self._lock = lock
        self._plan: Plan
        self._selector = selectors.DefaultSelector()
        self._announced = False
        self._stopping = False
        for child in children:
            self._start(child)

    def run(self, plan: Plan) -> int:
        """Give the orders, and serve until SIGTERM or SIGINT; gives 0 unless the start failed or a process would not stop."""
        self._plan = plan
        with _Wakeups(self._on_signal) as waker:
            self._selector.register(waker, selectors.EVENT_READ, None)
            for child in self._children:
                child.orders = plan.orders[child.name]
                self._tell(child)
            well = True
            while well and not self._stopping:
                self._wait(min((c.start_at for c in self._children if c.process is None), default=None))
                self._start_due()
                well = self._check_start()
            return 0 if self._stop_all() and well else 1

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _start(self, child: Child) -> None:
        command = [sys.executable, "-P", "-m", "keystead.cli.serve.worker", child.name]
        child.process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | child.environment,
            pass_fds=[self._lock],
        )
        child.born = elapsed()
        child.ready = False
        self._selector.register(child.answers, selectors.EVENT_READ, child)
        if child.orders is not None:
            self._tell(child)

    def _tell(self, child: Child) -> None:
        assert child.process is not None  # noqa: S101
        assert child.process.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):  # it is dead already: the end of its answers says so
            child.process.stdin.write(msgspec.json.encode(child.orders) + b"\n")
            child.process.stdin.flush()

    def _wait(self, until: float | None) -> None:
        """Sleep until something happens, or until the monotonic second `until`; take note of what it was."""
        timeout = None if until is None else max(0.0, until - elapsed())
        for key, _ in self._selector.select(timeout):
            child = key.data
            if child is None:
                key.fileobj.recv(4096)  # type: ignore[union-attr]
            elif (said := os.read(child.answers.fileno(), 4096)) == b"":
                self._bury(child)
            elif READY in said:
                child.ready = True

    def _bury(self, child: Child) -> None:
        """Take note of a death: when the place is filled again depends on how long the process lived."""
        process = child.process
        assert process is not None  # noqa: S101
        self._selector.unregister(child.answers)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(KILL_SECONDS)
        process.kill()
        status = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]
        child.process = None
        if child.orders is not None and child.orders.role is Role.API:
            self._plan.on_death(process.pid)
        if self._stopping:
            return
        lived = elapsed() - child.born
        child.deaths = 0 if lived > STEADY_SECONDS else child.deaths + 1
        wait = min(RESTART_SECONDS_MIN * 2**child.deaths, RESTART_SECONDS_MAX) if child.deaths > 1 else 0.0
        child.start_at = elapsed() + wait
        log.error("%s ended with status %d after %.1f s; the next starts in %.1f s", child.name, status, lived, wait)

    def _start_due(self) -> None:
        if not self._announced:
            return
        for child in self._children:
            if child.process is None and not self._stopping and child.start_at <= elapsed():
                self._start(child)

    def _check_start(self) -> bool:
        """Announce once everything serves; False if it will not."""
        if self._announced or self._stopping:
            return True
        dead = [child.name for child in self._children if child.process is None]
        if dead:
            print(f"keystead: {dead[0]} did not start; its reason is above", file=sys.stderr)
            return False
        if all(child.ready for child in self._children):
            failed = _probe(self._plan.listeners, self._plan.ca)
            if failed:
                print(f"keystead: {failed}", file=sys.stderr)
                return False
            self._announced = True
            self._plan.on_ready()
        return True

    def _stop_all(self) -> bool:
        """Stop every process, and wait for the requests in progress; False if one had to be killed."""
        self._stopping = True
        alive = [child for child in self._children if child.process is not None]
        for child in alive:
            child.process.terminate()  # type: ignore[union-attr]
        until = elapsed() + self._plan.drain_seconds + KILL_SECONDS
        while any(child.process for child in alive) and elapsed() < until:
            self._wait(until)
        left = [child for child in alive if child.process is not None]
        for child in left:
            log.error("%s did not stop in time and is killed", child.name)
            child.process.kill()  # type: ignore[union-attr]
            self._bury(child)
        return not left


class _Wakeups:
    """Signals as bytes on a socket, so that they wake a select."""

    def __init__(self, handler: Callable[[int, FrameType | None], None]) -> None:
        self._handler = handler
        self._read, self._write = socket.socketpair()

    def __enter__(self) -> socket.socket:
        self._read.setblocking(False)
        self._write.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handler)
        return self._read

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        self._read.close()
        self._write.close()


def _probe(listeners: Listeners, ca: Path) -> str:
    """Ask each listener whether it is ready; gives what is wrong, empty if nothing is."""
    trusting = ssl.create_default_context(cafile=ca)
    plain, tls, console = (place.callable for place in (listeners.plain, listeners.tls, listeners.console))
    for connection in (
        http.client.HTTPConnection(plain.host, plain.port, PROBE_SECONDS_MAX),
        http.client.HTTPSConnection(tls.host, tls.port, timeout=PROBE_SECONDS_MAX, context=trusting),
        http.client.HTTPConnection(console.host, console.port, PROBE_SECONDS_MAX),
    ):
        try:
            connection.request("GET", "/readyz")
            status = connection.getresponse().status
        except OSError as error:
            return f"{connection.host}:{connection.port} does not answer: {error}"
        finally:
            connection.close()
        if status != http.client.OK:
            return f"{connection.host}:{connection.port} is not ready (status {status})"
    return ""
