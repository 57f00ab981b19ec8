"""What is done with coupons: granted, spent on orders, voided when they expire, revoked, listed, audited.

The writing verbs expect the account's row lock to be held (`access.rows.lock_account`); what they raise undoes all they did.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Final

import msgspec

from keystead import ids
from keystead.clock import iso_z
from keystead.coupons import rows, rules
from keystead.coupons.faults import CouponKeyReused, CouponNotFound
from keystead.coupons.model import Coupon, CouponState, Grant, MovementKind, Part, Search, Step
from keystead.ledger import commands as ledger
from keystead.ledger.model import Book, Finding
from keystead.money import Money
from keystead.notices import commands as notices
from keystead.notices.model import NoticeKind, Telling
from keystead.store import Transaction
from keystead.store.events import record_event
from keystead.store.jobs import enqueue

EXPIRE_JOB: Final = "expire_coupon"


def grant(tx: Transaction, now: datetime, asked: Grant) -> Coupon:
    """Grant a coupon once for each of its account's keys; a replay gives the first one back. Ids and time are given here.

    CouponInvalid for a value not above zero or a life that is over before it begins; CouponKeyReused for a key used for another.
    """
    wanted = msgspec.structs.replace(asked, granted_at=now)
    rules.grantable(wanted, ledger.CURRENCY)
    earlier = rows.by_key(tx, asked.account_id, asked.key)
    if earlier is not None:
        same = (earlier.grant.nominal, earlier.grant.expires_at, earlier.grant.products)
        if same != (asked.nominal, asked.expires_at, asked.products):
            raise CouponKeyReused(asked.key)
        return earlier
    made = msgspec.structs.replace(wanted, coupon_id=ids.coupon_id(), number=ids.coupon_number())
    entry = ledger.move_coupon(tx, now, made.account_id, rules.LEDGER_KIND[MovementKind.GRANT], made.nominal)
    first = Step(1, MovementKind.GRANT, made.nominal.minor, made.nominal.minor, entry.number)
    rows.add(tx, made)
    rows.add_step(tx, made.coupon_id, first)
    if made.expires_at is not None:
        enqueue(tx, EXPIRE_JOB, made.coupon_id, made.account_id, made.expires_at)
    record_event(tx, "coupon_granted", made.coupon_id, made.account_id, now, amount=made.nominal.plain())
    notices.tell(tx, now, _telling(made))
    return Coupon(made, first)


def part_of(tx: Transaction, now: datetime, account_id: str, product_code: str, payable: Money) -> Part | None:
    """Say which of the account's coupons pays for an order, and how much of it; nothing is written."""
    return rules.paying(rows.of_account(tx, account_id), product_code, payable, now)


def spend(tx: Transaction, now: datetime, part: Part, order_id: str) -> None:
    """Take what a coupon pays of an order off it; the schema refuses a second coupon for the order, and an overdraft."""
    _move(tx, now, part.coupon, MovementKind.USE, part.amount, order_id)


def expire(tx: Transaction, now: datetime, coupon_id: str) -> None:
    """Void what is left of a coupon that has expired; it could not be spent since anyway."""
    found = rows.whoever(tx, coupon_id)
    if found is None or rules.state_of(found, now) is not CouponState.EXPIRED or found.last.kind is MovementKind.EXPIRE:
        return
    left = Money(found.last.balance_minor, found.grant.nominal.currency)
    _move(tx, now, found, MovementKind.EXPIRE, left)
    record_event(tx, "coupon_expired", coupon_id, found.grant.account_id, now, left=left.plain())


def revoke(tx: Transaction, now: datetime, coupon_id: str) -> Coupon:
    """Take back what is left of a coupon; one that has expired or was revoked stays as it is. CouponNotFound if there is none.

    What it has paid for stays paid.
    """
    found = whoever(tx, coupon_id)
    if rules.state_of(found, now) is not CouponState.AVAILABLE:
        return found
    left = Money(found.last.balance_minor, found.grant.nominal.currency)
    last = _move(tx, now, found, MovementKind.REVOKE, left)
    record_event(tx, "coupon_revoked", coupon_id, found.grant.account_id, now, left=left.plain())
    return Coupon(found.grant, last)


def whoever(tx: Transaction, coupon_id: str) -> Coupon:
    """Give a coupon, whoever's, for the operator; CouponNotFound if there is none."""
    found = rows.whoever(tx, coupon_id)
    if found is None:
        raise CouponNotFound(coupon_id)
    return found


def found(tx: Transaction, now: datetime, account_id: str, search: Search) -> list[Coupon]:
    """Give the account's coupons that are asked for, newest first."""
    return [each for each in rows.of_account(tx, account_id) if rules.matches(each, search, now)]


def audit(tx: Transaction) -> list[Finding]:
    """Prove from the rows alone that every coupon's movements add up, that each is a transaction of the ledger of that kind,
    order and amount and the other way round, and that what is left on an account's coupons is what its book says.
    """
    findings, left = [], defaultdict[str, int](int)
    entries = {entry.number: entry for entry in ledger.coupon_entries(tx)}
    for given, steps in rows.every(tx):
        problem = rules.chain_problem(given, steps)
        if problem:
            findings.append(Finding(given.coupon_id, problem))
        left[given.account_id] += steps[-1].balance_minor if steps else 0
        for step in steps:
            entry = entries.pop(step.transaction, None)
            told = (given.account_id, rules.LEDGER_KIND[step.kind], abs(step.amount_minor), step.order_id)
            if entry is None or (entry.account_id, entry.kind, entry.amount.minor, entry.order_id) != told:
                findings.append(Finding(given.coupon_id, f"its movement {step.seq} is not the ledger's"))
    findings.extend(Finding(number, "it moved a coupon, and no coupon says so") for number in sorted(entries))
    for account_id, minor in left.items():
        held = ledger.totals(tx, account_id)[Book.COUPON]
        if held != minor:
            findings.append(Finding(account_id, f"its coupons hold {minor}, its book {held}"))
    return findings


def _telling(made: Grant) -> Telling:
    facts = {
        "coupon": made.number,
        "value": f"{made.nominal.plain()} {made.nominal.currency}",
        "usable_from": iso_z(made.effective_at),
        "usable_until": iso_z(made.expires_at) if made.expires_at else "",
        "pays_for": f"orders of {', '.join(made.products)}" if made.products else "every order",
        "description": made.description,
    }
    return Telling(NoticeKind.COUPON_GRANTED, made.account_id, f"coupon/{made.coupon_id}", "", facts)


def _move(tx: Transaction, now: datetime, moved: Coupon, kind: MovementKind, amount: Money, order_id: str = "") -> Step:
    entry = ledger.move_coupon(tx, now, moved.grant.account_id, rules.LEDGER_KIND[kind], amount, order_id)
    step = rules.next_step(moved.last, kind, amount.minor, entry.number, order_id)
    rows.add_step(tx, moved.grant.coupon_id, step)
    return step
