"""Owners are told at 70 % and 90 % of what they bought, once a crossing (KMS events page, read 2026-11-22)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from keystead.clock import Instant
from keystead.notices import commands as notices
from keystead.quotas.model import Quota, Resource
from keystead.store import events
from keystead.usage import rows, rules
from keystead.usage.model import InSecond
from keystead.usage.watch import PEAK_OF, watch
from tests.rooms.test_networks import bind
from tests.world import Tenant, World

Told = list[tuple[str, ...]]


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service on each database."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


def versions(world: World, instance_id: str, key_id: str, count: int) -> None:
    """Have a key of an instance that holds so many versions in all."""
    with world.service.store.write() as tx:
        tx.conn.exec_driver_sql(f"DELETE FROM key_version WHERE key_id = '{key_id}' AND sealed IS NULL")  # noqa: S608
        row = "INSERT INTO key_version (version_id, key_id, instance_id, sealed, created_at_ms) VALUES "
        more = ",".join(f"('v{n}', '{key_id}', '{instance_id}', NULL, 0)" for n in range(count - 1))
        tx.conn.exec_driver_sql(row + more)


def seconds(world: World, tenant: Tenant, instance_id: str, calls: int, wall: datetime) -> None:
    """Count so many calls of the second of an instant."""
    with world.service.store.write() as tx:
        rows._in_second(tx, InSecond(tenant.account_id, instance_id, int(wall.timestamp()), "2026-01-01"), calls)  # noqa: SLF001


def told(world: World, wall: datetime | None = None) -> Told:
    """Look once, now or at some wall time; gives what is told: resource, level, severity, used, allowed."""
    with world.service.store.read() as tx:
        before = events.last_id(tx)
    instant = world.service.clock.read()
    watch(world.service.store, Instant(instant.now, wall or instant.wall, instant.monotonic))
    with world.service.store.read() as tx:
        found = [event for event in events.since(tx, before) if event.kind == "usage_high"]
    return [tuple(event.detail[name] for name in ("resource", "level", "severity", "used", "allowed")) for event in found]


def test_keys_are_told_at_each_level_and_again_only_after_a_fall(world: World) -> None:
    """Of 1,000: told at 700 and 900; 850 is no fall from 90 %, 849 is one; 650 is none from 70 %, 649 is one."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    key_id = tenant.key(instance_id)
    seventy, ninety = ("key", "70", "INFO", "700", "1000"), ("key", "90", "WARN", "900", "1000")
    for count, expected in (
        (699, []),
        (700, [seventy]),
        (701, []),
        (650, []),
        (700, []),
        (649, []),
        (700, [seventy]),
        (900, [ninety]),
        (850, []),
        (900, []),
        (849, []),
        (900, [ninety]),
        (500, []),
        (900, [("key", "70", "INFO", "900", "1000"), ninety]),
    ):
        versions(world, instance_id, key_id, count)
        assert told(world) == expected, count
        assert told(world) == [], "looked at twice"


def test_an_upgrade_is_a_fall(world: World) -> None:
    """900 of 1,000 becomes 900 of 2,000: nothing to tell until 1,400."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    key_id = tenant.key(instance_id)
    versions(world, instance_id, key_id, 900)
    assert [one[1] for one in told(world)] == ["70", "90"]
    asked = {"InstanceId": instance_id, "ProductCode": "kms", "ModifyType": "Upgrade", "SubscriptionType": "Subscription"}
    assert tenant.bss("ModifyInstance", **asked, Parameter__1__Code="KeyNum", Parameter__1__Value="2000").body["Success"]
    assert told(world) == []
    versions(world, instance_id, key_id, 1400)
    assert told(world) == [("key", "70", "INFO", "1400", "2000")]


def test_access_is_told_but_not_the_one_that_comes_with_the_instance(world: World) -> None:
    """1 of 1 is nothing to tell; 3 of 4 are 75 %, 4 of 4 more than 90 %."""
    tenant = world.tenant()
    tenant.instance()
    instance_id = tenant.instance(VpcNum="4")
    assert told(world) == []
    assert bind(tenant, instance_id, "2", "3").status == 200
    assert told(world) == [("vpc", "70", "INFO", "3", "4")]
    assert bind(tenant, instance_id, "2", "3", "4").status == 200
    assert told(world) == [("vpc", "90", "WARN", "4", "4")]
    assert bind(tenant, instance_id).status == 200
    assert told(world) == []
    assert bind(tenant, instance_id, "2", "3").status == 200
    assert told(world) == [("vpc", "70", "INFO", "3", "4")]


def test_requests_a_second_by_the_fullest_of_five_minutes(world: World) -> None:
    """Two accounts' calls of a second count together: 400 and 300 of 1,000; the mark goes after five minutes."""
    tenant, other = world.tenant(), world.tenant()
    instance_id = tenant.instance()
    wall = world.service.clock.read().wall + timedelta(hours=1)  # when nobody calls
    seconds(world, tenant, instance_id, 900, wall - PEAK_OF - timedelta(seconds=5))
    assert told(world, wall) == [], "too long ago"
    at = wall - timedelta(seconds=100)
    seconds(world, tenant, instance_id, 400, at)
    assert told(world, wall) == []
    seconds(world, other, instance_id, 300, at)
    assert told(world, wall) == [("qps", "70", "INFO", "700", "1000")]
    assert told(world, wall) == []
    seconds(world, tenant, instance_id, 950, wall)
    assert told(world, wall) == [("qps", "90", "CRITICAL", "950", "1000")]
    assert told(world, wall + PEAK_OF * 2) == []
    with world.service.store.read() as tx:
        assert rows.marks(tx, instance_id) == {}
    seconds(world, tenant, instance_id, 950, wall + PEAK_OF * 2)
    assert [one[1] for one in told(world, wall + PEAK_OF * 2)] == ["70", "90"]


def test_a_message_says_so(world: World) -> None:
    """One, of the higher level, with the figures; an expired instance is no matter."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    key_id = tenant.key(instance_id)
    versions(world, instance_id, key_id, 950)
    assert len(told(world)) == 2
    world.settle()
    with world.service.store.read() as tx:
        subjects = [message.words.subject for message in notices.messages(tx, tenant.account_id)]
    assert [subject for subject in subjects if "in use" in subject] == [
        f"90 % of the key versions of instance {instance_id} is in use"
    ]
    versions(world, instance_id, key_id, 2)
    assert told(world) == []
    world.advance(days=32)
    versions(world, instance_id, key_id, 950)
    assert told(world) == []


def test_the_levels() -> None:
    """Whole numbers, no rounding: 7 of 10 is 70 %, 6 of 9 is not; nothing of nothing is no level."""
    cases = ((7, 10, 0, 70), (6, 9, 0, 0), (0, 0, 90, 0), (9, 10, 0, 90), (13, 20, 70, 70), (8, 10, 90, 70))
    for used, allowed, before, after in cases:
        assert rules.level_after(before, Quota(Resource.KEY, allowed, used)) == after, (used, allowed, before)
