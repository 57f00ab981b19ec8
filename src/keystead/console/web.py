"""The console's WSGI application."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from importlib import resources
from typing import Any, Final, NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from keystead.clock import business_day, iso_z

CONTENT_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
log = logging.getLogger("keystead.console")


class Times(NamedTuple):
    """Business and wall time, both aware UTC, and whether business time stands until it is moved."""

    now: datetime
    wall: datetime
    manual: bool


class Board(NamedTuple):
    """What the console reads from; the functions may be called from several threads."""

    version: str
    endpoints: Mapping[str, str]
    region: str
    store: str
    actions: Mapping[str, list[str]]
    times: Callable[[], Times]
    ready: Callable[[], None]
    metrics: Callable[[], bytes]


class Console:
    """Answers `/`, `/console.css`, `/metrics`, `/healthz` and `/readyz`."""

    def __init__(self, board: Board) -> None:
        """Show this board."""
        self._board = board
        self._pages = Environment(
            loader=PackageLoader("keystead.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._css = resources.files("keystead.console").joinpath("static/console.css").read_bytes()
        pages: dict[str, Callable[[], Response]] = {
            "/": self._front,
            "/console.css": lambda: Response(self._css, mimetype="text/css"),
            "/metrics": lambda: Response(self._board.metrics(), content_type=METRICS_TYPE),
            "/healthz": lambda: Response("ok\n", mimetype="text/plain"),
            "/readyz": self._ready,
        }
        self._routes = Map([Rule(path, endpoint=page, methods=["GET"]) for path, page in pages.items()])

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        try:
            page, _ = self._routes.bind_to_environ(environ).match()
            response = page()
        except HTTPException as refusal:
            response = refusal.get_response(environ)
        except Exception:
            log.exception("%s failed", request.path)
            response = Response("This page cannot be shown now; the server's log says why.\n", 500, mimetype="text/plain")
        response.headers.update(
            {
                "Content-Security-Policy": CONTENT_POLICY,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-store",
            }
        )
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def _front(self) -> Response:
        board, times = self._board, self._board.times()
        facts: dict[str, Any] = {
            "board": board,
            "now": iso_z(times.now),
            "wall": iso_z(times.wall),
            "manual": times.manual,
            "day": business_day(times.now).isoformat(),
            "count": sum(map(len, board.actions.values())),
        }
        return Response(self._pages.get_template("front.html").render(facts), mimetype="text/html")

    def _ready(self) -> Response:
        try:
            self._board.ready()
        except Exception as error:  # noqa: BLE001 - whatever it is, the deployment is not ready
            log.warning("not ready: %s", type(error).__name__)
            return Response("the store does not answer\n", 503, mimetype="text/plain")
        return Response("ok\n", mimetype="text/plain")
