"""Bills by instance: QueryInstanceBill and DescribeInstanceBill (BssOpenApi pages, read 2026-11-22).

A row is an order of an instance, or with IsBillingItem one module of it. Rows of an instance are not merged, so that each can be
traced to its order.
"""

from __future__ import annotations

from typing import Any

import msgspec

from keystead.api.bss import bill_columns as columns
from keystead.api.bss._product import BSS
from keystead.api.bss.bill_columns import BillRequest, ProductColumns
from keystead.api.bss.paging import MaxResults, position_of, token_after
from keystead.api.bss.periods import Period, charges_of, period_of
from keystead.api.bss.shapes import CODE, MESSAGE, PAGE_SIZE, BssResponse, PageNum, PageSize, Shape
from keystead.bills import commands as bills
from keystead.bills import rules
from keystead.bills.model import Charge
from keystead.catalog.model import Product
from keystead.gate.call import Call
from keystead.gate.registry import Effect
from keystead.orders.model import Settled


class QueryInstanceBillRequest(BillRequest):
    """Which rows of which month or day."""

    granularity: str = ""
    billing_date: str = ""
    is_billing_item: bool | None = None
    is_hide_zero_charge: bool | None = None
    page_num: PageNum = 1
    page_size: PageSize = PAGE_SIZE
    owner_id: int | None = None


class InstanceBillRow(ProductColumns, kw_only=True):
    """An order of an instance. The optional columns are a day's date and a module's name, price and number."""

    instance_id: str = msgspec.field(name="InstanceID")
    nick_name: str
    instance_config: str
    instance_spec: str
    internet_ip: str = msgspec.field(name="InternetIP")
    intranet_ip: str = msgspec.field(name="IntranetIP")
    region: str
    zone: str
    tag: str
    resource_group: str
    cost_unit: str
    service_period: str
    service_period_unit: str
    billing_type: str
    deducted_by_resource_package: str
    billing_date: str | None = None
    billing_item: str | None = None
    list_price: str | None = None
    list_price_unit: str | None = None
    usage: str | None = None
    usage_unit: str | None = None


class InstanceBillRows(Shape):
    """The wrapper around the list."""

    item: list[InstanceBillRow]


class InstanceBillPage(Shape):
    """One page; `total_count` is that of all pages."""

    account_id: str = msgspec.field(name="AccountID")
    account_name: str
    billing_cycle: str
    items: InstanceBillRows
    page_num: int
    page_size: int
    total_count: int


class QueryInstanceBillResponse(BssResponse, kw_only=True):
    """The rows."""

    data: InstanceBillPage


class DescribeInstanceBillRequest(BillRequest):
    """Which rows of which month or day, read on by NextToken."""

    granularity: str = ""
    billing_date: str = ""
    is_billing_item: bool | None = None
    is_hide_zero_charge: bool | None = None
    instance_id: str = msgspec.field(default="", name="InstanceID")
    pip_code: str = ""
    next_token: str = ""
    max_results: MaxResults = PAGE_SIZE
    owner_id: int | None = None


class DescribedBillRow(InstanceBillRow, kw_only=True):
    """The same, with who pays and the module's code."""

    bill_account_id: str = msgspec.field(name="BillAccountID")
    bill_account_name: str
    biz_type: str
    item_name: str
    after_discount_amount: float
    billing_item_code: str | None = None


class InstanceBillReading(Shape):
    """One page, its list without a wrapper; `next_token` is empty on the last."""

    account_id: str = msgspec.field(name="AccountID")
    account_name: str
    billing_cycle: str
    items: list[DescribedBillRow]
    next_token: str
    max_results: int
    total_count: int


class DescribeInstanceBillResponse(BssResponse, kw_only=True):
    """The rows."""

    data: InstanceBillReading


@BSS.action("QueryInstanceBill", Effect.READ)
def query_instance_bill(call: Call, request: QueryInstanceBillRequest) -> QueryInstanceBillResponse:
    """List a month's or a day's bill by instance, or by module of each."""
    period = period_of(request.billing_cycle, request.granularity, request.billing_date)
    found, total = _page(call, request, period, (request.page_num - 1) * request.page_size, request.page_size)
    rows = [InstanceBillRow(**_columns(call, charge, period)) for charge in found]
    page = InstanceBillPage(
        account_id=call.account_id,
        account_name=columns.account_name(call),
        billing_cycle=str(period.cycle),
        items=InstanceBillRows(item=rows),
        page_num=request.page_num,
        page_size=request.page_size,
        total_count=total,
    )
    return QueryInstanceBillResponse(code=CODE, message=MESSAGE, success=True, data=page)


@BSS.action("DescribeInstanceBill", Effect.READ)
def describe_instance_bill(call: Call, request: DescribeInstanceBillRequest) -> DescribeInstanceBillResponse:
    """List one of the last 18 months' bills by instance, or by module of each; a date outside the month means the month."""
    period = period_of(request.billing_cycle, request.granularity, request.billing_date, elsewhere_is_month=True)
    rules.kept(period.cycle, call.now)
    first = position_of(request, call.account_id) or 0
    page, total = _page(call, request, period, first, request.max_results)
    token = token_after(request, call.account_id, first + request.max_results, total)
    name = columns.account_name(call)
    rows = [
        DescribedBillRow(
            **_columns(call, charge, period),
            **columns.payer_of(call.account_id, name),
            item_name=charge.item.value,
            after_discount_amount=charge.amounts.payable.as_number(),
            billing_item_code=None if charge.line is None else charge.line.module_code,
        )
        for charge in page
    ]
    data = InstanceBillReading(
        account_id=call.account_id,
        account_name=name,
        billing_cycle=str(period.cycle),
        items=rows,
        next_token=token,
        max_results=request.max_results,
        total_count=total,
    )
    return DescribeInstanceBillResponse(code=CODE, message=MESSAGE, success=True, data=data)


def _page(
    call: Call, request: QueryInstanceBillRequest | DescribeInstanceBillRequest, period: Period, first: int, size: int
) -> tuple[list[Charge], int]:
    """Some of the period's rows that match, and their number. By module all of its orders are read: they have uneven parts."""
    columns.payer_owned(call, request.owner_id, request.bill_owner_id)
    instance_id = pip_code = ""
    if isinstance(request, DescribeInstanceBillRequest):
        instance_id, pip_code = request.instance_id, request.pip_code
    product = call.service.catalogue.product
    if not columns.ours(call.service.catalogue, request) or pip_code not in {"", product.code}:
        return [], 0
    if not request.is_billing_item:
        which = Settled(*period.span, free=not request.is_hide_zero_charge, instance_id=instance_id)
        return bills.page(call.tx, call.account_id, which, first, size)
    charges = [charge for charge in charges_of(call, period) if instance_id in {"", charge.order.instance_id}]
    parts = columns.shown([part for charge in charges for part in rules.parts_of(charge)], hide_zero=request.is_hide_zero_charge)
    return parts[first : first + size], len(parts)


def _columns(call: Call, charge: Charge, period: Period) -> dict[str, Any]:
    order = charge.order
    product = call.service.catalogue.product
    return {
        **columns.sums_of(charge.amounts),
        **columns.product_of(product, order.product_type, charge.item, call.account_id),
        **_module(product, charge),
        "instance_id": order.instance_id,
        "nick_name": "",
        "instance_config": rules.configuration_of(order),
        "instance_spec": dict(order.parameters).get("Spec", ""),
        "internet_ip": "",
        "intranet_ip": "",
        "region": order.region,
        "zone": "",
        "tag": "",
        "resource_group": "",
        "cost_unit": "",
        "service_period": str(order.months),
        "service_period_unit": "Month",
        "billing_type": order.kind.value,
        "deducted_by_resource_package": "0",
        "billing_date": period.date,
    }


def _module(product: Product, charge: Charge) -> dict[str, str]:
    line = charge.line
    if line is None:
        return {}
    text = next((text for text in product.modules if text.code.value == line.module_code), None)
    return {
        "billing_item": line.module_code if text is None else text.name,
        "list_price": line.unit_price.plain(),
        "list_price_unit": f"{line.unit_price.currency}/Month",
        "usage": dict(charge.order.parameters).get(line.module_code, ""),
        "usage_unit": "" if text is None else text.unit,
    }
