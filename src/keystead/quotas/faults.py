"""What a quota refuses."""

from __future__ import annotations

from keystead.faults import LimitFault


class QuotaBelowUse(LimitFault):
    """A quota asked for is less than what is in use."""

    def __init__(self, resource: str, asked: int, used: int) -> None:
        """Name the quota, the figure asked for and what is in use."""
        super().__init__(f"The quota of {resource} cannot become {asked}: {used} are in use; delete some first.")
        self.resource = resource
        self.asked = asked
        self.used = used


class AccessQuotaExceeded(LimitFault):
    """The instance may not be reached from so many VPCs and accounts."""

    def __init__(self, allowed: int, wanted: int) -> None:
        """Keep the purchased figure and what was wanted in all."""
        super().__init__(
            "The request was rejected because user create resource limit was exceeded:"
            f" {wanted} VPCs and accounts were wanted and {allowed} are purchased (VpcNum)."
        )
        self.allowed = allowed
        self.wanted = wanted


class KeyQuotaExceeded(LimitFault):
    """The instance has no room for another key version."""

    def __init__(self, allowed: int, used: int, wanted: int) -> None:
        """Keep the purchased figure, the versions there are and those asked for."""
        super().__init__(
            "The request was rejected because user create resource limit was exceeded:"
            f" {used} of {allowed} key versions are in use and {wanted} more would be needed."
        )
        self.allowed = allowed
        self.used = used
        self.wanted = wanted


class ShareQuotaExceeded(KeyQuotaExceeded):
    """The instance, which another account shares, has no room for another key version."""
