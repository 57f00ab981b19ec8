"""What is asked of bills: a month's rows, their shares, whether everything adds up. Nothing is written here."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from keystead.access import commands as access
from keystead.bills import rules
from keystead.bills.model import Charge, Cycle, Share, Sums
from keystead.clock import UNIX_EPOCH, business_midnight
from keystead.ledger import commands as ledger
from keystead.ledger.model import Book, Finding
from keystead.money import Money
from keystead.orders import commands as orders
from keystead.orders.model import Order, Settled
from keystead.payments import commands as payments
from keystead.store import Transaction

_LAST = UNIX_EPOCH + timedelta(days=365 * 400)


def month(tx: Transaction, account_id: str, cycle: Cycle) -> list[Charge]:
    """Give the rows of an account's month, one an order, by time of payment."""
    return _between(tx, account_id, *rules.span_of(cycle))


def day(tx: Transaction, account_id: str, on: date) -> list[Charge]:
    """Give the rows of one day of UTC+8."""
    return _between(tx, account_id, business_midnight(on), business_midnight(on + timedelta(days=1)))


def page(tx: Transaction, account_id: str, which: Settled, first: int, size: int) -> tuple[list[Charge], int]:
    """Give `size` of the rows of `which`, from the one in place `first` on, and how many there are; nothing else is read."""
    found, total = orders.settled_page(tx, account_id, which, first, size)
    if not found:
        return [], total
    times = [order.paid_at or order.created_at for order in found]
    return _charges(tx, account_id, found, (times[0], times[-1] + timedelta(milliseconds=1))), total


def shares(tx: Transaction, account_id: str, cycle: Cycle, now: datetime) -> list[Share]:
    """Spread what was paid in a month over the months that consume it."""
    return rules.shares_of(month(tx, account_id, cycle), cycle, now)


def audit(tx: Transaction) -> list[Finding]:
    """Prove from the rows that money, orders and instances answer to each other, and that every account's sums agree.

    To the cent: paid by orders less paid back = on bills, by module = taken by the ledger; what coupons paid of it, too;
    held = credited less what was taken in cash.
    """
    found = orders.audit(tx) + payments.audit(tx)
    if not found:  # broken orders could not even be read as bills
        for account in access.accounts(tx):
            found.extend(rules.disagreements(sums(tx, account.account_id)))
    return found


def sums(tx: Transaction, account_id: str) -> Sums:
    """Add an account's money up in each of the ways it can be asked for."""
    settled = orders.settled(tx, account_id, UNIX_EPOCH, _LAST)
    charges = _between(tx, account_id, UNIX_EPOCH, _LAST)
    cycles = sorted({rules.cycle_of(charge.at) for charge in charges})
    billed = [charge for cycle in cycles for charge in month(tx, account_id, cycle)]
    posted = ledger.totals(tx, account_id)
    parts = [part.amounts for charge in billed for part in rules.parts_of(charge)]
    return Sums(
        account_id=account_id,
        orders=sum(rules.payable_minor(order) for order in settled),
        bills=sum(amounts.payable.minor for amounts in parts),
        ledger=posted[Book.REVENUE],
        coupons=-posted[Book.PROMOTION] - posted[Book.COUPON],  # granted less voided, less what is left
        bills_coupons=sum(amounts.coupon.minor for amounts in parts),
        credited=-posted[Book.FUNDING],
        balance=ledger.balance(tx, account_id).minor,
    )


def _between(tx: Transaction, account_id: str, since: datetime, before: datetime) -> list[Charge]:
    return _charges(tx, account_id, orders.settled(tx, account_id, since, before), (since, before))


def _charges(tx: Transaction, account_id: str, some: list[Order], span: tuple[datetime, datetime]) -> list[Charge]:
    """Give orders as rows; what was paid for them was paid within `span`."""
    entries = ledger.of_orders(tx, account_id, *span)
    found = []
    for order in some:
        entry = entries.get(order.order_id)
        cash = Money(0, order.payable.currency) if entry is None else entry.amount
        charge = rules.charge_of(order, "" if entry is None else entry.number, cash)
        if charge is not None:
            found.append(charge)
    return found
