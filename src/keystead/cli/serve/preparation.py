"""What the supervisor sees to before it starts any process: one step a function, each safe to be killed in."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

import msgspec

from keystead import app
from keystead.access import commands as access
from keystead.access import rows as access_rows
from keystead.access.faults import AccountUnknown
from keystead.access_log.journal import recover
from keystead.cli.certificates import ServerFiles, ensure_certificates, write_whole
from keystead.cli.serve.orders import Address, Listeners
from keystead.cli.target import StoreUnreachable
from keystead.clock import SystemClock, elapsed
from keystead.faults import StateFault, Unavailable
from keystead.ledger import commands as ledger
from keystead.money import Money
from keystead.settings import Settings, SettingsError
from keystead.store import Store, business_time
from keystead.store.engine import database_url
from keystead.store.migrations import upgrade

LOCK_FILE: Final = "serve.lock"
LOCK_SECONDS_MAX: Final = 3.0
DEMO_FILE: Final = "demo-account.json"
DEMO_NAME: Final = "demo"
DEMO_BALANCE: Final = "10000.00"
KNOCK_SECONDS_MAX: Final = 0.5


class AlreadyServed(StateFault):
    """Another server has the data folder."""


class PortTaken(Unavailable):
    """A listener's port belongs to another program."""


class ClockChanged(StateFault):
    """The deployment has another kind of clock than it is started with."""


class DemoAccount(msgspec.Struct, frozen=True):
    """The demo account's credentials, as its file keeps them."""

    account_id: str
    access_key_id: str
    access_key_secret: str

    def __repr__(self) -> str:
        """Show the id only: a repr ends up in logs."""
        return f"DemoAccount({self.access_key_id})"


class Reserved(NamedTuple):
    """The listeners' addresses, and the bound sockets that keep the ports for this server's processes."""

    listeners: Listeners
    sockets: list[socket.socket]
    hosts: list[str]


def take_folder(data: Path) -> int:
    """Make the data folder and lock it, giving the lock's descriptor; AlreadyServed if another server has it.

    Every process of the server inherits the lock: it is free when the last one of them is gone.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(data / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = elapsed() + LOCK_SECONDS_MAX
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if elapsed() > until:
                os.close(lock)
                raise AlreadyServed(
                    f"another keystead serves {data}: stop it first, or name another folder with --data"
                ) from None
            Event().wait(0.05)
        else:
            return lock


def reserve(settings: Settings) -> Reserved:
    """Bind the listeners' ports without listening, so that nobody else gets them; PortTaken or SettingsError names the key."""
    sockets: list[socket.socket] = []
    addresses = []
    hosts = []
    for key, text in (
        ("listen", settings.listen),
        ("tls_listen", settings.tls_listen),
        ("console_listen", settings.console_listen),
    ):
        host, port = _split(key, text)
        hosts.append(host)
        reserved = _reserve(key, host, port)
        sockets.append(reserved)
        name = reserved.getsockname()
        addresses.append(Address(name[0], name[1]))
    return Reserved(Listeners(*addresses), sockets, hosts)


def _split(key: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not 0 <= int(port) <= 65535:
        raise SettingsError(f"{key}: {text!r} has no port from 0 to 65535 (0 picks a free one)")
    return host, int(port)


def _reserve(key: str, host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise SettingsError(f"{key}: {host!r} is not an address or name of this machine") from None
    family, kind, protocol, _, address = found[0]
    callable_host = Address(str(address[0]), port).callable.host
    if port and _answers(callable_host, port):
        raise PortTaken(f"{key}: {host}:{port} is taken by another program")
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        made.bind(address)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"{key}: {host}:{port} is taken by another program") from None
        raise SettingsError(f"{key}: cannot listen at {host}:{port}: {error.strerror}") from None
    return made


def _answers(host: str, port: int) -> bool:
    """Whether somebody listens there; a port shared with SO_REUSEPORT could be bound beside them without an error."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), KNOCK_SECONDS_MAX):
        return True
    return False


def ready_store(settings: Settings) -> None:
    """Bring the database to this version's schema and set the clock; StoreUnreachable or ClockChanged says what is wrong."""
    start = app.manual_start(settings)
    url = database_url(settings.data_path, settings.database or None)
    try:
        upgrade(url)
    except Exception as error:
        raise StoreUnreachable(error) from error
    store = app.store_of(settings)
    try:
        if start is not None:
            with store.write() as tx:
                business_time.begin(tx, start)
            return
        with store.read() as tx:
            standing = business_time.standing(tx)
        if standing is not None:
            raise ClockChanged(
                f"this deployment runs on a manual clock, standing at {standing.isoformat()}: start it with --clock manual:…"
            )
    finally:
        store.close()


def ready_files(settings: Settings, hosts: list[str]) -> ServerFiles:
    """Recover the journals, make the root key on first use, and see to the certificates."""
    recover(app.journal_folder(settings))
    app.keystore_of(settings)
    return ensure_certificates(settings.data_path, hosts, SystemClock().read().wall)


def metrics_folder(data: Path) -> Path:
    """Give an empty folder for the workers' counters."""
    folder = data / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def demo_account(settings: Settings) -> DemoAccount:
    """Give the demo account, made on first use with a balance and an access key; a file only the owner may read keeps them."""
    path = settings.data_path / DEMO_FILE
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=DemoAccount)
    store = app.store_of(settings)
    try:
        made = _make_demo_account(settings, store)
    finally:
        store.close()
    write_whole(path, msgspec.json.encode(made), 0o600)
    return made


def _make_demo_account(settings: Settings, store: Store) -> DemoAccount:
    keystore = app.keystore_of(settings)
    with store.write() as tx:
        now = business_time.standing(tx) or SystemClock().read().now
        try:
            account = access.account_named(tx, DEMO_NAME)  # a crash came before its file was written
        except AccountUnknown:
            account = access.create_account(tx, now, DEMO_NAME)
        access_rows.lock_account(tx, account.account_id)
        ledger.credit(tx, now, account.account_id, Money.parse(DEMO_BALANCE, ledger.CURRENCY), "demo-opening", "demo balance")
        key = access.create_access_key(tx, keystore, now, account.account_id)
    return DemoAccount(account.account_id, key.access_key_id, key.secret)
