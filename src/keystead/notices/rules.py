"""Pure decisions on notices: when a reminder is due and which, whether a balance is low, how an instant is written."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime, timedelta

from keystead.catalog.model import Policies
from keystead.clock import BUSINESS_ZONE, business_day, business_midnight, iso_z, to_ms
from keystead.entitlements.model import Standing
from keystead.instances.model import Owned, RenewalStatus
from keystead.money import Money
from keystead.notices.model import Alert

_DAY = timedelta(days=1)


def reminder_at(ends_at: datetime, days: int, hour: int) -> datetime:
    """Give when the reminder `days` before the end is due: at `hour` (0 to 23, UTC+8) of the date on which end less days falls.

    For an end at midnight that is never before end - days and never at or after end - (days - 1).
    """
    return business_midnight(business_day(ends_at - days * _DAY)) + timedelta(hours=hour)


def reminder_days(policies: Policies, renewal: RenewalStatus) -> tuple[int, ...]:
    """Give the days before the end at which an instance is reminded of: one only where the customer will not renew."""
    return (policies.single_notice_days,) if renewal is RenewalStatus.NONE else policies.notice_days


def reminder_due(ends_at: datetime, now: datetime, days: Sequence[int], hour: int) -> int | None:
    """Give which of the reminders is the one to send at `now`: the nearest to the end whose moment has come; None if none.

    A farther one missed by an outage is thereby not sent, and after the end none is.
    """
    come = [each for each in days if reminder_at(ends_at, each, hour) <= now]
    return min(come) if come and now < ends_at else None


def reminders_to_plan(owned: Owned, policies: Policies) -> tuple[datetime, ...]:
    """Give when the reminders of an instance's end are due, farthest first, also past ones; none once it is over or gone."""
    if owned.standing is not Standing.ACTIVE or owned.instance.released_at is not None:
        return ()
    return tuple(reminder_at(owned.ends_at, days, policies.notice_hour) for days in policies.notice_days)


def reminder_to_send(owned: Owned, policies: Policies, now: datetime) -> int | None:
    """Give the days of the reminder of an instance to send at `now`, unless it was; None if none is due or it is gone."""
    if owned.instance.released_at is not None:  # refunded before its end
        return None
    days = reminder_days(policies, owned.instance.renewal.status)
    return reminder_due(owned.ends_at, now, days, policies.notice_hour)


def expiry_occasion(owned: Owned, days: int) -> str:
    """Name what a reminder is about: this end of this instance, so many days before."""
    return f"expiring/{owned.instance.instance_id}/{to_ms(owned.ends_at)}/{days}"


def days_left(ends_at: datetime, now: datetime) -> int:
    """Give the days before the end, a begun one counted whole: on the expiry date it is 1, after it 0."""
    return max(0, -((now - ends_at) // _DAY))


def is_low(balance: Money, threshold: Money) -> bool:
    """Whether a balance calls for the alert: below the threshold, and not below zero (that is another message's matter)."""
    return 0 <= balance.minor < threshold.minor


class Turn(enum.Enum):
    """What a change of the balance means to an alert."""

    NONE = enum.auto()
    FELL = enum.auto()
    ROSE = enum.auto()


def turn_of(alert: Alert | None, changes: int, balance: Money) -> Turn:
    """Say whether a balance, after so many changes, has come to be low or is no longer; none before the first change."""
    if alert is None or changes == alert.set_after:
        return Turn.NONE
    low = is_low(balance, alert.threshold)
    if low == (alert.low_since is not None):
        return Turn.NONE
    return Turn.FELL if low else Turn.ROSE


def warned_again(alert: Alert | None, balance: Money, now: datetime, policies: Policies) -> bool:
    """Whether a balance that has been low for whole days is to be warned of again."""
    if alert is None or alert.low_since is None or not is_low(balance, alert.threshold):
        return False
    return 1 <= low_days(alert.low_since, now) <= policies.low_balance_reminders


def next_warning(low_since: datetime, now: datetime, policies: Policies) -> datetime | None:
    """Give when the next day's warning is due: the first one still to come, should some have been missed; None after the last."""
    day = low_days(low_since, now)
    return low_since + (day + 1) * _DAY if day < policies.low_balance_reminders else None


def balance_occasion(low_since: datetime, day: int) -> str:
    """Name what a warning is about: the day it is of a balance low since then."""
    return f"balance-low/{to_ms(low_since)}/{day}"


def low_days(low_since: datetime, now: datetime) -> int:
    """Give how many whole days the balance has been low."""
    return (now - low_since) // _DAY


def moment(at: datetime) -> str:
    """Write an instant for people: `2026-02-02 00:00 UTC+8 (2026-02-01T16:00:00Z)`."""
    return f"{at.astimezone(BUSINESS_ZONE):%Y-%m-%d %H:%M} UTC+8 ({iso_z(at)})"


def expiry_date(ends_at: datetime) -> str:
    """Give the last UTC+8 date on which what ends then is served."""
    return business_day(ends_at - timedelta(milliseconds=1)).isoformat()
