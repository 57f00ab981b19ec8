"""A tenant whose application calls the dedicated gateway, in one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from keystead.clock import Clock, Instant
from keystead.gate.arrival import Arrival
from keystead.gate.life import live
from tests import messages
from tests.access import Application, application, policy
from tests.world import Tenant, World

HOST = "{}.cryptoservice.kms.example.com:8443"


@dataclass
class Answer:
    """What came back: status, headers, and the message."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """The error code; empty for a success."""
        return str(self.body.get("ErrorCode", ""))


def deliver(world: World, operation: str, arrival: Arrival) -> Answer:
    """Run a call and read its answer."""
    outcome = live(world.service, arrival)
    answer = outcome.answer
    headers = dict(answer.headers)
    assert headers["content-type"] == "application/x-protobuf"
    body = messages.answer(operation, answer.body) if answer.status == 200 else messages.error(answer.body)
    if answer.status != 200:
        assert body["StatusCode"] == answer.status
    assert body["RequestId"] == headers["x-acs-request-id"] == outcome.record.request_id
    return Answer(answer.status, headers, body)


@dataclass
class Stage:
    """A tenant's instance and an application that may use all of its keys."""

    world: World
    tenant: Tenant
    instance_id: str
    application: Application

    def call(self, operation: str, **values: str | bytes | int) -> Answer:
        """Call with the application's client key."""
        return self.sent(operation, {}, **values)

    def sent(self, operation: str, headers: dict[str, str], **values: str | bytes | int) -> Answer:
        """As `call`, with further headers (dashes as underscores)."""
        arrival = self.application.arrival(operation, messages.request(operation, **values), **headers)
        return deliver(self.world, operation, arrival)

    def raw(self, operation: str, body: bytes) -> Answer:
        """Send signed bytes, whatever they are."""
        return deliver(self.world, operation, self.application.arrival(operation, body))

    def good(self, operation: str, **values: str | bytes | int) -> dict[str, Any]:
        """As `call`, for what must succeed."""
        answer = self.call(operation, **values)
        assert answer.status == 200, answer.body
        return answer.body

    def key(self, spec: str = "Aliyun_AES_256", usage: str = "") -> str:
        """Make a key."""
        reply = self.tenant.kms("CreateKey", DKMSInstanceId=self.instance_id, KeySpec=spec, KeyUsage=usage)
        assert reply.status == 200, reply.body
        return str(reply.body["KeyMetadata"]["KeyId"])


class ShiftedClock:
    """A clock whose wall time is off."""

    def __init__(self, clock: Clock, by: timedelta) -> None:
        """Read from `clock`."""
        self.clock, self.by = clock, by

    def read(self) -> Instant:
        """Read, and shift wall time."""
        found = self.clock.read()
        return Instant(found.now, found.wall + self.by, found.monotonic + self.by.total_seconds())


@contextmanager
def staged(database_url: str, folder: Path) -> Iterator[Stage]:
    """A tenant with an instance, and an application that may use all of it."""
    world = World(database_url, folder / "var")
    tenant = world.tenant()
    instance_id = tenant.instance()
    policy(tenant, "all", instance_id, ["key/*", "secret/*"])
    yield Stage(world, tenant, instance_id, application(tenant, "shop", "all"))
    world.close()
