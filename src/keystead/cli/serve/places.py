"""The places a server needs for itself alone: its data folder and its ports. Little is imported here: it comes first."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

from keystead.cli.serve.orders import Address, Listeners
from keystead.clock import elapsed
from keystead.faults import StateFault, Unavailable
from keystead.settings import Settings, SettingsError

LOCK_FILE: Final = "serve.lock"
LOCK_SECONDS_MAX: Final = 3.0
KNOCK_SECONDS_MAX: Final = 0.5


class AlreadyServed(StateFault):
    """Another server has the data folder."""


class PortTaken(Unavailable):
    """A listener's port belongs to another program."""


class Reserved(NamedTuple):
    """The listeners' addresses, and the bound sockets that keep the ports for this server's processes."""

    listeners: Listeners
    sockets: list[socket.socket]
    hosts: list[str]


def take_folder(data: Path) -> int:
    """Make the data folder and lock it, giving the lock's descriptor; AlreadyServed if another server has it.

    Every process of the server inherits the lock: it is free when the last one of them is gone.
    """
    if data.exists() and not data.is_dir():
        raise SettingsError(f"data: {data} is not a folder")
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
