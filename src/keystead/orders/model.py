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
    UPGRADE = "Upgrade"
    REFUND = "Refund"


class OrderState(enum.StrEnum):
    """Whether an order is paid; the values are QueryOrders' PaymentStatus. Placed by API, it is paid at once or never there.

    Unpaid ones come from the two steps of `place` and `pay`. A refund is never paid: it has no state.
    """

    UNPAID = "Unpaid"
    PAID = "Paid"
    CANCELLED = "Cancelled"


class OrderLine(msgspec.Struct, frozen=True):
    """One priced module of an order: its list price a month, then list price, discount and price of the whole term.

    A line of a refund is about one order, `related_order_id`, and no module: `list_amount` is the cash it was paid with,
    `discount` what of it is used up, `payable` what comes back, `unit_price` its price a day.
    """

    module_code: str
    unit_price: Money
    list_amount: Money
    discount: Money
    payable: Money
    related_order_id: str = ""


class Order(msgspec.Struct, frozen=True):
    """An order for one instance. The three amounts are the sums of the lines'; `term` is what it bought, or a refund ends.

    `parameters` are the module codes and values it was priced by, in the order of the modules; `original_parameters` those from
    before it, none for a purchase. `operator` is the id of the RAM user who placed it, empty for the account itself. `state` is
    None for a refund, `related_order_id` then the purchase. An unpaid order lapses at `expires_at`; `renewal` is what a purchase
    wishes for the end. A renewal given back before it began was so at `withdrawn_at`. Instants are business time.
    """

    order_id: str
    account_id: str
    kind: OrderType
    state: OrderState | None
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
    original_parameters: tuple[tuple[str, str], ...] = ()
    related_order_id: str = ""
    expires_at: datetime | None = None
    renewal: Renewal = Renewal()
    withdrawn_at: datetime | None = None


class Buying(msgspec.Struct, frozen=True):
    """A purchase asked for: module codes and values as sent, whole months, the wish for the end."""

    account_id: str
    operator: str
    product_type: str
    parameters: tuple[tuple[str, str], ...]
    months: int
    renewal: Renewal


class Renewing(msgspec.Struct, frozen=True):
    """A renewal asked for, of whole months; `parameters` are the modules it changes, as sent."""

    account_id: str
    operator: str
    instance_id: str
    months: int
    parameters: tuple[tuple[str, str], ...] = ()


class Upgrading(msgspec.Struct, frozen=True):
    """An upgrade asked for: the modules that grow, as sent; others may be named with what they are."""

    account_id: str
    operator: str
    instance_id: str
    parameters: tuple[tuple[str, str], ...]


Asked = Buying | Renewing | Upgrading


class Share(msgspec.Struct, frozen=True):
    """What of one order comes back: `paid` cash, `day_price` to the cent, `days` begun of `days_sold`, `used` amount, `back`."""

    order_id: str
    paid: Money
    day_price: Money
    days: int
    days_sold: int
    used: Money
    back: Money


class Search(msgspec.Struct, frozen=True):
    """Which orders: placed from `since` up to, and not at, `before`; of a type or state if one is named. Pages count from 1."""

    since: datetime
    before: datetime
    kind: OrderType | None
    state: OrderState | None
    page: int
    size: int


class Settled(msgspec.Struct, frozen=True):
    """Which orders that moved money: from `since` up to, and not at, `before`; refunds only, none of them, or (None) both.

    `order_id` and `instance_id` narrow it where they are named; `free` ones cost nothing and may be left out.
    """

    since: datetime
    before: datetime
    refunds: bool | None = None
    free: bool = True
    order_id: str = ""
    instance_id: str = ""
