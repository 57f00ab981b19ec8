"""Renewal without anybody asking: the wish for it, and carrying it out when it is due.

The verbs expect the account's row lock to be held (`access.rows.lock_account`); the scheduler holds it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from keystead.catalog.model import Catalogue
from keystead.clock import iso_z
from keystead.faults import Fault
from keystead.instances import commands as instances
from keystead.instances.faults import InstanceNotFound
from keystead.instances.model import Instance, Renewal, RenewalStatus
from keystead.notices import commands as notices
from keystead.orders import commands as orders
from keystead.orders import rules
from keystead.orders.model import Renewing
from keystead.store import Transaction
from keystead.store.events import record_event


def set_wish(tx: Transaction, catalogue: Catalogue, now: datetime, held: tuple[str, Sequence[str]], wish: Renewal) -> None:
    """Keep another wish for the end of some instances, all or none of them; `held` is an account and ids of its instances.

    InstanceNotFound if one is not there, InstanceStateInvalid if automatic renewal comes after an end.
    """
    account_id, instance_ids = held
    for instance_id in instance_ids:
        owned = instances.owned(tx, account_id, instance_id, now)
        wished = instances.set_renewal(tx, now, owned, wish)
        orders.schedule_renewal(tx, catalogue.policies, wished, owned.ends_at, now)


def renew_automatically(tx: Transaction, catalogue: Catalogue, now: datetime, instance_id: str) -> None:
    """Renew an instance that wishes it, if its end is near and nobody has renewed it; a failure is told and tried again.

    Renewed by hand, its end is far again and nothing is done: the cycle has its one renewal.
    """
    instance = instances.unreleased(tx, instance_id)
    if instance is None or instance.renewal.status is not RenewalStatus.AUTO or instance.renewal.months is None:
        return
    try:
        owned = instances.owned(tx, instance.account_id, instance_id, now)
    except InstanceNotFound:
        return  # its retention is over, and the job that says so is still to come
    if not rules.attempt_due(catalogue.policies.auto_renewal, owned.ends_at, now):
        orders.schedule_renewal(tx, catalogue.policies, instance, owned.ends_at, now)
        return
    try:
        order = orders.renew(tx, catalogue, now, Renewing(instance.account_id, "", instance_id, instance.renewal.months))
    except Fault as fault:  # raised before anything was written: an order is charged first
        _failed(tx, catalogue, now, instance, (owned.ends_at, fault))
        return
    record_event(
        tx, "auto_renewed", instance_id, instance.account_id, now, order_id=order.order_id, payable=order.payable.plain()
    )


def _failed(tx: Transaction, catalogue: Catalogue, now: datetime, instance: Instance, failure: tuple[datetime, Fault]) -> None:
    ends_at, fault = failure
    owned = instances.owned(tx, instance.account_id, instance.instance_id, now)
    again = rules.next_attempt(catalogue.policies.auto_renewal, ends_at, now)
    record_event(
        tx,
        "auto_renewal_failed",
        instance.instance_id,
        instance.account_id,
        now,
        reason=fault.sentence,
        ends_at=iso_z(ends_at),
        next_attempt="" if again is None else iso_z(again),
    )
    notices.tell_auto_renewal_failed(tx, now, owned, fault.sentence, again)
    orders.schedule_renewal(tx, catalogue.policies, instance, ends_at, now)
