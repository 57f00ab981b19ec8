"""A mail server for tests: real SMTP on a port of this machine, keeping what it was given."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from keystead.cli.certificates import ServerFiles

LOGIN, PASSWORD = "keystead", "canary-mail-password"


class Mailbox:
    """What arrived, in order; `refusing` recipients are answered 550."""

    def __init__(self) -> None:
        """Start empty."""
        self.mails: list[EmailMessage] = []
        self.encrypted: list[bool] = []
        self.logins: list[object] = []
        self.refusing: set[str] = set()
        self.port = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name for it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        if address in self.refusing:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        assert server.transport is not None
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 kept"

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        """Let in whoever knows the password."""
        self.logins.append(data.login.decode() if isinstance(data, LoginPassword) else data)
        well = isinstance(data, LoginPassword) and data == LoginPassword(LOGIN.encode(), PASSWORD.encode())
        return AuthResult(success=well, handled=well)

    @property
    def subjects(self) -> list[str]:
        """The subjects of what arrived."""
        return [str(mail["Subject"]) for mail in self.mails]


@contextmanager
def mail_server(security: Literal["none", "starttls", "tls"] = "none", files: ServerFiles | None = None) -> Iterator[Mailbox]:
    """Run a mail server; with certificate files it speaks TLS and takes logins, by STARTTLS only mail of who logged in."""
    mailbox = Mailbox()
    options: dict[str, Any] = {}
    context = None
    if files is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        options = {"authenticator": mailbox.authenticate}
    if security == "starttls":
        options |= {"tls_context": context, "require_starttls": True, "auth_required": True}
    elif security == "tls":
        options |= {"ssl_context": context, "auth_require_tls": False}
    controller = Controller(mailbox, hostname="127.0.0.1", port=0, **options)
    _bind_free_port(controller)
    controller.start()
    mailbox.port = controller.port
    try:
        yield mailbox
    finally:
        controller.stop()


def _bind_free_port(controller: Controller) -> None:
    """Take any free port: the controller would otherwise knock at port 0 to see whether it serves."""
    import socket  # noqa: PLC0415 - only for this

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        controller.port = probe.getsockname()[1]


def body(mail: EmailMessage, kind: Literal["plain", "html"]) -> str:
    """Give the text or the HTML part of a mail."""
    part = mail.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())
