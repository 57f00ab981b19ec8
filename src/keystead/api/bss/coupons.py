"""The account's coupons: QueryCashCoupons (BssOpenApi page, read 2026-11-23)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from keystead.api.bss._product import BSS
from keystead.api.bss.shapes import CODE, MESSAGE, BssResponse, Shape, read_time, time_of
from keystead.catalog.model import Product
from keystead.coupons import commands as coupons
from keystead.coupons import rules
from keystead.coupons.model import Coupon, Search
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request
from keystead.gate.registry import Effect

EVERYTHING: Final = "All products"
SCENARIOS: Final = "Purchases, renewals and upgrades of subscription instances"


class QueryCashCouponsRequest(Request):
    """Which coupons: expiring in a span, both ends counted; usable now or not."""

    expiry_time_start: str = ""
    expiry_time_end: str = ""
    effective_or_not: bool | None = None


class CashCoupon(Shape):
    """A coupon. `balance` is what can still be spent: 0.00 once it has expired or was cancelled."""

    cash_coupon_id: int
    cash_coupon_no: str
    nominal_value: str
    balance: str
    status: str
    granted_time: str
    effective_time: str
    expiry_time: str
    applicable_products: str
    applicable_scenarios: str
    description: str


class CashCoupons(Shape):
    """The wrapper around the list."""

    cash_coupon: list[CashCoupon]


class QueryCashCouponsResponse(BssResponse, kw_only=True):
    """The coupons."""

    data: CashCoupons


@BSS.action("QueryCashCoupons", Effect.READ)
def query_cash_coupons(call: Call, request: QueryCashCouponsRequest) -> QueryCashCouponsResponse:
    """List the account's coupons, newest first, those that have expired or were cancelled included."""
    search = Search(
        since=read_time("ExpiryTimeStart", request.expiry_time_start),
        until=read_time("ExpiryTimeEnd", request.expiry_time_end),
        effective=request.effective_or_not,
    )
    if search.since is not None and search.until is not None and search.since > search.until:
        raise InvalidParameter("ExpiryTimeStart", "It is later than ExpiryTimeEnd.")
    product = call.service.catalogue.product
    rows = [_row(each, product, call.now) for each in coupons.found(call.tx, call.now, call.account_id, search)]
    return QueryCashCouponsResponse(code=CODE, message=MESSAGE, success=True, data=CashCoupons(cash_coupon=rows))


def _row(coupon: Coupon, product: Product, now: datetime) -> CashCoupon:
    grant = coupon.grant
    names = [product.name if code == product.code else code for code in grant.products]
    return CashCoupon(
        cash_coupon_id=int(grant.coupon_id),
        cash_coupon_no=grant.number,
        nominal_value=grant.nominal.plain(),
        balance=rules.left_of(coupon, now).plain(),
        status=rules.state_of(coupon, now).value,
        granted_time=time_of(grant.granted_at),
        effective_time=time_of(grant.effective_at),
        expiry_time=time_of(grant.expires_at),
        applicable_products=", ".join(names) or EVERYTHING,
        applicable_scenarios=SCENARIOS,
        description=grant.description,
    )
