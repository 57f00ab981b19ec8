"""Orders found and cancelled: QueryOrders, GetOrderDetail, CancelOrder (BssOpenApi pages, 2026-11-22). Amounts are text."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import msgspec

from keystead.api.bss._product import BSS
from keystead.api.bss.shapes import (
    CODE,
    MESSAGE,
    PAGE_SIZE,
    SUBSCRIPTION,
    BssResponse,
    PageNum,
    PageSize,
    Shape,
    owned,
    read_time,
    time_of,
)
from keystead.catalog import rules as catalog
from keystead.catalog.model import Catalogue
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request
from keystead.gate.registry import Effect
from keystead.money import Money
from keystead.orders import commands as orders
from keystead.orders import refunds
from keystead.orders.model import Order, OrderState, OrderType, Search

DEFAULT_WINDOW = timedelta(hours=1)
# Types that the page lists and that no order here has: asking for one is no mistake and finds nothing.
OTHER_TYPES = frozenset(
    {
        "ChangeOperatingSystem",
        "CompensatoryRenew",
        "Convert",
        "Downgrade",
        "Exchange",
        "IncreaseUpgrade",
        "ResizeDisk",
        "TempUpgrade",
    }
)
E = TypeVar("E", bound=enum.StrEnum)


class QueryOrdersRequest(Request):
    """Which orders, by the time they were placed; without times, those of the last hour."""

    create_time_start: str = ""
    create_time_end: str = ""
    order_type: str = ""
    payment_status: str = ""
    product_code: str = ""
    product_type: str = ""
    subscription_type: str = ""
    page_num: PageNum = 1
    page_size: PageSize = PAGE_SIZE
    owner_id: int | None = None


class OrderRow(Shape):
    """An order. `pretax_gross_amount` is the list price, `pretax_amount` what is paid before tax, of which there is none.

    Of a refund the one is what had been paid and the other what came back; it has no payment status.
    """

    order_id: str
    related_order_id: str
    order_type: str
    create_time: str
    payment_time: str
    payment_status: str | None
    currency: str
    payment_currency: str
    pretax_gross_amount: str
    pretax_amount: str
    pretax_amount_local: str
    tax: str
    after_tax_amount: str
    product_code: str
    product_type: str
    commodity_code: str
    subscription_type: str


class OrderRows(Shape):
    """The wrapper around the list."""

    order: list[OrderRow]


class OrderPage(Shape):
    """One page; `total_count` is that of all pages."""

    host_name: str
    order_list: OrderRows
    page_num: int
    page_size: int
    total_count: int


class QueryOrdersResponse(BssResponse, kw_only=True):
    """The orders."""

    data: OrderPage


class GetOrderDetailRequest(Request):
    """Which order."""

    order_id: str
    owner_id: int | None = None


class BillModuleProperty(Shape):
    """A module's attribute and its value."""

    attr_api_code: str
    module_api_code: str
    value: str


class BillModuleProperties(Shape):
    """The wrapper around the list, spelled in lower case by the cloud."""

    properties: list[BillModuleProperty] = msgspec.field(name="billModuleProperties")


class BillModule(Shape):
    """A module of the order."""

    code: str
    api_code: str
    name: str
    bill_module_properties: BillModuleProperties


class BillModules(Shape):
    """The wrapper around the list, spelled in lower case by the cloud."""

    modules: list[BillModule] = msgspec.field(name="billModuleConfig")


class ModuleProperty(Shape):
    """A module's attribute as it was before the order."""

    code: str
    name: str
    value: str


class ModuleProperties(Shape):
    """The wrapper around the list, spelled in lower case by the cloud."""

    properties: list[ModuleProperty] = msgspec.field(name="moduleProperties")


class OriginalModule(Shape):
    """A module as it was before the order."""

    code: str
    name: str
    module_properties: ModuleProperties


class OriginalModules(Shape):
    """The wrapper around the list, spelled in lower case by the cloud."""

    modules: list[OriginalModule] = msgspec.field(name="originalModuleConfig")


class OrderDetail(OrderRow):
    """An order with its configuration. `instance_ids` is a JSON array as text."""

    sub_order_id: str
    order_sub_type: str
    instance_ids: str = msgspec.field(name="InstanceIDs")
    region: str
    quantity: str
    operator: str
    usage_start_time: str
    usage_end_time: str
    config: str
    original_config: str
    bill_module_config: BillModules
    original_module_config: OriginalModules
    extend_infos: dict[str, str]


class OrderDetails(Shape):
    """The wrapper around the list."""

    order: list[OrderDetail]


class OrderDetailPage(Shape):
    """One order, in the shape of a page."""

    host_name: str
    order_list: OrderDetails
    page_num: int
    page_size: int
    total_count: int


class GetOrderDetailResponse(BssResponse, kw_only=True):
    """The order."""

    data: OrderDetailPage


class CancelOrderRequest(Request):
    """Which order."""

    order_id: str
    owner_id: int | None = None


class CancelledOrder(Shape):
    """Where the cloud would name its host."""

    host_id: str


class CancelOrderResponse(BssResponse, kw_only=True):
    """Nothing more to say."""

    data: CancelledOrder


@BSS.action("QueryOrders", Effect.READ)
def query_orders(call: Call, request: QueryOrdersRequest) -> QueryOrdersResponse:
    """List the account's orders, newest first."""
    owned(call, request.owner_id)
    until = read_time("CreateTimeEnd", request.create_time_end) or call.now
    since = read_time("CreateTimeStart", request.create_time_start) or until - DEFAULT_WINDOW
    if since > until:
        raise InvalidParameter("CreateTimeStart", "It is later than CreateTimeEnd.")
    search = Search(
        since=since,
        before=until.replace(microsecond=0) + timedelta(seconds=1),  # the last second counts whole, as it is shown
        kind=_one_of(OrderType, "OrderType", request.order_type, OTHER_TYPES),
        state=_one_of(OrderState, "PaymentStatus", request.payment_status, frozenset()),
        page=request.page_num,
        size=request.page_size,
    )
    rows, total = orders.found(call.tx, call.account_id, search) if _ours(call.service.catalogue, request) else ([], 0)
    page = OrderPage(
        host_name="",
        order_list=OrderRows(order=[OrderRow(**_columns(order)) for order in rows]),
        page_num=request.page_num,
        page_size=request.page_size,
        total_count=total,
    )
    return QueryOrdersResponse(code=CODE, message=MESSAGE, success=True, data=page)


@BSS.action("GetOrderDetail", Effect.READ)
def get_order_detail(call: Call, request: GetOrderDetailRequest) -> GetOrderDetailResponse:
    """Show an order with the configuration it was priced by and the term it bought; a refund has a row for each order undone."""
    owned(call, request.owner_id)
    order = orders.order_of(call.tx, call.account_id, request.order_id)
    names = {text.code.value: text.name for text in call.service.catalogue.product.modules}
    page = OrderDetailPage(
        host_name="", order_list=OrderDetails(order=_details(order, names)), page_num=1, page_size=PAGE_SIZE, total_count=1
    )
    return GetOrderDetailResponse(code=CODE, message=MESSAGE, success=True, data=page)


@BSS.action("CancelOrder", Effect.WRITE)
def cancel_order(call: Call, request: CancelOrderRequest) -> CancelOrderResponse:
    """Cancel an order that is not paid, or a paid renewal that has not begun, which comes back whole; newest first.

    Cancelled again, nothing changes. Any other paid order is given back by RefundInstance, with the instance.
    """
    owned(call, request.owner_id)
    order = orders.order_of(call.tx, call.account_id, request.order_id)
    call.record.instance_id = order.instance_id
    if order.kind is not OrderType.RENEW or order.state is not OrderState.PAID:
        orders.cancel(call.tx, call.now, call.account_id, request.order_id)
    elif order.withdrawn_at is None:
        refunds.cancel_renewal(call.tx, call.service.catalogue, call.now, order)
    return CancelOrderResponse(code=CODE, message=MESSAGE, success=True, data=CancelledOrder(host_id=""))


def _one_of(kind: type[E], name: str, text: str, others: frozenset[str]) -> E | None:
    """Read an optional value; one of `others` is possible but never met, and stands as None with `_ours` refusing the rest."""
    if not text or text in others:
        return None
    try:
        return kind(text)
    except ValueError:
        listed = ", ".join([member.value for member in kind] + sorted(others))
        raise InvalidParameter(name, f"It must be one of {listed}.") from None


def _ours(catalogue: Catalogue, request: QueryOrdersRequest) -> bool:
    """Whether anything here can match; the product types of both sites mean the same."""
    types = {kind.code for kind in catalog.product_types_sold(catalogue)}
    return (
        request.order_type not in OTHER_TYPES
        and request.product_code in {"", catalogue.product.code}
        and request.product_type in {"", *types}
        and request.subscription_type in {"", SUBSCRIPTION}
    )


def _columns(order: Order) -> dict[str, Any]:
    currency = order.payable.currency
    return {
        "order_id": order.order_id,
        "related_order_id": order.related_order_id,
        "order_type": order.kind.value,
        "create_time": time_of(order.created_at),
        "payment_time": time_of(order.paid_at),
        "payment_status": None if order.state is None else order.state.value,
        "currency": currency,
        "payment_currency": currency,
        "pretax_gross_amount": order.list_amount.plain(),
        "pretax_amount": order.payable.plain(),
        "pretax_amount_local": order.payable.plain(),
        "tax": Money(0, currency).plain(),
        "after_tax_amount": order.payable.plain(),
        "product_code": order.product_code,
        "product_type": order.product_type,
        "commodity_code": order.product_type,
        "subscription_type": SUBSCRIPTION,
    }


def _details(order: Order, names: Mapping[str, str]) -> list[OrderDetail]:
    """One row; of a refund, one for each order it undoes, with that one's amounts."""
    if order.kind is not OrderType.REFUND:
        return [_detail(order, names, order.order_id)]
    return [
        _detail(
            msgspec.structs.replace(
                order, related_order_id=line.related_order_id, list_amount=line.list_amount, payable=line.payable
            ),
            names,
            f"{order.order_id}{number:02d}",
        )
        for number, line in enumerate(order.lines, 1)
    ]


def _detail(order: Order, names: Mapping[str, str], sub_order_id: str) -> OrderDetail:
    return OrderDetail(
        **_columns(order),
        sub_order_id=sub_order_id,
        order_sub_type="RefundSubOrder" if order.kind is OrderType.REFUND else "ProductSubOrder",
        instance_ids=msgspec.json.encode([order.instance_id]).decode(),
        region=order.region,
        quantity="1",
        operator=order.operator,
        usage_start_time=time_of(order.term.starts_at),
        usage_end_time=time_of(order.term.ends_at),
        config=_config(order.parameters),
        original_config=_config(order.original_parameters),
        bill_module_config=BillModules(modules=[_bill_module(code, value, names) for code, value in order.parameters]),
        original_module_config=OriginalModules(
            modules=[_original_module(code, value, names) for code, value in order.original_parameters]
        ),
        extend_infos={},
    )


def _config(parameters: Sequence[tuple[str, str]]) -> str:
    return "".join(f"{code}:[{code}:{value};]" for code, value in parameters)


def _bill_module(code: str, value: str, names: Mapping[str, str]) -> BillModule:
    properties = [BillModuleProperty(attr_api_code=code, module_api_code=code, value=value)]
    return BillModule(
        code=code,
        api_code=code,
        name=names.get(code, code),
        bill_module_properties=BillModuleProperties(properties=properties),
    )


def _original_module(code: str, value: str, names: Mapping[str, str]) -> OriginalModule:
    name = names.get(code, code)
    properties = [ModuleProperty(code=code, name=name, value=value)]
    return OriginalModule(code=code, name=name, module_properties=ModuleProperties(properties=properties))
