"""POST /payments/webhook: an event of the payment provider. 200 once it is taken, however often it comes."""

from __future__ import annotations

import logging
from typing import Final

from keystead.clock import Instant
from keystead.faults import Fault
from keystead.gate.arrival import Arrival
from keystead.gate.call import Service
from keystead.payments import commands as payments
from keystead.payments.faults import EventMalformed, PaymentMismatch, SignatureInvalid, TopUpNotFound
from keystead.payments.port import SIGNATURE_HEADER, Provider
from keystead.store import Conflict

PATH: Final = "/payments/webhook"
STATUS: Final = {SignatureInvalid: 400, EventMalformed: 400, PaymentMismatch: 400, TopUpNotFound: 404}
AGAIN: Final = 503
ATTEMPTS_MAX: Final = 3
log = logging.getLogger("keystead.payments")


class Webhook:
    """Takes the events of one provider."""

    def __init__(self, provider: Provider) -> None:
        """Believe this provider."""
        self._provider = provider

    def __call__(self, service: Service, instant: Instant, arrival: Arrival) -> tuple[int, str]:
        """Take one delivery; gives HTTP status and a line of text. A provider tries again whatever is not 2xx."""
        if arrival.method != "POST":
            return 405, "POST it"
        try:
            event = self._provider.read(arrival.body, arrival.headers.get(SIGNATURE_HEADER, ""), instant.wall)
            for attempt in range(1, ATTEMPTS_MAX + 1):
                try:
                    with service.store.write() as tx:
                        outcome = payments.take(tx, instant.now, self._provider.name, event)
                    break
                except Conflict:
                    if attempt == ATTEMPTS_MAX:
                        return AGAIN, "try again"
        except Fault as fault:
            status = STATUS.get(type(fault), AGAIN)
            log.warning("payment event refused with %d: %s", status, fault.sentence)
            return status, fault.sentence
        log.info("payment event %s of %s: %s", event.event_id, self._provider.name, outcome.value)
        return 200, outcome.value
