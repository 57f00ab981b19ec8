"""Giving an instance back: InquiryPriceRefundInstance, RefundInstance (BssOpenApi pages, read 2026-11-22).

Both say `Code: "200"` with `Message: "success"`, and the refund's OrderId is an integer, unlike its siblings'.
"""

from __future__ import annotations

from keystead.api.bss._product import BSS
from keystead.api.bss.shapes import BALANCE_CODE, BALANCE_MESSAGE, SUBSCRIPTION, BssResponse, Shape
from keystead.catalog import rules as catalog
from keystead.faults import InvalidParameter, MissingParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request
from keystead.gate.registry import Effect
from keystead.orders import refunds
from keystead.orders.faults import NotRefundable


class InquiryPriceRefundInstanceRequest(Request):
    """Which instance; the product may be left out."""

    instance_id: str = ""
    product_code: str = ""
    product_type: str = ""
    client_token: str = ""


class RefundPrice(Shape):
    """What would come back at this moment, a number; a day from now it is less."""

    instance_id: str
    currency: str
    refund_amount: float
    host_id: str


class InquiryPriceRefundInstanceResponse(BssResponse, kw_only=True):
    """The amount."""

    data: RefundPrice


class RefundInstanceRequest(Request):
    """Which instance; `immediately_release` is 1 unless said otherwise."""

    instance_id: str = ""
    product_code: str = ""
    product_type: str = ""
    immediately_release: str = ""
    client_token: str = ""


class RefundOrder(Shape):
    """By which order it was refunded: an integer here, of 15 digits."""

    order_id: int
    host_id: str


class RefundInstanceResponse(BssResponse, kw_only=True):
    """The refund."""

    data: RefundOrder


@BSS.action("InquiryPriceRefundInstance", Effect.READ)
def inquiry_price_refund_instance(call: Call, request: InquiryPriceRefundInstanceRequest) -> InquiryPriceRefundInstanceResponse:
    """Say what refunding an instance now would give back; refused where the refund would be."""
    _judged(call, request)
    shares = refunds.inquire(call.tx, call.service.catalogue, call.now, call.account_id, request.instance_id)
    back = refunds.total(shares)
    data = RefundPrice(instance_id=request.instance_id, currency=back.currency, refund_amount=back.as_number(), host_id="")
    return InquiryPriceRefundInstanceResponse(code=BALANCE_CODE, message=BALANCE_MESSAGE, success=True, data=data)


@BSS.action("RefundInstance", Effect.WRITE, idempotent=True)
def refund_instance(call: Call, request: RefundInstanceRequest) -> RefundInstanceResponse:
    """Give an instance back for what is unused of it, to the balance; it and all its keys are destroyed at once, for good."""
    _judged(call, request)
    if request.immediately_release == "0":
        raise NotRefundable(request.instance_id, "it is released at once: ImmediatelyRelease must be 1 or left out.")
    if request.immediately_release not in {"", "1"}:
        raise InvalidParameter("ImmediatelyRelease", "It must be 1 or left out.")
    call.record.instance_id = request.instance_id
    order = refunds.refund(call.tx, call.service.catalogue, call.now, call.account_id, request.instance_id)
    data = RefundOrder(order_id=int(order.order_id), host_id="")
    return RefundInstanceResponse(code=BALANCE_CODE, message=BALANCE_MESSAGE, success=True, data=data)


def _judged(call: Call, request: InquiryPriceRefundInstanceRequest | RefundInstanceRequest) -> None:
    """An instance must be named, and the product, if named, be this one."""
    catalogue = call.service.catalogue
    product_code = request.product_code or catalogue.product.code
    catalog.product_type_of(catalogue, product_code, request.product_type, SUBSCRIPTION)
    if not request.instance_id:
        raise MissingParameter("InstanceId")
