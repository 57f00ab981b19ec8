"""Reading the facts that a plan is made of. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from keystead.access_points.commands import REMIND_CLIENT_KEY_JOB
from keystead.catalog.model import Catalogue
from keystead.coupons import commands as coupons
from keystead.coupons.model import Search
from keystead.instances import commands as instances
from keystead.key_use import commands as key_use
from keystead.keyring import imports, lifecycle
from keystead.ledger import commands as ledger
from keystead.notices import commands as notices
from keystead.orders import commands as orders
from keystead.plan import rules
from keystead.plan.model import Act, Due, Facts, Holding, Timeline, Use, Waiting
from keystead.quotas import commands as quotas
from keystead.quotas.model import Resource
from keystead.store import Transaction, jobs

ACTS: Final[Mapping[str, Act]] = MappingProxyType(
    {
        instances.CONNECT_JOB: Act.CONNECT,
        instances.EXPIRE_JOB: Act.EXPIRE,
        instances.RELEASE_JOB: Act.RELEASE,
        instances.PLAN_REMINDERS_JOB: Act.PLAN_REMINDERS,
        instances.TELL_STOPPED_JOB: Act.TELL_STOPPED,
        instances.TELL_RELEASED_JOB: Act.TELL_RELEASED,
        notices.REMIND_JOB: Act.REMIND,
        notices.REMIND_BALANCE_JOB: Act.REMIND_BALANCE,
        ledger.BALANCE_JOB: Act.CHECK_BALANCE,
        orders.LAPSE_JOB: Act.LAPSE,
        orders.RENEW_JOB: Act.RENEW,
    }
)
"""The kinds of jobs whose effects a plan shows."""
UNSEEN: Final = frozenset(
    {
        notices.COMPOSE_JOB,
        coupons.EXPIRE_JOB,
        lifecycle.DELETE_JOB,
        lifecycle.DESTROY_JOB,
        lifecycle.RESUME_JOB,
        lifecycle.ROTATE_JOB,
        imports.EXPIRE_JOB,
        REMIND_CLIENT_KEY_JOB,
        instances.TELL_SHARER_RELEASED_JOB,
        key_use.WORN_JOB,
        key_use.IN_USE_JOB,
    }
)
"""The kinds whose effects it does not: a message is told of when it is told, not when it gets its words; an expired coupon pays
for nothing, whether or not it was voided; what happens to keys costs nothing, how their number grows is asked for, and how they
are used is not planned."""


def of_account(tx: Transaction, catalogue: Catalogue, now: datetime, account_id: str, asked: tuple[datetime, Use]) -> Timeline:
    """Say what will happen to an account, which must exist, after `now`: `asked` is until when, and how its use grows."""
    until, growth = asked
    return rules.of_account(catalogue, facts_of(tx, now, account_id), until, growth)


def facts_of(tx: Transaction, now: datetime, account_id: str) -> Facts:
    """Read an account as it stands at `now`."""
    return Facts(
        account_id=account_id,
        now=now,
        balance=ledger.balance(tx, account_id),
        credit=ledger.credit_limit(tx, account_id),
        coupons=tuple(coupons.found(tx, now, account_id, Search())),
        changes=ledger.changes(tx, account_id),
        alert=notices.alert_of(tx, account_id),
        holdings=tuple(
            Holding(instance, held, _use(tx, instance.instance_id, now))
            for instance, held in instances.every_kept(tx, account_id)
        ),
        waiting=tuple(Waiting(*unpaid) for unpaid in orders.unpaid_of(tx, account_id)),
        agenda=tuple(
            Due(job.due, ACTS[job.kind], job.subject) for job in jobs.open_of_account(tx, account_id) if job.kind in ACTS
        ),
        told=notices.occasions(tx, account_id),
    )


def _use(tx: Transaction, instance_id: str, now: datetime) -> Use:
    used = {quota.resource: quota.used for quota in quotas.infos(tx, instance_id, 0, now)}
    return Use(keys=used[Resource.KEY], secrets=used[Resource.SECRET])
