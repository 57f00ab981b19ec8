"""The tests refuse the outside world: this process talks to its own machine only.

A test that needs the network would fail on a train, leak a credential on a bad day and depend on someone's server.
Programs that tests start are not covered; they are given addresses of this machine.
"""

import ipaddress
import sys
from typing import Final

WATCHED: Final = frozenset({"socket.connect", "socket.sendto", "socket.getaddrinfo"})


class OutsideWorldError(RuntimeError):
    """A test reached for another machine."""


def refuse() -> None:
    """From now on raise `OutsideWorldError` for every name or address that is not this machine; cannot be undone."""
    sys.addaudithook(_check)


def _check(event: str, arguments: tuple[object, ...]) -> None:
    if event not in WATCHED:
        return
    # getaddrinfo tells (host, …), the others (socket, address); a Unix socket's address is its path.
    address = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    host = address[0] if isinstance(address, tuple) else address if event == "socket.getaddrinfo" else None
    if not is_here(host):
        message = f"{event} to {host!r}: tests talk to this machine only"
        raise OutsideWorldError(message)


def is_here(host: object) -> bool:
    """Whether `host` is no host at all, or a name or address of this machine."""
    if isinstance(host, bytes):
        host = host.decode()
    if host is None or host in {"", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
