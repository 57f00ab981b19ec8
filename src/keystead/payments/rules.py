"""Pure decisions on payments: whether an event is the provider's, what it says, whether it is the payment that was asked for.

The shape is that of Stripe's webhooks: header `t=<seconds>,v1=<hex>`, HMAC-SHA256 over `<t>.<payload>` (webhook signature page
and checkout session object, read 2026-11-23).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from keystead.clock import UNIX_EPOCH
from keystead.money import Money
from keystead.payments.faults import EventMalformed, PaymentMismatch, SignatureInvalid
from keystead.payments.model import PaymentEvent, TopUp

PAYING: Final = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
PAID: Final = "paid"
_STAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_EVENT_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,128}", re.ASCII)


class _Session(msgspec.Struct):
    """What counts of a checkout session."""

    payment_status: str = ""
    client_reference_id: str | None = None
    amount_total: int | None = None
    currency: str | None = None
    payment_intent: str | None = None


class _Event(msgspec.Struct):
    """What counts of an event; what its object is depends on the type."""

    id: str
    type: str
    data: dict[str, Any]


def signature_of(payload: bytes, secret: str, stamp: int) -> str:
    """Give the header that signs a payload at `stamp`, whole seconds since 1970."""
    return f"t={stamp},v1={_mac(payload, secret, str(stamp))}"


def signed(payload: bytes, header: str, secrets: Sequence[str], wall: datetime, tolerance: timedelta) -> None:
    """Raise SignatureInvalid unless one of the secrets signed the payload within `tolerance` of `wall`, before or after.

    Several secrets are good while one replaces another; several `v1` likewise. Schemes other than `v1` are not looked at.
    """
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    macs = [value for name, _, value in pairs if name == "v1"]
    if len(stamps) != 1 or not _STAMP.fullmatch(stamps[0]) or not macs:
        raise SignatureInvalid("the header is not t=…,v1=…")
    expected = [_mac(payload, secret, stamps[0]).encode() for secret in secrets if secret]
    if not any(hmac.compare_digest(one, mac.encode()) for one in expected for mac in macs):
        raise SignatureInvalid("it is not made with the webhook's secret over this payload")
    if abs(wall - (UNIX_EPOCH + timedelta(seconds=int(stamps[0])))) > tolerance:
        raise SignatureInvalid(f"its time is more than {int(tolerance.total_seconds())} s away")


def event_of(payload: bytes) -> PaymentEvent:
    """Read an event whose signature is proved; EventMalformed if it cannot be read. Other types do not pay."""
    try:
        event = msgspec.json.decode(payload, type=_Event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise EventMalformed("it is no event") from None
    if not _EVENT_ID.fullmatch(event.id):
        raise EventMalformed("its id is not one")
    if event.type not in PAYING:
        return PaymentEvent(event.id, event.type[:64], pays=False)
    try:
        session = msgspec.convert(event.data.get("object"), type=_Session)
    except msgspec.ValidationError:
        raise EventMalformed("its object is no checkout session") from None
    if session.payment_status != PAID:
        return PaymentEvent(event.id, event.type, pays=False)
    if session.amount_total is None or not session.currency:
        raise EventMalformed("it says paid and not how much")
    return PaymentEvent(
        event_id=event.id,
        kind=event.type,
        pays=True,
        reference=session.client_reference_id or "",
        minor=session.amount_total,
        currency=session.currency.upper(),
        payment=(session.payment_intent or "")[:128],
    )


def is_payment_of(event: PaymentEvent, top_up: TopUp) -> None:
    """Raise PaymentMismatch unless the event pays exactly what the top-up is of."""
    paid = Money(event.minor, event.currency)
    if paid != top_up.amount:
        wanted = top_up.amount
        raise PaymentMismatch(top_up.top_up_id, f"{paid.plain()} {paid.currency}", f"{wanted.plain()} {wanted.currency}")


def _mac(payload: bytes, secret: str, stamp: str) -> str:
    return hmac.new(secret.encode(), stamp.encode() + b"." + payload, hashlib.sha256).hexdigest()
