"""The port to a payment provider, and the adapter of providers whose webhooks have Stripe's shape."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from urllib.parse import urlencode

from keystead.payments import rules
from keystead.payments.model import PaymentEvent, TopUp

SIGNATURE_HEADER: Final = "stripe-signature"


class Provider(Protocol):
    """Who takes customers' money and tells of it."""

    @property
    def name(self) -> str:
        """What top-ups and events are kept under."""
        ...

    def read(self, payload: bytes, signature: str, wall: datetime) -> PaymentEvent:
        """Read an event as delivered at `wall` with this signature header; SignatureInvalid or EventMalformed."""
        ...

    def page_of(self, top_up: TopUp) -> str:
        """Give the address where the customer pays; empty if there is none."""
        ...


class CheckoutProvider:
    """A provider with hosted payment pages and signed webhooks, as Stripe's payment links and checkout sessions are.

    It is never called from here: a payment link takes the top-up's id as `client_reference_id` and hands it back in the event.
    """

    def __init__(self, name: str, secrets: Sequence[str], link: str, tolerance: timedelta) -> None:
        """Know the webhook's secrets, the newest and those still good."""
        self.name = name
        self._secrets = tuple(secrets)
        self._link = link
        self._tolerance = tolerance

    def __repr__(self) -> str:
        """Tell no secret."""
        return f"{type(self).__name__}({self.name!r})"

    def read(self, payload: bytes, signature: str, wall: datetime) -> PaymentEvent:
        """Prove the signature, then read the event."""
        rules.signed(payload, signature, self._secrets, wall, self._tolerance)
        return rules.event_of(payload)

    def page_of(self, top_up: TopUp) -> str:
        """Give the payment link with the top-up's id."""
        if not self._link:
            return ""
        return f"{self._link}{'&' if '?' in self._link else '?'}{urlencode({'client_reference_id': top_up.top_up_id})}"
