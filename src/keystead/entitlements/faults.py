"""What the entitlements room refuses."""

from __future__ import annotations

from keystead.faults import NotFound


class TermReleased(NotFound):
    """Retention is over: there is nothing left to renew."""

    def __init__(self, released_at: str) -> None:
        """Keep when retention ended, as UTC text."""
        super().__init__(f"The resource was released at {released_at}.")
        self.released_at = released_at
