"""Pages of bills read what they show: the pages of any size put together are the month, and read no more orders than that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from tests.world import Tenant, World

MONTH = "2026-01"


@pytest.fixture
def tenant(database_url: str, tmp_path: Path) -> Iterator[Tenant]:
    """An account with five purchases in January, a renewal of one, a refund of another; one purchase in February."""
    world = World(database_url, tmp_path)
    made = world.tenant("10000.00")
    ids = []
    for _ in range(5):
        ids.append(made.buy())
        world.advance(hours=1)
    assert made.bss("RenewInstance", ProductCode="kms", InstanceId=ids[0], RenewPeriod=1).body["Success"] is True
    assert made.bss("RefundInstance", ProductCode="kms", InstanceId=ids[1]).body["Success"] is True
    world.advance_to("2026-02-01T00:00:00Z")
    made.buy()
    yield made
    world.close()


def by_number(tenant: Tenant, action: str, size: int, **parameters: object) -> list[dict[str, Any]]:
    """All rows of an action that pages by number."""
    found: list[dict[str, Any]] = []
    for number in range(1, 20):
        data = tenant.bss(action, BillingCycle=MONTH, PageNum=number, PageSize=size, **parameters).body["Data"]
        rows = data["Items"]["Item"]
        found += rows
        if not rows:
            assert data["TotalCount"] == len(found)
            return found
    raise AssertionError(action)


def by_token(tenant: Tenant, action: str, size: int, **parameters: object) -> list[dict[str, Any]]:
    """All rows of an action that pages by token."""
    found: list[dict[str, Any]] = []
    token = ""
    for _ in range(20):
        asked = {"BillingCycle": MONTH, "MaxResults": size, **parameters} | ({"NextToken": token} if token else {})
        data = tenant.bss(action, **asked).body["Data"]
        items = data["Items"]
        found += items if isinstance(items, list) else items["Item"]
        token = data["NextToken"]
        if not token:
            assert data["TotalCount"] == len(found)
            return found
    raise AssertionError(action)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 300])
def test_pages_of_any_size_are_the_month(tenant: Tenant, size: int) -> None:
    """Five purchases, a renewal and a refund are seven rows; six are bought, one is paid back; by module six each and one."""
    for action, read in (("QueryBill", by_number), ("QuerySettleBill", by_token)):
        assert len(read(tenant, action, size)) == 7
        assert [row["PaymentAmount"] > 0 for row in read(tenant, action, size, Type="SubscriptionOrder")] == [True] * 6
        assert [row["PaymentAmount"] < 0 for row in read(tenant, action, size, Type="Refund")] == [True]
        assert read(tenant, action, size, Type="Adjustment") == []
    times = [row["PaymentTime"] for row in by_number(tenant, "QueryBill", size)]
    assert times == sorted(times)
    for action, read in (("QueryInstanceBill", by_number), ("DescribeInstanceBill", by_token)):
        assert len(read(tenant, action, size)) == 7
        assert len(read(tenant, action, size, IsHideZeroCharge="true")) == 7
    assert len(by_token(tenant, "DescribeInstanceBill", 300, IsBillingItem="true")) == 6 * 6 + 1
    assert len(by_token(tenant, "DescribeInstanceBill", 300, IsBillingItem="true", IsHideZeroCharge="true")) == 6 + 1


def test_what_is_named_is_found_alone(tenant: Tenant) -> None:
    """RecordID and InstanceID narrow the list; the rows say the same as in it."""
    rows = by_token(tenant, "QuerySettleBill", 300)
    assert by_token(tenant, "QuerySettleBill", 300, RecordID=rows[3]["RecordID"]) == [rows[3]]
    of_instances = by_token(tenant, "DescribeInstanceBill", 300)
    first = of_instances[0]["InstanceID"]
    expected = [row for row in of_instances if row["InstanceID"] == first]
    assert len(expected) == 2
    assert by_token(tenant, "DescribeInstanceBill", 1, InstanceID=first) == expected


def test_a_page_reads_the_lines_of_its_orders_only(tenant: Tenant) -> None:
    """A page of two orders asks for the lines of two orders, whatever the month has."""
    asked: list[int] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: object) -> None:
        if "FROM order_line" in statement:
            asked.append(len(parameters))

    engine = tenant.world.service.store.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        for action, sizes in (("QueryBill", {"PageSize": 2}), ("DescribeInstanceBill", {"MaxResults": 2})):
            asked.clear()
            assert tenant.bss(action, BillingCycle=MONTH, **sizes).body["Data"]["TotalCount"] == 7
            assert asked == [2]
    finally:
        event.remove(engine, "before_cursor_execute", note)
