"""Bills by product and by order: QueryBillOverview, QueryBill, QuerySettleBill (BssOpenApi pages, read 2026-11-22)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from keystead.api.bss import bill_columns as columns
from keystead.api.bss._product import BSS
from keystead.api.bss.bill_columns import BillRequest, OrderColumns
from keystead.api.bss.paging import MaxResults, position_of, token_after
from keystead.api.bss.shapes import CODE, MESSAGE, PAGE_SIZE, BssResponse, PageNum, PageSize, Shape
from keystead.bills import commands as bills
from keystead.bills import rules
from keystead.bills.model import Charge, Item
from keystead.gate.call import Call
from keystead.gate.registry import Effect
from keystead.ledger.commands import CURRENCY
from keystead.orders.model import Settled


class QueryBillOverviewRequest(BillRequest):
    """Which month, of which product."""


class OverviewRow(OrderColumns, kw_only=True):
    """A product's month, by item."""

    bill_account_id: str = msgspec.field(name="BillAccountID")
    bill_account_name: str
    biz_type: str


class OverviewRows(Shape):
    """The wrapper around the list."""

    item: list[OverviewRow]


class BillOverview(Shape):
    """A month by product."""

    account_id: str = msgspec.field(name="AccountID")
    account_name: str
    billing_cycle: str
    items: OverviewRows


class QueryBillOverviewResponse(BssResponse, kw_only=True):
    """The month."""

    data: BillOverview


class QueryBillRequest(BillRequest):
    """Which rows of which month."""

    type: str = ""
    is_hide_zero_charge: bool | None = None
    is_display_local_currency: bool | None = None
    page_num: PageNum = 1
    page_size: PageSize = PAGE_SIZE
    owner_id: int | None = None


class BillRow(OrderColumns, kw_only=True):
    """An order on a bill."""

    record_id: str = msgspec.field(name="RecordID")
    sub_order_id: str
    payment_time: str
    payment_transaction_id: str = msgspec.field(name="PaymentTransactionID")
    usage_start_time: str
    usage_end_time: str
    status: str


class BillRows(Shape):
    """The wrapper around the list."""

    item: list[BillRow]


class BillPage(Shape):
    """One page; `total_count` is that of all pages."""

    account_id: str = msgspec.field(name="AccountID")
    account_name: str
    billing_cycle: str
    items: BillRows
    page_num: int
    page_size: int
    total_count: int


class QueryBillResponse(BssResponse, kw_only=True):
    """The rows."""

    data: BillPage


class QuerySettleBillRequest(BillRequest):
    """Which rows of which month, read on by NextToken."""

    type: str = ""
    record_id: str = msgspec.field(default="", name="RecordID")
    is_hide_zero_charge: bool | None = None
    is_display_local_currency: bool | None = None
    next_token: str = ""
    max_results: MaxResults = PAGE_SIZE
    owner_id: int | None = None


class SettleRow(BillRow, kw_only=True):
    """An order on a bill, with who pays."""

    bill_account_id: str = msgspec.field(name="BillAccountID")
    bill_account_name: str
    biz_type: str


class SettleRows(Shape):
    """The wrapper around the list."""

    item: list[SettleRow]


class SettleReading(Shape):
    """One page; `next_token` is empty on the last."""

    account_id: str = msgspec.field(name="AccountID")
    account_name: str
    billing_cycle: str
    items: SettleRows
    next_token: str
    max_results: int
    total_count: int


class QuerySettleBillResponse(BssResponse, kw_only=True):
    """The rows."""

    data: SettleReading


@BSS.action("QueryBillOverview", Effect.READ)
def query_bill_overview(call: Call, request: QueryBillOverviewRequest) -> QueryBillOverviewResponse:
    """Add a month up by product and item."""
    columns.payer_owned(call, request.bill_owner_id)
    cycle = rules.cycle_named(request.billing_cycle)
    found = bills.month(call.tx, call.account_id, cycle) if columns.ours(call.service.catalogue, request) else []
    name, product = columns.account_name(call), call.service.catalogue.product
    rows = [
        OverviewRow(
            **columns.order_sums_of(group.amounts),
            **columns.product_of(product, group.product_type, group.item, call.account_id),
            **columns.payer_of(call.account_id, name),
        )
        for group in rules.groups_of(found, CURRENCY)
    ]
    data = BillOverview(account_id=call.account_id, account_name=name, billing_cycle=str(cycle), items=OverviewRows(item=rows))
    return QueryBillOverviewResponse(code=CODE, message=MESSAGE, success=True, data=data)


@BSS.action("QueryBill", Effect.READ)
def query_bill(call: Call, request: QueryBillRequest) -> QueryBillResponse:
    """List the orders on a month's bill, by time of payment."""
    found, total = _page(call, request, (request.page_num - 1) * request.page_size, request.page_size)
    rows = [BillRow(**_columns(call, charge)) for charge in found]
    page = BillPage(
        account_id=call.account_id,
        account_name=columns.account_name(call),
        billing_cycle=request.billing_cycle,
        items=BillRows(item=rows),
        page_num=request.page_num,
        page_size=request.page_size,
        total_count=total,
    )
    return QueryBillResponse(code=CODE, message=MESSAGE, success=True, data=page)


@BSS.action("QuerySettleBill", Effect.READ)
def query_settle_bill(call: Call, request: QuerySettleBillRequest) -> QuerySettleBillResponse:
    """List the orders on a month's bill, by time of payment, however many there are."""
    first = position_of(request, call.account_id) or 0
    page, total = _page(call, request, first, request.max_results, request.record_id)
    token = token_after(request, call.account_id, first + request.max_results, total)
    data = SettleReading(
        account_id=call.account_id,
        account_name=columns.account_name(call),
        billing_cycle=request.billing_cycle,
        items=SettleRows(item=_settle_rows(call, page)),
        next_token=token,
        max_results=request.max_results,
        total_count=total,
    )
    return QuerySettleBillResponse(code=CODE, message=MESSAGE, success=True, data=data)


def _page(
    call: Call, request: QueryBillRequest | QuerySettleBillRequest, first: int, size: int, record_id: str = ""
) -> tuple[list[Charge], int]:
    """Some of the month's rows that match, and their number. All amounts are in the one currency: local ones are always there."""
    columns.payer_owned(call, request.owner_id, request.bill_owner_id)
    cycle, item = rules.cycle_named(request.billing_cycle), columns.item_named(request.type)
    if not columns.ours(call.service.catalogue, request) or item not in {None, Item.REFUND, Item.SUBSCRIPTION_ORDER}:
        return [], 0
    since, before = rules.span_of(cycle)
    refunds = None if item is None else item is Item.REFUND
    which = Settled(since, before, refunds, free=not request.is_hide_zero_charge, order_id=record_id)
    return bills.page(call.tx, call.account_id, which, first, size)


def _settle_rows(call: Call, charges: Sequence[Charge]) -> list[SettleRow]:
    payer = columns.payer_of(call.account_id, columns.account_name(call))
    return [SettleRow(**_columns(call, charge), **payer) for charge in charges]


def _columns(call: Call, charge: Charge) -> dict[str, Any]:
    order = charge.order
    return {
        **columns.order_sums_of(charge.amounts),
        **columns.product_of(call.service.catalogue.product, order.product_type, charge.item, call.account_id),
        **columns.usage_of(order),
        "record_id": order.order_id,
        "sub_order_id": order.order_id,
        "payment_time": rules.wall_of(charge.at),
        "payment_transaction_id": charge.transaction,
        "status": columns.PAID,
    }
