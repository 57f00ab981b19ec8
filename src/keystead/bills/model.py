"""Bill rows and what they are made of."""

from __future__ import annotations

import enum
from datetime import date, datetime

import msgspec

from keystead.money import Money
from keystead.orders.model import Order, OrderLine


class Item(enum.StrEnum):
    """What a bill row is of; the values are QueryBill's (BssOpenApi page, read 2026-11-22)."""

    SUBSCRIPTION_ORDER = "SubscriptionOrder"
    PAY_AS_YOU_GO = "PayAsYouGoBill"
    """Nothing here is sold so; asking for it finds nothing."""
    REFUND = "Refund"
    ADJUSTMENT = "Adjustment"
    """Nothing here is corrected so; asking for it finds nothing."""


class Cycle(msgspec.Struct, frozen=True, order=True):
    """A billing month: a calendar month of UTC+8, written `2026-01`."""

    year: int
    month: int

    def __str__(self) -> str:
        """Write it as BillingCycle."""
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def first_day(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def next(self) -> Cycle:
        """The month after it."""
        return Cycle(self.year + self.month // 12, self.month % 12 + 1)

    def earlier(self, months: int) -> Cycle:
        """The month so many months before it."""
        years, month = divmod(self.year * 12 + self.month - 1 - months, 12)
        return Cycle(years, month + 1)


class Amounts(msgspec.Struct, frozen=True):
    """The money of a row, below zero for a refund: list price, what was taken off, what a coupon paid, what cash paid.

    gross - discount = coupon + cash.
    """

    gross: Money
    discount: Money
    coupon: Money
    cash: Money

    @property
    def payable(self) -> Money:
        """What was to be paid."""
        return self.gross - self.discount

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.gross + other.gross, self.discount + other.discount, self.coupon + other.coupon, self.cash + other.cash
        )

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.gross - other.gross, self.discount - other.discount, self.coupon - other.coupon, self.cash - other.cash
        )

    @classmethod
    def none(cls, currency: str) -> Amounts:
        """No money."""
        zero = Money(0, currency)
        return cls(zero, zero, zero, zero)


class Charge(msgspec.Struct, frozen=True):
    """A bill row: one order, or one module of it if `line` names one. `at` is when it was paid; `transaction` is the ledger's.

    A row is traceable by its order, which is why rows of an instance are never merged.
    """

    order: Order
    item: Item
    at: datetime
    transaction: str
    amounts: Amounts
    line: OrderLine | None = None


class Group(msgspec.Struct, frozen=True):
    """Rows of one product type and item, added up."""

    product_type: str
    item: Item
    amounts: Amounts


class Share(msgspec.Struct, frozen=True):
    """What the month `period` consumed of an instance's cost paid in `consumed`.

    `total` = `before` (months before it) + `current` + `after` (months after it). `over`: the month has ended.
    """

    instance_id: str
    region: str
    product_type: str
    consumed: Cycle
    period: Cycle
    total: Amounts
    before: Amounts
    current: Amounts
    after: Amounts
    over: bool


class Sums(msgspec.Struct, frozen=True):
    """The sums of an account that must agree, in minor units.

    `orders` paid less paid back, the same on `bills` and by the `ledger`; what `coupons` paid of it, by their book and as
    `bills_coupons` by the bills; `balance` held, of what was ever `credited`.
    """

    account_id: str
    orders: int
    bills: int
    ledger: int
    credited: int
    balance: int
    coupons: int = 0
    bills_coupons: int = 0
