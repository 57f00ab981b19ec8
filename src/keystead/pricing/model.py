"""A quote and its lines."""

from __future__ import annotations

import enum

import msgspec

from keystead.catalog.model import Module
from keystead.money import Money


class OrderKind(enum.StrEnum):
    """What is quoted; the values are those of GetSubscriptionPrice's OrderType (API page, read 2026-11-22)."""

    NEW = "NewOrder"
    RENEWAL = "Renewal"


class QuoteLine(msgspec.Struct, frozen=True):
    """One priced module. `unit_price` is its list price a month at the configured figure; the others are for the whole term.

    `payable` is `list_amount` less `discount`.
    """

    module_code: Module
    unit_price: Money
    list_amount: Money
    discount: Money
    payable: Money


class Quote(msgspec.Struct, frozen=True):
    """What a term of `months` costs, by which price list; the three amounts are the sums of the lines'."""

    kind: OrderKind
    months: int
    lines: tuple[QuoteLine, ...]
    list_amount: Money
    discount: Money
    payable: Money
    price_list_id: str
