"""What the coupons room refuses."""

from __future__ import annotations

from keystead.faults import CallerFault, NotFound


class CouponInvalid(CallerFault):
    """The coupon to be granted makes no sense."""

    def __init__(self, reason: str) -> None:
        """Say what is wrong with it."""
        super().__init__(f"The coupon is not valid: {reason}.")
        self.reason = reason


class CouponKeyReused(CallerFault):
    """The idempotency key of a grant was used before for something else."""

    def __init__(self, key: str) -> None:
        """Name the key."""
        super().__init__(f'The idempotency key "{key}" was already used for another coupon.')
        self.key = key


class CouponNotFound(NotFound):
    """No such coupon."""

    def __init__(self, coupon_id: str) -> None:
        """Name it."""
        super().__init__(f'The coupon "{coupon_id}" does not exist.')
        self.coupon_id = coupon_id
