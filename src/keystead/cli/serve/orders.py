"""What the supervisor tells a process it starts: one line of JSON on its standard input."""

from __future__ import annotations

import enum

import msgspec

from keystead.settings import Settings


class Role(enum.StrEnum):
    """What a process is for."""

    API = "api"
    SCHEDULER = "scheduler"
    CONSOLE = "console"


def process_name(role: Role, number: int) -> str:
    """Give the name of a process, as logs, journals and the command line show it."""
    return f"{role.value}-{number}"


class Address(msgspec.Struct, frozen=True):
    """A place to listen at: an IP address and a port, both as reserved by the supervisor."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def callable(self) -> Address:
        """The same place as a client on this machine calls it."""
        return Address({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host), self.port)  # noqa: S104


class Listeners(msgspec.Struct, frozen=True):
    """The three listeners of a deployment."""

    plain: Address
    tls: Address
    console: Address

    @property
    def endpoints(self) -> dict[str, str]:
        """Their URLs as a client on this machine calls them."""
        return {
            "API, HTTP": f"http://{self.plain.callable}",
            "API, HTTPS": f"https://{self.tls.callable}",
            "console": f"http://{self.console.callable}",
        }


class Orders(msgspec.Struct, frozen=True):
    """All that a process needs to know. `number` tells processes of one role apart."""

    role: Role
    number: int
    settings: Settings
    listeners: Listeners
    certificate: str
    certificate_key: str
    metrics: str
    """Folder in which the API workers keep their counters."""

    @property
    def name(self) -> str:
        """What logs call the process."""
        return process_name(self.role, self.number)


READY = b"ready\n"
"""What a process writes on its standard output once it serves."""
