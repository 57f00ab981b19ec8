"""A plan against what then happens: simulate, move the clock through the real scheduler, compare instants, kinds and cents.

Every example is a world of its own, so that a failing one is found again and made smaller.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keystead.access.rows import lock_account
from keystead.catalog.commands import load_catalogue
from keystead.clock import iso_z
from keystead.coupons import commands as coupons
from keystead.coupons.model import Grant
from keystead.instances.model import Renewal, RenewalStatus
from keystead.keyring import lifecycle
from keystead.keyring.model import Place
from keystead.keyring.rules import AskedShape, shape_of
from keystead.ledger import commands as ledger
from keystead.ledger.faults import BalanceTooLow
from keystead.ledger.model import EntryKind, Movement
from keystead.money import Money
from keystead.notices import commands as notices
from keystead.orders import commands as orders
from keystead.orders.model import Buying, Renewing
from keystead.plan import commands as plan
from keystead.plan import rules
from keystead.plan.model import Kind, Timeline, Use, Wish
from keystead.schedule.jobs import HANDLERS, SERVED_HANDLERS
from keystead.store import events
from keystead.store.events import Event
from tests.conftest import DATABASES
from tests.journeys.lives import START, Bought, Life, lives
from tests.world import Tenant, World

NO_GROWTH = Use()
SOLD_AS = {"ProductType": "kms_ddi_public_intl", "SubscriptionType": "Subscription"}
Happened = list[tuple[str, str, str, str]]


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
        if life.credit_cents:
            ledger.set_credit_limit(tx, world.now, tenant.account_id, Money(life.credit_cents, "USD"))
        for number, (cents, days) in enumerate(life.coupons):  # 0 days: it never expires
            expires_at = world.now + timedelta(days=days) if days else None
            amount = Money(cents, "USD")
            asked = Grant("", tenant.account_id, "", amount, world.now, world.now, expires_at, (), "", str(number))
            coupons.grant(tx, world.now, asked)
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
        asked_for = {"ProductCode": "kms", "InstanceId": instance_id, "ModifyType": "Upgrade", **SOLD_AS, **changed_code}
        body = tenant.bss("ModifyInstance", **asked_for).body
        assert body["Success"] or "balance" in body["Message"], body
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


def happened(lived: list[Event], tenant: Tenant) -> Happened:
    """What happened, as the same rows. A renewal's two events say one thing; of an expired coupon a plan says nothing."""
    return [
        (iso_z(event.at), event.kind, event.subject, _detail(event.kind, event.detail))
        for event in lived
        if event.account_id == tenant.account_id and event.kind not in {"instance_renewed", "coupon_expired"}
    ]


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
    moved = _moved(tenant)
    assert all(each.kind is EntryKind.CHARGE for each in moved[since:])
    return [(iso_z(each.at), each.change.minor, each.balance.minor) for each in moved[since:]]


def _moved(tenant: Tenant) -> list[Movement]:
    """All that changed the balance: neither a limit of credit nor what a coupon paid whole moves cash."""
    always = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
    with tenant.world.service.store.read() as tx:
        return [each for each in ledger.movements_between(tx, tenant.account_id, *always) if each.change.minor]


def told(tenant: Tenant, since: int) -> list[tuple[str, str, str]]:
    """The messages behind the first `since`: instant, kind, instance."""
    with tenant.world.service.store.read() as tx:
        found = notices.messages(tx, tenant.account_id, 100_000)[::-1]
    return [(iso_z(each.created_at), each.telling.kind.value, each.telling.instance_id) for each in found[since:]]


def compare(tenant: Tenant, timeline: Timeline, lived: list[Event], seen: tuple[int, int]) -> None:
    """Hold the plan to what happened: events, money and messages, in order."""
    assert planned(timeline) == happened(lived, tenant)
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
        seen = len(_moved(tenant)), len(told(tenant, 0))
        lived = world.advance(seconds=life.seconds)
        compare(tenant, timeline, lived, seen)
        return timeline


Worlds = Callable[[datetime], AbstractContextManager[World]]
SOFTWARE = (("Region", "ap-southeast-1"), ("ProductVersion", "3"))


def check_many(worlds: Worlds, examples: int) -> None:
    """Compare so many lives, and be sure that all kinds of things happened in them."""
    kinds: Counter[str] = Counter()

    @settings(max_examples=examples, derandomize=True, phases=[Phase.generate])
    @given(life=lives)
    def check(life: Life) -> None:
        kinds.update(each.kind.value for each in check_life(worlds, life).happenings)

    check()
    print(f"{examples} lives planned and lived: {dict(kinds.most_common())}")
    never = (
        {kind.value for kind in Kind} - kinds.keys() - {Kind.PURCHASED.value, Kind.QUOTA_EXHAUSTED.value, Kind.CONNECTED.value}
    )
    assert never == set()


@pytest.mark.slow
def test_a_plan_is_what_then_happens(worlds: Worlds) -> None:
    """Any instances, wishes, balances, alerts, unpaid orders, pending and reducing renewals, up to 500 days."""
    check_many(worlds, 80)


@pytest.mark.long
def test_many_plans_are_what_then_happens(worlds: Worlds) -> None:
    """The same, more often."""
    check_many(worlds, 1500)


@pytest.mark.slow
@settings(max_examples=15, derandomize=True, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=lives, months=st.sampled_from([1, 2, 6]), period=st.sampled_from([None, 1, 3]))
def test_a_wish_is_what_then_happens(worlds: Worlds, life: Life, months: int, period: int | None) -> None:
    """A purchase not made yet, and what it leads to; or the refusal that making it meets."""
    codes = tuple((code, str(value)) for code, value in life.bought[0].modules.items())
    renewal = Renewal() if period is None else Renewal(RenewalStatus.AUTO, period)
    balance = Money(life.cents // 10, "USD")
    wish = Wish((*SOFTWARE, *codes), months, renewal, life.start, balance)
    until = life.start + timedelta(seconds=life.seconds)
    with worlds(life.start) as world:
        tenant = world.tenant(balance=balance.plain() if balance.minor else "0")
        asked: dict[str, object] = dict(codes)
        try:
            timeline = rules.of_wish(world.service.catalogue, wish, until, NO_GROWTH)
        except BalanceTooLow:
            with pytest.raises(AssertionError, match="alance"):
                tenant.buy(Period=months, **asked)
            return
        with world.service.store.write() as tx:
            lock_account(tx, tenant.account_id)
            before = events.last_id(tx)
            buying = Buying(tenant.account_id, "", "kms_ddi_public_intl", wish.parameters, months, renewal)
            bought = orders.buy(tx, world.service.catalogue, world.service.keystore, world.now, buying).instance_id
        world.advance(seconds=life.seconds)
        with world.service.store.read() as tx:
            lived = events.since(tx, before)
        names = {rules.WISHED: bought}
        said = [(at, kind, names.get(subject, subject), detail) for at, kind, subject, detail in planned(timeline)]
        assert said == happened(lived, tenant)
        charged = [(iso_z(each.at), each.change.minor, each.balance.minor) for each in timeline.happenings if each.change.minor]
        assert charged == movements(tenant, 1 if balance.minor else 0)


def test_a_year_by_hand() -> None:
    """500.00 a month with 1,200.00: two renewals are paid, nine attempts fail, then the end.

    Bought 01-01 08:00 UTC+8, end 02-02 00:00. Attempts from the ninth day before an end, 08:00 UTC+8 = 00:00Z: 01-24, paid, end
    03-02 00:00 UTC+8. No: 1,200 - 500 - 500 = 200 left, so the attempts for 03-02 fail: 02-21 to 03-01, nine of them. Reminders
    of 03-02 at 02:00Z on 02-23, 02-27, 03-01; stop 03-01T16:00Z, release 15 days later.
    """
    wish = Wish(SOFTWARE, 1, Renewal(RenewalStatus.AUTO, 1), START, Money(120_000, "USD"))
    timeline = rules.of_wish(load_catalogue(), wish, datetime(2027, 1, 1, tzinfo=UTC), NO_GROWTH)
    rows = [(iso_z(each.at), each.kind.value, each.change.minor, each.balance.minor) for each in timeline.happenings]
    failed = [(f"2026-{day}T00:00:00Z", "auto_renewal_failed", 0, 20_000) for day in FAILING_DAYS]
    reminded = [(f"2026-{day}T02:00:00Z", "expiry_reminded", 0, 20_000) for day in ("02-23", "02-27", "03-01")]
    assert rows == [
        ("2026-01-01T00:00:00Z", "instance_purchased", -50_000, 70_000),
        ("2026-01-24T00:00:00Z", "auto_renewed", -50_000, 20_000),
        *sorted(failed + reminded),
        ("2026-03-01T16:00:00Z", "instance_expired", 0, 20_000),
        ("2026-03-16T16:00:00Z", "instance_released", 0, 20_000),
    ]
    assert (timeline.charged.minor, timeline.closing.minor) == (100_000, 20_000)


FAILING_DAYS = ("02-21", "02-22", "02-23", "02-24", "02-25", "02-26", "02-27", "02-28", "03-01")


def test_a_quota_is_exhausted_when_the_plan_says(worlds: Worlds) -> None:
    """997 of 1,000 keys in use and ten more in 30 days: one every three days; those of day 3, 6 and 9 fit, that of day 12 not."""
    with worlds(START) as world:
        tenant = world.tenant()
        instance_id = tenant.instance()
        with world.service.store.write() as tx:
            lock_account(tx, tenant.account_id)
            place = Place(tenant.account_id, "ap-southeast-1", instance_id, tenant.account_id)
            for _ in range(997):
                lifecycle.create_key(tx, world.service.keystore, world.now, place, shape_of(AskedShape()))
        with world.service.store.read() as tx:
            asked = (world.now + timedelta(days=20), Use(keys=10))
            timeline = plan.of_account(tx, world.service.catalogue, world.now, tenant.account_id, asked)
        full = [each for each in timeline.happenings if each.kind is Kind.QUOTA_EXHAUSTED]
        assert [(iso_z(each.at), each.subject, each.detail) for each in full] == [
            ("2026-01-13T00:00:00Z", instance_id, {"resource": "keys", "allowed": "1000"})
        ]
        fitted = []
        while world.now < full[0].at:
            world.advance(days=3)
            fitted.append(tenant.kms("CreateKey", DKMSInstanceId=instance_id).status == 200)
        assert fitted == [True, True, True, False]


@pytest.mark.parametrize(
    ("modules_sent", "growth", "expected"),
    [
        # 100 secrets at 50 in 30 days: the 101st comes after 60.6 days.
        ({"SecretNum": "100"}, Use(secrets=50), [("2026-03-02T14:24:00Z", "secrets")]),
        # None bought: the first, of one in 30 days, is refused.
        ({}, Use(secrets=1), [("2026-01-31T00:00:00Z", "secrets")]),
        # 1,000 GB at 200 in 30 days: the 1,001st comes after 150.15 days, within the 180 that logs are kept.
        ({"Log": "1", "LogStorage": "1000"}, Use(log_gb=200), [("2026-05-31T03:36:00Z", "log_gb")]),
        # At 150 in 30 days there are never more than 900.
        ({"Log": "1", "LogStorage": "1000"}, Use(log_gb=150), []),
        ({}, Use(log_gb=150), []),
    ],
)
def test_growth_by_hand(modules_sent: dict[str, str], growth: Use, expected: list[tuple[str, str]]) -> None:
    """Units come evenly, and the first that does not fit is told."""
    wish = Wish((*SOFTWARE, *modules_sent.items()), 12, Renewal(), START, Money(10_000_000, "USD"))
    timeline = rules.of_wish(load_catalogue(), wish, START + timedelta(days=300), growth)
    full = [each for each in timeline.happenings if each.kind is Kind.QUOTA_EXHAUSTED]
    assert [(iso_z(each.at), each.detail["resource"]) for each in full] == expected


def test_growth_stands_still_while_nothing_is_served() -> None:
    """Stopped on day 31.67 for good: what would be full on day 60.6 never is."""
    wish = Wish((*SOFTWARE, ("SecretNum", "100")), 1, Renewal(), START, Money(10_000_000, "USD"))
    timeline = rules.of_wish(load_catalogue(), wish, START + timedelta(days=300), Use(secrets=50))
    assert [each for each in timeline.happenings if each.kind is Kind.QUOTA_EXHAUSTED] == []


def test_every_kind_of_job_is_planned_for_or_left_out_on_purpose() -> None:
    """Who adds a kind of job says what a plan makes of it."""
    assert {*HANDLERS, *SERVED_HANDLERS} == {*plan.ACTS, *plan.UNSEEN}
