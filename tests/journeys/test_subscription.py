"""The life of an instance by API and clock, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.clock import parse_iso_z
from keystead.ledger import commands as ledger
from keystead.store import business_time
from keystead.store.changes import LEASE_SECONDS
from tests.world import Reply, Tenant, World


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service that stands at 2026-01-01T00:00:00Z (08:00 in UTC+8)."""
    made = World(database_url, tmp_path / "var")
    yield made
    with made.service.store.read() as tx:
        assert list(ledger.audit(tx)) == []
    made.close()


def _end(tenant: Tenant, instance_id: str) -> str:
    return str(tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).body["KmsInstance"]["EndDate"])


def _balance(tenant: Tenant) -> str:
    return str(tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"])


def _renew(tenant: Tenant, instance_id: str, months: int = 1) -> Reply:
    return tenant.bss("RenewInstance", ProductCode="kms", InstanceId=instance_id, RenewPeriod=months)


def test_whole_life(world: World) -> None:
    """Bought 2026-01-01 08:00 UTC+8 for a month: expiry date 02-01, end 02-02 00:00 UTC+8; then retention, renewal, release.

    Money by hand: 10000 - 500 (purchase) - 500 (renewal) - 500 (renewal in retention) = 8500.
    """
    tenant = world.tenant()
    instance_id = tenant.buy()
    assert _end(tenant, instance_id) == "2026-02-01T16:00:00Z"
    assert _balance(tenant) == "9500.00"
    uninitialized = tenant.kms("CreateKey", DKMSInstanceId=instance_id)
    assert (uninitialized.status, uninitialized.code) == (403, "Forbidden.DKMSInstanceStateInvalid")
    tenant.connect(instance_id)
    key_id = tenant.key(instance_id)
    blob = tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").body["CiphertextBlob"]

    assert _renew(tenant, instance_id).body["Success"] is True
    assert _end(tenant, instance_id) == "2026-03-01T16:00:00Z"
    assert [event.kind for event in world.advance_to("2026-03-01T15:59:59Z")].count("instance_expired") == 0
    assert tenant.kms("Decrypt", CiphertextBlob=blob).body["Plaintext"] == "aGVsbG8="

    happened = world.advance_to("2026-03-01T16:00:00Z")
    assert [event.subject for event in happened] == [instance_id]
    refused = tenant.kms("Decrypt", CiphertextBlob=blob)
    assert (refused.status, refused.code) == (409, "Rejected.Unavailable")
    described = tenant.kms("DescribeKey", KeyId=key_id)
    assert described.body["KeyMetadata"]["KeyState"] == "Unavailable"
    assert tenant.kms("CreateKey", DKMSInstanceId=instance_id).status == 403

    world.advance(days=10)
    assert _renew(tenant, instance_id).body["Success"] is True
    assert tenant.kms("Decrypt", CiphertextBlob=blob).body["Plaintext"] == "aGVsbG8="
    assert tenant.kms("DescribeKey", KeyId=key_id).body["KeyMetadata"]["KeyState"] == "Enabled"
    # Renewed at 2026-03-12 00:00 UTC+8, from then: expiry date 04-12, end 04-13 00:00 UTC+8.
    assert _end(tenant, instance_id) == "2026-04-12T16:00:00Z"
    assert _balance(tenant) == "8500.00"

    world.advance_to("2026-04-27T15:59:59Z")
    assert tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).status == 200
    world.advance_to("2026-04-27T16:00:00Z")
    assert tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).status == 404
    gone = tenant.kms("Decrypt", CiphertextBlob=blob)
    assert (gone.status, gone.code) == (404, "Forbidden.KeyNotFound")
    late = _renew(tenant, instance_id).body
    assert (late["Success"], late["Code"]) == (False, "ResourceNotExists")
    assert _balance(tenant) == "8500.00"


def test_row_5_refused_at_the_instant_although_no_job_ran(world: World) -> None:
    """Expiry and release are computed: with the scheduler dead, use is refused at the end and the instance gone 15 days later."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    key_id = tenant.key(instance_id)
    _set_clock(world, "2026-02-01T15:59:59Z")
    assert tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").status == 200
    _set_clock(world, "2026-02-01T16:00:00Z")
    assert tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").code == "Rejected.Unavailable"
    _set_clock(world, "2026-02-16T16:00:00Z")
    assert tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").code == "Forbidden.KeyNotFound"
    assert _renew(tenant, instance_id).body["Code"] == "ResourceNotExists"


def test_long_outage_is_caught_up_in_order(world: World) -> None:
    """400 days at once: three reminders, expiry, release, each once; a second advance does nothing more."""
    tenant = world.tenant()
    first, second = tenant.instance(), tenant.instance(Period=2)
    happened = [(event.kind, event.subject) for event in world.advance(days=400)]
    assert happened == [
        *[("expiry_reminded", first)] * 3,
        ("instance_expired", first),
        ("instance_released", first),
        *[("expiry_reminded", second)] * 3,
        ("instance_expired", second),
        ("instance_released", second),
    ]
    assert world.advance(days=400) == []


def test_row_34_a_renewal_missed_in_an_outage_is_made_up_for(world: World) -> None:
    """Ends 2026-02-01T16:00Z. The scheduler is away from the first attempt on until ten days of retention are gone.

    500.00 more is taken, once; served again from the moment of its return, for a month: up to 2026-03-12 00:00 UTC+8.
    """
    tenant = world.tenant(balance="1000.00")
    instance_id = tenant.instance()
    wish = {"RenewalStatus": "AutoRenewal", "RenewalPeriod": 1, "RenewalPeriodUnit": "M"}
    assert tenant.bss("SetRenewal", ProductCode="kms", InstanceIDs=instance_id, **wish).body["Success"]
    key_id = tenant.key(instance_id)
    _set_clock(world, "2026-02-11T00:00:00Z")
    assert tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").code == "Rejected.Unavailable"
    world.settle()
    assert tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").status == 200
    assert _balance(tenant) == "0.00"
    (row,) = tenant.bss("QueryAvailableInstances").body["Data"]["InstanceList"]
    assert row["EndTime"] == "2026-03-11T16:00:00Z"
    world.settle()
    assert tenant.bss("QueryOrders", CreateTimeStart="2026-01-01T00:00:00Z").body["Data"]["TotalCount"] == 2


def test_key_quota_is_exact(world: World) -> None:
    """1,000 keys fit a purchase of 1,000; the 1,001st is refused with the documented code and nothing is made."""
    tenant = world.tenant()
    instance_id = tenant.instance()
    keys = {tenant.key(instance_id) for _ in range(1000)}
    assert len(keys) == 1000
    refused = tenant.kms("CreateKey", DKMSInstanceId=instance_id)
    assert (refused.status, refused.code) == (400, "Rejected.LimitExceeded")
    assert tenant.kms("ListKeys", PageSize=1).body["TotalCount"] == 1000
    infos = tenant.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, ResourceType="key").body
    assert infos["KmsInstanceQuotaInfos"] == [{"ResourceType": "key", "ResourceQuota": 1000, "UsedQuantity": 1000}]


def test_token_bought_once(world: World) -> None:
    """The same client token gives the same instance and one debit; with another configuration it is refused."""
    tenant = world.tenant()
    same: dict[str, object] = {
        "ProductCode": "kms",
        "ProductType": "kms_ddi_public_cn",
        "SubscriptionType": "Subscription",
        "ClientToken": "token-1",
        "Parameter__1__Code": "Region",
        "Parameter__1__Value": "ap-southeast-1",
        "Parameter__2__Code": "ProductVersion",
        "Parameter__2__Value": "3",
    }
    first = tenant.bss("CreateInstance", Period=1, **same)
    again = tenant.bss("CreateInstance", Period=1, **same)
    assert first.body["Data"] == again.body["Data"]
    other = tenant.bss("CreateInstance", Period=2, **same)
    assert other.code == "IdempotentParameterMismatch"
    assert _balance(tenant) == "9500.00"


def test_money_refused_leaves_nothing(world: World) -> None:
    """499.99 does not buy a 500.00 instance: no order, no instance, no debit."""
    tenant = world.tenant(balance="499.99")
    flat: dict[str, object] = {
        "ProductCode": "kms",
        "SubscriptionType": "Subscription",
        "Period": 1,
        "Parameter__1__Code": "Region",
        "Parameter__1__Value": "ap-southeast-1",
        "Parameter__2__Code": "ProductVersion",
        "Parameter__2__Value": "3",
    }
    refused = tenant.bss("CreateInstance", **flat)
    assert (refused.status, refused.body["Success"], refused.code) == (200, False, "PAY.INSUFFICIENT_BALANCE")
    assert refused.body["Message"]
    assert _balance(tenant) == "499.99"
    assert tenant.bss("QueryOrders").body["Data"]["TotalCount"] == 0
    assert tenant.kms("ListKmsInstances").body["TotalCount"] == 0


def _set_clock(world: World, iso: str) -> None:
    """Move business time without doing what falls due: as if the scheduler were dead."""
    with world.service.store.write() as tx:
        business_time.move(tx, parse_iso_z(iso))
    threading.Event().wait(LEASE_SECONDS)  # on PostgreSQL other workers may see a change this much later
