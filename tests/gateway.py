"""The gate with a small product of its own behind it: what the gate does whatever the actions are.

The product has version 2000-01-01 and one action of each effect, `Compute`, `Read` and `Write`; what they do is the test's to
say (`gateway.act = …`). It is taken off the table of products again on leaving.
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import msgspec

from keystead.access import commands as access
from keystead.access_log.journal import Journal
from keystead.catalog.model import Catalogue
from keystead.clock import Instant
from keystead.gate.arrival import Arrival
from keystead.gate.call import Call, Service
from keystead.gate.life import Outcome, live
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import OPEN, PRODUCTS, Effect, FaultRow, Permission, Product
from keystead.gate.signature import NonceMemory
from keystead.gate.throttle import Rates
from keystead.hsm.software import SoftwareKeyStore, open_root_key
from keystead.settings import Settings
from keystead.store import Warm, open_store
from keystead.store.leases import open_rates

VERSION = "2000-01-01"
EMPTY = hashlib.sha256(b"").hexdigest()


class EverybodyMay(dict[str, Permission]):
    """Authentication alone, whatever a test calls its actions."""

    def __contains__(self, _name: object) -> bool:
        """Have every name."""
        return True

    def __missing__(self, _name: str) -> Permission:
        """Ask for nothing."""
        return OPEN


class Asked(Request):
    """The parameters of the test product's actions."""

    key_id: str
    number: int | None = None
    client_token: str | None = None
    words: tuple[str, ...] | None = msgspec.field(name="Word", default=None)


class Answered(Response):
    """What they answer."""

    text: str = ""
    words: list[str] | None = None
    flag: bool | None = None
    nothing: str | None = None


class StandingClock:
    """Business and wall time stand where the test puts them; the monotonic count is real."""

    def __init__(self) -> None:
        """Start at the present second."""
        self.wall = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - as good as any other second
        self.now = self.wall

    def read(self) -> Instant:
        """Give them."""
        return Instant(self.now, self.wall, time.monotonic())  # noqa: TID251 - durations are real


@dataclass
class Caller:
    """An access key."""

    account_id: str
    access_key_id: str
    secret: str


@dataclass
class Reply:
    """An answer with its record."""

    status: int
    headers: dict[str, str]
    text: str
    outcome: Outcome

    @property
    def body(self) -> dict[str, Any]:
        """The answer as JSON."""
        return cast("dict[str, Any]", json.loads(self.text))

    @property
    def code(self) -> str:
        """The error code; empty for a success."""
        return str(self.body.get("Code", ""))


class Gateway:
    """A service whose only product is the test's."""

    def __init__(self, database_url: str, folder: Path, faults: tuple[FaultRow, ...] = ()) -> None:
        """Open everything a worker has; `faults` is the product's own table."""
        store = open_store(database_url)
        self.folder = folder
        self.clock = StandingClock()
        self.service = Service(
            settings=Settings(data=str(folder), default_region="here-1"),
            clock=self.clock,
            store=store,
            warm=Warm(store),
            keystore=SoftwareKeyStore(open_root_key(folder / "root.key")),
            catalogue=cast("Catalogue", None),  # nothing is sold here
            rates=Rates(open_rates(folder, store)),
            nonces=NonceMemory(slots=1 << 10),
            journal=Journal(folder / "journal", "gateway"),
        )
        self.act: Callable[[Call, Asked], Answered] = lambda _call, asked: Answered(text=asked.key_id)
        self.product = Product("test", VERSION, faults, EverybodyMay())
        for effect in Effect:
            self.product.action(effect.name.capitalize(), effect, idempotent=effect is Effect.WRITE)(self._handler())

    def _handler(self) -> Callable[[Call, Any], Response]:
        def handler(call: Call, request: Asked) -> Answered:
            return self.act(call, request)

        return handler

    def close(self) -> None:
        """Close the service and forget the product."""
        PRODUCTS.pop(VERSION)
        self.service.rates.close()
        self.service.journal.close()
        self.service.warm.close()
        self.service.store.close()

    def caller(self, name: str = "caller") -> Caller:
        """Make an account and an access key."""
        with self.service.store.write() as tx:
            account = access.create_account(tx, self.clock.now, name)
            key = access.create_access_key(tx, self.service.keystore, self.clock.now, account.account_id)
        return Caller(account.account_id, key.access_key_id, key.secret)

    def deliver(self, arrival: Arrival) -> Reply:
        """Run a request through its life."""
        outcome = live(self.service, arrival)
        return Reply(outcome.answer.status, dict(outcome.answer.headers), outcome.answer.body.decode(), outcome)

    def call(self, caller: Caller, action: str, **parameters: str) -> Reply:
        """Sign by ACS3 and deliver; KeyId=k unless given."""
        return self.deliver(self.acs3(caller, action, {"KeyId": "k", **parameters}))

    def acs3(self, caller: Caller, action: str, parameters: dict[str, str], **headers: str) -> Arrival:
        """An arrival signed by ACS3; headers (dashes written as `_`) are replaced or added before signing."""
        signed = {
            "host": "127.0.0.1:8080",
            "x-acs-action": action,
            "x-acs-version": VERSION,
            "x-acs-date": self.clock.wall.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-content-sha256": EMPTY,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        canonical = f"POST\n/\n{encoded(parameters)}\n{lines}\n{names}\n{EMPTY}"
        to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(caller.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        signed["authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={caller.access_key_id},SignedHeaders={names},Signature={signature}"
        )
        return Arrival("POST", ("/", encoded(parameters)), signed, b"", "127.0.0.1")

    def rpc(self, caller: Caller, action: str, parameters: dict[str, str], headers: dict[str, str] | None = None) -> Arrival:
        """An arrival signed by RPC 1.0; its headers are unsigned."""
        everything = {
            "Action": action,
            "Version": VERSION,
            "AccessKeyId": caller.access_key_id,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": uuid.uuid4().hex,
            "Timestamp": self.clock.wall.strftime("%Y-%m-%dT%H:%M:%SZ"),
            **parameters,
        }
        to_sign = f"POST&%2F&{quote(encoded(everything), safe='-_.~')}"
        digest = hmac.new(caller.secret.encode() + b"&", to_sign.encode(), hashlib.sha1).digest()
        everything["Signature"] = base64.b64encode(digest).decode()
        return Arrival("POST", ("/", encoded(everything)), {"host": "h", **(headers or {})}, b"", "127.0.0.1")


def encoded(parameters: dict[str, str]) -> str:
    """The canonical query."""
    return "&".join(f"{quote(name, safe='-_.~')}={quote(parameters[name], safe='-_.~')}" for name in sorted(parameters))
