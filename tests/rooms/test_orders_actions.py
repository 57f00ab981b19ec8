"""The billing actions as their callers see them: shapes, casing and types are the cloud's (BssOpenApi pages, read 2026-11-22)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.world import Reply, Tenant, World

KMS: dict[str, object] = {
    "ProductCode": "kms",
    "ProductType": "kms_ddi_public_intl",
    "SubscriptionType": "Subscription",
}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service on each database, standing at 2026-01-01T00:00:00Z."""
    made = World(database_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def tenant(world: World) -> Tenant:
    """An account with 10,000.00."""
    return world.tenant("10000.00")


def modules(**codes: object) -> dict[str, object]:
    """Modules as Parameter.N.Code and .Value; Region and a software ProductVersion unless said otherwise."""
    flat: dict[str, object] = {}
    for number, (code, value) in enumerate(({"Region": "ap-southeast-1", "ProductVersion": "3"} | codes).items(), 1):
        flat |= {f"Parameter.{number}.Code": code, f"Parameter.{number}.Value": value}
    return flat


def create(tenant: Tenant, codes: dict[str, object] | None = None, **parameters: object) -> Reply:
    """Call CreateInstance for a month."""
    return tenant.bss("CreateInstance", **(KMS | {"Period": 1} | modules(**(codes or {})) | parameters))


def data(reply: Reply) -> dict[str, Any]:
    """The Data of a success, whose envelope is checked."""
    assert reply.status == 200
    assert (reply.body["Code"], reply.body["Message"], reply.body["Success"]) == ("Success", "Successful!", True)
    assert reply.body["RequestId"] == reply.headers["x-acs-request-id"]
    found: dict[str, Any] = reply.body["Data"]
    return found


def refusal(reply: Reply) -> str:
    """The code of a business refusal: HTTP 200, Success false, a message that is not empty."""
    assert (reply.status, reply.body["Success"]) == (200, False)
    assert reply.body["Message"]
    assert reply.code != "NotApplicable"
    return reply.code


def balance(tenant: Tenant) -> str:
    """What the account can spend."""
    return str(tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"])


def test_the_balance_is_text_and_its_code_is_200(tenant: Tenant) -> None:
    """Scripts in the wild test `Code == "200"` on this call only."""
    reply = tenant.bss("QueryAccountBalance")
    assert (reply.body["Code"], reply.body["Message"], reply.body["Success"]) == ("200", "success", True)
    assert reply.body["Data"] == {
        "AvailableAmount": "10000.00",
        "AvailableCashAmount": "10000.00",
        "CreditAmount": "0.00",
        "MybankCreditAmount": "0.00",
        "QuotaLimit": "0.00",
        "Currency": "USD",
    }


def test_the_products_on_sale(tenant: Tenant) -> None:
    """Both sites' subscription types and nothing that is not sold; TotalCount only on demand; pages."""
    found = data(tenant.bss("QueryProductList", PageNum=1, QueryTotalCount="True"))
    rows = found["ProductList"]["Product"]
    assert [row["ProductType"] for row in rows] == ["kms_ddi_public_intl", "kms_ddi_public_cn"]
    assert rows[0] == {
        "ProductCode": "kms",
        "ProductName": "Key Management Service",
        "ProductType": "kms_ddi_public_intl",
        "SubscriptionType": "Subscription",
    }
    assert (found["TotalCount"], found["PageNum"], found["PageSize"]) == (2, 1, 20)
    second = data(tenant.bss("QueryProductList", PageNum=2, PageSize=1))
    assert [row["ProductType"] for row in second["ProductList"]["Product"]] == ["kms_ddi_public_cn"]
    assert "TotalCount" not in second


def test_the_vocabulary_of_the_product(tenant: Tenant) -> None:
    """ConfigList inside ConfigList, Values.AttributeValue, ranges as min-max:step."""
    found = data(tenant.bss("DescribePricingModule", **KMS))
    spec = next(row for row in found["ModuleList"]["Module"] if row["ModuleCode"] == "Spec")
    assert spec["ConfigList"] == {"ConfigList": ["Spec"]}
    assert (spec["PriceType"], spec["Currency"]) == ("Month", "USD")
    keys = next(row for row in found["AttributeList"]["Attribute"] if row["Code"] == "KeyNum")
    assert "1000-100000:10" in [value["Value"] for value in keys["Values"]["AttributeValue"]]


def price(tenant: Tenant, **parameters: object) -> Reply:
    """Ask for the price of a software instance with 2,000 QPS and 2,000 keys."""
    asked = {
        "OrderType": "NewOrder",
        "ModuleList.1.ModuleCode": "ProductVersion",
        "ModuleList.1.Config": "ProductVersion:3,Region:ap-southeast-1",
        "ModuleList.2.ModuleCode": "Spec",
        "ModuleList.2.Config": "Spec:2000",
        "ModuleList.3.ModuleCode": "KeyNum",
        "ModuleList.3.Config": "KeyNum:2000",
        "ServicePeriodQuantity": 1,
        "ServicePeriodUnit": "Year",
    }
    return tenant.bss("GetSubscriptionPrice", **(KMS | asked | parameters))


def test_a_quote_is_in_numbers(tenant: Tenant) -> None:
    """(500 + 100 + 100 x 9) x 12 = 18,000.00; two of them 36,000.00; cents as text in the payment scheme."""
    found = data(price(tenant))
    assert (found["OriginalPrice"], found["DiscountPrice"], found["TradePrice"], found["Currency"]) == (18000, 0, 18000, "USD")
    details = {row["ModuleCode"]: row for row in found["ModuleDetails"]["ModuleDetail"]}
    assert details["KeyNum"] == {
        "ModuleCode": "KeyNum",
        "UnitPrice": 900,
        "OriginalCost": 10800,
        "InvoiceDiscount": 0,
        "CostAfterDiscount": 10800,
    }
    assert found["PromotionDetails"] == {"PromotionDetail": []}
    assert (found["PaymentScheme"]["PaymentType"], found["PaymentScheme"]["OrderTotalFee"]) == ("PAYMENT_NORMAL", "1800000")
    assert data(price(tenant, Quantity=2))["TradePrice"] == 36000


def test_a_quote_refuses_what_it_cannot_price(tenant: Tenant) -> None:
    """An upgrade of no instance; a term or module that is not sold; a unit that is none."""
    upgrade = price(tenant, OrderType="Upgrade")
    assert (upgrade.status, upgrade.code) == (400, "MissingParameter")
    assert "InstanceId" in upgrade.body["Message"]
    assert refusal(price(tenant, ServicePeriodUnit="Month", ServicePeriodQuantity=13)) == "InvalidParameter"
    assert refusal(price(tenant, **{"ModuleList.2.ModuleCode": "Speed"})) == "InvalidModuleCode"
    assert refusal(price(tenant, **{"ModuleList.2.Config": "2000"})) == "InvalidConfigCode"
    assert price(tenant, ServicePeriodUnit="Day").status == 400


def test_a_renewal_is_quoted_by_the_instance_and_changes_nothing(tenant: Tenant) -> None:
    """Software with 2,000 QPS is 600.00 a month; saying 4,000 in a renewal is refused by name."""
    instance_id = data(create(tenant, {"Spec": "2000"}))["InstanceId"]
    asked = {"OrderType": "Renewal", "InstanceId": instance_id, "ServicePeriodUnit": "Month"}
    plain = {"ModuleList.3.ModuleCode": "KeyNum", "ModuleList.3.Config": "KeyNum:1000"}
    assert data(price(tenant, **asked, **plain))["TradePrice"] == 600
    changed = price(tenant, **asked, **plain, **{"ModuleList.2.Config": "Spec:4000"})
    assert changed.code == "InvalidParameter"
    assert "Spec" in changed.body["Message"]
    assert data(price(tenant, OrderType="Renewal"))["TradePrice"] == 18000


def test_a_purchase_pays_at_once(tenant: Tenant) -> None:
    """500.00 of 10,000.00; the answer names instance and order, both text."""
    found = data(create(tenant))
    assert set(found) == {"InstanceId", "OrderId"}
    assert found["InstanceId"].startswith("kst-")
    assert isinstance(found["OrderId"], str)
    assert balance(tenant) == "9500.00"


def test_what_a_purchase_refuses_leaves_nothing(tenant: Tenant) -> None:
    """Each with its code; the balance and the list of orders are as before."""
    assert refusal(create(tenant, {"KeyNum": "1005"})) == "InvalidParameter"
    assert refusal(create(tenant, {"ProductVersion": "4"})) == "InvalidParameter"
    assert refusal(create(tenant, {"Region": "mars-1"})) == "InvalidParameter"
    assert refusal(create(tenant, {"Colour": "red"})) == "InvalidModuleCode"
    assert refusal(create(tenant, Period=13)) == "InvalidParameter"
    assert refusal(create(tenant, {"KeyNum": "100000"})) == "PAY.INSUFFICIENT_BALANCE"
    assert refusal(create(tenant, ProductCode="ecs")) == "ProductNotSupported"
    assert refusal(create(tenant, ProductType="kms_ppi_public_intl", SubscriptionType="PayAsYouGo")) == "ProductNotSupported"
    assert refusal(create(tenant, OwnerId=1)) == "InvalidOwner"
    for parameters in ({"Logistics": "x"}, {"PricingCycle": 1}, {"RenewalStatus": "NotRenewal"}, {"Period": "x"}):
        assert create(tenant, **parameters).status == 400
    missing = create(tenant, RenewalStatus="AutoRenewal")
    assert (missing.status, missing.code) == (400, "MissingParameter")
    assert balance(tenant) == "10000.00"
    assert data(tenant.bss("QueryOrders"))["TotalCount"] == 0


def test_row_41_the_other_sites_type_is_a_synonym(tenant: Tenant) -> None:
    """A client that knows the China site's type buys the same thing at the same price, and reads its own type back."""
    found = data(create(tenant, ProductType="kms_ddi_public_cn"))
    assert balance(tenant) == "9500.00"
    row = data(tenant.bss("QueryAvailableInstances", ProductCode="kms", ProductType="kms_ddi_public_intl"))["InstanceList"][0]
    assert (row["InstanceID"], row["ProductType"]) == (found["InstanceId"], "kms_ddi_public_cn")


def test_row_9_a_client_token_buys_once(tenant: Tenant) -> None:
    """The same token and content give the first answer and no second debit; other content is refused."""
    first = data(create(tenant, ClientToken="t-1"))
    assert data(create(tenant, ClientToken="t-1")) == first
    assert balance(tenant) == "9500.00"
    assert create(tenant, {"Spec": "2000"}, ClientToken="t-1").code == "IdempotentParameterMismatch"
    assert data(create(tenant, ClientToken="t-2")) != first
    assert balance(tenant) == "9000.00"


def test_an_instance_as_it_was_sold(tenant: Tenant, world: World) -> None:
    """Bought 2026-01-01 08:00 UTC+8 for a month: to 2026-02-02 00:00 UTC+8, kept 15 days; WaitForExpire in the last seven."""
    instance_id = data(create(tenant, RenewalStatus="AutoRenewal", RenewPeriod=3))["InstanceId"]
    found = data(tenant.bss("QueryAvailableInstances", InstanceIDs=instance_id, Region="ap-southeast-1", ProductCode="kms"))
    assert (found["TotalCount"], found["PageNum"], found["PageSize"]) == (1, 1, 20)
    assert found["InstanceList"] == [
        {
            "InstanceID": instance_id,
            "OwnerId": int(tenant.account_id),
            "ProductCode": "kms",
            "ProductType": "kms_ddi_public_intl",
            "SubscriptionType": "Subscription",
            "Region": "ap-southeast-1",
            "Seller": "Keystead",
            "Status": "Normal",
            "SubStatus": "Normal",
            "RenewStatus": "AutoRenewal",
            "RenewalDuration": 3,
            "RenewalDurationUnit": "M",
            "CreateTime": "2026-01-01T00:00:00Z",
            "EndTime": "2026-02-01T16:00:00Z",
            "StopTime": "2026-02-01T16:00:00Z",
            "ExpectedReleaseTime": "2026-02-16T16:00:00Z",
            "ReleaseTime": "",
        }
    ]
    by_hand = {"ProductCode": "kms", "InstanceIDs": instance_id, "RenewalStatus": "ManualRenewal"}
    assert tenant.bss("SetRenewal", **by_hand).body["Success"] is True
    seen = {}
    for at in ("2026-01-25T15:59:59Z", "2026-01-25T16:00:00Z", "2026-02-01T15:59:59Z", "2026-02-01T16:00:00Z"):
        world.advance_to(at)
        seen[at] = data(tenant.bss("QueryAvailableInstances"))["InstanceList"][0]["Status"]
    assert list(seen.values()) == ["Normal", "WaitForExpire", "WaitForExpire", "Expired"]
    world.advance_to("2026-02-16T16:00:00Z")
    assert data(tenant.bss("QueryAvailableInstances"))["InstanceList"] == []


def test_instances_are_found_by_everything_that_can_be_asked(tenant: Tenant) -> None:
    """Each parameter narrows; what is not ours is an empty list and never a refusal that reads like the wrong site."""
    manual = data(create(tenant))["InstanceId"]
    auto = data(create(tenant, Period=2, RenewalStatus="AutoRenewal", RenewPeriod=1))["InstanceId"]

    def ids(**parameters: object) -> set[str]:
        return {row["InstanceID"] for row in data(tenant.bss("QueryAvailableInstances", **parameters))["InstanceList"]}

    assert ids() == ids(InstanceIDs=f"{manual},{auto}") == ids(ProductType="kms_ddi_public_cn") == {manual, auto}
    assert ids(RenewStatus="ManualRenewal") == ids(InstanceIDs=manual) == {manual}
    assert ids(RenewStatus="AutoRenewal") == ids(EndTimeStart="2026-03-01T00:00:00Z") == {auto}
    assert ids(EndTimeEnd="2026-02-01T16:00:00Z") == {manual}
    assert ids(CreateTimeStart="2026-01-01T00:00:00Z", CreateTimeEnd="2026-01-01T00:00:00Z") == {manual, auto}
    assert ids(CreateTimeStart="2026-01-01T00:00:01Z") == set()
    assert len(ids(PageSize=1)) == len(ids(PageSize=1, PageNum=2)) == 1
    assert ids(PageSize=1) != ids(PageSize=1, PageNum=2)
    for nothing in (
        {"ProductCode": "vipcloudfw", "ProductType": "vipcloudfw", "SubscriptionType": "Subscription"},
        {"ProductCode": "cfw", "ProductType": "cfw_pre_intl", "PageSize": 50, "PageNum": 1},
        {"SubscriptionType": "PayAsYouGo"},
        {"ProductCode": "kms", "Region": "eu-central-1"},
        {"InstanceIDs": "kst-unknown"},
    ):
        assert ids(**nothing) == set()
    assert tenant.bss("QueryAvailableInstances", Region="ap-southeast-1").code == "MissingParameter"
    for bad in ({"RenewStatus": "x"}, {"PageSize": 301}, {"PageNum": 0}, {"EndTimeEnd": "2026-01-01"}):
        for caller in (tenant, tenant.world.tenant()):  # a mistake is one, also where there is nothing to list
            assert caller.bss("QueryAvailableInstances", **bad).code == "InvalidParameter"


def test_a_renewal_extends_and_pays(tenant: Tenant, world: World) -> None:
    """500.00 more, from the old end to 2026-03-02 00:00 UTC+8; in retention it begins at once; after it there is nothing."""
    instance_id = data(create(tenant))["InstanceId"]
    renewal = KMS | {"InstanceId": instance_id, "RenewPeriod": 1}
    del renewal["SubscriptionType"]
    assert set(data(tenant.bss("RenewInstance", **renewal))) == {"OrderId"}
    assert balance(tenant) == "9000.00"

    def end() -> str:
        return str(data(tenant.bss("QueryAvailableInstances", InstanceIDs=instance_id))["InstanceList"][0]["EndTime"])

    assert end() == "2026-03-01T16:00:00Z"
    world.advance_to("2026-03-10T04:00:00Z")
    data(tenant.bss("RenewInstance", **renewal))
    assert end() == "2026-04-10T16:00:00Z"
    assert refusal(tenant.bss("RenewInstance", **(renewal | {"RenewPeriod": 13}))) == "InvalidParameter"
    world.advance_to("2026-04-25T16:00:00Z")
    assert refusal(tenant.bss("RenewInstance", **renewal)) == "ResourceNotExists"
    assert balance(tenant) == "8500.00"


def test_another_accounts_instance_cannot_be_renewed(tenant: Tenant, world: World) -> None:
    """It looks as if it were not there, and costs nobody anything."""
    instance_id = data(create(tenant))["InstanceId"]
    other = world.tenant("10000.00")
    assert refusal(other.bss("RenewInstance", ProductCode="kms", InstanceId=instance_id, RenewPeriod=1)) == "ResourceNotExists"
    assert (balance(other), balance(tenant)) == ("10000.00", "9500.00")
    assert data(other.bss("QueryAvailableInstances", InstanceIDs=instance_id))["InstanceList"] == []


def test_row_40_orders_are_text_and_by_default_of_the_last_hour(tenant: Tenant, world: World) -> None:
    """Amounts are text; without times the last hour; with times any."""
    bought = data(create(tenant))
    world.advance(minutes=59)
    found = data(tenant.bss("QueryOrders"))
    assert found["OrderList"]["Order"] == [
        {
            "OrderId": bought["OrderId"],
            "RelatedOrderId": "",
            "OrderType": "New",
            "CreateTime": "2026-01-01T00:00:00Z",
            "PaymentTime": "2026-01-01T00:00:00Z",
            "PaymentStatus": "Paid",
            "Currency": "USD",
            "PaymentCurrency": "USD",
            "PretaxGrossAmount": "500.00",
            "PretaxAmount": "500.00",
            "PretaxAmountLocal": "500.00",
            "Tax": "0.00",
            "AfterTaxAmount": "500.00",
            "ProductCode": "kms",
            "ProductType": "kms_ddi_public_intl",
            "CommodityCode": "kms_ddi_public_intl",
            "SubscriptionType": "Subscription",
        }
    ]
    world.advance(minutes=2)
    assert data(tenant.bss("QueryOrders"))["TotalCount"] == 0

    def count(**parameters: object) -> int:
        return int(data(tenant.bss("QueryOrders", CreateTimeStart="2026-01-01T00:00:00Z", **parameters))["TotalCount"])

    assert count() == count(OrderType="New") == count(PaymentStatus="Paid") == count(ProductType="kms_ddi_public_cn") == 1
    assert count(CreateTimeEnd="2026-01-01T00:00:00Z") == 1
    assert count(OrderType="Renew") == count(OrderType="Refund") == count(PaymentStatus="Unpaid") == count(ProductCode="ecs") == 0
    for bad in ({"OrderType": "x"}, {"PaymentStatus": "x"}, {"CreateTimeStart": "yesterday"}, {"PageSize": 0}):
        assert tenant.bss("QueryOrders", **bad).code == "InvalidParameter"
    late = tenant.bss("QueryOrders", CreateTimeStart="2026-01-02T00:00:00Z", CreateTimeEnd="2026-01-01T00:00:00Z")
    assert late.code == "InvalidParameter"


def test_an_order_in_detail(tenant: Tenant, world: World) -> None:
    """Instance ids as a JSON array in text, the configuration as `Module:[Attribute:value;]`, wrappers in lower case."""
    bought = data(create(tenant, {"Spec": "2000"}))
    found = data(tenant.bss("GetOrderDetail", OrderId=bought["OrderId"]))
    (order,) = found["OrderList"]["Order"]
    assert (order["InstanceIDs"], order["PaymentStatus"], order["OrderSubType"]) == (
        f'["{bought["InstanceId"]}"]',
        "Paid",
        "ProductSubOrder",
    )
    assert order["Config"].startswith("Region:[Region:ap-southeast-1;]ProductVersion:[ProductVersion:3;]Spec:[Spec:2000;]")
    assert (order["OriginalConfig"], order["OriginalModuleConfig"]) == ("", {"originalModuleConfig": []})
    spec = next(row for row in order["BillModuleConfig"]["billModuleConfig"] if row["Code"] == "Spec")
    assert spec["BillModuleProperties"] == {
        "billModuleProperties": [{"AttrApiCode": "Spec", "ModuleApiCode": "Spec", "Value": "2000"}]
    }
    assert (order["UsageStartTime"], order["UsageEndTime"]) == ("2026-01-01T00:00:00Z", "2026-02-01T16:00:00Z")
    renewed = data(tenant.bss("RenewInstance", ProductCode="kms", InstanceId=bought["InstanceId"], RenewPeriod=1))
    (renewal,) = data(tenant.bss("GetOrderDetail", OrderId=renewed["OrderId"]))["OrderList"]["Order"]
    assert (renewal["OrderType"], renewal["OriginalConfig"], renewal["PretaxAmount"]) == ("Renew", order["Config"], "600.00")
    assert refusal(world.tenant().bss("GetOrderDetail", OrderId=bought["OrderId"])) == "OrderNotExists"
