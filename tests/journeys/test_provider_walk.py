"""The walk of the cloud's Terraform provider over one instance, every amount worked out by hand, on both databases.

The instance is bought 2026-01-01T00:00:00Z for a month: to 2026-02-02 00:00 UTC+8, which is 2026-02-01T16:00:00Z. An upgrade
costs (new - old a month) / 30 / 24 x unused hours; a refund gives back of each order what is left after the days begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead.orders import commands as orders
from tests.world import Reply, Tenant, World

# What the provider changes, when, and what that costs: prices a month from the KMS billing page (subscription).
STEPS: tuple[tuple[str, dict[str, str], str], ...] = (
    ("2026-01-02T16:00:00Z", {"VpcNum": "7"}, "750.00"),  # 6 x 125 = 750 a month, 30 days left: 750 x 30 / 30
    ("2026-01-17T16:00:00Z", {"KeyNum": "2000"}, "450.00"),  # 100 x 9 = 900 a month, 15 days left: 900 x 15 / 30
    ("2026-01-22T16:00:00Z", {"Spec": "2000"}, "33.33"),  # 100 a month, 10 days left: 100 x 10 / 30 = 33.333...
    ("2026-01-25T16:00:00Z", {"SecretNum": "1000"}, "116.67"),  # 10 x 50 = 500 a month, 7 days left: 116.666...
    ("2026-01-26T16:00:00Z", {"Log": "1", "LogStorage": "1000"}, "16.00"),  # 80 a month, 6 days left: 80 x 6 / 30
)
# 500.00 + 750.00 + 450.00 + 33.33 + 116.67 + 16.00 = 1866.00 paid.
# Given back at 2026-01-26T20:00:00Z:
#   purchase  500.00 for 32 days (31 d 16 h begun), 26 used (25 d 20 h): 500.00 - 406.25 =  93.75
#   VpcNum    750.00 for 30 days, 25 used (24 d 4 h):                    750.00 - 625.00 = 125.00
#   KeyNum    450.00 for 15 days, 10 used (9 d 4 h):                     450.00 - 300.00 = 150.00
#   Spec       33.33 for 10 days,  5 used (4 d 4 h):                      33.33 - 16.67  =  16.66   (16.665 half up)
#   SecretNum 116.67 for  7 days,  2 used (1 d 4 h):                     116.67 - 33.33  =  83.34   (33.334)
#   Log        16.00 for  6 days,  1 used (4 h):                          16.00 -  2.67  =  13.33   (2.666)
BACK = "482.08"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service whose books hold when the walk is over."""
    made = World(database_url, tmp_path / "var")
    yield made
    with made.service.store.read() as tx:
        assert orders.audit(tx) == []
    made.close()


def _balance(tenant: Tenant) -> str:
    return str(tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"])


def _modify(tenant: Tenant, instance_id: str, codes: dict[str, str]) -> Reply:
    """Upgrade as the provider does: the changed codes, and always Log and LogStorage, the latter left out when zero."""
    flat: dict[str, object] = {}
    for number, (code, value) in enumerate(({"Log": "0"} | codes).items(), 1):
        flat |= {f"Parameter.{number}.Code": code, f"Parameter.{number}.Value": value}
    return tenant.bss(
        "ModifyInstance",
        ProductCode="kms",
        ProductType="kms_ddi_public_intl",
        SubscriptionType="Subscription",
        ModifyType="Upgrade",
        InstanceId=instance_id,
        **flat,
    )


def _quoted(tenant: Tenant, instance_id: str, codes: dict[str, str]) -> dict[str, Any]:
    flat: dict[str, object] = {}
    for number, (code, value) in enumerate(codes.items(), 1):
        flat |= {f"ModuleList.{number}.ModuleCode": code, f"ModuleList.{number}.Config": f"{code}:{value}"}
    reply = tenant.bss(
        "GetSubscriptionPrice",
        ProductCode="kms",
        SubscriptionType="Subscription",
        OrderType="Upgrade",
        InstanceId=instance_id,
        **flat,
    )
    assert reply.body["Success"], reply.body
    data: dict[str, Any] = reply.body["Data"]
    return data


def _upgraded(world: World) -> tuple[Tenant, str]:
    """Walk up to the last upgrade; gives the caller and the instance."""
    tenant = world.tenant()
    instance_id = tenant.instance(VpcNum="1", Log="0")
    spent = 50_000
    assert _balance(tenant) == "9500.00"
    for at, codes, cost in STEPS:
        world.advance_to(at)
        quoted = _quoted(tenant, instance_id, codes)
        assert f"{quoted['TradePrice']:.2f}" == cost
        details = {row["ModuleCode"]: row["CostAfterDiscount"] for row in quoted["ModuleDetails"]["ModuleDetail"]}
        changed = "LogStorage" if "LogStorage" in codes else next(iter(codes))
        assert f"{details.pop(changed):.2f}" == cost
        assert set(details.values()) == {0}
        answer = _modify(tenant, instance_id, codes)
        assert (answer.body["Success"], set(answer.body["Data"])) == (True, {"OrderId", "HostId"})
        spent += int(cost.replace(".", ""))
        assert _balance(tenant) == f"{(1_000_000 - spent) / 100:.2f}"
        shown = tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).body["KmsInstance"]
        assert {code: str(shown[code]) for code in codes if code in shown} == {c: codes[c] for c in codes if c in shown}
        assert shown["EndDate"] == "2026-02-01T16:00:00Z"
    assert spent == 186_600
    return tenant, instance_id


def _set_renewal(tenant: Tenant, instance_id: str) -> None:
    answer = tenant.bss(
        "SetRenewal",
        InstanceIDs=instance_id,
        ProductCode="kms",
        ProductType="kms_ddi_public_intl",
        SubscriptionType="Subscription",
        RenewalStatus="AutoRenewal",
        RenewalPeriod=1,
    )
    assert answer.body["Success"] is True
    assert "Data" not in answer.body
    row = tenant.bss("QueryAvailableInstances", InstanceIDs=instance_id).body["Data"]["InstanceList"][0]
    assert (row["RenewStatus"], row["RenewalDuration"], row["RenewalDurationUnit"]) == ("AutoRenewal", 1, "M")


def _refund(tenant: Tenant, instance_id: str, back: str) -> Reply:
    """Ask, give back, and see that it is gone and what the order says."""
    asked = tenant.bss("InquiryPriceRefundInstance", InstanceId=instance_id, ProductCode="kms", ProductType="")
    assert (asked.body["Code"], asked.body["Message"], asked.body["Success"]) == ("200", "success", True)
    assert f"{asked.body['Data']['RefundAmount']:.2f}" == back
    refund = {"InstanceId": instance_id, "ProductCode": "kms", "ProductType": "kms_ddi_public_intl", "ImmediatelyRelease": "1"}
    given = tenant.bss("RefundInstance", ClientToken="refund-1", **refund)
    assert (given.body["Code"], given.body["Success"]) == ("200", True)
    assert isinstance(given.body["Data"]["OrderId"], int)
    assert tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).status == 404
    assert tenant.bss("RefundInstance", ClientToken="refund-1", **refund).body["Data"] == given.body["Data"]
    again = tenant.bss("RefundInstance", **refund).body
    assert (again["Success"], again["Code"]) == (False, "ResourceNotExists")
    return given


def test_the_provider_walk(world: World) -> None:
    """Create, five upgrades, automatic renewal, refund: 10000.00 - 1866.00 + 482.08 = 8616.08."""
    tenant, instance_id = _upgraded(world)
    _set_renewal(tenant, instance_id)
    world.advance_to("2026-01-26T20:00:00Z")
    key_id = tenant.key(instance_id)
    blob = tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").body["CiphertextBlob"]
    given = _refund(tenant, instance_id, BACK)
    assert _balance(tenant) == "8616.08"
    gone = tenant.kms("Decrypt", CiphertextBlob=blob)
    assert (gone.status, gone.code) == (404, "Forbidden.KeyNotFound")
    rows = tenant.bss("GetOrderDetail", OrderId=given.body["Data"]["OrderId"]).body["Data"]["OrderList"]["Order"]
    backs = sorted(row["PretaxAmount"] for row in rows)
    assert backs == sorted(["93.75", "125.00", "150.00", "16.66", "83.34", "13.33"])
    assert {row["OrderSubType"] for row in rows} == {"RefundSubOrder"}
    assert world.advance(days=60) == []


def test_the_provider_walk_when_the_renewal_comes_first(world: World) -> None:
    """At 2026-01-27 08:00 UTC+8, the sixth day before the end, it renews for 2830.00 a month; unbegun, that comes back whole.

    500 + 750 + 900 + 100 + 500 + 80 = 2830 a month. 10000.00 - 1866.00 - 2830.00 + 2830.00 + 482.08 = 8616.08: no day more of
    any other order has begun since.
    """
    tenant, instance_id = _upgraded(world)
    _set_renewal(tenant, instance_id)
    happened = world.advance_to("2026-01-27T00:00:00Z")
    assert [event.kind for event in happened] == ["instance_renewed", "auto_renewed"]
    assert _balance(tenant) == "5304.00"
    given = _refund(tenant, instance_id, "3312.08")
    assert _balance(tenant) == "8616.08"
    rows = tenant.bss("GetOrderDetail", OrderId=given.body["Data"]["OrderId"]).body["Data"]["OrderList"]["Order"]
    assert rows[0]["PretaxAmount"] == "2830.00"  # newest first
    assert world.advance(days=60) == []
