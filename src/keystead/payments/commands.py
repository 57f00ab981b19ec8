"""What is done with payments: top-ups are started, events are taken."""

from __future__ import annotations

from datetime import datetime

import msgspec

from keystead import ids
from keystead.access.rows import lock_account
from keystead.ledger import commands as ledger
from keystead.ledger import rules as ledger_rules
from keystead.ledger.model import Finding
from keystead.money import Money
from keystead.notices import commands as notices
from keystead.notices.model import NoticeKind, Telling
from keystead.payments import rows, rules
from keystead.payments.faults import TopUpNotFound
from keystead.payments.model import Outcome, PaymentEvent, TopUp
from keystead.store import Transaction
from keystead.store.events import record_event


def start(tx: Transaction, now: datetime, account_id: str, amount: Money, provider: str) -> TopUp:
    """Start a top-up, which a provider is to be paid for; nothing is credited yet. CreditInvalid for an amount not above zero."""
    ledger_rules.creditable(amount, ledger.CURRENCY)
    started = TopUp(ids.top_up_id(), account_id, amount, provider, now)
    rows.add(tx, started)
    return started


def take(tx: Transaction, now: datetime, provider: str, event: PaymentEvent) -> Outcome:
    """Take a provider's event: credit the top-up that it pays. Taken before, it changes nothing.

    TopUpNotFound if none of the reference was started with this provider, PaymentMismatch if another amount or currency was paid:
    nothing is kept then, and the provider's next try is judged anew. Takes the account's row lock itself.
    """
    if rows.is_taken(tx, provider, event.event_id):
        return Outcome.REPEATED
    if not event.pays:
        rows.add_event(tx, provider, event, now)
        return Outcome.IGNORED
    account_id = of_id(tx, event.reference, provider).account_id
    lock_account(tx, account_id)
    top_up = of_id(tx, event.reference, provider)  # as it is under the lock: two deliveries may have raced for it
    rules.is_payment_of(event, top_up)
    if top_up.paid:
        if not rows.is_taken(tx, provider, event.event_id):
            rows.add_event(tx, provider, event, now)
        return Outcome.REPEATED
    memo = f"paid through {provider}"
    entry = ledger.pay_in(tx, now, account_id, top_up.amount, f"{provider}:{top_up.top_up_id}", memo)
    rows.add_event(tx, provider, event, now, msgspec.structs.replace(top_up, transaction=entry.number))
    record_event(tx, "top_up_paid", top_up.top_up_id, account_id, now, amount=top_up.amount.plain(), provider=provider)
    available = ledger.available(tx, account_id)
    facts = {
        "top_up": top_up.top_up_id,
        "received": f"{top_up.amount.plain()} {top_up.amount.currency}",
        "transaction": entry.number,
        "available": f"{available.plain()} {available.currency}",
    }
    notices.tell(tx, now, Telling(NoticeKind.TOP_UP_RECEIVED, account_id, f"top-up/{top_up.top_up_id}", "", facts))
    return Outcome.CREDITED


def of_id(tx: Transaction, top_up_id: str, provider: str) -> TopUp:
    """Give a top-up started with this provider; TopUpNotFound if there is none."""
    found = rows.of_id(tx, top_up_id)
    if found is None or found.provider != provider:
        raise TopUpNotFound(top_up_id)
    return found


def of_account(tx: Transaction, account_id: str) -> list[TopUp]:
    """Give an account's top-ups, newest first."""
    return rows.of_account(tx, account_id)


def audit(tx: Transaction) -> list[Finding]:
    """Prove from the rows alone that every payment of the ledger is that of one paid top-up, and the other way round."""
    entries = {entry.number: entry for entry in ledger.payments(tx)}
    findings = []
    for top_up in rows.paid(tx):
        entry = entries.pop(top_up.transaction, None)
        if entry is None or (entry.account_id, entry.amount) != (top_up.account_id, top_up.amount):
            findings.append(Finding(top_up.top_up_id, "it was paid, and the ledger says otherwise"))
    findings.extend(Finding(number, "it is a payment and no top-up was paid by it") for number in sorted(entries))
    return findings
