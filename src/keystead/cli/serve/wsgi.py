"""Between the HTTP server and a WSGI application: each request is answered in a thread."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

BODY_BYTES_MAX: Final = 1024 * 1024
THREADS_MAX: Final = 4


class WsgiBridge:
    """An RSGI application that asks a WSGI application (PEP 3333) in a small pool of threads."""

    def __init__(self, application: WSGIApplication) -> None:
        """Answer with what `application` answers."""
        self._application = application
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="page")
        self.in_progress = 0

    async def __rsgi__(self, scope: Any, proto: Any) -> None:  # noqa: ANN401 - granian's own types are not public
        """Answer one request."""
        self.in_progress += 1
        try:
            body = bytearray()
            async for chunk in proto:
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    proto.response_str(413, [("content-type", "text/plain")], "the body is too large\n")
                    return
            loop = asyncio.get_running_loop()
            proto.response_bytes(*await loop.run_in_executor(self._threads, self._answer, _environ(scope, bytes(body))))
        finally:
            self.in_progress -= 1

    def _answer(self, environ: WSGIEnvironment) -> tuple[int, list[tuple[str, str]], bytes]:
        begun: list[tuple[str, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> Callable[[bytes], object]:
            begun[:] = [(status, headers)]
            return written.append

        content: Iterable[bytes] = self._application(environ, start_response)
        try:
            written.extend(content)
        finally:
            close = getattr(content, "close", None)
            if close is not None:
                close()
        status, headers = begun[0]
        return int(status.split(" ", 1)[0]), headers, b"".join(written)


def _environ(scope: Any, body: bytes) -> WSGIEnvironment:  # noqa: ANN401
    host, _, port = str(scope.server).rpartition(":")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope.path).decode("latin-1"),  # WSGI's strings are bytes in disguise
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "",
        "HTTP_HOST": scope.authority or "",
    }
    for name, value in scope.headers.items():
        variable = name.upper().replace("-", "_")
        environ[variable if variable in {"CONTENT_LENGTH", "CONTENT_TYPE"} else f"HTTP_{variable}"] = value
    return environ
