"""What the policy language refuses."""

from __future__ import annotations

from keystead.faults import CallerFault
from keystead.policy.model import Mistake


class PolicyMalformed(CallerFault):
    """A document has mistakes; each is told with its place."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        """Take all that were found, in the order of the text."""
        super().__init__("The policy is malformed: " + "; ".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes
