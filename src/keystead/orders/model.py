"""Orders and what is asked of them."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from keystead.entitlements.model import Term
from keystead.instances.model import Renewal
from keystead.money import Money


class OrderType(enum.StrEnum):
    """What an order is for; the values are those of QueryOrders (BssOpenApi page, read 2026-11-22)."""

    NEW = "New"
    RENEW = "Renew"


class OrderState(enum.StrEnum):
    """Whether an order is paid; the values are QueryOrders' PaymentStatus. Placed by API, it is paid at once or never there."""

    UNPAID = "Unpaid"
    PAID = "Paid"
    CANCELLED = "Cancelled"


class OrderLine(msgspec.Struct, frozen=True):
    """One priced module of an order: its list price a month, then list price, discount and price of the whole term."""

    module_code: str
    unit_price: Money
    list_amount: Money
    discount: Money
    payable: Money


class Order(msgspec.Struct, frozen=True):
    """An order for one instance. The three amounts are the sums of the lines'; `term` is what it bought.

    `parameters` are the module codes and values it was priced by, in the order of the modules. `operator` is the id of the RAM
    user who placed it, empty for the account itself. Instants are business time.
    """

    order_id: str
    account_id: str
    kind: OrderType
    state: OrderState
    instance_id: str
    region: str
    product_code: str
    product_type: str
    price_list_id: str
    months: int
    parameters: tuple[tuple[str, str], ...]
    lines: tuple[OrderLine, ...]
    list_amount: Money
    discount: Money
    payable: Money
    term: Term
    operator: str
    created_at: datetime
    paid_at: datetime | None


class Buying(msgspec.Struct, frozen=True):
    """A purchase asked for: module codes and values as sent, whole months, the wish for the end."""

    account_id: str
    operator: str
    product_type: str
    parameters: tuple[tuple[str, str], ...]
    months: int
    renewal: Renewal


class Renewing(msgspec.Struct, frozen=True):
    """A renewal asked for, of whole months."""

    account_id: str
    operator: str
    instance_id: str
    months: int


class Search(msgspec.Struct, frozen=True):
    """Which orders: placed from `since` up to, and not at, `before`; of a type or state if one is named. Pages count from 1."""

    since: datetime
    before: datetime
    kind: OrderType | None
    state: OrderState | None
    page: int
    size: int
