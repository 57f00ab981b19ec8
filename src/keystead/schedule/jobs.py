"""The table of work: which command does a kind of job, and what is tidied up now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from keystead.access_points.commands import REMIND_CLIENT_KEY_JOB
from keystead.clock import Instant, to_ms
from keystead.coupons import commands as coupons
from keystead.entitlements.model import Standing
from keystead.gate.call import Service
from keystead.gate.signature import SKEW
from keystead.instances import commands as instances
from keystead.instances import sharing
from keystead.key_use import commands as key_use
from keystead.keyring import imports, lifecycle
from keystead.ledger import commands as ledger
from keystead.notices import commands as notices
from keystead.notices.model import Desk
from keystead.orders import commands as orders
from keystead.orders import renewals
from keystead.quotas import commands as quotas
from keystead.quotas.faults import KeyQuotaExceeded
from keystead.store import Transaction, outbox
from keystead.store.claims import forget_nonces
from keystead.usage import commands as usage
from keystead.usage.watch import watch

Handler = Callable[[Transaction, datetime, str], None]
"""Does a job on its subject in the transaction it is given, which holds the account's lock; `now` is business time, not before
the job's due. It reads the facts anew, does nothing if they no longer ask for it, and records the events itself."""

SENT_KEPT: Final = timedelta(days=30)

HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        instances.CONNECT_JOB: instances.finish_connecting,
        instances.EXPIRE_JOB: instances.expire,
        instances.RELEASE_JOB: instances.release,
        lifecycle.DELETE_JOB: lifecycle.delete_key,
        lifecycle.DESTROY_JOB: lifecycle.destroy_key,
        lifecycle.RESUME_JOB: lifecycle.resume_rotations,
        imports.EXPIRE_JOB: imports.expire_material,
        instances.TELL_STOPPED_JOB: notices.tell_stopped,
        instances.TELL_RELEASED_JOB: notices.tell_released,
        instances.TELL_SHARER_RELEASED_JOB: notices.tell_sharer_released,
        key_use.IN_USE_JOB: notices.warn_of_deletion,
        REMIND_CLIENT_KEY_JOB: notices.remind_of_client_key,
        coupons.EXPIRE_JOB: coupons.expire,
        orders.LAPSE_JOB: orders.lapse,
    }
)


def _rotate_key(service: Service, tx: Transaction, now: datetime, key_id: str) -> None:
    """Add a version to a key if it is time to; nothing in an expired instance. A full quota is told, and tried again."""
    key = lifecycle.due_for_rotation(tx, now, key_id)
    if key is None:
        return
    owner = instances.known(tx, key.place.instance_id, now)
    if owner is None or owner.standing is not Standing.ACTIVE:
        return  # a renewal asks for it again
    sharing.hold_owner(tx, key.place.account_id, key.place.instance_id)
    try:
        quotas.require_key_room(tx, key.place.instance_id, now)
    except KeyQuotaExceeded as full:
        lifecycle.postpone_rotation(tx, now, key, full.sentence)
    else:
        lifecycle.rotate(tx, service.keystore, now, key)


def _renew_automatically(service: Service, tx: Transaction, now: datetime, instance_id: str) -> None:
    """Renew an instance that wishes it, if its end is near and nobody has renewed it; a failure is told and tried again."""
    renewals.renew_automatically(tx, service.catalogue, now, instance_id)


def _plan_reminders(service: Service, tx: Transaction, now: datetime, instance_id: str) -> None:
    """Ask for the reminders of an instance's end as it stands now; one that has passed is due at once."""
    notices.plan_reminders(tx, service.catalogue.policies, now, instance_id)


def _remind_of_expiry(service: Service, tx: Transaction, now: datetime, instance_id: str) -> None:
    """Remind of an instance's end, once for each of the days before it; nothing if it was renewed or a nearer one was due."""
    notices.remind_of_expiry(tx, service.catalogue.policies, now, instance_id)


def _check_balance(service: Service, tx: Transaction, now: datetime, number: str) -> None:
    """Look at a balance that a ledger transaction has changed: warn if it has come to be low, end the warnings if it is not."""
    notices.check_balance(tx, service.catalogue.policies, now, number)


def _remind_of_balance(service: Service, tx: Transaction, now: datetime, account_id: str) -> None:
    """Warn again of a balance that has been low for whole days; nothing if it no longer is."""
    notices.remind_of_balance(tx, service.catalogue.policies, now, account_id)


def _warn_of_worn_key(service: Service, tx: Transaction, now: datetime, version_id: str) -> None:
    """Tell that a key version has encrypted as often as the settings say its owner is to know of, or as often as it may."""
    notices.tell_worn(tx, now, version_id, service.settings.encryptions_warned)


def _compose(service: Service, tx: Transaction, now: datetime, message_id: str) -> None:
    """Give a message its words, and write the letter that carries it if the account has an address and there is a server."""
    settings = service.settings
    console = settings.console_url or f"http://{settings.console_listen}"
    notices.compose(tx, Desk(service.catalogue, console), now, message_id)


SERVED_HANDLERS: Final[Mapping[str, Callable[[Service, Transaction, datetime, str], None]]] = MappingProxyType(
    {
        orders.RENEW_JOB: _renew_automatically,
        instances.PLAN_REMINDERS_JOB: _plan_reminders,
        notices.REMIND_JOB: _remind_of_expiry,
        ledger.BALANCE_JOB: _check_balance,
        notices.REMIND_BALANCE_JOB: _remind_of_balance,
        notices.COMPOSE_JOB: _compose,
        lifecycle.ROTATE_JOB: _rotate_key,
        key_use.WORN_JOB: _warn_of_worn_key,
    }
)
"""Handlers that need more of the deployment than the transaction: the catalogue, the settings."""


def handlers_of(service: Service) -> Mapping[str, Handler]:
    """Give every handler, with what it needs of the deployment."""
    return {**HANDLERS, **{kind: partial(handler, service) for kind, handler in SERVED_HANDLERS.items()}}


class Chore(NamedTuple):
    """Something to tidy up every so often, by any scheduler of the deployment; doing it twice does no harm."""

    name: str
    every: timedelta
    do: Callable[[Service, Instant], None]


def _forget_nonces(service: Service, instant: Instant) -> None:
    """A request dated SKEW ahead is accepted until 2 SKEW after it came: by then its date alone refuses it."""
    with service.store.write() as tx:
        forget_nonces(tx, to_ms(instant.wall - 2 * SKEW))


def _forget_letters(service: Service, instant: Instant) -> None:
    """What a letter said stays in the message centre; that it went is worth knowing for a while."""
    with service.store.write() as tx:
        outbox.forget_sent(tx, instant.wall - SENT_KEPT)


def _take_usage(service: Service, instant: Instant) -> None:
    usage.take(service.store, instant.now)


def _count_calls(service: Service, instant: Instant) -> None:
    usage.count(service.store, service.journal.path.parent, instant, service.settings.encryptions_warned)


def _watch_usage(service: Service, instant: Instant) -> None:
    watch(service.store, instant)


CHORES: Final = (
    Chore("forget_nonces", timedelta(minutes=1), _forget_nonces),
    Chore("forget_letters", timedelta(hours=1), _forget_letters),
    Chore("count_calls", timedelta(minutes=1), _count_calls),
    Chore("watch_usage", timedelta(minutes=1), _watch_usage),
    Chore("take_usage", timedelta(hours=1), _take_usage),
)
