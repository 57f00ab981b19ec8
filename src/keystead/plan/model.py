"""What a plan is made of, what is asked of it, and what it says."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from keystead.coupons.model import Coupon
from keystead.entitlements.model import Entitlement
from keystead.instances.model import Instance, Renewal
from keystead.money import Money
from keystead.notices.model import Alert, NoticeKind


class Act(enum.Enum):
    """What falls due: the jobs whose effects a customer sees."""

    CONNECT = enum.auto()
    EXPIRE = enum.auto()
    RELEASE = enum.auto()
    PLAN_REMINDERS = enum.auto()
    REMIND = enum.auto()
    TELL_STOPPED = enum.auto()
    TELL_RELEASED = enum.auto()
    RENEW = enum.auto()
    LAPSE = enum.auto()
    CHECK_BALANCE = enum.auto()
    REMIND_BALANCE = enum.auto()


class Kind(enum.StrEnum):
    """What happens. But for the last, which nobody records, the values are the kinds of the deployment's events."""

    PURCHASED = "instance_purchased"
    CONNECTED = "instance_connected"
    RENEWED = "auto_renewed"
    RENEWAL_FAILED = "auto_renewal_failed"
    REMINDED = "expiry_reminded"
    EXPIRED = "instance_expired"
    RELEASED = "instance_released"
    LAPSED = "order_lapsed"
    BALANCE_LOW = "balance_low"
    QUOTA_EXHAUSTED = "quota_exhausted"


class Due(msgspec.Struct, frozen=True):
    """Work that waits: `subject` is an instance, an order or the account."""

    at: datetime
    act: Act
    subject: str


class Use(msgspec.Struct, frozen=True):
    """How much of an instance's quotas is in use, or comes to be in use in 30 days: key versions, secrets, GB of logs."""

    keys: int = 0
    secrets: int = 0
    log_gb: int = 0


class Holding(msgspec.Struct, frozen=True):
    """An instance not yet released, its entitlements in the order they were made, and what is in use of it."""

    instance: Instance
    entitlements: tuple[Entitlement, ...]
    use: Use = Use()


class Waiting(msgspec.Struct, frozen=True):
    """An order that waits to be paid until `expires_at`."""

    order_id: str
    instance_id: str
    expires_at: datetime


class Facts(msgspec.Struct, frozen=True):
    """An account at `now` (business time): all that decides what will happen to it.

    `credit` is how far the balance may go below zero; `coupons` are all that were granted. `changes` counts those of the balance
    so far; `told` are the occasions the account was told of; `agenda` is what waits, in the order in which it will be done.
    """

    account_id: str
    now: datetime
    balance: Money
    credit: Money
    coupons: tuple[Coupon, ...] = ()
    changes: int = 0
    alert: Alert | None = None
    holdings: tuple[Holding, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    agenda: tuple[Due, ...] = ()
    told: frozenset[str] = frozenset()


class Wish(msgspec.Struct, frozen=True):
    """An instance somebody thinks of buying at `start` (business time) with `balance`; `parameters` as of CreateInstance."""

    parameters: tuple[tuple[str, str], ...]
    months: int
    renewal: Renewal
    start: datetime
    balance: Money


class Happening(msgspec.Struct, frozen=True):
    """Something that will happen at `at` (business time). `change` is what it does to the balance, negative for a charge."""

    at: datetime
    kind: Kind
    subject: str
    change: Money
    balance: Money
    detail: dict[str, str]


class Notice(msgspec.Struct, frozen=True):
    """A message the account will get; `instance_id` is empty for one about money."""

    at: datetime
    kind: NoticeKind
    instance_id: str


class Timeline(msgspec.Struct, frozen=True):
    """All that will happen after `since`, up to and at `until`, in order; `charged` is the sum of the charges."""

    since: datetime
    until: datetime
    opening: Money
    charged: Money
    closing: Money
    happenings: tuple[Happening, ...]
    notices: tuple[Notice, ...]
