"""Costs spread over the months that consume them: DescribeInstanceAmortizedCostByConsumePeriod (BssOpenApi, read 2026-11-22).

BillingCycle is the month of payment (ConsumePeriod); each row is a month of the term (AmortizationPeriod). Months are written
YYYYMM in the answer.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from keystead.api.bss import bill_columns as columns
from keystead.api.bss._product import BSS
from keystead.api.bss.paging import MaxResults, page_of
from keystead.api.bss.shapes import CODE, MESSAGE, PAGE_SIZE, BssResponse, Shape
from keystead.bills import commands as bills
from keystead.bills import rules
from keystead.bills.model import Amounts, Cycle, Share
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request
from keystead.gate.registry import Effect

FILTER_MAX: Final = 10


class DescribeInstanceAmortizedCostByConsumePeriodRequest(Request):
    """The month of payment, and what narrows it down; lists have ten items at most."""

    billing_cycle: str
    amortization_period_filter: tuple[str, ...] = ()
    instance_id_list: tuple[str, ...] = ()
    bill_owner_id_list: tuple[str, ...] = ()
    bill_user_id_list: tuple[str, ...] = ()
    product_code: str = ""
    product_detail: str = ""
    subscription_type: str = ""
    cost_unit_code: str = ""
    next_token: str = ""
    max_results: MaxResults = PAGE_SIZE


class AmortisedRow(Shape):
    """What a month consumes of an instance's cost: each amount in all, in this month, in the months before and after it."""

    bill_account_id: int = msgspec.field(name="BillAccountID")
    bill_account_name: str
    bill_owner_id: int = msgspec.field(name="BillOwnerID")
    bill_owner_name: str
    biz_type: str
    product_code: str
    product_name: str
    product_detail: str
    product_detail_code: str
    subscription_type: str
    instance_id: str = msgspec.field(name="InstanceID")
    region: str
    consume_period: str
    amortization_period: str
    amortization_status: str
    pretax_gross_amount: float
    invoice_discount: float
    after_discount_amount: float
    deducted_by_coupons: float
    round_down_discount: float
    pretax_amount: float
    deducted_by_cash_coupons: float
    deducted_by_prepaid_card: float
    expenditure_amount: float
    current_amortization_pretax_gross_amount: float
    current_amortization_invoice_discount: float
    current_amortization_after_discount_amount: float
    current_amortization_deducted_by_coupons: float
    current_amortization_round_down_discount: float
    current_amortization_pretax_amount: float
    current_amortization_deducted_by_cash_coupons: float
    current_amortization_deducted_by_prepaid_card: float
    current_amortization_expenditure_amount: float
    previously_amortized_pretax_gross_amount: float
    previously_amortized_invoice_discount: float
    previously_amortized_after_discount_amount: float
    previously_amortized_deducted_by_coupons: float
    previously_amortized_round_down_discount: float
    previously_amortized_pretax_amount: float
    previously_amortized_deducted_by_cash_coupons: float
    previously_amortized_deducted_by_prepaid_card: float
    previously_amortized_expenditure_amount: float
    remaining_amortization_pretax_gross_amount: float
    remaining_amortization_invoice_discount: float
    remaining_amortization_after_discount_amount: float
    remaining_amortization_deducted_by_coupons: float
    remaining_amortization_round_down_discount: float
    remaining_amortization_pretax_amount: float
    remaining_amortization_deducted_by_cash_coupons: float
    remaining_amortization_deducted_by_prepaid_card: float
    remaining_amortization_expenditure_amount: float


class AmortisedReading(Shape):
    """One page, its list without a wrapper; `next_token` is empty on the last."""

    account_id: str = msgspec.field(name="AccountID")
    account_name: str
    items: list[AmortisedRow]
    next_token: str
    max_results: int
    total_count: int


class DescribeInstanceAmortizedCostByConsumePeriodResponse(BssResponse, kw_only=True):
    """The shares."""

    data: AmortisedReading


@BSS.action("DescribeInstanceAmortizedCostByConsumePeriod", Effect.READ)
def describe_amortised_cost(
    call: Call, request: DescribeInstanceAmortizedCostByConsumePeriodRequest
) -> DescribeInstanceAmortizedCostByConsumePeriodResponse:
    """Spread what was paid in a month, in equal days, over the months it paid for; the shares sum to it to the cent."""
    found = _found(call, request)
    page, token = page_of(found, request, call.account_id, request.max_results)
    name = columns.account_name(call)
    data = AmortisedReading(
        account_id=call.account_id,
        account_name=name,
        items=[_row(call, name, share) for share in page],
        next_token=token,
        max_results=request.max_results,
        total_count=len(found),
    )
    return DescribeInstanceAmortizedCostByConsumePeriodResponse(code=CODE, message=MESSAGE, success=True, data=data)


def _found(call: Call, request: DescribeInstanceAmortizedCostByConsumePeriodRequest) -> list[Share]:
    cycle = rules.cycle_named(request.billing_cycle)
    periods = {_period(text) for text in _few("AmortizationPeriodFilter", request.amortization_period_filter)}
    instances = frozenset(_few("InstanceIdList", request.instance_id_list))
    owners = frozenset(_few("BillOwnerIdList", request.bill_owner_id_list))
    users = frozenset(_few("BillUserIdList", request.bill_user_id_list))
    product = call.service.catalogue.product
    if (
        not all(not named or call.account_id in named for named in (owners, users))
        or request.product_code not in {"", product.code}
        or request.product_detail not in {"", product.name}
        or request.subscription_type not in {"", columns.SUBSCRIPTION}
        or request.cost_unit_code  # nothing is allocated to a cost unit here
    ):
        return []
    return [
        share
        for share in bills.shares(call.tx, call.account_id, cycle, call.now)
        if (not periods or share.period in periods) and (not instances or share.instance_id in instances)
    ]


def _few(name: str, items: tuple[str, ...]) -> tuple[str, ...]:
    if len(items) > FILTER_MAX:
        raise InvalidParameter(name, f"It has {FILTER_MAX} items at most.")
    return items


def _period(text: str) -> Cycle:
    """Read YYYYMM, as the answer writes it; YYYY-MM is taken too."""
    dashed = f"{text[:4]}-{text[4:]}" if "-" not in text else text
    return rules.cycle_named(dashed, "AmortizationPeriodFilter")


def _row(call: Call, name: str, share: Share) -> AmortisedRow:
    product = call.service.catalogue.product
    return AmortisedRow(
        bill_account_id=int(call.account_id),
        bill_account_name=name,
        bill_owner_id=int(call.account_id),
        bill_owner_name=name,
        biz_type="",
        product_code=product.code,
        product_name=product.name,
        product_detail=product.name,
        product_detail_code=share.product_type,
        subscription_type=columns.SUBSCRIPTION,
        instance_id=share.instance_id,
        region=share.region,
        consume_period=str(share.consumed).replace("-", ""),
        amortization_period=str(share.period).replace("-", ""),
        amortization_status="amortized" if share.over else "unAmortized",
        **_nine("", share.total),
        **_nine("current_amortization_", share.current),
        **_nine("previously_amortized_", share.before),
        **_nine("remaining_amortization_", share.after),
    )


def _nine(prefix: str, amounts: Amounts) -> dict[str, Any]:
    payable = amounts.payable.as_number()
    columns_here = {
        "pretax_gross_amount": amounts.gross.as_number(),
        "invoice_discount": amounts.discount.as_number(),
        "after_discount_amount": payable,
        "deducted_by_coupons": 0.0,
        "round_down_discount": 0.0,
        "pretax_amount": payable,
        "deducted_by_cash_coupons": amounts.coupon.as_number(),
        "deducted_by_prepaid_card": 0.0,
        "expenditure_amount": amounts.cash.as_number(),
    }
    return {prefix + name: value for name, value in columns_here.items()}
