"""The default of instances, their names, tags, protection and release (docs/adr/0105; API pages read 2026-11-22)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import Tenant, World

TYPE = {"RegionId": "ap-southeast-1", "ResourceType": "instance"}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service on each database."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


@pytest.fixture
def tenant(world: World) -> Tenant:
    """An account."""
    return world.tenant()


def tags(tenant: Tenant, **asked: str) -> list[tuple[str, str, str]]:
    """ListTagResources of instances."""
    found = tenant.kms("ListTagResources", **TYPE, **asked).body["TagResources"]["TagResource"]
    assert {row["ResourceType"] for row in found} <= {"instance"}
    return [(row["ResourceId"], row["TagKey"], row["TagValue"]) for row in found]


def test_the_default_is_the_oldest_that_serves(world: World, tenant: Tenant) -> None:
    """Bought only does not count; once the oldest has expired it is the next; none at all is not found."""
    assert tenant.kms("GetDefaultKmsInstance").code == "Forbidden.DKMSInstanceNotFound"
    tenant.buy()
    first = tenant.instance()
    world.advance(days=10)
    second = tenant.instance()
    assert tenant.kms("GetDefaultKmsInstance").body["DefaultKmsInstanceId"] == first
    world.advance(days=25)
    assert tenant.kms("GetDefaultKmsInstance").body["DefaultKmsInstanceId"] == second
    elsewhere = tenant.kms("GetDefaultKmsInstance", RegionId="eu-central-1")
    assert (elsewhere.status, elsewhere.code) == (404, "Forbidden.DKMSInstanceNotFound")


def test_an_instance_is_renamed(tenant: Tenant) -> None:
    """Shown from then on, also before it is enabled; a name of other characters is refused."""
    instance_id = tenant.buy()
    assert tenant.kms("UpdateKmsInstance", KmsInstanceId=instance_id, InstanceName="prod/a_1").status == 200
    refused = tenant.kms("UpdateKmsInstance", KmsInstanceId=instance_id, InstanceName="prod a")
    assert (refused.status, refused.code) == (400, "InvalidParameter")
    assert tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).body["KmsInstance"]["InstanceName"] == "prod/a_1"


def test_a_subscription_is_not_released(world: World, tenant: Tenant) -> None:
    """400 Rejected.UnsupportedOperation, forced or not, protected or not; it serves on."""
    instance_id = tenant.instance()
    for force in ("", "true", "false"):
        refused = tenant.kms("ReleaseKmsInstance", KmsInstanceId=instance_id, ForceDeleteWithoutBackup=force)
        assert (refused.status, refused.code) == (400, "Rejected.UnsupportedOperation")
    assert tenant.kms("SetDeletionProtection", KmsInstanceId=instance_id, EnableDeletionProtection="true").status == 200
    protected = tenant.kms("ReleaseKmsInstance", KmsInstanceId=instance_id)
    assert (protected.status, protected.code) == (400, "Rejected.UnsupportedOperation")
    assert "protected" in protected.body["Message"]
    wrong = tenant.kms("ReleaseKmsInstance", KmsInstanceId=instance_id, ForceDeleteWithoutBackup="yes")
    assert (wrong.status, wrong.code) == (400, "InvalidParameter")
    other = world.tenant().kms("ReleaseKmsInstance", KmsInstanceId=instance_id)
    assert (other.status, other.code) == (404, "Forbidden.DKMSInstanceNotFound")
    tenant.key(instance_id)


def test_instances_bear_tags(world: World, tenant: Tenant) -> None:
    """Put, changed, found by tag, taken off, gone with a refund; not before it is enabled, not on what is not ours."""
    bought, instance_id, second = tenant.buy(), tenant.instance(), tenant.instance()
    put = {**TYPE, "Tag__1__Key": "team", "Tag__1__Value": "a"}
    early = tenant.kms("TagResources", **put, ResourceId__1=bought)
    assert (early.status, early.code) == (403, "Rejected.Uninitialized")
    assert tenant.kms("TagResources", **put, ResourceId__1=instance_id, ResourceId__2=bought).status == 403
    assert tags(tenant) == [], "all or none"
    assert tenant.kms("TagResources", **put, ResourceId__1=instance_id, ResourceId__2=second).status == 200
    assert tenant.kms("TagResources", **{**put, "Tag__1__Value": "b"}, ResourceId__1=second).status == 200
    assert sorted(tags(tenant)) == sorted([(instance_id, "team", "a"), (second, "team", "b")])
    assert tags(tenant, Tag__1__Key="team", Tag__1__Value="b") == [(second, "team", "b")]
    assert tags(tenant, ResourceId__1=instance_id) == [(instance_id, "team", "a")]
    other = world.tenant()
    assert tags(other) == tags(other, ResourceId__1=instance_id) == []
    foreign = other.kms("TagResources", **put, ResourceId__1=instance_id)
    assert (foreign.status, foreign.code) == (404, "Forbidden.DKMSInstanceNotFound")
    assert tenant.kms("UntagResources", **TYPE, ResourceId__1=instance_id, TagKey__1="team").status == 200
    assert tags(tenant) == [(second, "team", "b")]
    assert tenant.bss("RefundInstance", InstanceId=second, ProductCode="kms").body["Success"]
    assert tags(tenant) == []


def test_twenty_one_tags_are_too_many(tenant: Tenant) -> None:
    """As for a key."""
    instance_id = tenant.instance()
    twenty: dict[str, str] = {}
    for number in range(1, 21):
        twenty |= {f"Tag__{number}__Key": f"k{number}", f"Tag__{number}__Value": "v"}
    assert tenant.kms("TagResources", **TYPE, **twenty, ResourceId__1=instance_id).status == 200
    more = tenant.kms("TagResources", **TYPE, Tag__1__Key="one", Tag__1__Value="v", ResourceId__1=instance_id)
    assert (more.status, more.code) == (400, "Rejected.LimitExceeded")
