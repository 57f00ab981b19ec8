"""The account's bill: QueryAccountBill, one row for everything or one a product (BssOpenApi page, read 2026-11-22)."""

from __future__ import annotations

import msgspec

from keystead.api.bss import bill_columns as columns
from keystead.api.bss._product import BSS
from keystead.api.bss.bill_columns import SumColumns
from keystead.api.bss.periods import charges_of, period_of
from keystead.api.bss.shapes import CODE, MESSAGE, PAGE_SIZE, BssResponse, PageNum, PageSize, Shape
from keystead.bills import rules
from keystead.gate.call import Call
from keystead.gate.parameters import Request
from keystead.gate.registry import Effect
from keystead.ledger.commands import CURRENCY


class QueryAccountBillRequest(Request):
    """Which month or day."""

    billing_cycle: str
    granularity: str = ""
    billing_date: str = ""
    is_group_by_product: bool | None = None
    product_code: str = ""
    bill_owner_id: int | None = None
    owner_id: int | None = msgspec.field(default=None, name="OwnerID")
    page_num: PageNum = 1
    page_size: PageSize = PAGE_SIZE


class AccountRow(SumColumns, kw_only=True):
    """What an account paid; the product's columns only if grouped by it, the date only for a day."""

    bill_account_id: str = msgspec.field(name="BillAccountID")
    bill_account_name: str
    biz_type: str
    owner_id: str = msgspec.field(name="OwnerID")
    owner_name: str
    cost_unit: str
    billing_date: str | None = None
    pip_code: str | None = None
    product_code: str | None = None
    product_name: str | None = None
    subscription_type: str | None = None


class AccountRows(Shape):
    """The wrapper around the list."""

    item: list[AccountRow]


class AccountPage(Shape):
    """One page; `total_count` is that of all pages."""

    account_id: str = msgspec.field(name="AccountID")
    account_name: str
    billing_cycle: str
    items: AccountRows
    page_num: int
    page_size: int
    total_count: int


class QueryAccountBillResponse(BssResponse, kw_only=True):
    """What the account paid."""

    data: AccountPage


@BSS.action("QueryAccountBill", Effect.READ)
def query_account_bill(call: Call, request: QueryAccountBillRequest) -> QueryAccountBillResponse:
    """Add up what the account paid in a month or on a day; no row where it paid nothing."""
    columns.payer_owned(call, request.owner_id, request.bill_owner_id)
    period = period_of(request.billing_cycle, request.granularity, request.billing_date)
    product, name = call.service.catalogue.product, columns.account_name(call)
    charges = charges_of(call, period) if request.product_code in {"", product.code} else []
    rows = []
    if charges:
        row = AccountRow(
            **columns.sums_of(rules.added(charges, CURRENCY)),
            **columns.payer_of(call.account_id, name),
            owner_id=call.account_id,
            owner_name=name,
            cost_unit="",
            billing_date=period.date,
        )
        if request.is_group_by_product:
            row.pip_code, row.product_code, row.product_name = product.code, product.code, product.name
            row.subscription_type = columns.SUBSCRIPTION
        rows.append(row)
    first = (request.page_num - 1) * request.page_size
    page = AccountPage(
        account_id=call.account_id,
        account_name=name,
        billing_cycle=str(period.cycle),
        items=AccountRows(item=rows[first : first + request.page_size]),
        page_num=request.page_num,
        page_size=request.page_size,
        total_count=len(rows),
    )
    return QueryAccountBillResponse(code=CODE, message=MESSAGE, success=True, data=page)
