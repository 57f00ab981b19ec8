"""The only place that awaits: between the HTTP server's RSGI interface and the synchronous life of a request.

A computing action that finds everything warm runs here, on the loop. Whatever may block runs in a thread: reading and writing
actions, a cold cache, slow cryptography. The answer leaves once the record's group is durable: the loop is woken once a group.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from types import MappingProxyType
from typing import Any, Final

from keystead.gate.arrival import Arrival, BodyTooLarge, body_bytes_max
from keystead.gate.call import Service
from keystead.gate.life import Hook, Outcome, live, live_hook, refuse_unread
from keystead.gate.render import unavailable
from keystead.networks.rules import host_of, source_of
from keystead.store.changes import Cold

DRAINED_BYTES_MAX: Final = 8 * 1024 * 1024
THREADS: Final = 16
_PROBES: Final = frozenset({"/healthz", "/readyz"})
_TEXT: Final = [("content-type", "text/plain;charset=utf-8")]
log = logging.getLogger("keystead.gate")


class Gateway:
    """The RSGI application of one worker; the listeners of a worker share it."""

    def __init__(self, service: Service, hooks: Mapping[str, Hook] = MappingProxyType({})) -> None:
        """Serve with what `app.py` opened; `hooks` answer the paths that are no product's."""
        self.service = service
        self._hooks = hooks
        self.hops = 0
        self.in_progress = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls: SimpleQueue[tuple[Arrival, _Done, asyncio.Future[None]]] = SimpleQueue()
        for number in range(THREADS):
            threading.Thread(target=self._take_calls, name=f"action-{number}", daemon=True).start()
        self._aside = ThreadPoolExecutor(THREADS, thread_name_prefix="aside")

    async def __rsgi__(self, scope: Any, proto: Any) -> None:  # noqa: ANN401 - granian's own types are not public
        """Answer one request."""
        if scope.path in _PROBES:
            await self._probe(scope.path, proto)
            return
        self.in_progress += 1
        try:
            await self._serve(scope, proto)
        finally:
            self.in_progress -= 1

    async def _serve(self, scope: Any, proto: Any) -> None:  # noqa: ANN401
        headers = dict(scope.headers.items())
        if scope.authority and "host" not in headers:
            headers["host"] = scope.authority
        body, unread = b"", None
        if scope.method not in {"GET", "HEAD"} and headers.get("content-length", "") != "0":
            try:
                body = await _body(headers, proto)
            except BodyTooLarge as fault:
                unread = fault
        path = scope.path
        source = host_of(scope.client)
        if self.service.proxies and "x-forwarded-for" in headers:
            source = source_of(source, scope.headers.get_all("x-forwarded-for"), self.service.proxies)
        arrival = Arrival(scope.method, (path, scope.query_string), headers, body, source)
        arrival.secure = scope.scheme == "https"
        loop = self._loop
        if loop is None:  # to ask for it asks the system for the process's id, at every call
            loop = self._loop = asyncio.get_running_loop()
            self.service.warm.one_look_a_turn(loop.call_soon)
        if path in self._hooks and not unread:
            hook = self._hooks[path]
            status, text = await loop.run_in_executor(self._aside, live_hook, self.service, hook, arrival)
            proto.response_bytes(status, _TEXT, f"{text}\n".encode())
            return
        done = _Done()
        try:
            done.outcome = refuse_unread(unread, arrival) if unread else live(self.service, arrival)
            durable = self.service.journal.append(done.outcome.record).future(loop)
        except Cold:
            self.hops += 1
            durable = loop.create_future()
            self._calls.put((arrival, done, durable))
        try:
            await durable
            answer = done.outcome.answer
        except OSError as error:
            request_id = done.outcome.record.request_id
            log.error("record of %s not written: %s", request_id, error.strerror)  # noqa: TRY400 - no traceback
            answer = unavailable(arrival, request_id, "The access log cannot be written.")
        proto.response_bytes(answer.status, answer.headers, answer.body)

    def _take_calls(self) -> None:
        # A pool of the library costs 25 µs more a call (docs/adr/0110).
        while True:
            _live_here(self.service, *self._calls.get())

    async def _probe(self, path: str, proto: Any) -> None:  # noqa: ANN401
        if path == "/readyz":
            try:
                await asyncio.get_running_loop().run_in_executor(self._aside, self.service.store.ready)
            except Exception as error:  # noqa: BLE001 - whatever it is, this worker is not ready
                log.warning("not ready: %s", type(error).__name__)
                proto.response_bytes(503, _TEXT, b"the store does not answer\n")
                return
        proto.response_bytes(200, _TEXT, b"ok\n")


class _Done:
    """What became of a call, set before the future that tells of it resolves."""

    __slots__ = ("outcome",)
    outcome: Outcome


def _live_here(service: Service, arrival: Arrival, done: _Done, durable: asyncio.Future[None]) -> None:
    """Take a call from the loop: run it in this thread, and have `durable` resolved once its record is on disk.

    The loop is woken once a group of records, not by each thread that is done.
    """
    try:
        outcome = done.outcome = live(service, arrival)
        if outcome.recorded:  # in the change's own commit
            service.journal.note(outcome.record)
            durable.get_loop().call_soon_threadsafe(_resolve, durable, None)
        else:
            service.journal.append(outcome.record).wake(durable)
    except Exception as error:  # noqa: BLE001 - whatever it is, the call waits to hear of it
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            durable.get_loop().call_soon_threadsafe(_resolve, durable, error)


def _resolve(future: asyncio.Future[None], error: Exception | None) -> None:
    if not future.done():
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


async def _body(headers: dict[str, str], proto: Any) -> bytes:  # noqa: ANN401
    """Read the body, giving up as soon as it is known to be too large."""
    declared, most = headers.get("content-length", ""), body_bytes_max(headers)
    if declared.isdigit() and int(declared) > most:
        if int(declared) <= DRAINED_BYTES_MAX:  # a client that is still sending may not get to read the answer
            async for _ in proto:
                pass
        raise BodyTooLarge(most)
    if declared.isdigit():
        return bytes(await proto())
    chunks = bytearray()
    async for chunk in proto:
        chunks += chunk
        if len(chunks) > most:
            raise BodyTooLarge(most)
    return bytes(chunks)
