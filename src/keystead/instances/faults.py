"""What the instances room refuses."""

from __future__ import annotations

from keystead.faults import NotFound, StateFault


class InstanceNotFound(NotFound):
    """No such instance: never bought, another account's, in another region, or released (all look the same)."""

    def __init__(self, instance_id: str) -> None:
        """Name the instance; the sentence is the cloud's (KMS CreateKey API metadata, read 2026-11-22)."""
        super().__init__("The specified DKMS Instance is not found.")
        self.instance_id = instance_id


class InstanceStateInvalid(StateFault):
    """The instance is not in a state in which this can be done; the sentence says which it is in."""

    def __init__(self, instance_id: str, state: str) -> None:
        """Name the instance and its state (a status of GetKmsInstance, or Expired)."""
        super().__init__(f"The DKMS Instance state is invalid: it is {state}.")
        self.instance_id = instance_id
        self.state = state


class InstanceNotInitialized(StateFault):
    """The instance was never enabled (code seen in a client, whose page is unknown)."""

    def __init__(self, instance_id: str) -> None:
        """Name the instance."""
        super().__init__("The instance is not enabled yet: enable it with ConnectKmsInstance first.")
        self.instance_id = instance_id


class SubscriptionNotReleased(StateFault):
    """A subscription is not released by hand: it is given back, or ends (ReleaseKmsInstance page, read 2026-11-22)."""

    def __init__(self, instance_id: str) -> None:
        """Say what there is instead."""
        super().__init__("A subscription cannot be released: unsubscribe with RefundInstance, or let it end.")
        self.instance_id = instance_id


class InstanceProtected(StateFault):
    """The instance is protected from deletion, and giving it back would delete it (row 29: no page says; ADR 13)."""

    def __init__(self, instance_id: str, because: str) -> None:
        """Name the instance and the reason noted, if there is one."""
        reason = f" The reason given: {because}" if because else ""
        super().__init__(
            f"The instance {instance_id} is protected from deletion: end that with SetDeletionProtection first.{reason}"
        )
        self.instance_id = instance_id
