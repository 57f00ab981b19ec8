"""The mail server: a session with it, and a letter handed to it (SMTP, RFC 5321; messages of RFC 5322 with text and HTML)."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr
from typing import Final, Literal

import msgspec

from keystead.store.outbox import Letter

TIMEOUT_SECONDS: Final = 15
"""How long the server may take for each answer."""


class MailServer(msgspec.Struct, frozen=True):
    """Where mail is handed in and how. `ca_file` is empty for the system's certificates, `login` for none."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    ca_file: str = ""
    login: str = ""
    password: str = ""

    def __repr__(self) -> str:
        """Show no password: a repr ends up in logs."""
        return f"MailServer({self.host}:{self.port}, {self.security})"

    @property
    def domain(self) -> str:
        """The sender's domain, which also makes message ids the sender's own; empty if the sender is not an address."""
        name, _, domain = parseaddr(self.sender)[1].rpartition("@")
        return domain if name else ""


@contextmanager
def session(server: MailServer) -> Iterator[smtplib.SMTP]:
    """Open a session, encrypted and logged in as the server asks for; OSError (smtplib's are) if that cannot be had.

    With `starttls` a server that does not offer it is not spoken to in clear.
    """
    context = None if server.security == "none" else ssl.create_default_context(cafile=server.ca_file or None)
    opened: smtplib.SMTP
    if server.security == "tls":
        opened = smtplib.SMTP_SSL(
            server.host, server.port, local_hostname=server.domain, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        opened = smtplib.SMTP(server.host, server.port, server.domain, TIMEOUT_SECONDS)
    try:
        if server.security == "starttls":
            opened.starttls(context=context)
        if server.login:
            opened.login(server.login, server.password)
        yield opened
    finally:
        opened.close()


def hand_in(opened: smtplib.SMTP, server: MailServer, letter: Letter, wall: datetime) -> None:
    """Hand a letter to the mail server; once this returns, the server answers for it. ValueError for an impossible address."""
    mail = EmailMessage(policy=WIRE)
    mail["From"] = server.sender
    mail["To"] = letter.recipient
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(wall)
    mail["Message-ID"] = f"<{letter.message_id}@{server.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence notice answers it
    mail.set_content(letter.text)
    mail.add_alternative(letter.html, subtype="html")
    opened.send_message(mail)
