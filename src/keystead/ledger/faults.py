"""What the ledger refuses, and what must stop everything."""

from __future__ import annotations

from keystead.faults import CallerFault, LimitFault
from keystead.money import Money


class BalanceTooLow(LimitFault):
    """The account does not hold what the order costs."""

    def __init__(self, needed: Money, held: Money) -> None:
        """Keep both amounts, of one currency."""
        super().__init__(
            f"The account balance is insufficient: {needed.plain()} {needed.currency} is needed, {held.plain()} is available."
        )
        self.needed = needed
        self.held = held


class CreditInvalid(CallerFault):
    """A credit must be a positive amount in the account's currency, a credit limit one not below zero."""

    def __init__(self, reason: str) -> None:
        """Say what is wrong with it."""
        super().__init__(f"The credit is not valid: {reason}.")
        self.reason = reason


class CreditKeyReused(CallerFault):
    """The idempotency key of a credit was used before for something else."""

    def __init__(self, key: str) -> None:
        """Name the key."""
        super().__init__(f'The idempotency key "{key}" was already used for another credit.')
        self.key = key


class LedgerBroken(Exception):
    """Books that do not add up: not a refusal but a failure of ours, which stops what was being done."""
