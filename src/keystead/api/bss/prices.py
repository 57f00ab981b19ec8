"""GetSubscriptionPrice: what a purchase, renewal or upgrade would cost now (BssOpenApi page, read 2026-11-22)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from keystead.api.bss._product import BSS
from keystead.api.bss.shapes import CODE, MESSAGE, BssResponse, Shape, owned
from keystead.catalog import rules as catalog
from keystead.catalog.model import Module
from keystead.faults import InvalidParameter, MissingParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Part, Request
from keystead.gate.registry import Effect
from keystead.instances import commands as instances
from keystead.money import Money
from keystead.orders import commands as orders
from keystead.orders.model import Upgrading
from keystead.pricing.model import OrderKind, Quote

MODULES_MAX = 50
_MODULE_STATUSES = (1, 2)
_MONTHS_PER_UNIT = {"Month": 1, "Year": 12}


class QuotedModule(Part):
    """A module and its Config, `Code:value,Code:value`. ModuleStatus, 1 to add and 2 to modify, matters to upgrades only."""

    module_code: str
    config: str
    module_status: int | None = None
    tag: str = ""


class GetSubscriptionPriceRequest(Request):
    """What to price: modules, a term, and for a renewal or an upgrade the instance."""

    product_code: str
    subscription_type: str
    order_type: str
    module_list: tuple[QuotedModule, ...]
    product_type: str = ""
    region: str = ""
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    service_period_quantity: Annotated[int, msgspec.Meta(ge=1, le=120)] = 1
    service_period_unit: str = "Month"
    instance_id: str = ""
    owner_id: int | None = None


class ModuleDetail(Shape):
    """What one module costs for the term, in whole units of the currency; `invoice_discount` is what is taken off."""

    module_code: str
    unit_price: float
    original_cost: float
    invoice_discount: float
    cost_after_discount: float


class ModuleDetails(Shape):
    """The wrapper around the list."""

    module_detail: list[ModuleDetail]


class PromotionDetails(Shape):
    """The wrapper around a list that is empty: there are no promotions."""

    promotion_detail: list[str]


class PaymentScheme(Shape):
    """The same sums in cents, as text. Everything is paid at once."""

    payment_type: str
    order_total_fee: str
    order_total_settle_fee: str
    order_down_payment_fee: str
    order_down_payment_settle_fee: str


class SubscriptionPrice(Shape):
    """A quote. `discount_price` is the amount taken off, `trade_price` what is paid."""

    currency: str
    original_price: float
    discount_price: float
    trade_price: float
    quantity: int
    module_details: ModuleDetails
    promotion_details: PromotionDetails
    payment_scheme: PaymentScheme


class GetSubscriptionPriceResponse(BssResponse, kw_only=True):
    """The quote."""

    data: SubscriptionPrice


@BSS.action("GetSubscriptionPrice", Effect.READ)
def get_subscription_price(call: Call, request: GetSubscriptionPriceRequest) -> GetSubscriptionPriceResponse:
    """Quote a purchase, a renewal or an upgrade; ordering at the same instant costs exactly this."""
    owned(call, request.owner_id)
    catalogue = call.service.catalogue
    catalog.product_type_of(catalogue, request.product_code, request.product_type, request.subscription_type)
    if len(request.module_list) > MODULES_MAX:
        raise InvalidParameter("ModuleList", f"It has {MODULES_MAX} modules at most.")
    months = _months(request)
    if request.order_type == OrderKind.NEW.value:
        catalog.period_of(catalogue.policies.purchase_months, "ServicePeriodQuantity", months)
        quote = orders.quote_modules(catalogue, call.now, _parameters(request), months, OrderKind.NEW)
    elif request.order_type == OrderKind.RENEWAL.value:
        catalog.period_of(catalogue.policies.renewal_months, "ServicePeriodQuantity", months)
        quote = _renewal(call, request, months)
    elif request.order_type == OrderKind.UPGRADE.value:
        quote = _upgrade(call, request)
    else:
        raise InvalidParameter("OrderType", "It must be NewOrder, Renewal or Upgrade.")
    return GetSubscriptionPriceResponse(code=CODE, message=MESSAGE, success=True, data=_price(quote, request.quantity))


def _months(request: GetSubscriptionPriceRequest) -> int:
    per_unit = _MONTHS_PER_UNIT.get(request.service_period_unit)
    if per_unit is None:
        raise InvalidParameter("ServicePeriodUnit", "It must be Month or Year.")
    return request.service_period_quantity * per_unit


def _parameters(request: GetSubscriptionPriceRequest) -> tuple[tuple[str, str], ...]:
    """The modules' attributes; the Region parameter stands in for a Region module that is not there."""
    read = catalog.module_parameters((module.module_code, module.config) for module in request.module_list)
    if request.region and not any(code.lower() == Module.REGION.value.lower() for code, _ in read):
        read.append((Module.REGION.value, request.region))
    return tuple(read)


def _renewal(call: Call, request: GetSubscriptionPriceRequest, months: int) -> Quote:
    """Price a renewal of the modules, or of the instance named: modules that say otherwise than it are refused by name."""
    catalogue = call.service.catalogue
    if not request.instance_id:
        return orders.quote_modules(catalogue, call.now, _parameters(request), months, OrderKind.RENEWAL)
    asked = instances.owned(call.tx, call.account_id, request.instance_id, call.now)
    price_list = catalog.price_list_at(catalogue, call.now)
    held = dict(catalog.parameters_of(price_list, orders.configuration_of(asked)))
    for code, value in _parameters(request):
        module = catalog.module_named(code)
        if held[module] != value:
            raise InvalidParameter(module.value, f"The instance has {held[module]}, and a renewal does not change it.")
    return orders.quote_renewal(catalogue, call.now, asked, months)


def _upgrade(call: Call, request: GetSubscriptionPriceRequest) -> Quote:
    """Price an upgrade of the instance named, whose present modules the service knows; a term would be of no meaning."""
    if not request.instance_id:
        raise MissingParameter("InstanceId")
    if request.quantity != 1:
        raise InvalidParameter("Quantity", "One instance is upgraded at a time.")
    if any(module.module_status not in {None, *_MODULE_STATUSES} for module in request.module_list):
        raise InvalidParameter("ModuleStatus", "It must be 1 (add) or 2 (modify).")
    upgrading = Upgrading(call.account_id, "", request.instance_id, _parameters(request))
    return orders.quote_upgrade(call.tx, call.service.catalogue, call.now, upgrading)


def _price(quote: Quote, quantity: int) -> SubscriptionPrice:
    def number(amount: Money) -> float:
        return (amount * quantity).as_number()

    cents = str((quote.payable * quantity).minor)
    return SubscriptionPrice(
        currency=quote.payable.currency,
        original_price=number(quote.list_amount),
        discount_price=number(quote.discount),
        trade_price=number(quote.payable),
        quantity=quantity,
        module_details=ModuleDetails(
            module_detail=[
                ModuleDetail(
                    module_code=line.module_code.value,
                    unit_price=line.unit_price.as_number(),
                    original_cost=number(line.list_amount),
                    invoice_discount=number(line.discount),
                    cost_after_discount=number(line.payable),
                )
                for line in quote.lines
            ]
        ),
        promotion_details=PromotionDetails(promotion_detail=[]),
        payment_scheme=PaymentScheme(
            payment_type="PAYMENT_NORMAL",
            order_total_fee=cents,
            order_total_settle_fee=cents,
            order_down_payment_fee=cents,
            order_down_payment_settle_fee=cents,
        ),
    )
