"""A mail server in the story's own process, and the letters it was given."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.controller import Controller

SECONDS_MAX = 20.0
HOST = "127.0.0.1"


class Box:
    """Subjects of the letters, in the order in which they arrived."""

    def __init__(self) -> None:
        """Start empty on a free port."""
        self.subjects: list[str] = []
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name for it
        """Keep a letter."""
        subject = message_from_bytes(envelope.content, policy=policy.default)["Subject"]
        self.subjects.append(str(subject).strip())  # a long one is folded at its start
        return "250 kept"

    def settings(self) -> str:
        """Give the settings of a server that mails here."""
        return (
            f'smtp_host = "{HOST}"\nsmtp_port = {self.port}\nsmtp_security = "none"\n'
            'smtp_sender = "Keystead <notices@keystead.example>"\n'
        )

    def wait(self, enough: Callable[[list[str]], bool]) -> bool:
        """Wait until what arrived is enough; False if it never is."""
        until = time.monotonic() + SECONDS_MAX
        while not enough(self.subjects) and time.monotonic() < until:
            time.sleep(0.1)
        return enough(self.subjects)


@contextmanager
def sink() -> Iterator[Box]:
    """Take mail."""
    box = Box()
    controller = Controller(box, hostname=HOST, port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
