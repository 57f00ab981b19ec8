"""A plan against what then happens: simulate, move the clock through the real scheduler, compare instants, kinds and cents.

Every example is a world of its own, so that a failing one is found again and made smaller.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keystead.access.rows import lock_account
from keystead.clock import iso_z
from keystead.instances.model import Renewal, RenewalStatus
from keystead.keyring import commands as keyring
from keystead.keyring.model import Place
from keystead.keyring.rules import shape_of
from keystead.ledger import commands as ledger
from keystead.ledger.faults import BalanceTooLow
from keystead.ledger.model import EntryKind
from keystead.money import Money
from keystead.notices import commands as notices
from keystead.orders import commands as orders
from keystead.orders.model import Renewing
from keystead.plan import commands as plan
from keystead.plan import rules
from keystead.plan.model import Kind, Timeline, Use, Wish
from keystead.schedule.jobs import HANDLERS, SERVED_HANDLERS
from keystead.store.events import Event
from tests.conftest import DATABASES
from tests.world import Tenant, World

NO_GROWTH = Use()
Happened = list[tuple[str, str, str, str]]


@dataclass(frozen=True)
class Bought:
    """An instance of an example, and what is done to it before the plan is made."""

    modules: dict[str, int]
    months: int
    status: str
    period: int
    connect: bool
    more: str
    wait_hours: int


@dataclass(frozen=True)
class Life:
    """An example: where it starts, what there is, how far one looks."""

    start: datetime
    cents: int
    alert_cents: int
    bought: list[Bought]
    seconds: int


modules = st.fixed_dictionaries(
    {},
    optional={
        "Spec": st.sampled_from([1000, 2000, 4000]),
        "KeyNum": st.integers(0, 60).map(lambda steps: 1000 + 10 * steps),
        "SecretNum": st.integers(0, 9).map(lambda steps: 100 * steps),
        "VpcNum": st.integers(1, 5),
    },
)
lives = st.builds(
    Life,
    start=st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC)),
    cents=st.integers(0, 3_000_000),
    alert_cents=st.one_of(st.just(0), st.integers(1, 600_000)),
    bought=st.lists(
        st.builds(
            Bought,
            modules=modules,
            months=st.sampled_from([1, 1, 2, 3, 9, 12]),
            status=st.sampled_from(["AutoRenewal", "AutoRenewal", "ManualRenewal", "NotRenewal"]),
            period=st.sampled_from([1, 1, 2, 3, 6, 12]),
            connect=st.booleans(),
            more=st.sampled_from(["", "", "renew", "reduce", "upgrade", "unpaid"]),
            wait_hours=st.integers(0, 24 * 25),
        ),
        min_size=1,
        max_size=3,
    ),
    seconds=st.integers(0, 500 * 24 * 3600),
)


@pytest.fixture
def worlds(request: pytest.FixtureRequest) -> Callable[[datetime], AbstractContextManager[World]]:
    """Worlds on databases of their own, each at an instant."""

    @contextmanager
    def made(start: datetime) -> Iterator[World]:
        with request.config.stash[DATABASES].fresh("sqlite") as url, tempfile.TemporaryDirectory() as folder:
            world = World(url, Path(folder), iso_z(start))
            try:
                yield world
            finally:
                world.close()

    return made


def live_until_now(world: World, life: Life) -> Tenant:
    """Do what the example did; what the balance does not reach is not done."""
    tenant = world.tenant(balance="0")
    with world.service.store.write() as tx:
        lock_account(tx, tenant.account_id)
        ledger.credit(tx, world.now, tenant.account_id, Money(life.cents + 200_000, "USD"), "opening")
        if life.alert_cents:
            notices.set_alert(tx, tenant.account_id, Money(life.alert_cents, "USD"))
    for each in life.bought:
        flat: dict[str, object] = {"ProductCode": "kms", "ProductType": "kms_ddi_public_intl", "SubscriptionType": "Subscription"}
        codes = {"Region": "ap-southeast-1", "ProductVersion": "3"} | {code: str(value) for code, value in each.modules.items()}
        for number, (code, value) in enumerate(codes.items(), 1):
            flat |= {f"Parameter.{number}.Code": code, f"Parameter.{number}.Value": value}
        reply = tenant.bss("CreateInstance", Period=each.months, **{key.replace(".", "__"): value for key, value in flat.items()})
        if reply.body["Success"]:
            change(tenant, str(reply.body["Data"]["InstanceId"]), each)
        world.advance(hours=each.wait_hours)
    return tenant


def change(tenant: Tenant, instance_id: str, each: Bought) -> None:
    """Set the wish for the end, and do one thing more."""
    wish = {"RenewalPeriod": each.period, "RenewalPeriodUnit": "M"} if each.status == "AutoRenewal" else {}
    reply = tenant.bss("SetRenewal", InstanceIDs=instance_id, ProductCode="kms", RenewalStatus=each.status, **wish)
    assert reply.body["Success"], reply.body
    if each.connect:
        tenant.connect(instance_id)
    if each.more in {"renew", "reduce"}:
        with tenant.world.service.store.write() as tx:
            lock_account(tx, tenant.account_id)
            changed = (("SecretNum", "0"), ("Spec", "1000")) if each.more == "reduce" else ()
            asked = Renewing(tenant.account_id, "", instance_id, 1, changed)
            if ledger.balance(tx, tenant.account_id).minor >= 1_000_000:
                orders.renew(tx, tenant.world.service.catalogue, tenant.world.now, asked)
    if each.more == "upgrade":
        changed_code = {"Parameter__1__Code": "VpcNum", "Parameter__1__Value": "9"}
        tenant.bss("ModifyInstance", ProductCode="kms", InstanceId=instance_id, ModifyType="Upgrade", **changed_code)
    if each.more == "unpaid":
        with tenant.world.service.store.write() as tx:
            lock_account(tx, tenant.account_id)
            asked = Renewing(tenant.account_id, "", instance_id, 1)
            orders.place(tx, tenant.world.service.catalogue, tenant.world.now, asked)


def planned(timeline: Timeline) -> Happened:
    """What the plan says, as comparable rows."""
    return [
        (iso_z(each.at), each.kind.value, each.subject, _detail(each.kind.value, each.detail)) for each in timeline.happenings
    ]


def happened(events: list[Event], tenant: Tenant) -> Happened:
    """What happened, as the same rows. A renewal's two events say one thing."""
    rows = [
        (iso_z(event.at), event.kind, event.subject, _detail(event.kind, event.detail))
        for event in events
        if event.account_id == tenant.account_id
    ]
    return [row for row in rows if row[1] != "instance_renewed"]


def _detail(kind: str, detail: dict[str, str]) -> str:
    said = {
        Kind.REMINDED: ("days", "ends_at"),
        Kind.RENEWAL_FAILED: ("reason", "next_attempt", "ends_at"),
        Kind.EXPIRED: ("kept_until",),
        Kind.BALANCE_LOW: ("balance",),
    }.get(Kind(kind), ())
    return " ".join(detail[name] for name in said)


def movements(tenant: Tenant, since: int) -> list[tuple[str, int, int]]:
    """The charges behind the first `since` changes of the balance: instant, change, balance after it."""
    with tenant.world.service.store.read() as tx:
        found = ledger.movements_between(tx, tenant.account_id, datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
    assert all(each.kind is EntryKind.CHARGE for each in found[since:])
    return [(iso_z(each.at), each.change.minor, each.balance.minor) for each in found[since:]]


def told(tenant: Tenant, since: int) -> list[tuple[str, str, str]]:
    """The messages behind the first `since`: instant, kind, instance."""
    with tenant.world.service.store.read() as tx:
        found = notices.messages(tx, tenant.account_id, 100_000)[::-1]
    return [(iso_z(each.created_at), each.telling.kind.value, each.telling.instance_id) for each in found[since:]]


def compare(tenant: Tenant, timeline: Timeline, events: list[Event], seen: tuple[int, int]) -> None:
    """Hold the plan to what happened: events, money and messages, in order."""
    assert planned(timeline) == happened(events, tenant)
    charged = [(iso_z(each.at), each.change.minor, each.balance.minor) for each in timeline.happenings if each.change.minor]
    assert charged == movements(tenant, seen[0])
    assert [(iso_z(each.at), each.kind.value, each.instance_id) for each in timeline.notices] == told(tenant, seen[1])
    assert timeline.charged == timeline.opening - timeline.closing
    with tenant.world.service.store.read() as tx:
        assert ledger.balance(tx, tenant.account_id) == timeline.closing


def check_life(worlds: Callable[[datetime], AbstractContextManager[World]], life: Life) -> Timeline:
    """Live until now, plan, live on, compare."""
    with worlds(life.start) as world:
        tenant = live_until_now(world, life)
        until = world.now + timedelta(seconds=life.seconds)
        with world.service.store.read() as tx:
            timeline = plan.of_account(tx, world.service.catalogue, world.now, tenant.account_id, (until, NO_GROWTH))
        seen = len(movements_all(tenant)), len(told(tenant, 0))
        events = world.advance(seconds=life.seconds)
        compare(tenant, timeline, events, seen)
        return timeline


def movements_all(tenant: Tenant) -> list[object]:
    """Every change of the balance so far."""
    with tenant.world.service.store.read() as tx:
        return list(ledger.history(tx, tenant.account_id))


@settings(max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=lives)
def test_a_plan_is_what_then_happens(worlds: Callable[[datetime], AbstractContextManager[World]], life: Life) -> None:
    """Any instances, wishes, balances, alerts, unpaid orders, pending and reducing renewals, up to 500 days."""
    check_life(worlds, life)
