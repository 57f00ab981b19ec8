"""Statements and bills as their callers see them, on both databases; months are worked out by hand (rows 36 to 39)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.world import Reply, Tenant, World


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service that stands at 2026-01-31T15:30:00Z: 23:30 of the 31st in UTC+8."""
    made = World(database_url, tmp_path, start="2026-01-31T15:30:00Z")
    yield made
    made.close()


def data(reply: Reply) -> dict[str, Any]:
    """The Data of a success."""
    assert (reply.status, reply.body.get("Code"), reply.body.get("Message")) == (200, "Success", "Successful!"), reply.body
    found: dict[str, Any] = reply.body["Data"]
    return found


def bill(tenant: Tenant, cycle: str, **parameters: object) -> list[dict[str, Any]]:
    """The rows of QueryBill."""
    found: list[dict[str, Any]] = data(tenant.bss("QueryBill", BillingCycle=cycle, **parameters))["Items"]["Item"]
    return found


def renew(tenant: Tenant, instance_id: str, months: int = 1) -> None:
    """Renew, which must work."""
    reply = tenant.bss("RenewInstance", ProductCode="kms", InstanceId=instance_id, RenewPeriod=months)
    assert reply.body["Success"], reply.body


def moves(tenant: Tenant, **parameters: object) -> list[dict[str, Any]]:
    """The rows of QueryAccountTransactions."""
    page = data(tenant.bss("QueryAccountTransactions", **parameters))
    found: list[dict[str, Any]] = page["AccountTransactionsList"]["AccountTransactionsList"]
    return found


def test_row_39_the_31st_at_2330_belongs_to_its_month(world: World) -> None:
    """Row 39: paid on the 31st 23:30 UTC+8 it is January's; 30 minutes later, still the 31st in UTC, it is February's.

    Software with 2,000 QPS, 2,000 keys, 1,000 secrets, 7 accesses, 1,000 GB: 500+100+900+500+750+80 = 2,830.00; default 500.00.
    """
    tenant = world.tenant()
    first = tenant.buy(Spec=2000, KeyNum=2000, SecretNum=1000, VpcNum=7, Log=1, LogStorage=1000)
    world.advance(minutes=30)
    second = tenant.buy()
    january, february = bill(tenant, "2026-01"), bill(tenant, "2026-02")
    assert [row["PretaxGrossAmount"] for row in january] == [2830.0]
    assert [row["PretaxGrossAmount"] for row in february] == [500.0]
    row = january[0]
    assert {name: row[name] for name in ("PaymentTime", "UsageStartTime", "UsageEndTime")} == {
        "PaymentTime": "2026-01-31 23:30:00",
        "UsageStartTime": "2026-01-31 23:30:00",
        "UsageEndTime": "2026-03-01 00:00:00",
    }
    assert (row["Item"], row["Status"], row["Currency"], row["RoundDownDiscount"]) == (
        "SubscriptionOrder",
        "PayFinish",
        "USD",
        "0.00",
    )
    assert (row["PretaxAmount"], row["PaymentAmount"], row["CashAmount"], row["OutstandingAmount"]) == (
        2830.0,
        2830.0,
        2830.0,
        0.0,
    )
    assert row["PaymentTransactionID"] == moves(tenant)[-2]["TransactionNumber"]
    assert bill(tenant, "2025-12") == bill(tenant, "2026-03") == []
    by_instance = data(tenant.bss("QueryInstanceBill", BillingCycle="2026-01"))["Items"]["Item"]
    assert [(one["InstanceID"], one["ServicePeriod"], one["ServicePeriodUnit"]) for one in by_instance] == [(first, "1", "Month")]
    assert by_instance[0]["InstanceSpec"] == "2000"
    described = data(tenant.bss("DescribeInstanceBill", BillingCycle="2026-02"))["Items"]
    assert [one["InstanceID"] for one in described] == [second]


def test_modules_sum_to_the_order(world: World) -> None:
    """IsBillingItem: six rows, base, QPS, keys, secrets, access, logs; without those of no charge, two of a default with keys.

    Software, 1,010 keys: 500 + 9 = 509.00.
    """
    tenant = world.tenant()
    tenant.buy(KeyNum=1010)
    rows = data(tenant.bss("DescribeInstanceBill", BillingCycle="2026-01", IsBillingItem="true"))["Items"]
    amounts = {row["BillingItemCode"]: row["PretaxAmount"] for row in rows}
    assert amounts == {
        "ProductVersion": 500.0,
        "Spec": 0.0,
        "KeyNum": 9.0,
        "SecretNum": 0.0,
        "VpcNum": 0.0,
        "LogStorage": 0.0,
    }
    keys = next(row for row in rows if row["BillingItemCode"] == "KeyNum")
    assert (keys["BillingItem"], keys["ListPrice"], keys["ListPriceUnit"], keys["Usage"]) == (
        "Number of keys",
        "9.00",
        "USD/Month",
        "1010",
    )
    few = data(tenant.bss("QueryInstanceBill", BillingCycle="2026-01", IsBillingItem="true", IsHideZeroCharge="true"))
    assert [row["PretaxAmount"] for row in few["Items"]["Item"]] == [500.0, 9.0]
    assert few["TotalCount"] == 2


def test_days(world: World) -> None:
    """DAILY shows the orders paid that day; QueryInstanceBill refuses a day elsewhere, DescribeInstanceBill takes the month."""
    tenant = world.tenant()
    tenant.buy()
    daily = data(tenant.bss("QueryInstanceBill", BillingCycle="2026-01", Granularity="DAILY", BillingDate="2026-01-31"))
    assert [(row["BillingDate"], row["PretaxAmount"]) for row in daily["Items"]["Item"]] == [("2026-01-31", 500.0)]
    empty = data(tenant.bss("QueryInstanceBill", BillingCycle="2026-01", Granularity="DAILY", BillingDate="2026-01-30"))
    assert empty["Items"]["Item"] == []
    elsewhere = {"BillingCycle": "2026-01", "Granularity": "DAILY", "BillingDate": "2026-02-01"}
    assert tenant.bss("QueryInstanceBill", **elsewhere).code == "InvalidParameter"
    assert len(data(tenant.bss("DescribeInstanceBill", **elsewhere))["Items"]) == 1
    assert tenant.bss("QueryInstanceBill", BillingCycle="2026-01", Granularity="DAILY").code == "MissingParameter"
    assert tenant.bss("QueryInstanceBill", BillingCycle="2026-01", Granularity="HOURLY").code == "InvalidParameter"
    assert "BillingDate" not in data(tenant.bss("QueryInstanceBill", BillingCycle="2026-01"))["Items"]["Item"][0]


@pytest.mark.parametrize("cycle", ["2026-13", "2026-1", "202601", "2026-00", "0000-01", "0001-01", "9999-12", "x", "2026-01-01"])
def test_a_month_that_is_none_is_refused(world: World, cycle: str) -> None:
    """BillingCycle is YYYY-MM."""
    for action in ("QueryBill", "QueryBillOverview", "QueryAccountBill", "QueryInstanceBill", "QuerySettleBill"):
        assert world.tenant(name=f"t-{action}").bss(action, BillingCycle=cycle).code == "InvalidParameter"


def test_the_overview_and_the_account(world: World) -> None:
    """Two orders of 500.00 are 1,000.00 of the product and of the account; the product's columns stand only if grouped by it."""
    tenant = world.tenant()
    renew(tenant, tenant.buy())
    overview = data(tenant.bss("QueryBillOverview", BillingCycle="2026-01"))["Items"]["Item"]
    assert [(row["ProductType"], row["Item"], row["PretaxAmount"], row["AfterTaxAmount"]) for row in overview] == [
        ("kms_ddi_public_intl", "SubscriptionOrder", 1000.0, 1000.0)
    ]
    plain = data(tenant.bss("QueryAccountBill", BillingCycle="2026-01"))["Items"]["Item"]
    assert [row["PretaxAmount"] for row in plain] == [1000.0]
    assert not {"ProductCode", "ProductName", "PipCode", "SubscriptionType", "BillingDate"} & plain[0].keys()
    grouped = data(tenant.bss("QueryAccountBill", BillingCycle="2026-01", IsGroupByProduct="true"))["Items"]["Item"]
    assert [(row["ProductCode"], row["PretaxAmount"]) for row in grouped] == [("kms", 1000.0)]
    assert data(tenant.bss("QueryAccountBill", BillingCycle="2026-02"))["Items"]["Item"] == []


def test_filters_of_bills(world: World) -> None:
    """Both sites' types are the product; another product, pay-as-you-go and items that are never met find nothing."""
    tenant = world.tenant()
    tenant.buy()
    assert len(bill(tenant, "2026-01", ProductCode="kms", ProductType="kms_ddi_public_cn", SubscriptionType="Subscription")) == 1
    assert len(bill(tenant, "2026-01", Type="SubscriptionOrder", BillOwnerId=tenant.account_id)) == 1
    nothing: list[dict[str, object]] = [
        {"ProductCode": "ecs"},
        {"SubscriptionType": "PayAsYouGo"},
        {"Type": "Refund"},
        {"Type": "Adjustment"},
        {"ProductType": "kms_ppi_public_cn"},
    ]
    for filters in nothing:
        assert bill(tenant, "2026-01", **filters) == []
    assert tenant.bss("QueryBill", BillingCycle="2026-01", Type="Gift").code == "InvalidParameter"
    assert tenant.bss("QueryBill", BillingCycle="2026-01", BillOwnerId=1).code == "InvalidOwner"
    assert world.tenant().bss("QueryBill", BillingCycle="2026-01").body["Data"]["TotalCount"] == 0


def test_reading_on_by_token(world: World) -> None:
    """Three rows by two: a token, then an empty one; a token of another question, account or nobody is refused."""
    tenant = world.tenant()
    for _ in range(3):
        tenant.buy()
    for action in ("QuerySettleBill", "DescribeInstanceBill"):
        first = data(tenant.bss(action, BillingCycle="2026-01", MaxResults=2))
        token = first["NextToken"]
        rest = data(tenant.bss(action, BillingCycle="2026-01", MaxResults=2, NextToken=token))
        assert (first["TotalCount"], first["MaxResults"], rest["NextToken"]) == (3, 2, "")
        pages = [page["Items"] if action == "DescribeInstanceBill" else page["Items"]["Item"] for page in (first, rest)]
        assert [len(page) for page in pages] == [2, 1]
        for bad in (token + "0", "x", "2-0000000000000000", "9" * 200):
            assert tenant.bss(action, BillingCycle="2026-01", NextToken=bad).code == "InvalidParameter"
        assert tenant.bss(action, BillingCycle="2026-02", NextToken=token).code == "InvalidParameter"
        assert world.tenant().bss(action, BillingCycle="2026-01", NextToken=token).code == "InvalidParameter"


def test_the_last_18_months(world: World) -> None:
    """In February 2026 DescribeInstanceBill reaches back to September 2024: 18 months with the running one."""
    tenant = world.tenant()
    world.advance(days=1)
    assert data(tenant.bss("DescribeInstanceBill", BillingCycle="2024-09"))["Items"] == []
    assert tenant.bss("DescribeInstanceBill", BillingCycle="2024-08").code == "InvalidParameter"
    assert bill(tenant, "2024-08") == []


def test_the_running_balance(world: World) -> None:
    """10,000.00 in, 500.00 and 1,000.00 out: 10,000.00, 9,500.00, 8,500.00, newest first; amounts are text and never negative."""
    tenant = world.tenant()
    instance_id = tenant.buy()
    world.advance(hours=1)
    renew(tenant, instance_id, 2)
    rows = moves(tenant)
    shown = [(row["TransactionType"], row["TransactionFlow"], row["Amount"], row["Balance"]) for row in rows]
    assert shown == [
        ("Consumption", "Expense", "1000.00", "8500.00"),
        ("Consumption", "Expense", "500.00", "9500.00"),
        ("Payment", "Income", "10000.00", "10000.00"),
    ]
    assert [row["BillingCycle"] for row in rows] == ["2026-02", "2026-01", "2026-01"]
    assert [row["TransactionTime"] for row in rows] == ["2026-01-31T16:30:00Z", "2026-01-31T15:30:00Z", "2026-01-31T15:30:00Z"]
    assert [row["TransactionChannel"] for row in rows] == ["AccountBalance", "AccountBalance", "OfflineRemittance"]
    assert {row["FundType"] for row in rows} == {"Cash"}
    assert rows[1]["RecordID"] == bill(tenant, "2026-01")[0]["RecordID"]
    assert rows[2]["TransactionChannelSN"] == f"opening {tenant.account_id}"


def test_filters_of_transactions(world: World) -> None:
    """Each filter alone; an unknown word finds nothing and is no error; a wrong order of times is one."""
    tenant = world.tenant()
    tenant.buy()
    bought, paid_in = moves(tenant)
    assert moves(tenant, TransactionType="Payment") == moves(tenant, TransactionFlow="Income") == [paid_in]
    assert moves(tenant, TransactionChannel="AccountBalance") == moves(tenant, RecordID=bought["RecordID"]) == [bought]
    assert moves(tenant, TransactionNumber=paid_in["TransactionNumber"]) == [paid_in]
    assert moves(tenant, TransactionChannelSN=paid_in["TransactionChannelSN"]) == [paid_in]
    for nothing in ({"TransactionType": "Gift"}, {"TransactionFlow": "Sideways"}, {"TransactionChannel": "Shells"}):
        assert moves(tenant, **nothing) == []
    assert moves(tenant, CreateTimeEnd="2026-01-31T15:29:59Z") == []
    assert moves(tenant, CreateTimeStart="2026-01-31T15:30:00Z", CreateTimeEnd="2026-01-31T15:30:00Z") == [bought, paid_in]
    wrong = tenant.bss("QueryAccountTransactions", CreateTimeStart="2026-02-01T00:00:00Z", CreateTimeEnd="2026-01-01T00:00:00Z")
    assert wrong.code == "InvalidParameter"
    for edge in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"):
        assert tenant.bss("QueryAccountTransactions", CreateTimeEnd=edge).code == "InvalidParameter"
    assert moves(world.tenant("0")) == []


def test_a_month_back_by_default(world: World) -> None:
    """Without times the last calendar month: from 23:30 on the 28th of February back to 23:30 on the 28th of January."""
    tenant = world.tenant()
    world.advance(days=28)
    assert len(moves(tenant)) == 1
    world.advance(days=3)  # 3 March 23:30, a month back is 3 February
    assert moves(tenant) == []


def test_details_by_token_are_shifted_by_nothing(world: World) -> None:
    """A purchase made while somebody reads on moves no row: 5 movements by 2 are 2, 2, 1, and the new one is not among them."""
    tenant = world.tenant()
    for _ in range(4):
        tenant.buy()
    everything = moves(tenant)
    seen: list[dict[str, Any]] = []
    token = ""
    sizes = []
    while True:
        page = data(tenant.bss("QueryAccountTransactionDetails", MaxResults=2, NextToken=token))
        rows = page["AccountTransactionsList"]["AccountTransactionsList"]
        sizes.append(len(rows))
        seen.extend(rows)
        token = page["NextToken"]
        if not token:
            break
        tenant.buy()
    assert sizes == [2, 2, 1]
    assert seen == everything
    assert tenant.bss("QueryAccountTransactionDetails", NextToken="nonsense").code == "InvalidParameter"


def test_amortised_by_hand(world: World) -> None:
    """500.00 from 31 January to the end of 28 February are 29 days: January has one, 50000 // 29 = 1724 cents, the rest 482.76.

    Bought for 23:30 on 31 January, expiry date 28 February, end 1 March 00:00; a started day is a whole one.
    """
    tenant = world.tenant()
    instance_id = tenant.buy()
    action = "DescribeInstanceAmortizedCostByConsumePeriod"
    rows = data(tenant.bss(action, BillingCycle="2026-01"))["Items"]
    shown = [
        (
            row["AmortizationPeriod"],
            row["CurrentAmortizationPretaxAmount"],
            row["PreviouslyAmortizedPretaxAmount"],
            row["RemainingAmortizationPretaxAmount"],
            row["AmortizationStatus"],
        )
        for row in rows
    ]
    assert shown == [("202601", 17.24, 0.0, 482.76, "unAmortized"), ("202602", 482.76, 17.24, 0.0, "unAmortized")]
    assert {(row["InstanceID"], row["ConsumePeriod"], row["PretaxAmount"]) for row in rows} == {(instance_id, "202601", 500.0)}
    world.advance(minutes=30)
    flat = {"BillingCycle": "2026-01", "AmortizationPeriodFilter.1": "202601", "InstanceIdList.1": instance_id}
    only = data(tenant.bss(action, **flat))["Items"]
    assert [(row["AmortizationPeriod"], row["AmortizationStatus"]) for row in only] == [("202601", "amortized")]
    assert data(tenant.bss(action, BillingCycle="2026-01", **{"BillOwnerIdList.1": "7"}))["Items"] == []
    eleven = {f"InstanceIdList.{number}": "kst-x" for number in range(1, 12)}
    assert tenant.bss(action, BillingCycle="2026-01", **eleven).code == "InvalidParameter"
