"""Pure decisions on terms: when they end, where a renewal begins, what the end means now.

Terms are of calendar months in UTC+8, which knows no daylight saving (KMS billing page and Subscription page of ECS, read
2026-11-22): bought, a term starts at the second and ends at 00:00:00 of the day after the expiry date; renewed before its end, it
goes on from that midnight to another. The machine's zone never matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from whenever import Date

from keystead.clock import business_day, business_midnight, iso_z
from keystead.entitlements.faults import TermReleased
from keystead.entitlements.model import Entitlement, Figures, RenewalAfterExpiry, Standing, Term


def purchase_end(activated_at: datetime, months: int) -> datetime:
    """Give the end of a term of `months` bought at `activated_at`: the UTC+8 midnight that closes its expiry date.

    The expiry date is the local date plus the months, or the last day of its month where there is no such day.
    """
    expiry_date = _months_later(business_day(activated_at), months)
    return business_midnight(expiry_date + timedelta(days=1))


def renewal_end(current_end: datetime, months: int) -> datetime:
    """Give the end of a renewal by `months` that begins at `current_end`: the UTC+8 midnight that many months later.

    Counted from the boundary itself, as in "00:00:00 Sep 10 to 00:00:00 Oct 10" (Subscription page of ECS), with the last day of
    the month where there is no such day.
    """
    return business_midnight(_months_later(business_day(current_end), months))


def renewed(ends_at: datetime, now: datetime, months: int, retention_days: int, after_expiry: RenewalAfterExpiry) -> Term:
    """Give the term that a renewal adds: from the current end while served, by policy in retention.

    "from_now" is a purchase's term at `now`; "from_old_end" goes on where the old one ended. TermReleased when retention is over.
    """
    match standing(ends_at, now, retention_days):
        case Standing.RELEASED:
            raise TermReleased(iso_z(release_at(ends_at, retention_days)))
        case Standing.EXPIRED if after_expiry == "from_now":
            return Term(now, purchase_end(now, months))
        case _:
            return Term(ends_at, renewal_end(ends_at, months))


def purchased(now: datetime, months: int) -> Term:
    """Give the term of a purchase activated at `now`."""
    return Term(now, purchase_end(now, months))


def standing(ends_at: datetime, now: datetime, retention_days: int) -> Standing:
    """Say what the last end means at `now`: over at that very instant, released that many days later to the instant."""
    if now < ends_at:
        return Standing.ACTIVE
    return Standing.EXPIRED if now < release_at(ends_at, retention_days) else Standing.RELEASED


def release_at(ends_at: datetime, retention_days: int) -> datetime:
    """Give the first instant at which what ended is gone: the start of the 16th day, for a retention of 15."""
    return ends_at + timedelta(days=retention_days)


def last_end(entitlements: Sequence[Entitlement]) -> datetime:
    """Give the end of the last term of an instance (one entitlement or more): renewals that have not begun count."""
    return max(entitlement.term.ends_at for entitlement in entitlements)


def figures_at(entitlements: Sequence[Entitlement], now: datetime) -> Figures:
    """Give the figures that hold at `now`: those of the entitlement begun last, the one made last if several began together.

    After the end they are the last ones had. Of an instance's entitlements (one or more); before the first begins, its figures.
    """
    begun = [entitlement for entitlement in entitlements if entitlement.term.starts_at <= now]
    if not begun:
        return min(entitlements, key=_by_start).figures
    return max(begun, key=_by_start).figures


def _by_start(entitlement: Entitlement) -> tuple[datetime, datetime]:
    return entitlement.term.starts_at, entitlement.made_at


def _months_later(day: date, months: int) -> date:
    return Date(day).add(months=months).to_stdlib()
