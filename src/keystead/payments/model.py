"""Top-ups and what a payment provider says of them."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from keystead.money import Money


class TopUp(msgspec.Struct, frozen=True):
    """Money that a customer means to pay in. It never changes; whether it was paid is told by the events.

    `transaction` is the ledger's number of the credit, empty while it is not paid. Instants are business time.
    """

    top_up_id: str
    account_id: str
    amount: Money
    provider: str
    started_at: datetime
    transaction: str = ""

    @property
    def paid(self) -> bool:
        """Whether its money has come."""
        return bool(self.transaction)


class PaymentEvent(msgspec.Struct, frozen=True):
    """A provider's event, its signature proved.

    `pays` says that it tells of money that has come; only then the rest counts: `reference` is the top-up's id, `minor`
    hundredths of `currency` (upper case), `payment` the provider's own id of the payment.
    """

    event_id: str
    kind: str
    pays: bool
    reference: str = ""
    minor: int = 0
    currency: str = ""
    payment: str = ""


class Outcome(enum.StrEnum):
    """What became of an event."""

    CREDITED = "credited"
    REPEATED = "repeated"
    """This event, or another of the same top-up, was taken before."""
    IGNORED = "ignored"
    """It tells of no money that has come."""
