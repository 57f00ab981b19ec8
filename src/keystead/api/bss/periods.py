"""The period a bill is asked for: a month, or with Granularity DAILY one of its days (BssOpenApi pages, read 2026-11-22)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from keystead.bills import commands as bills
from keystead.bills import rules
from keystead.bills.model import Charge, Cycle
from keystead.clock import business_midnight
from keystead.faults import InvalidParameter, MissingParameter
from keystead.gate.call import Call

MONTHLY: Final = "MONTHLY"
DAILY: Final = "DAILY"


class Period(NamedTuple):
    """A month, or a day of it."""

    cycle: Cycle
    day: date | None

    @property
    def date(self) -> str | None:
        """The day as rows write it; None for a month."""
        return None if self.day is None else self.day.isoformat()

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The instants at which it begins and ends."""
        if self.day is None:
            return rules.span_of(self.cycle)
        return business_midnight(self.day), business_midnight(self.day + timedelta(days=1))


def period_of(cycle: str, granularity: str, day: str, *, elsewhere_is_month: bool = False) -> Period:
    """Read BillingCycle, Granularity and BillingDate; the date counts with DAILY only, and is required then.

    A date outside the month is refused, or with `elsewhere_is_month` ignored in favour of the whole month.
    """
    month = rules.cycle_named(cycle)
    if granularity not in {"", MONTHLY, DAILY}:
        raise InvalidParameter("Granularity", "It must be MONTHLY or DAILY.")
    if granularity != DAILY:
        return Period(month, None)
    if not day:
        raise MissingParameter("BillingDate")
    on = rules.day_named(day)
    if rules.cycle_of_day(on) == month:
        return Period(month, on)
    if elsewhere_is_month:
        return Period(month, None)
    raise InvalidParameter("BillingDate", "It is not a day of BillingCycle.")


def charges_of(call: Call, period: Period) -> list[Charge]:
    """Give the account's rows of that period."""
    if period.day is None:
        return bills.month(call.tx, call.account_id, period.cycle)
    return bills.day(call.tx, call.account_id, period.day)
