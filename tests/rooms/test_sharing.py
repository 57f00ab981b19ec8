"""An instance shared with other accounts, in both ownership modes (page on sharing instances, read 2026-11-22)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.instances import sharing
from keystead.networks.commands import sharing_of as instances_sharing
from keystead.networks.faults import ShareRefused
from keystead.networks.model import Ownership, Sharing
from keystead.notices import commands as notices
from keystead.notices.model import NoticeKind
from keystead.quotas.faults import AccessQuotaExceeded
from tests import messages
from tests.access import application, policy
from tests.dedicated import HOST, deliver
from tests.rooms.test_networks import INSIDE, OUTSIDE, bind, register, used
from tests.world import Tenant, World


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service on each database."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


def share(world: World, instance_id: str, other: Tenant, ownership: Ownership | None = None) -> Sharing:
    """As the operator does."""
    with world.service.store.write() as tx:
        return sharing.share(tx, world.now, instance_id, other.account_id, ownership)


def unshare(world: World, instance_id: str, other: Tenant) -> Sharing:
    """As the operator does."""
    with world.service.store.write() as tx:
        return sharing.unshare(tx, world.now, instance_id, other.account_id)


def works(tenant: Tenant, key_id: str) -> str:
    """Encrypt and decrypt; gives the code of what failed."""
    sealed = tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=")
    return sealed.code or tenant.kms("Decrypt", CiphertextBlob=sealed.body["CiphertextBlob"]).code


def test_another_account_makes_and_uses_keys(world: World) -> None:
    """Before it is shared the instance is not there; then keys are made, listed, used and counted; details are the owner's."""
    owner, other, third = world.tenant(), world.tenant(), world.tenant()
    instance_id = owner.instance(VpcNum="2")
    assert other.kms("CreateKey", DKMSInstanceId=instance_id).code == "Forbidden.DKMSInstanceNotFound"
    share(world, instance_id, other)
    assert used(owner, instance_id) == (2, 2)
    key_id = other.key(instance_id)
    assert works(other, key_id) == ""
    assert other.kms("ListKeys").body["TotalCount"] == 1
    info = owner.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, ResourceType="key").body["KmsInstanceQuotaInfos"]
    assert info[0]["UsedQuantity"] == 1
    for action in ("GetKmsInstance", "GetKmsInstanceQuotaInfos"):
        assert other.kms(action, KmsInstanceId=instance_id).code == "Forbidden.DKMSInstanceNotFound"
    assert bind(other, instance_id).code == "Forbidden.DKMSInstanceNotFound"
    assert works(third, key_id) == "Forbidden.KeyNotFound"
    assert third.kms("CreateKey", DKMSInstanceId=instance_id).code == "Forbidden.DKMSInstanceNotFound"


def test_in_joint_ownership_the_owner_manages_all(world: World) -> None:
    """Listed, described, used, disabled and deleted by its id; the other's aliases are its own; switched once, never back."""
    owner, other = world.tenant(), world.tenant()
    instance_id = owner.instance(VpcNum="3")
    share(world, instance_id, other)
    mine, theirs = owner.key(instance_id), other.key(instance_id)
    assert owner.kms("ListKeys").body["TotalCount"] == 2
    assert works(owner, theirs) == ""
    assert owner.kms("DisableKey", KeyId=theirs).status == 200
    assert works(other, theirs) == "Rejected.Disabled"
    assert owner.kms("EnableKey", KeyId=theirs).status == 200
    assert owner.kms("CreateAlias", AliasName="alias/x", KeyId=theirs).code == "UnsupportedOperation"
    assert works(other, mine) == "Forbidden.KeyNotFound", "the other does not manage the owner's"
    with world.service.store.write() as tx:
        assert sharing.make_independent(tx, world.now, instance_id).ownership is Ownership.INDEPENDENT
    world.service.warm.refresh()
    assert owner.kms("ListKeys").body["TotalCount"] == 1
    for action in ("DescribeKey", "DisableKey"):
        assert owner.kms(action, KeyId=theirs).code == "Forbidden.KeyNotFound"
    assert works(owner, theirs) == "Forbidden.KeyNotFound"
    assert works(other, theirs) == ""
    with pytest.raises(ShareRefused):
        share(world, instance_id, world.tenant(), Ownership.JOINT)


def test_what_no_one_shares_is_managed_by_nobody_else(world: World) -> None:
    """Independent from the first account on: names may be equal, and neither sees the other's."""
    owner, other = world.tenant(), world.tenant()
    instance_id = owner.instance(VpcNum="2")
    share(world, instance_id, other, Ownership.INDEPENDENT)
    for tenant in (owner, other):
        key_id = tenant.key(instance_id)
        assert tenant.kms("CreateAlias", AliasName="alias/same", KeyId=key_id).status == 200
        assert tenant.kms("ListKeys").body["TotalCount"] == 1
        assert works(tenant, "alias/same") == ""


def test_a_full_instance_is_full_for_all(world: World) -> None:
    """1,000 versions are purchased: with 1,000 made, the other is told ShareQuotaExceedLimit, the owner LimitExceeded."""
    owner, other = world.tenant(), world.tenant()
    instance_id = owner.instance(VpcNum="2")
    share(world, instance_id, other)
    key_id = other.key(instance_id)
    with world.service.store.write() as tx:
        row = "INSERT INTO key_version (version_id, key_id, instance_id, sealed, created_at_ms) VALUES "
        tx.conn.exec_driver_sql(row + ",".join(f"('v{n}', '{key_id}', '{instance_id}', NULL, 0)" for n in range(999)))
    refused = other.kms("CreateKey", DKMSInstanceId=instance_id)
    assert (refused.status, refused.code) == (400, "Rejected.ShareQuotaExceedLimit")
    assert owner.kms("CreateKey", DKMSInstanceId=instance_id).code == "Rejected.LimitExceeded"


def test_accounts_and_vpcs_share_one_quantity(world: World) -> None:
    """Three: one VPC of enabling, one account, one more VPC; then nothing fits until something is given up."""
    owner, other, third = world.tenant(), world.tenant(), world.tenant()
    instance_id = owner.instance(VpcNum="3")
    share(world, instance_id, other)
    assert bind(owner, instance_id, "2").status == 200
    assert used(owner, instance_id) == (3, 3)
    assert bind(owner, instance_id, "2", "3").code == "Rejected.LimitExceeded"
    with pytest.raises(AccessQuotaExceeded):
        share(world, instance_id, third)
    assert share(world, instance_id, other).account_ids == {other.account_id}, "twice is once"
    assert bind(owner, instance_id).status == 200
    share(world, instance_id, third)
    unshare(world, instance_id, other)
    assert used(owner, instance_id) == (2, 3)


def test_no_account_is_taken_off_that_has_keys(world: World) -> None:
    """Not even one waiting to be deleted; once it is gone the place is free, and the instance is not there any more."""
    owner, other = world.tenant(), world.tenant()
    instance_id = owner.instance(VpcNum="2")
    share(world, instance_id, other)
    key_id = other.key(instance_id)
    assert other.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7).status == 200
    with pytest.raises(ShareRefused):
        unshare(world, instance_id, other)
    world.advance(days=8)
    assert unshare(world, instance_id, other).shares == ()
    world.service.warm.refresh()
    assert other.kms("CreateKey", DKMSInstanceId=instance_id).code == "Forbidden.DKMSInstanceNotFound"
    for wrong in (owner, other):
        with pytest.raises(ShareRefused):
            share(world, instance_id, owner) if wrong is owner else unshare(world, instance_id, wrong)


def test_the_last_place_is_taken_once(world: World) -> None:
    """Four operators share and four calls bind at once, and one place is left: one of the eight gets it."""
    owner, others = world.tenant(), [world.tenant() for _ in range(4)]
    instance_id = owner.instance(VpcNum="2")
    outcomes: list[bool] = []

    def sharing_with(other: Tenant) -> None:
        try:
            share(world, instance_id, other)
        except AccessQuotaExceeded:
            outcomes.append(False)
        else:
            outcomes.append(True)

    threads = [threading.Thread(target=sharing_with, args=(other,)) for other in others]
    threads += [threading.Thread(target=lambda: outcomes.append(bind(owner, instance_id, "2").status == 200)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert used(owner, instance_id) == (2, 2)
    shared = bool(sharing_of(world, instance_id))
    assert sum(outcomes) == (1 if shared else 4), "binding the same again is served"


def sharing_of(world: World, instance_id: str) -> frozenset[str]:
    """Whom an instance is shared with."""
    with world.service.store.read() as tx:
        return instances_sharing(tx, instance_id).account_ids


def test_an_application_of_the_other_calls_the_instance(world: World) -> None:
    """By its own access point and client key, on the instance's host, from a VPC that the owner bound, and from no other."""
    owner, other = world.tenant(), world.tenant()
    for tenant, name, cidr in ((owner, "vpc-1", "10.1.0.0/16"), (other, "vpc-2", "10.2.0.0/16")):
        register(world, tenant, name, cidr)
    instance_id = owner.instance(VpcNum="3")
    refused = other.kms(
        "CreatePolicy",
        Name="all",
        KmsInstance=instance_id,
        Resources=json.dumps(["key/*"]),
        Permissions='["RbacPermission/Template/CryptoServiceKeyUser"]',
    )
    assert refused.code == "Forbidden.DKMSInstanceNotFound"
    share(world, instance_id, other)
    policy(other, "all", instance_id, ["key/*"])
    caller = application(other, "shop", "all")
    key_id = other.key(instance_id)

    def call(key: str, source: str) -> str:
        body = messages.request("Encrypt", KeyId=key, Plaintext=b"x")
        return deliver(world, "Encrypt", caller.arrival("Encrypt", body, source, host=HOST.format(instance_id))).code

    assert call(key_id, INSIDE) == ""
    assert call(key_id, OUTSIDE) == "Forbidden.NoPermission"
    assert bind(owner, instance_id, "2", VpcOwnerId=other.account_id).status == 200
    assert call(key_id, OUTSIDE) == ""
    assert call(owner.key(instance_id), INSIDE) == "Forbidden.KeyNotFound"


def test_release_takes_the_others_keys_along(world: World) -> None:
    """Sixteen days after the end: the other's key is gone as the owner's is, and the listing is empty."""
    owner, other = world.tenant(), world.tenant()
    instance_id = owner.instance(VpcNum="2")
    share(world, instance_id, other)
    key_id = other.key(instance_id)
    world.advance(days=32)
    assert works(other, key_id) == "Rejected.Unavailable"
    world.advance(days=20)
    assert works(other, key_id) == "Forbidden.KeyNotFound"
    assert other.kms("ListKeys").body["TotalCount"] == 0


def test_the_others_key_rotates_by_the_owners_quota(world: World) -> None:
    """A key of the other with a wish for rotation gets its version, under the owner's lock too."""
    owner, other = world.tenant(), world.tenant()
    instance_id = owner.instance(VpcNum="2")
    share(world, instance_id, other)
    made = other.kms("CreateKey", DKMSInstanceId=instance_id, EnableAutomaticRotation="true", RotationInterval="7d")
    happened = [event.kind for event in world.advance(days=8)]
    assert "key_rotated" in happened
    versions = other.kms("ListKeyVersions", KeyId=made.body["KeyMetadata"]["KeyId"]).body
    assert versions["TotalCount"] == 2


def told(tenant: Tenant) -> list[str]:
    """What was told of instances of others, oldest first: the subject."""
    with tenant.world.service.store.read() as tx:
        found = notices.messages(tx, tenant.account_id, 100)[::-1]
    assert all("USD" not in each.words.text for each in found if each.telling.kind is NoticeKind.SHARED_INSTANCE)
    return [each.words.subject for each in found if each.telling.kind is NoticeKind.SHARED_INSTANCE]


def test_who_shares_is_told_of_the_end(world: World) -> None:
    """Bought on 2026-01-01 for a month, so until the midnight of UTC+8 that ends 02-01: reminded, stopped, released.

    When its owner is, in words of its own, without the price; who stopped sharing before is not told.
    """
    owner, other, gone = world.tenant(), world.tenant(), world.tenant()
    instance_id = owner.instance(VpcNum="3")
    share(world, instance_id, other)
    share(world, instance_id, gone)
    unshare(world, instance_id, gone)
    world.advance_to("2026-02-01T16:00:00Z")
    world.advance(days=15)
    assert told(other) == [
        *(f"{instance_id}, shared with you, expires on 2026-02-01: {left} left" for left in ("7 days", "3 days", "1 day")),
        f"{instance_id}, shared with you, has expired and is stopped",
        f"{instance_id}, shared with you, is released: its keys are destroyed",
    ]
    assert told(owner) == told(gone) == []


def test_who_shares_is_told_of_a_refund(world: World) -> None:
    """The owner gives the instance back: what others kept in it is gone at once."""
    owner, other = world.tenant(), world.tenant()
    instance_id = owner.instance(VpcNum="2")
    share(world, instance_id, other)
    asked = {"ProductCode": "kms", "ProductType": "kms_ddi_public_intl", "InstanceId": instance_id, "ImmediatelyRelease": "1"}
    reply = owner.bss("RefundInstance", **asked, ClientToken="once")
    assert reply.status == 200, reply.body
    world.settle()
    assert told(other) == [f"{instance_id}, shared with you, is released: its keys are destroyed"]
