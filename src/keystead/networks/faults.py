"""What networks and sharing refuse. Codes that are documented: KMS common error codes page, read 2026-11-22."""

from __future__ import annotations

from keystead.faults import CallerFault, NotFound, Refused, StateFault


class OutsideNetwork(Refused):
    """The call came from an address that is in no VPC the instance is bound to."""

    def __init__(self) -> None:
        """Say so: only who owns the instance, or shares it, comes so far."""
        super().__init__(
            "This operation is forbidden by permission system: it came from an address in no VPC that the instance is bound to."
        )


class VpcExists(StateFault):
    """A VPC of this id is registered."""

    def __init__(self, vpc_id: str) -> None:
        """Name it."""
        super().__init__(f"The VPC {vpc_id} is registered already.")
        self.vpc_id = vpc_id


class VpcUnknown(NotFound):
    """No VPC of this id is registered."""

    def __init__(self, vpc_id: str) -> None:
        """Name it."""
        super().__init__(f"No VPC {vpc_id} is registered.")
        self.vpc_id = vpc_id


class VpcInUse(StateFault):
    """Instances are bound to the VPC."""

    def __init__(self, vpc_id: str, instance_ids: list[str]) -> None:
        """Name one of them and how many they are."""
        super().__init__(f"The VPC {vpc_id} is in use by {len(instance_ids)} instance(s), such as {instance_ids[0]}.")
        self.vpc_id = vpc_id


class VpcMalformed(CallerFault):
    """What is to be registered is no VPC."""

    def __init__(self, sentence: str) -> None:
        """Say what is wrong."""
        super().__init__(sentence)


class ShareRefused(StateFault):
    """The instance cannot be shared so, or not be taken back."""

    def __init__(self, sentence: str) -> None:
        """Say why."""
        super().__init__(sentence)
