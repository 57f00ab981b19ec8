"""Pure decisions on coupons: what one is at an instant, which one pays for an order, what must be true of its movements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from keystead.coupons.faults import CouponInvalid
from keystead.coupons.model import Coupon, CouponState, Grant, MovementKind, Part, Search, Step
from keystead.ledger.model import EntryKind
from keystead.money import Money

NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
LEDGER_KIND: Final = {
    MovementKind.GRANT: EntryKind.COUPON_GRANT,
    MovementKind.USE: EntryKind.COUPON_USE,
    MovementKind.EXPIRE: EntryKind.COUPON_VOID,
    MovementKind.REVOKE: EntryKind.COUPON_VOID,
}


def grantable(grant: Grant, currency: str) -> None:
    """Raise CouponInvalid unless the coupon is worth something, in the ledger's currency, at some time from now on."""
    reason = ""
    if grant.nominal.minor <= 0 or grant.nominal.currency != currency:
        reason = f"its value must be above zero, in {currency}"
    elif grant.expires_at is not None and grant.expires_at <= max(grant.granted_at, grant.effective_at):
        reason = "it would expire before it could be used"
    if reason:
        raise CouponInvalid(reason)


def state_of(coupon: Coupon, now: datetime) -> CouponState:
    """Say what a coupon is at `now`, whether or not the job that voids expired ones has come."""
    if coupon.last.kind is MovementKind.REVOKE:
        return CouponState.CANCELLED
    expires_at = coupon.grant.expires_at
    return CouponState.EXPIRED if expires_at is not None and now >= expires_at else CouponState.AVAILABLE


def left_of(coupon: Coupon, now: datetime) -> Money:
    """Give what can still be spent of a coupon: nothing once it has expired or was revoked."""
    available = state_of(coupon, now) is CouponState.AVAILABLE
    return Money(coupon.last.balance_minor if available else 0, coupon.grant.nominal.currency)


def in_effect(coupon: Coupon, now: datetime) -> bool:
    """Whether a coupon can be used at `now`: available, and its time has come."""
    return state_of(coupon, now) is CouponState.AVAILABLE and coupon.grant.effective_at <= now


def paying(coupons: Iterable[Coupon], product_code: str, payable: Money, now: datetime) -> Part | None:
    """Give the one coupon that pays for an order of `product_code`, and how much; None if none can or nothing is to be paid.

    The one with the largest balance; of these the first to expire; of these the first granted. What is left stays usable
    (voucher pages, January 2026, read 2026-11-22).
    """
    usable = [
        coupon
        for coupon in coupons
        if in_effect(coupon, now)
        and coupon.last.balance_minor > 0
        and coupon.grant.nominal.currency == payable.currency
        and (not coupon.grant.products or product_code in coupon.grant.products)
    ]
    if not usable or payable.minor <= 0:
        return None
    first = min(usable, key=_rank)
    return Part(first, Money(min(first.last.balance_minor, payable.minor), payable.currency))


def next_step(last: Step, kind: MovementKind, amount_minor: int, transaction: str, order_id: str = "") -> Step:
    """Give the movement that takes `amount_minor` (not negative) off a coupon."""
    return Step(last.seq + 1, kind, -amount_minor, last.balance_minor - amount_minor, transaction, order_id)


def matches(coupon: Coupon, search: Search, now: datetime) -> bool:
    """Whether a coupon is asked for; one that never expires does so after every instant."""
    expires_at = coupon.grant.expires_at or NEVER
    if (search.since is not None and expires_at < search.since) or (search.until is not None and expires_at > search.until):
        return False
    return search.effective is None or search.effective == in_effect(coupon, now)


def chain_problem(grant: Grant, steps: Sequence[Step]) -> str:
    """Say what is wrong with a coupon's movements, given in order of seq; empty if nothing is."""
    balance, closed = 0, False
    for number, step in enumerate(steps, 1):
        if step.seq != number or (step.kind is MovementKind.GRANT) != (number == 1) or closed:
            return f"its movement {step.seq} is out of place"
        balance += step.amount_minor
        if step.balance_minor != balance or balance < 0:
            return f"the balance after its movement {step.seq} is {step.balance_minor}, not the sum of its amounts"
        closed = step.kind in {MovementKind.EXPIRE, MovementKind.REVOKE}
        if closed and balance != 0:
            return "it was voided and something is left of it"
    if not steps or steps[0].amount_minor != grant.nominal.minor:
        return "it was not granted at its value"
    return ""


def _rank(coupon: Coupon) -> tuple[int, datetime, datetime, str]:
    grant = coupon.grant
    return -coupon.last.balance_minor, grant.expires_at or NEVER, grant.granted_at, grant.coupon_id
