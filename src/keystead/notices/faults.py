"""What the notices room refuses."""

from __future__ import annotations

from keystead.faults import NotFound


class MessageNotFound(NotFound):
    """No such message, or another account's: the two look the same."""

    def __init__(self, message_id: str) -> None:
        """Name it."""
        super().__init__(f'The message "{message_id}" does not exist.')
        self.message_id = message_id
