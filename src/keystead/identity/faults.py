"""What the identity room refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from keystead.faults import LimitFault, NotFound, Refused, StateFault
from keystead.policy.model import Verdict
from keystead.policy.rules import RESOURCE_CHARS_MAX

NAME_CHARS_MAX: Final = 128
"""How much a refusal repeats of a name that was looked for: the longest there can be."""


class NotPermitted(Refused):
    """The caller may not: what it asked, on what, and the statement that decided."""

    def __init__(self, action: str, resource: str, verdict: Verdict) -> None:
        """Tell all three; `keystead access explain` takes the first two and gives the third again."""
        named = resource[:RESOURCE_CHARS_MAX]
        super().__init__(
            f"This operation is forbidden by permission system. Action {action} on {named}: {verdict.ground.value}"
            + (f", {verdict.decider}." if verdict.statement else "."),
        )
        self.action = action
        self.resource = resource
        self.verdict = verdict


class NoSuchEntity(NotFound):
    """The account has no user, group, role, policy … of this name; `kind` is the word that the public code ends in."""

    def __init__(self, kind: str, name: str) -> None:
        """Name what was looked for."""
        super().__init__(f"The {kind} does not exist: {name[:NAME_CHARS_MAX]}.")
        self.kind = kind


class EntityExists(StateFault):
    """The name is taken."""

    def __init__(self, kind: str, name: str) -> None:
        """Name it."""
        super().__init__(f"The {kind} {name} already exists.")
        self.kind = kind


class EntityInUse(StateFault):
    """What would be deleted still holds, or is held by, something."""

    def __init__(self, kind: str, held: str, sentence: str) -> None:
        """Say what is in the way."""
        super().__init__(sentence)
        self.kind = kind
        self.held = held


class TooMany(LimitFault):
    """A limit of the account is reached."""

    def __init__(self, kind: str, most: int) -> None:
        """Name the limit."""
        super().__init__(f"The {kind} count beyond the current limits: {most}.")
        self.kind = kind


class TokenMalformed(Refused):
    """The security token is none of this deployment, or of another access key."""


class TokenExpired(Refused):
    """The security token's time is over; `late` is how long ago."""

    def __init__(self, late: timedelta) -> None:
        """Say so."""
        super().__init__(f"The security token you provided has expired {int(late.total_seconds())} seconds ago.")


class NotTrusted(Refused):
    """The role's trust policy does not let the caller assume it."""
