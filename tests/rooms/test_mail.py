"""Mail on its way: real SMTP, in clear and encrypted, with login; tries again, dead letters, the same Message-ID, no secret."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keystead import app
from keystead.cli import main
from keystead.cli.certificates import ServerFiles, ensure_certificates
from keystead.clock import Clock, Instant, SystemClock
from keystead.notices import commands as notices
from keystead.notices.model import Desk
from keystead.schedule.post import LEASE, RETRY_SECONDS_MAX, RETRY_SECONDS_MIN, Postman
from keystead.settings import Settings, SettingsError
from keystead.store import jobs, outbox
from tests.anomalies.test_nth_statement import PlannedFailureError, failing_at
from tests.mailbox import LOGIN, PASSWORD, Mailbox, body, mail_server
from tests.world import Tenant, World

SENDER = "Keystead <notices@keystead.example>"


class MovedWall:
    """A clock whose wall time the test moves; business time is another clock's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = timedelta(0)

    def read(self) -> Instant:
        """Wall time ahead by `ahead`."""
        instant = self._clock.read()
        return Instant(instant.now, instant.wall + self.ahead, instant.monotonic)


@dataclass
class Mailing:
    """A world with a mail server, and who delivers to it."""

    world: World
    postman: Postman
    wall: MovedWall

    def unsent(self) -> list[outbox.Unsent]:
        """What lies in the outbox."""
        with self.world.service.store.read() as tx:
            return outbox.unsent(tx, 100)


def mailing(database_url: str, folder: Path, port: int, **chosen: Any) -> Mailing:
    """Open a world that mails to a port of this machine."""
    settings: dict[str, Any] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
        "smtp_sender": SENDER,
    } | chosen
    world = World(database_url, folder / "var", **settings)
    with world.service.store.write() as tx:
        outbox.set_mailing(tx, mailing=True)  # as `keystead serve` does when it starts
    wall = MovedWall(world.service.clock)
    server = app.mail_server_of(world.settings)
    assert server is not None
    return Mailing(world, Postman(world.service.store, wall, server, world.settings.smtp_tries), wall)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server without encryption."""
    with mail_server() as running:
        yield running


@pytest.fixture
def files(tmp_path: Path) -> ServerFiles:
    """A certificate for this machine, and the authority to trust it by."""
    (tmp_path / "tls").mkdir()
    return ensure_certificates(tmp_path / "tls", ["127.0.0.1"], SystemClock().read().wall)


def buyer(world: World, email: str = "ann@example.com") -> tuple[Tenant, str]:
    """An account with an address that has bought an instance, and been told."""
    tenant = world.tenant(email=email)
    instance_id = tenant.instance()
    world.settle()
    return tenant, instance_id


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_notices_of_a_life_arrive(database_url: str, tmp_path: Path, mailbox: Mailbox) -> None:
    """Purchase, 7, 3, 1 days, stop, release: six mails of text and HTML, each once; an account without address gets none."""
    at = mailing(database_url, tmp_path, mailbox.port)
    _, instance_id = buyer(at.world)
    buyer(at.world, email="")
    at.world.advance(days=60)
    while at.postman.round():
        pass
    assert mailbox.subjects == [
        f"{instance_id} is yours until 2026-02-01",
        *(f"{instance_id} expires on 2026-02-01: {left} left" for left in ("7 days", "3 days", "1 day")),
        f"{instance_id} has expired and is stopped",
        f"{instance_id} is released, its keys are destroyed",
    ]
    assert {str(mail["To"]) for mail in mailbox.mails} == {"ann@example.com"}
    assert {str(mail["From"]) for mail in mailbox.mails} == {SENDER}
    reminder = mailbox.mails[1]
    assert "2026-02-02 00:00 UTC+8 (2026-02-01T16:00:00Z)" in body(reminder, "html")
    assert f"InstanceId={instance_id}" in body(reminder, "plain")
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 6
    assert all(str(mail["Message-ID"]).endswith("@keystead.example>") for mail in mailbox.mails)
    assert at.unsent() == []
    at.world.close()


def test_no_secret_is_mailed_or_kept_for_mail(database_url: str, tmp_path: Path, mailbox: Mailbox) -> None:
    """Neither the access key's secret nor the password of the mail server is in any mail, message or letter."""
    at = mailing(database_url, tmp_path, mailbox.port)
    tenant, instance_id = buyer(at.world)
    plaintext = "Y2FuYXJ5LXBsYWludGV4dA=="
    assert tenant.kms("Encrypt", KeyId=tenant.key(instance_id), Plaintext=plaintext).status == 200
    at.world.advance(days=60)
    assert at.postman.round() == 6
    for mail in mailbox.mails:
        everything = mail.as_string() + body(mail, "plain") + body(mail, "html")
        for secret in (tenant.secret, tenant.access_key_id, plaintext, PASSWORD):
            assert secret not in everything
    assert PASSWORD not in repr(app.mail_server_of(at.world.settings))
    at.world.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_and_logged_in(sqlite_url: str, tmp_path: Path, files: ServerFiles, security: Any) -> None:
    """Over STARTTLS and over TLS from the first byte, with a login from a password file, the mail arrives encrypted."""
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    with mail_server(security, files) as mailbox:
        chosen = {"smtp_login": LOGIN, "smtp_password_file": str(tmp_path / "password"), "smtp_ca_file": str(files.ca)}
        at = mailing(sqlite_url, tmp_path, mailbox.port, smtp_security=security, **chosen)
        buyer(at.world)
        assert at.postman.round() == 1
        assert mailbox.encrypted == [True]
        assert mailbox.logins == [LOGIN]
        at.world.close()


def test_nothing_is_said_to_a_server_that_cannot_be_trusted(sqlite_url: str, tmp_path: Path, files: ServerFiles) -> None:
    """Without STARTTLS where it is asked for, and with an unknown authority's certificate, no mail leaves; the reason is kept."""
    with mail_server() as plain:
        at = mailing(sqlite_url, tmp_path, plain.port, smtp_security="starttls")
        buyer(at.world)
        at.postman.round()
        assert plain.mails == []
        assert "STARTTLS" in at.unsent()[0].last_error
    with mail_server("starttls", files) as unknown:
        server = app.mail_server_of(Settings(smtp_host="127.0.0.1", smtp_port=unknown.port, smtp_sender=SENDER))
        assert server is not None
        at.wall.ahead = timedelta(hours=1)
        Postman(at.world.service.store, at.wall, server, 20).round()
        assert unknown.mails == []
        assert "certificate verify failed" in at.unsent()[0].last_error
    at.world.close()


def test_tries_again_ever_later_and_gives_up(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is away: tried after 30 s, 60 s … of wall time, dead after `smtp_tries`; the operator sees and revives it."""
    at = mailing(database_url, tmp_path, closed_port(), smtp_tries=3)
    tenant, _ = buyer(at.world)
    for tries, wait in ((1, RETRY_SECONDS_MIN), (2, 2 * RETRY_SECONDS_MIN)):
        assert at.postman.round() == 1
        assert at.postman.round() == 0
        (letter,) = at.unsent()
        assert (letter.attempts, letter.dead) == (tries, False)
        at.wall.ahead += timedelta(seconds=wait - 5)
        assert at.postman.round() == 0
        at.wall.ahead += timedelta(seconds=6)
    assert at.postman.round() == 1
    assert at.unsent()[0].dead
    at.wall.ahead += timedelta(days=30)
    assert at.postman.round() == 0

    here = ["--data", str(tmp_path / "var"), "--database", database_url, "--json"]
    assert main(["doctor", *here]) == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert not checks["mail"]["well"]
    assert "1 letter(s) given up" in checks["mail"]["seen"]
    assert main(["admin", "outbox", *here]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["recipient"], shown["dead"], shown["attempts"]) == ("ann@example.com", True, 3)
    assert "ConnectionRefusedError" in shown["last_error"]
    assert main(["admin", "messages", tenant.account_id, *here]) == 0
    assert [each["kind"] for each in json.loads(capsys.readouterr().out)] == ["purchased"]
    assert main(["admin", "outbox", "--retry", *here]) == 0
    assert [each.dead for each in at.unsent()] == [False]
    at.world.close()


def test_the_wait_is_an_hour_at_most(sqlite_url: str, tmp_path: Path) -> None:
    """However often it failed, the next try is within an hour."""
    at = mailing(sqlite_url, tmp_path, closed_port(), smtp_tries=12)
    buyer(at.world)
    for _ in range(11):
        assert at.postman.round() == 1
        at.wall.ahead += timedelta(seconds=RETRY_SECONDS_MAX + 60)
    assert (at.unsent()[0].attempts, at.unsent()[0].dead) == (11, False)
    at.world.close()


def test_a_bad_address_holds_up_nobody_else(database_url: str, tmp_path: Path, mailbox: Mailbox) -> None:
    """A refused recipient, and an address that would smuggle in a header, fail alone; the others' mail goes on."""
    mailbox.refusing = {"gone@example.com"}
    at = mailing(database_url, tmp_path, mailbox.port)
    for email in ("gone@example.com", "x@example.com\nBcc: eve@example.com", "bob@example.com"):
        buyer(at.world, email)
    assert at.postman.round() == 3
    assert [str(mail["To"]) for mail in mailbox.mails] == ["bob@example.com"]
    assert [letter.attempts for letter in at.unsent()] == [1, 1]
    assert "550" in at.unsent()[0].last_error
    at.world.close()


def test_a_death_before_the_mark_sends_the_same_message_again(database_url: str, tmp_path: Path, mailbox: Mailbox) -> None:
    """Handed in but never marked: after the lease it is sent again under its Message-ID, and then no more."""
    at = mailing(database_url, tmp_path, mailbox.port)
    buyer(at.world)
    store = at.world.service.store
    wall = at.wall.read().wall
    with store.write() as tx:
        (claimed,) = outbox.claim(tx, wall, LEASE, 10)  # as a postman does that dies after handing in
    assert at.postman.round() == 0
    at.wall.ahead = LEASE + timedelta(seconds=1)
    assert at.postman.round() == 1
    assert at.postman.round() == 0
    assert [str(mail["Message-ID"]) for mail in mailbox.mails] == [f"<{claimed.letter.message_id}@keystead.example>"]
    with store.write() as tx:
        outbox.failed(tx, claimed, wall, "too late to say so")
    assert at.unsent() == []
    at.world.close()


def test_two_postmen_deliver_each_letter_once(database_url: str, tmp_path: Path, mailbox: Mailbox) -> None:
    """Two processes at one outbox of 30 letters: 30 mails, no two alike."""
    at = mailing(database_url, tmp_path, mailbox.port)
    tenant = at.world.tenant(balance="20000.00", email="ann@example.com")
    for _ in range(30):
        tenant.buy()
    at.world.settle()
    server = app.mail_server_of(at.world.settings)
    assert server is not None
    services = [app.open_service(at.world.settings, f"postman{number}") for number in range(2)]
    postmen = [Postman(service.store, service.clock, server, 20) for service in services]
    start = threading.Barrier(2)

    def work(postman: Postman) -> None:
        start.wait()
        while postman.round():
            pass

    threads = [threading.Thread(target=work, args=(postman,)) for postman in postmen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for service in services:
        app.close_service(service)
    assert len(mailbox.mails) == len({mail["Message-ID"] for mail in mailbox.mails}) == 30
    assert at.unsent() == []
    at.world.close()


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ({}, "smtp_sender"),
        ({"smtp_sender": "nobody"}, "smtp_sender"),
        ({"smtp_sender": "a@b.example\nBcc: c@d.example"}, "smtp_sender"),
        ({"smtp_sender": SENDER, "smtp_login": "me", "smtp_password_file": "/nowhere/password"}, "smtp_password_file"),
        ({"smtp_sender": SENDER, "smtp_login": "me", "smtp_security": "none"}, "smtp_login"),
    ],
)
def test_mail_settings_that_do_not_go_together_stop_the_start(chosen: dict[str, Any], names: str) -> None:
    """No or no good sender, no password file, a login in clear: each is refused, naming the setting."""
    with pytest.raises(SettingsError, match=names):
        app.mail_server_of(Settings(smtp_host="127.0.0.1", **chosen))


def test_a_message_and_its_letter_are_one_commit(database_url: str, tmp_path: Path) -> None:
    """Whichever statement of composing fails, neither the words nor the letter are there; without failure both are."""
    at = mailing(database_url, tmp_path, closed_port())
    tenant = at.world.tenant(email="ann@example.com")
    at.world.settle()
    tenant.buy()
    store, desk = at.world.service.store, Desk(at.world.service.catalogue, "")
    with store.read() as tx:
        (job,) = [job for job in jobs.listing(tx, 100) if job.kind == notices.COMPOSE_JOB]
    for number in range(1, 50):
        with failing_at(at.world, number) as count, suppress(PlannedFailureError), store.write() as tx:
            notices.compose(tx, desk, at.world.service.clock.read().now, job.subject)
        with store.read() as tx:
            told = notices.messages(tx, tenant.account_id)
        if count[0] < number:
            break
        assert (told, at.unsent()) == ([], [])
    assert number > 6
    assert [message.message_id for message in told] == [letter.message_id for letter in at.unsent()] == [job.subject]
    at.world.close()


def test_no_mail_server_is_no_error() -> None:
    """Without smtp_host there is none."""
    assert app.mail_server_of(Settings()) is None
