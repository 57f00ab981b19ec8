"""What the payments room refuses. No sentence repeats a secret or a signature."""

from __future__ import annotations

from keystead.faults import CallerFault, NotFound, Refused


class SignatureInvalid(Refused):
    """The event is not signed by the provider, or not now."""

    def __init__(self, reason: str) -> None:
        """Say what is wrong with it."""
        super().__init__(f"The signature of the event is not valid: {reason}.")
        self.reason = reason


class EventMalformed(CallerFault):
    """The event is signed and cannot be understood."""

    def __init__(self, reason: str) -> None:
        """Say why."""
        super().__init__(f"The event cannot be read: {reason}.")
        self.reason = reason


class PaymentMismatch(CallerFault):
    """What was paid is not what was to be paid."""

    def __init__(self, top_up_id: str, paid: str, wanted: str) -> None:
        """Name the top-up and both amounts, with their currencies."""
        super().__init__(f"The top-up {top_up_id} is of {wanted}, and {paid} was paid.")
        self.top_up_id = top_up_id


class TopUpNotFound(NotFound):
    """No top-up of this id was started here with this provider."""

    def __init__(self, top_up_id: str) -> None:
        """Name it."""
        super().__init__(f'The top-up "{top_up_id}" does not exist.')
        self.top_up_id = top_up_id


class SandboxOnly(CallerFault):
    """Only a sandbox can be made to pay."""

    def __init__(self) -> None:
        """Say which setting decides."""
        super().__init__("Only top-ups of the sandbox can be paid from here: payment_provider is not `sandbox`.")
