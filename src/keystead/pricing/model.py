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
    UPGRADE = "Upgrade"


class QuoteLine(msgspec.Struct, frozen=True):
    """One priced module. `unit_price` is its list price a month at the configured figure (of an upgrade: how much that rises);
    the others are for the whole term.

    `payable` is `list_amount` less `discount`.
    """

    module_code: Module
    unit_price: Money
    list_amount: Money
    discount: Money
    payable: Money


class Quote(msgspec.Struct, frozen=True):
    """What a term of `months` costs, by which price list; the three amounts are the sums of the lines'.

    An upgrade is for what is left of the term and not for months: they are 0.
    """

    kind: OrderKind
    months: int
    lines: tuple[QuoteLine, ...]
    list_amount: Money
    discount: Money
    payable: Money
    price_list_id: str
