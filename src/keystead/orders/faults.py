"""What the orders room refuses, and what must stop everything."""

from __future__ import annotations

from keystead.faults import CallerFault, InvalidParameter, NotFound, Refused, StateFault


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


class EditionNotDelivered(CallerFault):
    """The deployment cannot deliver what the order is for: nothing is charged for it."""

    def __init__(self, edition: str) -> None:
        """Name the edition and what is missing."""
        super().__init__(
            f"Instances of the {edition} edition cannot be ordered: no hardware security module is configured in this deployment."
        )
        self.edition = edition


class OrderStateInvalid(StateFault):
    """The order can no longer be paid or cancelled."""

    def __init__(self, order_id: str, state: str) -> None:
        """Name it and the state it is in: Paid, Cancelled, Expired or Refund."""
        super().__init__(f"The order {order_id} is {state}: only an unpaid one can be paid or cancelled.")
        self.order_id = order_id
        self.state = state


class OrderUnpaid(StateFault):
    """An order on the instance waits to be paid: until then, or until it is cancelled, there is no second one."""

    def __init__(self, instance_id: str, order_id: str) -> None:
        """Name the instance and the order that stands in the way."""
        super().__init__(f"The order {order_id} on the instance {instance_id} is not paid: pay or cancel it first.")
        self.instance_id = instance_id
        self.order_id = order_id


class ChangePending(StateFault):
    """A renewal that changes the instance is paid and has not begun: until then it cannot be upgraded."""

    def __init__(self, instance_id: str) -> None:
        """Name the instance."""
        super().__init__(f"The instance {instance_id} has a paid change that has not begun; it cannot be upgraded before.")
        self.instance_id = instance_id


class ModifyTypeRefused(InvalidParameter):
    """Downgrades of an instance are not sold (KMS ModifyInstance page, read 2026-11-22)."""

    def __init__(self) -> None:
        """Say what is possible instead."""
        super().__init__("ModifyType", "Downgrades are not supported: it must be Upgrade, or use RenewChangeInstance.")


class NotRefundable(CallerFault):
    """There is nothing to give back, or not in the way that was asked for."""

    def __init__(self, instance_id: str, reason: str) -> None:
        """Name the instance and say why."""
        super().__init__(f"The instance {instance_id} cannot be refunded: {reason}")
        self.instance_id = instance_id
        self.reason = reason


class OrderBroken(Exception):
    """An order whose lines do not add up: not a refusal but a failure of ours, which stops what was being done."""
