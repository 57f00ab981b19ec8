"""Keys over months, the clock advanced: deletion at the end of its window, rotation by date, and what stands in their way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.store.events import Event
from tests.journeys.test_key_states import of_kind
from tests.world import Tenant, World

DAY = 86_400


@pytest.fixture
def tenant(database_url: str, tmp_path: Path) -> Iterator[Tenant]:
    """A tenant, on each database."""
    world = World(database_url, tmp_path / "var")
    yield world.tenant()
    world.close()


def metadata(tenant: Tenant, key_id: str) -> dict[str, str]:
    """What DescribeKey shows."""
    found: dict[str, str] = tenant.kms("DescribeKey", KeyId=key_id).body["KeyMetadata"]
    return found


def kinds(events: list[Event], about: str) -> list[str]:
    """What happened to it, in order."""
    return [event.kind for event in events if event.subject == about]


def rotating(tenant: Tenant, instance_id: str, interval: str = "30d") -> str:
    """Make a key that rotates."""
    reply = tenant.kms("CreateKey", DKMSInstanceId=instance_id, EnableAutomaticRotation="true", RotationInterval=interval)
    assert reply.status == 200, reply.body
    return str(reply.body["KeyMetadata"]["KeyId"])


def test_deletion_at_the_end_of_its_window(tenant: Tenant) -> None:
    """Kept to the last moment; then gone, with what was encrypted, its alias and its tags; its quota is free; there is proof."""
    world = tenant.world
    instance_id = tenant.instance(KeyNum="1000", Period=2)
    key_id, kept = tenant.key(instance_id), tenant.key(instance_id)
    blob = tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").body["CiphertextBlob"]
    tenant.kms("CreateAlias", AliasName="alias/old", KeyId=key_id)
    tenant.kms("TagResource", KeyId=key_id, Tags='[{"TagKey":"a","TagValue":"b"}]')
    assert tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7).status == 200
    assert metadata(tenant, key_id)["DeleteDate"] == "2026-01-08T00:00:00Z"  # 2026-01-01 and seven days

    world.advance_to("2026-01-07T23:59:59Z")
    assert metadata(tenant, key_id)["KeyState"] == "PendingDeletion"
    assert tenant.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, ResourceType="key").body[
        "KmsInstanceQuotaInfos"
    ][0]["UsedQuantity"] == 2  # fmt: skip
    events = world.advance(seconds=1)
    assert kinds(events, key_id) == ["key_destruction_intended", "key_destroyed"]
    proof = next(event.detail for event in events if event.kind == "key_destroyed")
    assert proof["versions"] == "1"
    assert len(proof["sealed_sha256"]) == 64
    for action, flat in (
        ("DescribeKey", {"KeyId": key_id}),
        ("CancelKeyDeletion", {"KeyId": key_id}),
        ("Encrypt", {"KeyId": key_id, "Plaintext": "aGVsbG8="}),
        ("Decrypt", {"CiphertextBlob": blob}),
    ):
        assert tenant.kms(action, **flat).code == "Forbidden.KeyNotFound", action
    assert tenant.kms("Encrypt", KeyId="alias/old", Plaintext="aGVsbG8=").code == "Forbidden.AliasNotFound"
    assert tenant.kms("ListAliases").body["TotalCount"] == 0
    assert [item["KeyId"] for item in tenant.kms("ListKeys").body["Keys"]["Key"]] == [kept]
    listed = tenant.kms("ListTagResources", RegionId="ap-southeast-1", ResourceType="key").body
    assert listed["TagResources"]["TagResource"] == []
    quota = tenant.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, ResourceType="key").body
    assert quota["KmsInstanceQuotaInfos"][0]["UsedQuantity"] == 1
    assert tenant.kms("CreateAlias", AliasName="alias/old", KeyId=kept).status == 200


def test_a_cancelled_deletion_does_not_come_back(tenant: Tenant) -> None:
    """Cancelled, the key is Enabled and outlives its old date; scheduled anew, the new date counts."""
    world = tenant.world
    key_id = tenant.key(tenant.instance(Period=2))
    tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
    world.advance(days=6)
    assert tenant.kms("CancelKeyDeletion", KeyId=key_id).status == 200
    assert "DeleteDate" not in metadata(tenant, key_id)
    assert tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=30).status == 200
    assert kinds(world.advance(days=29), key_id) == []
    assert metadata(tenant, key_id)["KeyState"] == "PendingDeletion"
    assert kinds(world.advance(days=1), key_id) == ["key_destruction_intended", "key_destroyed"]


def test_a_protected_key_is_not_scheduled(tenant: Tenant) -> None:
    """The refusal names the way out; protection is shown with its reason; ended, the key can go."""
    key_id = tenant.key(tenant.instance())
    arn = metadata(tenant, key_id)["Arn"]
    because = "the archive hangs on it"
    set_on = {"EnableDeletionProtection": "true", "DeletionProtectionDescription": because}
    assert tenant.kms("SetDeletionProtection", ProtectedResourceArn=arn, **set_on).status == 200
    shown = metadata(tenant, key_id)
    assert (shown["DeletionProtection"], shown["DeletionProtectionDescription"]) == ("Enabled", because)
    refused = tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
    assert (refused.status, refused.code) == (400, "Rejected.UnsupportedOperation")
    assert "SetDeletionProtection" in refused.body["Message"]
    assert metadata(tenant, key_id)["KeyState"] == "Enabled"
    assert tenant.kms("SetDeletionProtection", KeyId=key_id, EnableDeletionProtection="False").status == 200
    shown = metadata(tenant, key_id)
    assert (shown["DeletionProtection"], shown["DeletionProtectionDescription"]) == ("Disabled", "")
    assert tenant.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7).status == 200


def test_rotation_by_date(tenant: Tenant) -> None:
    """Every 30 days a version that encrypts from then on; what was encrypted before still opens; ReEncrypt moves it."""
    world = tenant.world
    key_id = rotating(tenant, tenant.instance(Period=3))
    first = metadata(tenant, key_id)
    assert (first["AutomaticRotation"], first["RotationInterval"]) == ("Enabled", f"{30 * DAY}s")
    assert first["NextRotationDate"] == "2026-01-31T00:00:00Z"
    old = tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").body
    assert kinds(world.advance(days=29), key_id) == []
    assert kinds(world.advance(days=1), key_id) == ["key_rotated"]
    second = metadata(tenant, key_id)
    assert second["PrimaryKeyVersion"] != first["PrimaryKeyVersion"]
    assert (second["LastRotationDate"], second["NextRotationDate"]) == ("2026-01-31T00:00:00Z", "2026-03-02T00:00:00Z")
    new = tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").body
    assert new["KeyVersionId"] == second["PrimaryKeyVersion"]
    opened = tenant.kms("Decrypt", CiphertextBlob=old["CiphertextBlob"]).body
    assert (opened["Plaintext"], opened["KeyVersionId"]) == ("aGVsbG8=", first["PrimaryKeyVersion"])
    moved = tenant.kms("ReEncrypt", CiphertextBlob=old["CiphertextBlob"], DestinationKeyId=key_id).body
    assert moved["KeyVersionId"] == second["PrimaryKeyVersion"]
    assert tenant.kms("Decrypt", CiphertextBlob=moved["CiphertextBlob"]).body["Plaintext"] == "aGVsbG8="
    versions = tenant.kms("ListKeyVersions", KeyId=key_id).body
    assert [each["KeyVersionId"] for each in versions["KeyVersions"]["KeyVersion"]] == [
        first["PrimaryKeyVersion"],
        second["PrimaryKeyVersion"],
    ]
    assert tenant.kms("UpdateRotationPolicy", KeyId=key_id, EnableAutomaticRotation="false").status == 200
    assert "NextRotationDate" not in metadata(tenant, key_id)
    assert kinds(world.advance(days=40), key_id) == []


def test_a_policy_that_puts_the_date_into_the_past_rotates_at_once(tenant: Tenant) -> None:
    """Last rotation and interval lie before now: the rotation runs without waiting (Configure key rotation page)."""
    world = tenant.world
    key_id = tenant.key(tenant.instance(Period=2))
    world.advance(days=20)
    assert tenant.kms(
        "UpdateRotationPolicy", KeyId=key_id, EnableAutomaticRotation="true", RotationInterval=f"{10 * 24}h"
    ).status == 200  # fmt: skip
    assert metadata(tenant, key_id)["NextRotationDate"] == "2026-01-11T00:00:00Z"
    assert kinds(world.advance(), key_id) == ["key_rotated"]
    assert metadata(tenant, key_id)["NextRotationDate"] == "2026-01-31T00:00:00Z"


def test_rotation_is_suspended_and_resumed(tenant: Tenant) -> None:
    """Disabled or PendingDeletion on its day it is not rotated; Enabled again, it is at once, and from then on counts anew."""
    world = tenant.world
    instance_id = tenant.instance(Period=3)
    disabled, pending = rotating(tenant, instance_id), rotating(tenant, instance_id)
    tenant.kms("DisableKey", KeyId=disabled)
    tenant.kms("ScheduleKeyDeletion", KeyId=pending, PendingWindowInDays=60)
    for key_id in (disabled, pending):
        assert metadata(tenant, key_id)["AutomaticRotation"] == "Suspended"
        assert metadata(tenant, key_id)["NextRotationDate"] == "2026-01-31T00:00:00Z"
    happened = world.advance(days=30)
    assert kinds(happened, disabled) == kinds(happened, pending) == []
    tenant.kms("EnableKey", KeyId=disabled)  # at the very instant at which the job for that date found it Disabled
    tenant.kms("CancelKeyDeletion", KeyId=pending)
    happened = world.advance()
    assert kinds(happened, disabled) == kinds(happened, pending) == ["key_rotated"]
    assert metadata(tenant, disabled)["AutomaticRotation"] == "Enabled"
    assert metadata(tenant, disabled)["NextRotationDate"] == "2026-03-02T00:00:00Z"


def test_rotation_meets_a_full_quota(tenant: Tenant) -> None:
    """Told each day, the key goes on with its version; the upgrade that makes room rotates at once (ADR 53)."""
    world = tenant.world
    instance_id = tenant.instance(KeyNum="1000", Period=3)
    key_id = rotating(tenant, instance_id)
    for _ in range(999):
        tenant.key(instance_id)
    assert tenant.kms("CreateKey", DKMSInstanceId=instance_id).code == "Rejected.LimitExceeded"
    before = metadata(tenant, key_id)["PrimaryKeyVersion"]
    happened = world.advance(days=31)
    assert kinds(happened, key_id) == ["key_rotation_refused"] * 2  # on day 30 and day 31
    assert "1000 of 1000" in next(event.detail["why"] for event in happened if event.subject == key_id)
    assert metadata(tenant, key_id)["AutomaticRotation"] == "Enabled"
    assert tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").body["KeyVersionId"] == before
    more = {"Parameter.1.Code": "KeyNum", "Parameter.1.Value": "1010"}
    kind = {"ProductCode": "kms", "SubscriptionType": "Subscription", "ModifyType": "Upgrade"}
    assert tenant.bss("ModifyInstance", InstanceId=instance_id, **kind, **more).body["Success"]
    assert kinds(world.advance(), key_id) == ["key_rotated"]
    assert kinds(world.advance(days=2), key_id) == []  # the try put off to tomorrow finds nothing to do


def test_rotation_waits_for_the_renewal(tenant: Tenant) -> None:
    """Due while the instance is expired: Suspended, nothing happens; renewed, it is rotated at once."""
    world = tenant.world
    instance_id = tenant.instance()
    key_id = rotating(tenant, instance_id, "34d")  # the term ends 2026-02-01 16:00 UTC, day 34 is 2026-02-04
    happened = world.advance_to("2026-02-05T00:00:00Z")
    assert kinds(happened, key_id) == []
    assert metadata(tenant, key_id)["AutomaticRotation"] == "Suspended"
    assert tenant.bss("RenewInstance", ProductCode="kms", InstanceId=instance_id, RenewPeriod=1).body["Success"]
    assert kinds(world.advance(), key_id) == ["key_rotated"]
    assert metadata(tenant, key_id)["LastRotationDate"] == "2026-02-05T00:00:00Z"


def test_an_expired_instance_lets_a_key_be_kept(tenant: Tenant) -> None:
    """Expired, a deletion window runs on; CancelKeyDeletion is served, all else on keys is Unavailable (ADR 50)."""
    world = tenant.world
    instance_id = tenant.instance()
    key_id, other = tenant.key(instance_id), tenant.key(instance_id)
    tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=key_id)
    for each in (key_id, other):
        tenant.kms("ScheduleKeyDeletion", KeyId=each, PendingWindowInDays=35)
    world.advance_to("2026-02-02T00:00:00Z")
    for action, flat in (
        ("CreateAlias", {"AliasName": "alias/x"}),
        ("TagResource", {"Tags": '[{"TagKey":"a"}]'}),
        ("UpdateKeyDescription", {"Description": "x"}),
        ("SetDeletionProtection", {"EnableDeletionProtection": "true"}),
        ("UpdateRotationPolicy", {"EnableAutomaticRotation": "false"}),
    ):
        assert tenant.kms(action, KeyId=key_id, **flat).code == "Rejected.Unavailable", action
    assert tenant.kms("DeleteAlias", AliasName="alias/mine").code == "Rejected.Unavailable"
    assert tenant.kms("CancelKeyDeletion", KeyId=key_id).status == 200
    happened = world.advance_to("2026-02-05T00:00:00Z")
    assert kinds(happened, key_id) == []
    assert kinds(happened, other) == ["key_destruction_intended", "key_destroyed"]


def test_a_released_instance_frees_its_aliases(tenant: Tenant) -> None:
    """After retention the alias is unknown, and another key can have it."""
    world = tenant.world
    gone = tenant.instance()
    tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=tenant.key(gone))
    kept = tenant.instance(Period=6)
    key_id = tenant.key(kept)
    assert tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=key_id).code == "AliasAlreadyExists"
    world.advance(days=60)
    assert tenant.kms("Encrypt", KeyId="alias/mine", Plaintext="aGVsbG8=").code == "Forbidden.AliasNotFound"
    assert tenant.kms("ListAliases").body["TotalCount"] == 0
    assert tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=key_id).status == 200


def test_versions_by_hand(tenant: Tenant) -> None:
    """Of an asymmetric key: seven days apart, 50 at most, each one of the quota; the key is taken by alias, too."""
    world = tenant.world
    instance_id = tenant.instance(Period=12)
    key_id = pair(tenant, instance_id)
    tenant.kms("CreateAlias", AliasName="alias/pair", KeyId=key_id)
    world.advance(days=6, hours=23)
    early = tenant.kms("CreateKeyVersion", KeyId=key_id)
    assert (early.status, early.code) == (400, "Rejected.UnsupportedOperation")
    assert "2026-01-08T00:00:00Z" in early.body["Message"]
    for number in range(2, 51):
        world.advance(hours=1 if number == 2 else 7 * 24)
        made = tenant.kms("CreateKeyVersion", KeyId="alias/pair")
        assert made.status == 200, (number, made.body)
    shown = made.body["KeyVersion"]
    assert tenant.kms("DescribeKeyVersion", KeyId="alias/pair", KeyVersionId=shown["KeyVersionId"]).body["KeyVersion"] == shown
    world.advance(days=7)
    full = tenant.kms("CreateKeyVersion", KeyId=key_id)
    assert (full.status, full.code) == (400, "Rejected.LimitExceeded")
    page = tenant.kms("ListKeyVersions", KeyId=key_id, PageSize=101).body
    assert (page["TotalCount"], page["PageSize"], len(page["KeyVersions"]["KeyVersion"])) == (50, 101, 50)
    assert tenant.kms("ListKeyVersions", KeyId=key_id, PageSize=0).body["PageSize"] == 10
    quota = tenant.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, ResourceType="key").body
    assert quota["KmsInstanceQuotaInfos"][0]["UsedQuantity"] == 50


def pair(tenant: Tenant, instance_id: str) -> str:
    """Make an asymmetric key."""
    return of_kind(tenant, instance_id, KeySpec="EC_P256")
