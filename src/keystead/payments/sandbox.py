"""A payment provider for use without one: it "pays" when told, by delivering a signed event to the same webhook."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from keystead.clock import to_ms
from keystead.payments import rules
from keystead.payments.model import TopUp
from keystead.payments.port import CheckoutProvider

NAME: Final = "sandbox"
Post = Callable[[bytes, str], int]
"""Delivers a payload with its signature header to the webhook; gives the HTTP status."""


class Sandbox(CheckoutProvider):
    """Reads events as the real adapter does, and makes them, too."""

    def __init__(self, secret: str, tolerance: timedelta) -> None:
        """Sign with `secret`."""
        super().__init__(NAME, (secret,), "", tolerance)
        self._secret = secret

    def event_for(self, top_up: TopUp, wall: datetime) -> tuple[bytes, str]:
        """Give the event that says a top-up was paid, and its signature header. Paying twice makes the same event twice."""
        seconds = to_ms(wall) // 1000
        session = {
            "id": f"cs_{top_up.top_up_id}",
            "object": "checkout.session",
            "amount_total": top_up.amount.minor,
            "client_reference_id": top_up.top_up_id,
            "currency": top_up.amount.currency.lower(),
            "payment_intent": f"pi_{top_up.top_up_id}",
            "payment_status": rules.PAID,
        }
        event = {
            "id": f"evt_{top_up.top_up_id}",
            "object": "event",
            "created": seconds,
            "type": "checkout.session.completed",
            "data": {"object": session},
        }
        payload = msgspec.json.encode(event)
        return payload, rules.signature_of(payload, self._secret, seconds)

    def pay(self, top_up: TopUp, wall: datetime, post: Post) -> int:
        """Pay a top-up: deliver its event; gives the webhook's HTTP status."""
        return post(*self.event_for(top_up, wall))
