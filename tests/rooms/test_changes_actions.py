"""Changing, renewing and giving back by API, as callers see it: shapes and codes of the BssOpenApi pages, read 2026-11-22."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.orders import commands as orders
from keystead.orders.model import Upgrading
from tests.rooms.test_orders_actions import KMS, balance, create, data, price, refusal
from tests.world import Reply, Tenant, World

FASTER: dict[str, object] = {"Parameter.1.Code": "spec", "Parameter.1.Value": "2000"}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service on each database, standing at 2026-01-01T00:00:00Z, whose books hold at the end."""
    made = World(database_url, tmp_path)
    yield made
    with made.service.store.read() as tx:
        assert orders.audit(tx) == []
    made.close()


@pytest.fixture
def tenant(world: World) -> Tenant:
    """An account with 10,000.00."""
    return world.tenant("10000.00")


def modify(tenant: Tenant, instance_id: str, **parameters: object) -> Reply:
    """Upgrade to 2,000 QPS, unless told otherwise."""
    return tenant.bss("ModifyInstance", **(KMS | {"ModifyType": "Upgrade", "InstanceId": instance_id} | FASTER | parameters))


def wish(tenant: Tenant, instance_ids: str, status: str = "AutoRenewal", **parameters: object) -> Reply:
    """Set the wish for the end, automatic renewal by a month unless told otherwise."""
    asked: dict[str, object] = {"ProductCode": "kms", "InstanceIDs": instance_ids, "RenewalStatus": status, "RenewalPeriod": 1}
    return tenant.bss("SetRenewal", **(asked | parameters))


def test_an_upgrade_is_quoted_and_paid_alike(tenant: Tenant, world: World) -> None:
    """15 days left: 50.00 quoted in numbers, 50.00 paid, the quota there at once."""
    instance_id = data(create(tenant))["InstanceId"]
    world.advance_to("2026-01-17T16:00:00Z")
    asked = {"OrderType": "Upgrade", "InstanceId": instance_id, "ServicePeriodUnit": "Month"}
    keys_as_they_are = {"ModuleList.3.Config": "KeyNum:1000", "ModuleList.2.ModuleStatus": 2}
    quoted = data(price(tenant, **asked, **keys_as_they_are))
    assert (quoted["TradePrice"], quoted["OriginalPrice"], quoted["DiscountPrice"]) == (50, 50, 0)
    assert quoted["PaymentScheme"]["OrderTotalFee"] == "5000"
    spec = next(row for row in quoted["ModuleDetails"]["ModuleDetail"] if row["ModuleCode"] == "Spec")
    assert (spec["UnitPrice"], spec["OriginalCost"], spec["CostAfterDiscount"]) == (100, 50, 50)
    done = data(modify(tenant, instance_id))
    assert (set(done), balance(tenant)) == ({"OrderId", "HostId"}, "9450.00")
    infos = tenant.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, ResourceType="qps").body
    assert infos["KmsInstanceQuotaInfos"][0]["ResourceQuota"] == 2000
    (order,) = data(tenant.bss("GetOrderDetail", OrderId=done["OrderId"]))["OrderList"]["Order"]
    assert (order["OrderType"], order["PaymentStatus"], order["PretaxAmount"]) == ("Upgrade", "Paid", "50.00")
    assert "Spec:[Spec:1000;]" in order["OriginalConfig"]
    assert "Spec:[Spec:2000;]" in order["Config"]
    before = {row["Code"]: row for row in order["OriginalModuleConfig"]["originalModuleConfig"]}["Spec"]
    assert before["ModuleProperties"] == {
        "moduleProperties": [{"Code": "Spec", "Name": "Computing performance", "Value": "1000"}]
    }
    assert (order["UsageStartTime"], order["UsageEndTime"]) == ("2026-01-17T16:00:00Z", "2026-02-01T16:00:00Z")
    assert data(tenant.bss("QueryOrders", OrderType="Upgrade"))["TotalCount"] == 1


def test_what_an_upgrade_refuses_charges_nothing(tenant: Tenant, world: World) -> None:
    """Rows 17 to 20: each with its code, none with NotApplicable."""
    instance_id = data(create(tenant, {"Spec": "2000"}))["InstanceId"]
    paid = balance(tenant)
    assert refusal(modify(tenant, instance_id)) == "InvalidParameter"
    assert refusal(modify(tenant, instance_id, **{"Parameter.1.Value": "1000"})) == "InvalidParameter"
    assert refusal(modify(tenant, instance_id, **{"Parameter.1.Value": "3000"})) == "InvalidParameter"
    assert refusal(modify(tenant, instance_id, **{"Parameter.1.Code": "Colour"})) == "InvalidModuleCode"
    assert refusal(modify(tenant, instance_id, ModifyType="Downgrade")) == "InvalidParameter"
    assert refusal(modify(tenant, instance_id, ProductCode="ecs")) == "ProductNotSupported"
    assert refusal(modify(tenant, "kst-unknown")) == "ResourceNotExists"
    assert refusal(modify(world.tenant(), instance_id)) == "ResourceNotExists"
    assert modify(tenant, instance_id, ModifyType="x").status == 400
    assert modify(tenant, "").code == "MissingParameter"
    world.advance_to("2026-02-01T16:00:00Z")
    assert refusal(modify(tenant, instance_id, **{"Parameter.1.Value": "4000"})) == "ResourceStatusError"
    assert balance(tenant) == paid


def test_row_9_a_token_upgrades_once(tenant: Tenant) -> None:
    """31 days 16 hours left: 100 x 760 / 720 = 105.56, once; another configuration under the token is refused."""
    instance_id = data(create(tenant))["InstanceId"]
    first = data(modify(tenant, instance_id, ClientToken="t"))
    assert data(modify(tenant, instance_id, ClientToken="t")) == first
    assert modify(tenant, instance_id, ClientToken="t", **{"Parameter.1.Value": "4000"}).code == "IdempotentParameterMismatch"
    assert balance(tenant) == "9394.44"


def test_a_reducing_renewal_by_api(tenant: Tenant, world: World) -> None:
    """From 2000 to 1000 QPS with the new cycle, 500.00; till then upgrades are refused; a change of region always."""
    instance_id = data(create(tenant, {"Spec": "2000"}))["InstanceId"]
    asked: dict[str, object] = {"ProductCode": "kms", "InstanceId": instance_id, "RenewPeriod": 1}
    smaller = FASTER | {"Parameter.1.Value": "1000"}
    elsewhere = {"Parameter.1.Code": "Region", "Parameter.1.Value": "eu-central-1"}
    assert refusal(tenant.bss("RenewChangeInstance", **asked, **elsewhere)) == "InvalidParameter"
    assert set(data(tenant.bss("RenewChangeInstance", **asked, **smaller))) == {"OrderId", "HostId"}
    assert balance(tenant) == "8900.00"
    assert refusal(modify(tenant, instance_id, **{"Parameter.1.Value": "4000"})) == "ResourceStatusError"

    def qps() -> int:
        infos = tenant.kms("GetKmsInstanceQuotaInfos", KmsInstanceId=instance_id, ResourceType="qps").body
        return int(infos["KmsInstanceQuotaInfos"][0]["ResourceQuota"])

    assert qps() == 2000
    world.advance_to("2026-02-01T16:00:00Z")
    assert qps() == 1000


def test_the_wish_by_api(tenant: Tenant, world: World) -> None:
    """All of the instances or none; years in months; not for automatic renewal once expired."""
    one, two = data(create(tenant))["InstanceId"], data(create(tenant))["InstanceId"]
    assert wish(tenant, f"{one},{two}", RenewalPeriod=2, RenewalPeriodUnit="Y").body["Success"] is True
    rows = data(tenant.bss("QueryAvailableInstances", RenewStatus="AutoRenewal"))["InstanceList"]
    assert [(row["RenewalDuration"], row["RenewalDurationUnit"]) for row in rows] == [(24, "M")] * 2
    assert refusal(wish(tenant, f"{one},kst-unknown", "NotRenewal")) == "ResourceNotExists"
    assert data(tenant.bss("QueryAvailableInstances", RenewStatus="NotRenewal"))["TotalCount"] == 0
    assert wish(tenant, one, "NotRenewal").body["Success"] is True
    assert wish(tenant, two, "ManualRenewal").body["Success"] is True
    assert refusal(wish(tenant, one, RenewalPeriod=5)) == "InvalidParameter"
    assert wish(tenant, one, "Sometimes").status == 400
    assert wish(tenant, ",".join(f"kst-{n}" for n in range(101))).code == "InvalidParameter"
    assert wish(tenant, one, RenewalPeriod="").code == "MissingParameter"
    assert refusal(wish(world.tenant(), one)) == "ResourceNotExists"
    world.advance_to("2026-02-01T16:00:00Z")
    assert refusal(wish(tenant, one)) == "ResourceStatusError"
    assert wish(tenant, one, "ManualRenewal").body["Success"] is True


def test_row_31_automatic_renewal_by_schedule(world: World) -> None:
    """500.00 held and spent: told at 08:00 UTC+8 of the nine last days, then expired; nothing more is tried after that."""
    tenant = world.tenant("500.00")
    instance_id = data(create(tenant, RenewalStatus="AutoRenewal", RenewPeriod=1))["InstanceId"]
    happened = [(event.kind, event.at.isoformat()) for event in world.advance_to("2026-02-10T00:00:00Z")]
    days = ["2026-01-24", "2026-01-25", "2026-01-26", "2026-01-27", "2026-01-28"]
    days += ["2026-01-29", "2026-01-30", "2026-01-31", "2026-02-01"]
    failed = [("auto_renewal_failed", f"{day}T00:00:00+00:00") for day in days]
    assert [each for each in happened if each[0] in {"auto_renewal_failed", "instance_expired"}] == [
        *failed,
        ("instance_expired", "2026-02-01T16:00:00+00:00"),
    ]
    assert data(tenant.bss("QueryAvailableInstances", InstanceIDs=instance_id))["InstanceList"][0]["Status"] == "Expired"


def test_row_34_a_year_of_automatic_renewals_in_one_jump(tenant: Tenant, world: World) -> None:
    """Each on the ninth day before its end, once: twelve by 2027-01-24T00:00:00Z, and 10000 - 500 x 13 = 3500.00."""
    instance_id = data(create(tenant))["InstanceId"]
    assert wish(tenant, instance_id).body["Success"] is True
    happened = world.advance_to("2026-12-31T00:00:00Z")
    renewed = [event.at.date().isoformat() for event in happened if event.kind == "auto_renewed"]
    # Ends at the beginning of the 2nd of each month in UTC+8; nine days before, the hour being that of UTC+8.
    assert renewed == [
        "2026-01-24", "2026-02-21", "2026-03-24", "2026-04-23", "2026-05-24", "2026-06-23",
        "2026-07-24", "2026-08-24", "2026-09-23", "2026-10-24", "2026-11-23", "2026-12-24",
    ]  # fmt: skip
    assert balance(tenant) == "3500.00"


def test_a_refund_by_api(tenant: Tenant, world: World) -> None:
    """The order: integer id, type Refund, no payment status, the purchase as its related order, found by its type."""
    bought = data(create(tenant))
    instance_id = bought["InstanceId"]
    ask = {"InstanceId": instance_id, "ProductCode": "kms"}
    asked = tenant.bss("InquiryPriceRefundInstance", **ask).body
    assert asked["Data"] == {"InstanceId": instance_id, "Currency": "USD", "RefundAmount": 500, "HostId": ""}
    assert refusal(tenant.bss("RefundInstance", ImmediatelyRelease="0", **ask)) == "CouldNotRefund.NotSupport"
    assert tenant.bss("RefundInstance", ImmediatelyRelease="2", **ask).code == "InvalidParameter"
    assert tenant.bss("RefundInstance", ProductCode="kms").code == "MissingParameter"
    assert refusal(tenant.bss("RefundInstance", InstanceId=instance_id, ProductCode="ecs")) == "ProductNotSupported"
    assert refusal(world.tenant().bss("RefundInstance", **ask)) == "ResourceNotExists"
    given = tenant.bss("RefundInstance", ImmediatelyRelease="1", ProductType="", **ask).body
    assert (given["Code"], given["Message"], given["Success"]) == ("200", "success", True)
    order_id = given["Data"]["OrderId"]
    assert isinstance(order_id, int)
    (row,) = data(tenant.bss("QueryOrders", OrderType="Refund"))["OrderList"]["Order"]
    assert (row["OrderId"], row["RelatedOrderId"], row["PaymentStatus"]) == (str(order_id), bought["OrderId"], None)
    assert (row["PretaxGrossAmount"], row["PretaxAmount"], row["PaymentTime"]) == ("500.00", "500.00", "")
    assert data(tenant.bss("QueryOrders", PaymentStatus="Paid"))["TotalCount"] == 1
    (detail,) = data(tenant.bss("GetOrderDetail", OrderId=order_id))["OrderList"]["Order"]
    assert (detail["OrderSubType"], detail["RelatedOrderId"], detail["SubOrderId"]) == (
        "RefundSubOrder",
        bought["OrderId"],
        f"{order_id}01",
    )
    assert balance(tenant) == "10000.00"
    assert tenant.bss("QueryAvailableInstances").body["Data"]["TotalCount"] == 0


def test_cancelling_orders_by_api(tenant: Tenant, world: World) -> None:
    """A paid one is refused; an unpaid one goes, and a second time changes nothing; one not paid in seven days goes by itself."""
    paid = data(create(tenant))
    assert refusal(tenant.bss("CancelOrder", OrderId=paid["OrderId"])) == "ResourceStatusError"
    assert refusal(tenant.bss("CancelOrder", OrderId="1")) == "OrderNotExists"
    service = world.service
    placed = []
    for _ in range(2):
        with service.store.write() as tx:
            asked = Upgrading(tenant.account_id, "", paid["InstanceId"], (("Spec", "2000"),))
            placed.append(orders.place(tx, service.catalogue, world.now, asked).order_id)
        assert refusal(modify(tenant, paid["InstanceId"])) == "ResourceStatusError"
        assert refusal(tenant.bss("RefundInstance", InstanceId=paid["InstanceId"])) == "ResourceStatusError"
        assert data(tenant.bss("QueryOrders", PaymentStatus="Unpaid"))["TotalCount"] == 1
        if len(placed) == 1:
            for _ in range(2):
                assert data(tenant.bss("CancelOrder", OrderId=placed[0])) == {"HostId": ""}
    assert refusal(world.tenant().bss("CancelOrder", OrderId=placed[1])) == "OrderNotExists"
    assert "order_lapsed" not in [event.kind for event in world.advance(days=6, hours=23)]
    assert [event.kind for event in world.advance(hours=1)].count("order_lapsed") == 1
    since = {"CreateTimeStart": "2026-01-01T00:00:00Z"}
    assert data(tenant.bss("QueryOrders", PaymentStatus="Cancelled", **since))["TotalCount"] == 2
    assert data(modify(tenant, paid["InstanceId"]))["OrderId"]
