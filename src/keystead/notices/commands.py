"""What is done with notices: told, planned, composed, listed, read.

The writing verbs expect the account's row lock to be held (`access.rows.lock_account`); the scheduler holds it too. `tell` only
notes what is to be said; a job of its own composes it, so that no wording can undo what it is about.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from keystead import ids
from keystead.access import rows as access_rows
from keystead.access_points import commands as access_points
from keystead.catalog import rules as catalog
from keystead.catalog.model import Catalogue, Configuration, Edition, Policies
from keystead.clock import iso_z, to_ms
from keystead.entitlements.model import Standing
from keystead.faults import Fault
from keystead.instances import commands as instances
from keystead.instances.model import Owned, RenewalStatus
from keystead.key_use import commands as key_use
from keystead.key_use import rules as use_rules
from keystead.key_use.model import BOUND
from keystead.keyring import commands as keyring
from keystead.ledger import commands as ledger
from keystead.money import Money
from keystead.networks import commands as networks
from keystead.notices import rows, rules
from keystead.notices.faults import MessageNotFound
from keystead.notices.model import Alert, Desk, Message, NoticeKind, ShownInstance, Telling
from keystead.notices.writing import written
from keystead.pricing import rules as pricing
from keystead.pricing.model import OrderKind
from keystead.store import Transaction, outbox
from keystead.store.events import record_event
from keystead.store.jobs import enqueue

COMPOSE_JOB: Final = "compose_message"
REMIND_JOB: Final = "remind_of_expiry"
REMIND_BALANCE_JOB: Final = "remind_of_balance"


def tell(tx: Transaction, now: datetime, telling: Telling) -> bool:
    """Tell an account something, once an occasion: the message is composed and mailed by a job due now. False if it was told."""
    if rows.told(tx, telling.account_id, telling.occasion):
        return False
    message_id = ids.message_id()
    rows.add(tx, message_id, telling, now)
    enqueue(tx, COMPOSE_JOB, message_id, telling.account_id, now)
    return True


def tell_auto_renewal_failed(tx: Transaction, now: datetime, owned: Owned, reason: str, next_try: datetime | None) -> bool:
    """Tell that an attempt at automatic renewal failed at `now`; `reason` is a sentence, `next_try` None if it was the last."""
    facts = {"reason": reason, "next_try": iso_z(next_try) if next_try else "", **_end_of(owned)}
    occasion = f"auto-renewal-failed/{owned.instance.instance_id}/{to_ms(owned.ends_at)}/{to_ms(now)}"
    return _tell_of(tx, now, NoticeKind.AUTO_RENEWAL_FAILED, owned, occasion, facts)


def plan_reminders(tx: Transaction, policies: Policies, now: datetime, instance_id: str) -> None:
    """Ask for the reminders of an instance's end as it stands now; one that has passed is due at once."""
    owned = instances.known(tx, instance_id, now)
    if owned is None:
        return
    for due in rules.reminders_to_plan(owned, policies):
        enqueue(tx, REMIND_JOB, instance_id, owned.instance.account_id, due)


def remind_of_expiry(tx: Transaction, policies: Policies, now: datetime, instance_id: str) -> None:
    """Remind of an instance's end, once for each of the days before it; nothing if it was renewed or a nearer one was due."""
    owned = instances.known(tx, instance_id, now)
    days = None if owned is None else rules.reminder_to_send(owned, policies, now)
    if owned is None or days is None:
        return
    occasion = rules.expiry_occasion(owned, days)
    facts = {"renewal": owned.instance.renewal.status.value, **_end_of(owned)}
    if _tell_of(tx, now, NoticeKind.EXPIRING, owned, occasion, facts):
        _tell_sharers(tx, now, owned, occasion, _end_of(owned))
        detail = {"days": str(days), "ends_at": iso_z(owned.ends_at)}
        record_event(tx, "expiry_reminded", instance_id, owned.instance.account_id, now, **detail)


def tell_stopped(tx: Transaction, now: datetime, instance_id: str) -> None:
    """Tell that an instance has expired; nothing if it is served again, or gone, by now."""
    owned = instances.known(tx, instance_id, now)
    if owned is not None and owned.standing is Standing.EXPIRED:
        facts = {"stopped_at": iso_z(owned.ends_at), "releases_at": iso_z(owned.releases_at)}
        occasion = f"stopped/{instance_id}/{to_ms(owned.ends_at)}"
        _tell_of(tx, now, NoticeKind.STOPPED, owned, occasion, facts)
        _tell_sharers(tx, now, owned, occasion, facts)


def tell_released(tx: Transaction, now: datetime, instance_id: str) -> None:
    """Tell that an instance is released and its keys are destroyed."""
    owned = instances.known(tx, instance_id, now)
    if owned is not None and owned.instance.released_at is not None:
        facts = {"released_at": iso_z(owned.instance.released_at)}
        _tell_of(tx, now, NoticeKind.RELEASED, owned, f"released/{instance_id}", facts)


def tell_sharer_released(tx: Transaction, now: datetime, shared: str) -> None:
    """Tell an account that an instance that it shared is released or was given back; `shared` is `<instance>/<account>`."""
    instance_id, _, account_id = shared.partition("/")
    owned = instances.known(tx, instance_id, now)
    if owned is not None and owned.instance.released_at is not None:
        facts = {"owner": owned.instance.account_id, "released_at": iso_z(owned.instance.released_at)}
        tell(tx, now, Telling(NoticeKind.SHARED_INSTANCE, account_id, f"released/{instance_id}", instance_id, facts))


def tell_worn(tx: Transaction, now: datetime, version_id: str, warned_at: int) -> None:
    """Tell that a key version has come to where its owner is warned, or to the bound; once each, nothing if the key is gone."""
    wear = key_use.wear(tx, version_id)
    key = None if wear is None else keyring.known(tx, wear.version.key_id)
    if wear is None or key is None:
        return
    mark = use_rules.passed(wear.sealed, warned_at)
    facts = {
        "key_id": key.key_id,
        "version_id": version_id,
        "sealed": str(wear.sealed),
        "bound": str(BOUND),
        "reached": "yes" if mark >= BOUND else "",
    }
    occasion = f"key-worn/{version_id}/{mark}"
    if mark and tell(tx, now, Telling(NoticeKind.KEY_WORN, key.place.account_id, occasion, key.place.instance_id, facts)):
        detail = {"version_id": version_id, "encryptions": str(wear.sealed), "bound": str(BOUND)}
        record_event(tx, "key_version_worn", key.key_id, key.place.account_id, now, **detail)


def warn_of_deletion(tx: Transaction, now: datetime, key_id: str) -> None:
    """Warn that a key is to be deleted that was used in the last seven days, by what is counted; once a deletion."""
    key = keyring.known(tx, key_id)
    if key is None or key.delete_at is None:
        return
    recent = use_rules.in_use(key_use.uses(tx, key_id), now)
    if not recent:
        return
    last = recent[0]
    facts = {
        "key_id": key_id,
        "delete_at": iso_z(key.delete_at),
        "last_used_at": iso_z(last.last_at),
        "operations": ", ".join(sorted({used.use.operation for used in recent})),
    }
    occasion = f"key-in-use/{key_id}/{to_ms(key.delete_at)}"
    if tell(tx, now, Telling(NoticeKind.KEY_IN_USE, key.place.account_id, occasion, key.place.instance_id, facts)):
        detail = {name: facts[name] for name in ("delete_at", "last_used_at", "operations")}
        record_event(tx, "key_deletion_of_used_key", key_id, key.place.account_id, now, **detail)


def remind_of_client_key(tx: Transaction, now: datetime, client_key_id: str) -> None:
    """Remind of a client key's end, once for each of the days before it; nothing if it was deleted or a nearer one was due."""
    ending = access_points.ending_client_key(tx, now, client_key_id)
    if ending is None:
        return
    key, days = ending
    account_id = key.holder.account_id
    facts = {"client_key_id": client_key_id, "access_point": key.access_point, "expires_at": iso_z(key.not_after)}
    occasion = f"client-key-expiring/{client_key_id}/{days}"
    if tell(tx, now, Telling(NoticeKind.CLIENT_KEY_EXPIRING, account_id, occasion, "", facts)):
        record_event(tx, "client_key_expiring", client_key_id, account_id, now, days=str(days), expires_at=iso_z(key.not_after))


def set_alert(tx: Transaction, account_id: str, threshold: Money) -> None:
    """Have an account warned when its balance falls below `threshold`, from the next change on; zero has it warned no more.

    A balance that is below already stays unmentioned until it changes (billing docs, low-balance alert, read 2026-11-22).
    """
    rows.replace_alert(tx, account_id, threshold if threshold.minor > 0 else None, ledger.changes(tx, account_id))


def check_balance(tx: Transaction, policies: Policies, now: datetime, transaction_number: str) -> None:
    """Look at a balance that a ledger transaction has changed: warn if it has come to be low, end the warnings if it is not."""
    account_id = ledger.account_of(tx, transaction_number)
    alert = rows.alert_of(tx, account_id)
    turn = rules.turn_of(alert, ledger.changes(tx, account_id), ledger.available(tx, account_id))
    if turn is rules.Turn.ROSE:
        rows.set_low_since(tx, account_id, None)
    if turn is rules.Turn.FELL:
        rows.set_low_since(tx, account_id, now)
        _warn(tx, policies, now, account_id, now)


def remind_of_balance(tx: Transaction, policies: Policies, now: datetime, account_id: str) -> None:
    """Warn again of a balance that has been low for whole days; nothing if it no longer is."""
    alert = rows.alert_of(tx, account_id)
    again = rules.warned_again(alert, ledger.available(tx, account_id), now, policies)
    if again and alert is not None and alert.low_since is not None:
        _warn(tx, policies, now, account_id, alert.low_since)


def compose(tx: Transaction, desk: Desk, now: datetime, message_id: str) -> None:
    """Give a message its words, and write the letter that carries it if the account has an address and there is a server."""
    message = rows.of_id(tx, message_id)
    if message is None or message.composed:
        return
    telling = message.telling
    owned = instances.known(tx, telling.instance_id, now) if telling.instance_id else None
    words = written(message, None if owned is None else _shown(desk.catalogue, now, owned), desk.console)
    rows.set_words(tx, message_id, words, now)
    account = access_rows.account_of(tx, telling.account_id)
    if account is not None and account.email and outbox.is_mailing(tx):
        letter = outbox.Letter(message_id, account.account_id, account.email, words.subject, words.text, words.html)
        outbox.put(tx, letter)


def messages(tx: Transaction, account_id: str, limit: int = 50, offset: int = 0) -> list[Message]:
    """Give an account's messages, newest first."""
    return rows.listing(tx, account_id, limit, offset)


def occasions(tx: Transaction, account_id: str) -> frozenset[str]:
    """Give all that an account was ever told of: none of it will be told again."""
    return rows.occasions(tx, account_id)


def alert_of(tx: Transaction, account_id: str) -> Alert | None:
    """Give an account's low-balance alert; None if it set none."""
    return rows.alert_of(tx, account_id)


def unread_count(tx: Transaction, account_id: str) -> int:
    """Count the messages that an account has not read."""
    return rows.unread_count(tx, account_id)


def read(tx: Transaction, now: datetime, account_id: str, message_id: str) -> Message:
    """Give an account's message and mark it as read; MessageNotFound if the account has none of this id."""
    if rows.of_account(tx, account_id, message_id) is None:
        raise MessageNotFound(message_id)
    rows.set_read(tx, message_id, now)
    found = rows.of_account(tx, account_id, message_id)
    assert found is not None  # noqa: S101 - it was there a statement ago, under the account's lock
    return found


def _tell_of(tx: Transaction, now: datetime, kind: NoticeKind, owned: Owned, occasion: str, facts: dict[str, str]) -> bool:
    instance = owned.instance
    return tell(tx, now, Telling(kind, instance.account_id, occasion, instance.instance_id, facts))


def _tell_sharers(tx: Transaction, now: datetime, owned: Owned, occasion: str, facts: dict[str, str]) -> None:
    """Tell the accounts that share an instance of its end, when its owner is told: without holding locks of theirs."""
    instance = owned.instance
    for share in networks.sharing_of(tx, instance.instance_id).shares:
        told = {"owner": instance.account_id, **facts}
        tell(tx, now, Telling(NoticeKind.SHARED_INSTANCE, share.account_id, occasion, instance.instance_id, told))


def _end_of(owned: Owned) -> dict[str, str]:
    return {"ends_at": iso_z(owned.ends_at), "releases_at": iso_z(owned.releases_at)}


def _warn(tx: Transaction, policies: Policies, now: datetime, account_id: str, low_since: datetime) -> None:
    """Warn of a low balance and ask for the next day's warning: the first one still to come, should some have been missed."""
    alert = rows.alert_of(tx, account_id)
    if alert is None:
        return
    day = rules.low_days(low_since, now)
    credit = ledger.available(tx, account_id)
    facts = {
        "available": f"{credit.plain()} {credit.currency}",
        "threshold": f"{alert.threshold.plain()} {alert.threshold.currency}",
        "days_more": str(policies.low_balance_reminders - day),
    }
    if tell(tx, now, Telling(NoticeKind.BALANCE_LOW, account_id, rules.balance_occasion(low_since, day), "", facts)):
        record_event(tx, "balance_low", account_id, account_id, now, balance=credit.plain(), threshold=alert.threshold.plain())
    due = rules.next_warning(low_since, now, policies)
    if due is not None:
        enqueue(tx, REMIND_BALANCE_JOB, account_id, account_id, due)


def _shown(catalogue: Catalogue, now: datetime, owned: Owned) -> ShownInstance:
    instance = owned.instance
    price_list = catalog.price_list_at(catalogue, now)
    titles = {offer.edition.value: offer.title for offer in price_list.offers}
    names = {region.id: region.name for region in catalogue.regions}
    months = instance.renewal.months or 1
    wishes = {
        RenewalStatus.AUTO: f"renewed automatically, {months} month(s) at a time",
        RenewalStatus.MANUAL: "stops unless you renew it",
        RenewalStatus.NONE: "stops: not to be renewed",
    }
    return ShownInstance(
        instance_id=instance.instance_id,
        name=instance.name,
        product=titles.get(instance.edition, catalogue.product.name),
        region=f"{instance.region} ({names[instance.region]})" if instance.region in names else instance.region,
        renewal=wishes[instance.renewal.status],
        renew_months=months,
        price="" if owned.standing is Standing.RELEASED else _price(catalogue, now, owned, months),
    )


def _price(catalogue: Catalogue, now: datetime, owned: Owned, months: int) -> str:
    """Write what a renewal costs by the list of `now`; empty if that no longer sells the configuration."""
    try:
        configuration = Configuration(
            edition=Edition(owned.instance.edition), region=owned.instance.region, **msgspec.structs.asdict(owned.figures)
        )
        quote = pricing.quote(catalog.price_list_at(catalogue, now), configuration, months, OrderKind.RENEWAL)
    except Fault:
        return ""
    return f"{quote.payable.plain()} {quote.payable.currency} for {months} month(s), by today's list {quote.price_list_id}"
