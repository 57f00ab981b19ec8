"""Pure decisions on terms: when they end, where a renewal begins, what the end means now.

Terms are of calendar months in UTC+8, which knows no daylight saving (KMS billing page and Subscription page of ECS, read
2026-11-22): bought, a term starts at the second and ends at 00:00:00 of the day after the expiry date; renewed before its end, it
goes on from that midnight to another. The machine's zone never matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from whenever import Date

from keystead.clock import business_day, business_midnight, iso_z
from keystead.entitlements.faults import TermReleased
from keystead.entitlements.model import Entitlement, Figures, RenewalAfterExpiry, Run, Standing, Term

MONTHS_A_YEAR: Final = 12


def purchase_end(activated_at: datetime, months: int) -> datetime:
    """Give the end of a term of `months` bought at `activated_at`: the UTC+8 midnight that closes its expiry date.

    The expiry date is the local date plus the months, or the last day of its month where there is no such day.
    """
    expiry_date = _months_later(business_day(activated_at), months)
    return business_midnight(expiry_date + timedelta(days=1))


def renewal_end(anchored_at: datetime, current_end: datetime, months: int) -> datetime:
    """Give the end of a renewal by `months` that goes on at `current_end`, in a run of terms that began at `anchored_at`.

    Counted from the anchor date and not from the boundary: 31 Jan, 28 Feb, 31 Mar. A run ends where one purchase of all its
    months would have ended, however it was renewed (ADR 39).
    """
    anchor, expiry_date = business_day(anchored_at), business_day(current_end) - timedelta(days=1)
    so_far = (expiry_date.year - anchor.year) * MONTHS_A_YEAR + expiry_date.month - anchor.month
    return purchase_end(anchored_at, so_far + months)


def anchor_of(entitlements: Sequence[Entitlement]) -> datetime:
    """Give when the last unbroken run of an instance's terms (one or more, in the order they were made) began."""
    anchored_at, ends_at = entitlements[0].term.starts_at, entitlements[0].term.ends_at
    for entitlement in entitlements[1:]:
        if entitlement.term.starts_at > ends_at:  # renewed in retention, from then on
            anchored_at = entitlement.term.starts_at
        ends_at = max(ends_at, entitlement.term.ends_at)
    return anchored_at


def renewed(run: Run, now: datetime, months: int, retention_days: int, after_expiry: RenewalAfterExpiry) -> Term:
    """Give the term that a renewal adds to a run: from its end while served or at that very instant, by policy in retention.

    "from_now" is a purchase's term at `now`; "from_old_end" goes on where the old one ended. TermReleased when retention is over.
    """
    ends_at = run.ends_at
    match standing(ends_at, now, retention_days):
        case Standing.RELEASED:
            raise TermReleased(iso_z(release_at(ends_at, retention_days)))
        case Standing.EXPIRED if after_expiry == "from_now" and now > ends_at:
            return Term(now, purchase_end(now, months))
        case _:
            return Term(ends_at, renewal_end(run.anchored_at, ends_at, months))


def months_within(starts_at: datetime, now: datetime) -> int:
    """Give how many whole calendar months lie between two instants, by their UTC+8 dates; 0 if `now` is not later."""
    months, today = 0, business_day(now)
    while _months_later(business_day(starts_at), months + 1) <= today:
        months += 1
    return months


def days_begun(span: timedelta) -> int:
    """Give how many 24-hour slots a span has begun: exactly ten days are ten, a second more is eleven; none for none."""
    return max(0, -(-span // timedelta(days=1)))


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
    """Give the figures that hold at `now`: of the entitlements that have begun, those of the one made last.

    So an upgrade made while a renewal is pending outlasts the renewal's start, and a pending change waits for its own.
    `entitlements` are an instance's, one or more, in the order they were made; before the first begins, its figures hold.
    """
    begun = [entitlement for entitlement in entitlements if entitlement.term.starts_at <= now]
    return (begun or entitlements[:1])[-1].figures


def upgraded(ends_at: datetime, now: datetime) -> Term:
    """Give the term of an upgrade: from `now` to the end there is, which an upgrade never moves."""
    return Term(now, ends_at)


def _months_later(day: date, months: int) -> date:
    return Date(day).add(months=months).to_stdlib()
