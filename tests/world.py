"""A whole service in one process, called with signed requests but without a socket, on a clock the test moves.

world = World(database_url, tmp_path)
tenant = world.tenant(balance="10000.00")
answer = tenant.kms("CreateKey", DKMSInstanceId=instance_id)
world.advance(days=31)
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from keystead import app
from keystead.access import commands as access
from keystead.bills import commands as bills
from keystead.catalog.model import Catalogue, Edition
from keystead.clock import SystemClock, iso_z, parse_iso_z
from keystead.gate.arrival import Arrival
from keystead.gate.life import live
from keystead.gate.registry import PRODUCTS
from keystead.ledger import commands as ledger
from keystead.money import Money
from keystead.schedule import runner
from keystead.settings import Settings
from keystead.store import business_time
from keystead.store.events import Event
from keystead.store.migrations import upgrade

START = "2026-01-01T00:00:00Z"
KMS_VERSION = "2016-01-20"
BSS_VERSION = "2017-12-14"


@dataclass(frozen=True)
class Reply:
    """What came back: HTTP status, headers, and the body as JSON."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """The error code; empty for a KMS success."""
        return str(self.body.get("Code", ""))


class World:
    """A service on `database_url` with its files under `folder`, standing at `START`."""

    def __init__(self, database_url: str, folder: Path, start: str = START, **chosen: Any) -> None:
        """Migrate (a no-op on a template copy), set the clock and open; `chosen` are further settings."""
        upgrade(database_url)
        self.settings = Settings(
            data=str(folder),
            database=database_url,
            clock=f"manual:{start}",
            log_requests=False,
            default_region="ap-southeast-1",
            **{"shared_quota_factor": 0, **chosen},  # tests are faster than the shared gateway's quotas allow
        )
        store = app.store_of(self.settings)
        with store.write() as tx:
            business_time.begin(tx, parse_iso_z(start))
        store.close()
        self.service = app.open_service(self.settings, "world")
        self.names = 0

    def deliver_hardware(self) -> None:
        """Have the deployment deliver hardware instances too, as one with a module configured does."""
        self.sell(msgspec.structs.replace(self.service.catalogue, delivered=frozenset(Edition)))

    def sell(self, catalogue: Catalogue) -> None:
        """Have another catalogue."""
        self.service = dataclasses.replace(self.service, catalogue=catalogue)

    def close(self) -> None:
        """Close the service; the books must be in order: the sums of orders, ledger, bills and balances agree to the cent."""
        with self.service.store.read() as tx:
            assert bills.audit(tx) == []
        app.close_service(self.service)

    @property
    def now(self) -> datetime:
        """Business time."""
        self.service.warm.check()
        return self.service.clock.read().now

    def advance(self, **by: float) -> list[Event]:
        """Move business time (`days=`, `hours=` …) doing all that falls due; gives what happened."""
        return runner.advance(self.service, timedelta(**by))

    def advance_to(self, iso: str) -> list[Event]:
        """Move business time to an instant."""
        return runner.advance(self.service, parse_iso_z(iso) - self.now)

    def settle(self) -> None:
        """Do what is due now, without moving time."""
        runner.advance(self.service, timedelta(0))

    def tenant(self, balance: str = "10000.00", name: str = "", email: str = "") -> Tenant:
        """Make an account with money and an access key."""
        self.names += 1
        now = self.now
        with self.service.store.write() as tx:
            account = access.create_account(tx, now, name or f"tenant{self.names}", email)
            key = access.create_access_key(tx, self.service.keystore, now, account.account_id)
            if balance != "0":
                minor = int(balance.replace(".", ""))
                ledger.credit(tx, now, account.account_id, Money(minor, "USD"), f"opening {account.account_id}")
        return Tenant(self, account.account_id, key.access_key_id, key.secret)

    def cloud_service(self, name: str) -> Tenant:
        """Register a service of the deployment: a caller without an account."""
        with self.service.store.write() as tx:
            key = access.register_service(tx, self.service.keystore, self.now, name)
        return Tenant(self, "", key.access_key_id, key.secret)

    def deliver(self, arrival: Arrival) -> Reply:
        """Run a request and read its answer."""
        outcome = live(self.service, arrival)
        return Reply(outcome.answer.status, dict(outcome.answer.headers), json.loads(outcome.answer.body))


class Tenant:
    """A caller with an access key."""

    def __init__(self, world: World, account_id: str, access_key_id: str, secret: str) -> None:
        """Hold the credentials."""
        self.world = world
        self.account_id = account_id
        self.access_key_id = access_key_id
        self.secret = secret

    def kms(self, action: str, **parameters: object) -> Reply:
        """Call a KMS action; parameters as on the wire, dots written as `__`."""
        return self.call(KMS_VERSION, action, parameters)

    def bss(self, action: str, **parameters: object) -> Reply:
        """Call a billing action."""
        return self.call(BSS_VERSION, action, parameters)

    def call(self, version: str, action: str, parameters: dict[str, object]) -> Reply:
        """Sign as the current SDKs do (ACS3) and deliver."""
        flat = {name.replace("__", "."): str(value) for name, value in parameters.items()}
        return self.world.deliver(self.arrival(version, action, flat))

    def arrival(self, version: str, action: str, flat: dict[str, str], nonce: str = "", host: str = "127.0.0.1:8080") -> Arrival:
        """Make a signed request without delivering it."""
        headers = {
            "host": host,
            "x-acs-action": action,
            "x-acs-version": version,
            "x-acs-date": iso_z(SystemClock().read().wall),
            "x-acs-signature-nonce": nonce or uuid.uuid4().hex,
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        }
        signed = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        method = "GET" if PRODUCTS[version].actions[action].methods == {"GET"} else "POST"
        query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(flat.items()))
        canonical = f"{method}\n/\n{query}\n{lines}\n{signed}\n{headers['x-acs-content-sha256']}"
        to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={self.access_key_id},SignedHeaders={signed},Signature={signature}"
        )
        return Arrival(method, ("/", urlencode(flat)), headers, b"", "127.0.0.1")

    def buy(self, **modules: object) -> str:
        """Buy a software instance for a month (`Spec=`, `KeyNum=` … as module codes); gives its id."""
        codes = {"Region": "ap-southeast-1", "ProductVersion": "3", "Spec": "1000", "KeyNum": "1000"} | modules
        period = codes.pop("Period", 1)
        flat: dict[str, object] = {
            "ProductCode": "kms",
            "ProductType": "kms_ddi_public_intl",
            "SubscriptionType": "Subscription",
            "Period": period,
        }
        for number, (code, value) in enumerate(codes.items(), 1):
            flat[f"Parameter.{number}.Code"] = code
            flat[f"Parameter.{number}.Value"] = value
        reply = self.call(BSS_VERSION, "CreateInstance", flat)
        assert reply.body["Success"], reply.body
        return str(reply.body["Data"]["InstanceId"])

    def connect(self, instance_id: str) -> None:
        """Enable an instance in two zones and wait for its job."""
        reply = self.kms(
            "ConnectKmsInstance",
            KmsInstanceId=instance_id,
            VpcId="vpc-1",
            ZoneIds="ap-southeast-1a,ap-southeast-1b",
            VSwitchIds="vsw-1",
            KMProvider="Aliyun",
        )
        assert reply.status == 200, reply.body
        self.world.settle()

    def instance(self, **modules: object) -> str:
        """Buy and enable an instance; gives its id."""
        instance_id = self.buy(**modules)
        self.connect(instance_id)
        return instance_id

    def key(self, instance_id: str) -> str:
        """Make an AES key; gives its id."""
        reply = self.kms("CreateKey", DKMSInstanceId=instance_id)
        assert reply.status == 200, reply.body
        return str(reply.body["KeyMetadata"]["KeyId"])
