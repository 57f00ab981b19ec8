"""Usage records on both databases: what was held, what was called, counted once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from keystead.access_log.journal import Journal
from keystead.access_log.model import Record, encoded
from keystead.clock import Instant, SystemClock, iso_z, parse_iso_z
from keystead.gate.life import live
from keystead.usage import commands as usage
from tests.world import KMS_VERSION, Tenant, World

SPAN: dict[str, object] = {"Table": "kms", "StartTime": "2026-01-01T00:00:00Z", "EndTime": "2026-03-01T00:00:00Z"}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service that stands at 2026-01-01T00:00:00Z."""
    made = World(database_url, tmp_path)
    yield made
    made.close()


def encrypt(tenant: Tenant, key_id: str) -> int:
    """Encrypt as a worker would serve it: with the call's record in the journal, durable; gives the status."""
    service = tenant.world.service
    arrival = tenant.arrival(KMS_VERSION, "Encrypt", {"KeyId": key_id, "Plaintext": "aGVsbG8="})
    outcome = live(service, arrival)
    assert not outcome.recorded
    group = service.journal.append(outcome.record)
    while not group.finished:
        Event().wait(0.001)
    return outcome.answer.status


def records(tenant: Tenant, kind: str = "Day", **parameters: object) -> list[dict[str, Any]]:
    """The rows of QueryUserOmsData."""
    reply = tenant.bss("QueryUserOmsData", DataType=kind, **(SPAN | parameters))
    assert reply.body["Success"], reply.body
    found: list[dict[str, Any]] = reply.body["Data"]["OmsData"]
    return found


def of_instance(rows: list[dict[str, Any]], instance_id: str) -> list[dict[str, Any]]:
    """The rows of one instance."""
    return [row for row in rows if row["InstanceId"] == instance_id]


def test_a_day_holds_what_was_seen_and_called(world: World) -> None:
    """Two keys made, three encryptions: KeyNum 2 of 1000, one VPC of 1, CreateKey 2, Encrypt 3; the next day has a third key."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    key_id, _ = tenant.key(instance_id), tenant.key(instance_id)
    for _ in range(3):
        assert encrypt(tenant, key_id) == 200
    assert encrypt(tenant, "key-" + "x" * 300) >= 400  # what a refused call names may be anything
    world.settle()
    world.advance(days=1)
    tenant.key(instance_id)
    world.settle()
    rows = of_instance(records(tenant), instance_id)
    assert [row["Day"] for row in rows] == ["2026-01-01", "2026-01-02"]
    first, second = rows
    assert {name: first[name] for name in ("KeyNum", "KeyQuota", "VpcNum", "VpcQuota", "SecretNum", "QpsQuota", "Region")} == {
        "KeyNum": "2",
        "KeyQuota": "1000",
        "VpcNum": "1",
        "VpcQuota": "1",
        "SecretNum": "0",
        "QpsQuota": "1000",
        "Region": "ap-southeast-1",
    }
    assert (first["Calls.CreateKey"], first["Calls.Encrypt"]) == ("2", "3")
    assert (second["KeyNum"], second["Calls.CreateKey"]) == ("3", "1")
    [month] = of_instance(records(tenant, "Month"), instance_id)
    assert (month["Month"], month["KeyNum"], month["Calls.CreateKey"], month["Calls.Encrypt"]) == ("2026-01", "3", "3", "3")
    assert of_instance(records(world.tenant()), instance_id) == []


def test_counting_again_counts_nothing_twice(world: World) -> None:
    """However often the chore runs, also with new calls between, each call is counted once."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    key_id = tenant.key(instance_id)
    for calls in (1, 2, 3):
        assert encrypt(tenant, key_id) == 200
        for _ in range(2):
            usage.count(world.service.store, world.service.journal.path.parent, SystemClock().read(), 2**31)
        usage.take(world.service.store, world.now)
        [row] = of_instance(records(tenant), instance_id)
        assert (row["Calls.Encrypt"], row["Calls.CreateKey"]) == (str(calls), "1")


def bytes_of(gigabytes: str) -> int:
    """Read GB, written with nine decimals, as bytes."""
    return int(gigabytes.replace(".", ""))


def record(tenant: Tenant, instance_id: str, at: str, error: str = "") -> Record:
    """The record of a call at an instant of wall time, on the world's day."""
    return Record(
        time=at,
        business_time=iso_z(tenant.world.now),
        request_id="r",
        api_name="Encrypt",
        account_id=tenant.account_id,
        instance_id=instance_id,
        error_code=error,
    )


def test_the_peak_is_that_of_all_nodes_together_and_the_log_that_of_all_days(world: World) -> None:
    """Node one has 3 + 2 calls of 12:00:00 and 4 of 12:00:01, node two 2 of 12:00:00: 7 in a second; 11 records of equal size.

    The next day has one record: its peak is 1, and the log keeps twelve. Refused calls and another account's count for nothing.
    """
    tenant, other = world.tenant(), world.tenant()
    instance_id = tenant.instance()
    folder = world.service.journal.path.parent
    one, two = (Journal(folder, f"node-{number}", echo=False) for number in (1, 2))
    size = len(encoded(record(tenant, instance_id, "2026-01-01T12:00:00.000Z"))) + 1

    def write(journal: Journal, times: int, second: int, who: Tenant = tenant, error: str = "") -> None:
        for _ in range(times):
            group = journal.append(record(who, instance_id, f"2026-01-01T12:00:0{second}.500Z", error))
            while not group.finished:
                Event().wait(0.001)

    def count() -> None:
        wall = parse_iso_z("2026-01-01T12:00:30Z")
        usage.count(world.service.store, folder, Instant(wall, wall, 0.0), 2**31)

    count()
    [row] = of_instance(records(tenant), instance_id)
    changes = bytes_of(row["LogWritten"])  # purchase and enabling are records too
    write(one, 3, 0)
    write(one, 4, 1)
    count()
    write(one, 2, 0)
    write(two, 2, 0)
    write(two, 50, 2, error="Throttling")
    write(two, 50, 3, who=other)
    count()
    [row] = of_instance(records(tenant), instance_id)
    assert (row["PeakQps"], bytes_of(row["LogWritten"])) == ("7", changes + 11 * size)
    world.advance(days=1)
    write(one, 1, 5)
    count()
    _, second = of_instance(records(tenant), instance_id)
    assert second["PeakQps"] == "1"
    assert bytes_of(second["LogStorage"]) == changes + 12 * size
    assert bytes_of(second["LogWritten"]) == size
    one.close()
    two.close()


def test_pages_and_what_finds_nothing(world: World) -> None:
    """A marker leads on and is bound to its question; another table, Hour and Raw are empty; mistakes are refused."""
    tenant = world.tenant()
    ids = {tenant.instance() for _ in range(3)}
    usage.take(world.service.store, world.now)
    first = tenant.bss("QueryUserOmsData", DataType="Day", PageSize=2, **SPAN).body["Data"]
    rest = tenant.bss("QueryUserOmsData", DataType="Day", PageSize=200, Marker=first["Marker"], **SPAN).body["Data"]
    assert (len(first["OmsData"]), rest["Marker"]) == (2, "")
    assert {row["InstanceId"] for row in first["OmsData"] + rest["OmsData"]} - {""} == ids
    assert records(tenant, Table="ecs") == records(tenant, "Hour") == records(tenant, "Raw") == []
    for wrong in (
        {"DataType": "Week"},
        {"DataType": "Day", "Marker": "x"},
        {"DataType": "Day", "EndTime": "2025-01-01T00:00:00Z"},
    ):
        assert tenant.bss("QueryUserOmsData", **(SPAN | wrong)).code == "InvalidParameter"
