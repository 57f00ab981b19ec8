"""The server's own log: one JSON object a line on stderr, beside the request records, which are JSON too."""

from __future__ import annotations

import logging

import msgspec

from keystead.clock import from_ms


class _JsonLine(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": from_ms(int(record.created * 1000)).isoformat(),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def log_as(process: str) -> None:
    """Have this process log warnings, and its own news, under the name `process`."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLine(process))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("keystead").setLevel(logging.INFO)
