"""Pure decisions on notices: when a reminder is due and which, whether a balance is low, how an instant is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from keystead.catalog.model import Policies
from keystead.clock import BUSINESS_ZONE, business_day, business_midnight, iso_z
from keystead.instances.model import RenewalStatus
from keystead.money import Money

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


def days_left(ends_at: datetime, now: datetime) -> int:
    """Give the days before the end, a begun one counted whole: on the expiry date it is 1, after it 0."""
    return max(0, -((now - ends_at) // _DAY))


def is_low(balance: Money, threshold: Money) -> bool:
    """Whether a balance calls for the alert: below the threshold, and not below zero (that is another message's matter)."""
    return 0 <= balance.minor < threshold.minor


def low_days(low_since: datetime, now: datetime) -> int:
    """Give how many whole days the balance has been low."""
    return (now - low_since) // _DAY


def moment(at: datetime) -> str:
    """Write an instant for people: `2026-02-02 00:00 UTC+8 (2026-02-01T16:00:00Z)`."""
    return f"{at.astimezone(BUSINESS_ZONE):%Y-%m-%d %H:%M} UTC+8 ({iso_z(at)})"


def expiry_date(ends_at: datetime) -> str:
    """Give the last UTC+8 date on which what ends then is served."""
    return business_day(ends_at - timedelta(milliseconds=1)).isoformat()
