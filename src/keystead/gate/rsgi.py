"""The only place that awaits: between the HTTP server's RSGI interface and the synchronous life of a request.

A computing action that finds everything warm runs here, on the loop. Whatever may block runs in the thread pool: reading and
writing actions, a cold cache. The answer leaves once the record's group is durable: one shared future a group.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, Final

from keystead.gate.arrival import Arrival, BodyTooLarge, body_bytes_max
from keystead.gate.call import Service
from keystead.gate.life import Hook, live, live_hook, refuse_unread
from keystead.gate.render import unavailable
from keystead.store.changes import Cold

THREADS_MAX: Final = 16
DRAINED_BYTES_MAX: Final = 8 * 1024 * 1024
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
        self._turning = False
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="action")

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
        arrival = Arrival(scope.method, (path, scope.query_string), headers, body, scope.client.rpartition(":")[0])
        arrival.secure = scope.scheme == "https"
        loop = asyncio.get_running_loop()
        if path in self._hooks and not unread:
            hook = self._hooks[path]
            status, text = await loop.run_in_executor(self._threads, live_hook, self.service, hook, arrival)
            proto.response_bytes(status, _TEXT, f"{text}\n".encode())
            return
        if not self._turning:
            self._turning = True
            self.service.warm.one_look_a_turn(loop.call_soon)
        try:
            outcome = refuse_unread(unread, arrival) if unread else live(self.service, arrival)
        except Cold:
            self.hops += 1
            outcome = await loop.run_in_executor(self._threads, live, self.service, arrival)
        answer, journal = outcome.answer, self.service.journal
        if outcome.recorded:
            journal.note(outcome.record)
        else:
            try:
                await journal.append(outcome.record).future(loop)
            except OSError as error:
                request_id = outcome.record.request_id
                log.error("record of %s not written: %s", request_id, error.strerror)  # noqa: TRY400 - no traceback
                answer = unavailable(arrival, request_id, "The access log cannot be written.")
        proto.response_bytes(answer.status, answer.headers, answer.body)

    async def _probe(self, path: str, proto: Any) -> None:  # noqa: ANN401
        if path == "/readyz":
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads, self.service.store.ready)
            except Exception as error:  # noqa: BLE001 - whatever it is, this worker is not ready
                log.warning("not ready: %s", type(error).__name__)
                proto.response_bytes(503, _TEXT, b"the store does not answer\n")
                return
        proto.response_bytes(200, _TEXT, b"ok\n")


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
