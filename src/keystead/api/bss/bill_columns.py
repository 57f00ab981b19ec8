"""The columns that bill rows share, and what the bill actions read alike: month, filters, owner.

Amounts are numbers here. There are no taxes, prepaid cards or adjustments, and no discount by rounding down: prices are whole
cents. Times are UTC+8 wall time without a zone (BssOpenApi pages and bill file format, read 2026-11-22).
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgspec

from keystead.access import commands as access
from keystead.api.bss.shapes import Shape, owned
from keystead.bills import rules
from keystead.bills.model import Amounts, Charge, Item
from keystead.catalog import rules as catalog
from keystead.catalog.model import Catalogue, Product
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request
from keystead.money import Money
from keystead.orders.model import Order

SUBSCRIPTION: Final = "Subscription"
PAID: Final = "PayFinish"
NO_ROUNDING: Final = "0.00"


class SumColumns(Shape):
    """What every bill row adds up."""

    pretax_gross_amount: float
    invoice_discount: float
    deducted_by_coupons: float
    pretax_amount: float
    deducted_by_cash_coupons: float
    deducted_by_prepaid_card: float
    payment_amount: float
    cash_amount: float
    adjust_amount: float
    outstanding_amount: float
    currency: str


class ProductColumns(SumColumns):
    """What is billed, and to whom it belongs."""

    product_code: str
    product_name: str
    product_type: str
    product_detail: str
    pip_code: str
    commodity_code: str
    subscription_type: str
    item: str
    owner_id: str = msgspec.field(name="OwnerID")


class OrderColumns(ProductColumns):
    """What rows of orders and of whole products add."""

    round_down_discount: str
    tax: float
    after_tax_amount: float
    pretax_amount_local: float
    payment_currency: str


class Filtered(Protocol):
    """A request that narrows down products."""

    @property
    def product_code(self) -> str:
        """The product's code."""
        ...

    @property
    def product_type(self) -> str:
        """Its type; those of both sites mean the same."""
        ...

    @property
    def subscription_type(self) -> str:
        """Subscription, or what is not sold."""
        ...


def ours(catalogue: Catalogue, request: Filtered) -> bool:
    """Whether anything on our bills can match."""
    types = {kind.code for kind in catalog.product_types_sold(catalogue)}
    return (
        request.product_code in {"", catalogue.product.code}
        and request.product_type in {"", *types}
        and request.subscription_type in {"", SUBSCRIPTION}
    )


def payer_owned(call: Call, *owners: int | None) -> None:
    """Raise OwnerForeign unless every owner named is the caller."""
    for owner in owners:
        owned(call, owner)


def shown(charges: list[Charge], *, hide_zero: bool | None) -> list[Charge]:
    """Leave out rows whose list price is nothing, if that is asked for."""
    return [charge for charge in charges if charge.amounts.gross.minor] if hide_zero else charges


def item_named(text: str) -> Item | None:
    """Read QueryBill's Type; None for an empty one."""
    if not text:
        return None
    try:
        return Item(text)
    except ValueError:
        raise InvalidParameter("Type", f"It must be one of {', '.join(item.value for item in Item)}.") from None


def sums_of(amounts: Amounts) -> dict[str, Any]:
    """Give the values of SumColumns."""
    zero = Money(0, amounts.gross.currency).as_number()
    return {
        "pretax_gross_amount": amounts.gross.as_number(),
        "invoice_discount": amounts.discount.as_number(),
        "deducted_by_coupons": zero,
        "pretax_amount": amounts.payable.as_number(),
        "deducted_by_cash_coupons": amounts.coupon.as_number(),
        "deducted_by_prepaid_card": zero,
        "payment_amount": amounts.cash.as_number(),
        "cash_amount": amounts.cash.as_number(),
        "adjust_amount": zero,
        "outstanding_amount": zero,
        "currency": amounts.gross.currency,
    }


def order_sums_of(amounts: Amounts) -> dict[str, Any]:
    """Give the values of OrderColumns."""
    return sums_of(amounts) | {
        "round_down_discount": NO_ROUNDING,
        "tax": 0.0,
        "after_tax_amount": amounts.payable.as_number(),
        "pretax_amount_local": amounts.payable.as_number(),
        "payment_currency": amounts.gross.currency,
    }


def product_of(product: Product, product_type: str, item: Item, account_id: str) -> dict[str, Any]:
    """Give the values of ProductColumns."""
    return {
        "product_code": product.code,
        "product_name": product.name,
        "product_type": product_type,
        "product_detail": product.name,
        "pip_code": product.code,
        "commodity_code": product_type,
        "subscription_type": SUBSCRIPTION,
        "item": item.value,
        "owner_id": account_id,
    }


def payer_of(account_id: str, name: str) -> dict[str, Any]:
    """Give the columns that say who pays: here always who owns."""
    return {"bill_account_id": account_id, "bill_account_name": name, "biz_type": ""}


def account_name(call: Call) -> str:
    """Give the name of the calling account."""
    return access.account_named(call.tx, call.account_id).name


def usage_of(order: Order) -> dict[str, str]:
    """Give the span an order is for, as bills write it."""
    return {
        "usage_start_time": rules.wall_of(order.term.starts_at),
        "usage_end_time": rules.wall_of(order.term.ends_at),
    }


class BillRequest(Request):
    """The month, and what narrows it down."""

    billing_cycle: str
    product_code: str = ""
    product_type: str = ""
    subscription_type: str = ""
    bill_owner_id: int | None = None
