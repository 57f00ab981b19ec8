"""Messages to a customer, and what asks for them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from keystead.catalog.model import Catalogue
from keystead.money import Money


class Category(enum.StrEnum):
    """Where the message centre files a message; the words are the cloud's (message centre page, read 2026-11-22)."""

    ACCOUNT = "Account"
    PRODUCT = "Product"


class NoticeKind(enum.StrEnum):
    """What is told. Each kind has its words in `templates/<kind>.txt`."""

    EXPIRING = "expiring"
    STOPPED = "stopped"
    RELEASED = "released"
    PURCHASED = "purchased"
    RENEWED = "renewed"
    UPGRADED = "upgraded"
    REFUNDED = "refunded"
    RENEWAL_CANCELLED = "renewal_cancelled"
    AUTO_RENEWAL_FAILED = "auto_renewal_failed"
    BALANCE_LOW = "balance_low"
    KEY_WORN = "key_worn"
    KEY_IN_USE = "key_in_use"
    COUPON_GRANTED = "coupon_granted"
    TOP_UP_RECEIVED = "top_up_received"
    USAGE_HIGH = "usage_high"
    CLIENT_KEY_EXPIRING = "client_key_expiring"
    SHARED_INSTANCE = "shared_instance"
    """The end of an instance of another account that shares it with this one: to come, come, or final."""

    @property
    def category(self) -> Category:
        """Where it is filed: money under Account, instances under Product."""
        money = {NoticeKind.BALANCE_LOW, NoticeKind.COUPON_GRANTED, NoticeKind.TOP_UP_RECEIVED}
        return Category.ACCOUNT if self in money else Category.PRODUCT


class Telling(msgspec.Struct, frozen=True):
    """Something to tell an account.

    `occasion` says what it is told about, in an account once: a second telling of the same occasion is none. `facts` are what the
    words of the kind need and cannot look up: texts, instants as `iso_z` writes them.
    """

    kind: NoticeKind
    account_id: str
    occasion: str
    instance_id: str = ""
    facts: Mapping[str, str] = {}


class Written(msgspec.Struct, frozen=True):
    """The words of a message: one line, plain text, HTML."""

    subject: str = ""
    text: str = ""
    html: str = ""


class Message(msgspec.Struct, frozen=True):
    """A message of an account. `words` are empty until composed, `read_at` None while unread. Instants: business time."""

    message_id: str
    telling: Telling
    created_at: datetime
    words: Written
    composed: bool
    read_at: datetime | None


class Alert(msgspec.Struct, frozen=True):
    """An account's low-balance alert.

    `set_after` is how many changes the balance had seen when it was set: none of them fires it. `low_since` is when the balance
    was first found below the threshold; None while it is not.
    """

    account_id: str
    threshold: Money
    set_after: int
    low_since: datetime | None


class ShownInstance(msgspec.Struct, frozen=True):
    """An instance as a message speaks of it: all texts. `price` is empty where it can no longer be renewed."""

    instance_id: str
    name: str
    product: str
    region: str
    renewal: str
    renew_months: int
    price: str


class Desk(NamedTuple):
    """What composing needs of the deployment: what is for sale, and where the console is."""

    catalogue: Catalogue
    console: str
