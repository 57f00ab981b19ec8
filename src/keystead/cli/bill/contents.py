"""What an exported bill holds: the documented columns of the file feed, and the sums of a statement.

Columns: file format of the instance detail (Alibaba Cloud bill file format page, read 2026-11-22). Times are UTC+8.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from keystead.bills import rules
from keystead.bills.model import Charge, Cycle

if TYPE_CHECKING:
    from keystead.access.model import Account
    from keystead.catalog.model import Product
    from keystead.ledger.model import Movement
    from keystead.money import Money
    from keystead.store import Transaction

WORDS: Final = (
    "BillingCycle",
    "CostUnit",
    "AccountID",
    "AccountName",
    "OwnerID",
    "OwnerAccountName",
    "SubscriptionType",
    "ProductCode",
    "ProductName",
    "ProductType",
    "ProductDetail",
    "PaymentTime",
    "UsageStartTime",
    "UsageEndTime",
    "ServicePeriod",
    "RecordID",
    "RelatedRecordID",
    "Item",
    "BillingType",
    "InstanceID",
    "NickName",
    "ResourceGroup",
    "Tag",
    "InstanceConfig",
    "InstanceSpec",
    "InternetIP",
    "IntranetIP",
    "Region",
    "Zone",
)
AMOUNTS: Final = (
    "PretaxGrossAmount",
    "InvoiceDiscount",
    "DeductedByCoupons",
    "RoundDownDiscount",
    "PretaxAmount",
    "DeductedByCashCoupons",
    "DeductedByPrepaidCard",
    "PaymentAmount",
    "CashAmount",
    "AdjustAmount",
    "OutstandingAmount",
    "Tax",
    "AfterTaxAmount",
)
COLUMNS: Final = (*WORDS, *AMOUNTS, "Currency")
NONE: Final = Decimal("0.00")
Row = tuple[str | Decimal, ...]


class Bill(NamedTuple):
    """A month of an account, and the balance at its ends."""

    account: Account
    product: Product
    cycle: Cycle
    currency: str
    charges: list[Charge]
    opening: Money
    movements: list[Movement]
    closing: Money


def read_bill(tx: Transaction, account: Account, product: Product, cycle: Cycle) -> Bill:
    """Read a month of an account as it stands."""
    from keystead.bills import commands as bills
    from keystead.ledger import commands as ledger

    since, before = rules.span_of(cycle)
    opening = ledger.balance_at(tx, account.account_id, since)
    movements = ledger.movements_between(tx, account.account_id, since, before)
    closing = movements[-1].balance if movements else opening
    charges = bills.month(tx, account.account_id, cycle)
    return Bill(account, product, cycle, ledger.CURRENCY, charges, opening, movements, closing)


def rows_of(bill: Bill) -> Iterator[Row]:
    """Give the rows of a bill, in the order of COLUMNS; amounts are exact."""
    for charge in bill.charges:
        yield (*_words(bill, charge), *_amounts(charge), bill.currency)


def _words(bill: Bill, charge: Charge) -> tuple[str, ...]:
    order, account, product = charge.order, bill.account, bill.product
    return (
        str(bill.cycle),
        "",
        account.account_id,
        account.name,
        account.account_id,
        account.name,
        "Subscription",
        product.code,
        product.name,
        order.product_type,
        product.name,
        rules.wall_of(charge.at),
        rules.wall_of(order.term.starts_at),
        rules.wall_of(order.term.ends_at),
        f"{order.months} Month",
        order.order_id,
        "",
        charge.item.value,
        order.kind.value,
        order.instance_id,
        "",
        "",
        "",
        rules.configuration_of(order),
        dict(order.parameters).get("Spec", ""),
        "",
        "",
        order.region,
        "",
    )


def _amounts(charge: Charge) -> tuple[Decimal, ...]:
    amounts = charge.amounts
    gross, discount, payable = amounts.gross.as_decimal(), amounts.discount.as_decimal(), amounts.payable.as_decimal()
    coupon, cash = amounts.coupon.as_decimal(), amounts.cash.as_decimal()
    return (gross, discount, NONE, NONE, payable, coupon, NONE, cash, cash, NONE, NONE, NONE, payable)
