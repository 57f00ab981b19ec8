"""What is done with uses of keys: added, and read.

Whoever adds holds no account's lock: a version that reaches a mark is told of by a job of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from keystead.key_use import rows, rules
from keystead.key_use.model import Used, Uses, Wear
from keystead.store import Transaction
from keystead.store.jobs import ask_again

WORN_JOB: Final = "warn_of_worn_key"
IN_USE_JOB: Final = "warn_of_deletion"


class Figures(NamedTuple):
    """Of a deployment: the most encryptions any version did, and how many versions have reached where their owners are warned."""

    most: int
    worn: int


def add(tx: Transaction, now: datetime, uses: Uses, warned_at: int) -> None:
    """Add what records come to, in the transaction that keeps how far they are counted."""
    for use in sorted(uses.calls, key=repr):  # in one order, so that two counters wait for each other, not in a ring
        rows.add_use(tx, use, uses.calls[use], uses.last[use])
    for version in sorted(uses.sealed, key=repr):
        sealed = uses.sealed[version]
        there = rows.add_wear(tx, version, sealed)
        if rules.passed(there, warned_at) > rules.passed(there - sealed, warned_at):
            ask_again(tx, WORN_JOB, version.version_id, version.account_id, now)
    for key_id, account_id in sorted(uses.deletions):
        ask_again(tx, IN_USE_JOB, key_id, account_id, now)


def wear(tx: Transaction, version_id: str) -> Wear | None:
    """Give how worn a version is; None if it never encrypted."""
    return rows.wear(tx, version_id)


def wear_of_account(tx: Transaction, account_id: str) -> list[Wear]:
    """Give how worn the versions of an account are, in order of their ids."""
    return rows.wear_of_account(tx, account_id)


def wear_of_key(tx: Transaction, key_id: str) -> list[Wear]:
    """Give how worn the versions of a key are, the most worn first."""
    return rows.wear_of_key(tx, key_id)


def uses(tx: Transaction, key_id: str) -> list[Used]:
    """Give the uses of a key, by operation and principal."""
    return rows.uses(tx, key_id)


def figures(tx: Transaction, warned_at: int) -> Figures:
    """Give the deployment's figures."""
    return Figures(rows.most_worn(tx), rows.count_worn(tx, warned_at))
