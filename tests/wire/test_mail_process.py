"""A real server and its mail: the scheduler process delivers, whoever composed; without a mail server it says so once."""

from __future__ import annotations

import time
from pathlib import Path

from tests.mailbox import mail_server
from tests.wire.server import Server

MANUAL = ("--clock", "manual:2026-01-01T00:00:00Z")


def test_a_notice_composed_by_the_operators_tool_is_mailed_by_the_server(tmp_path: Path) -> None:
    """`admin clock advance` knows nothing of the mail settings; what falls due by it is mailed all the same."""
    with mail_server() as mailbox:
        config = tmp_path / "keystead.toml"
        config.write_text(
            f'smtp_host = "127.0.0.1"\nsmtp_port = {mailbox.port}\nsmtp_security = "none"\nsmtp_sender = "n@k.example"\n'
        )
        server = Server(tmp_path / "var", "--config", str(config), *MANUAL)
        try:
            server.operator("admin", "account", "create", "ann", "--email", "ann@example.com")
            server.operator("admin", "account", "alert", "ann", "700")
            server.operator("admin", "account", "credit", "ann", "600")
            happened = server.operator("admin", "clock", "advance", "1d")["events"]
            assert [event["kind"] for event in happened][-1] == "balance_low"
            until = time.monotonic() + 20
            while len(mailbox.mails) < 2 and time.monotonic() < until:
                time.sleep(0.1)
            assert mailbox.subjects == ["Your available credit is 600.00 USD, below 700.00 USD"] * 2
            assert len(server.operator("admin", "messages", "ann")) == 2
            assert server.operator("admin", "outbox") == []
            assert "notices are mailed through" in server.log_text()
        finally:
            assert server.stop() == 0


def test_a_server_without_mail_says_so(tmp_path: Path) -> None:
    """One clear line when it starts, and a note by the doctor, who finds nothing wrong."""
    server = Server(tmp_path / "var", *MANUAL)
    try:
        until = time.monotonic() + 20
        while "no mail server" not in server.log_text() and time.monotonic() < until:
            time.sleep(0.1)  # the API may answer before the scheduler has started
        assert server.log_text().count("no mail server is configured (smtp_host)") == 1
        seen = {check["name"]: check["seen"] for check in server.operator("doctor")["checks"]}
        assert "no mail server is configured" in seen["mail"]
    finally:
        assert server.stop() == 0
