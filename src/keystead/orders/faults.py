"""What the orders room refuses, and what must stop everything."""

from __future__ import annotations

from keystead.faults import NotFound, Refused


class OrderNotFound(NotFound):
    """No such order, or another account's: the two look the same."""

    def __init__(self, order_id: str) -> None:
        """Name it."""
        super().__init__(f'The order "{order_id}" does not exist.')
        self.order_id = order_id


class OwnerForeign(Refused):
    """The owner named is not the caller, and nobody acts for another account here."""

    def __init__(self, owner_id: str) -> None:
        """Name the owner."""
        super().__init__(f"The OwnerId {owner_id} is not an account that the caller may act for.")
        self.owner_id = owner_id


class OrderBroken(Exception):
    """An order whose lines do not add up: not a refusal but a failure of ours, which stops what was being done."""
