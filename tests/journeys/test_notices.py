"""What customers are told in the life of an instance, on both databases: when, once, and also after an outage.

Every world stands at 2026-01-01T00:00:00Z (08:00 UTC+8). Bought there for a month, the expiry date is 2026-02-01 and the end
2026-02-02 00:00 UTC+8 = 2026-02-01T16:00:00Z; the reminders are due at 10:00 UTC+8 = 02:00 UTC of 01-26, 01-30 and 02-01; release
is 15 days after the end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from keystead import app
from keystead.access.rows import lock_account
from keystead.catalog.commands import load_catalogue
from keystead.clock import from_ms, iso_z, parse_iso_z
from keystead.instances import commands as instances
from keystead.instances import rows as instance_rows
from keystead.ledger import commands as ledger
from keystead.money import Money
from keystead.notices import commands as notices
from keystead.notices.faults import MessageNotFound
from keystead.notices.model import Message, NoticeKind
from keystead.schedule.runner import Runner
from keystead.store import business_time, outbox
from keystead.store.events import Event
from tests.world import Tenant, World

PURCHASED = ("purchased", "2026-01-01T00:00:00Z")
REMINDED = [("expiring", "2026-01-26T02:00:00Z"), ("expiring", "2026-01-30T02:00:00Z"), ("expiring", "2026-02-01T02:00:00Z")]
STOPPED = ("stopped", "2026-02-01T16:00:00Z")
RELEASED = ("released", "2026-02-16T16:00:00Z")


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service without a mail server."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


def messages(tenant: Tenant) -> list[Message]:
    """What the tenant was told, oldest first."""
    with tenant.world.service.store.read() as tx:
        return notices.messages(tx, tenant.account_id, 1000)[::-1]


def told(tenant: Tenant) -> list[tuple[str, str]]:
    """Kind and instant of what the tenant was told, oldest first."""
    return [(message.telling.kind.value, iso_z(message.created_at)) for message in messages(tenant)]


def sleep_until(world: World, iso: str) -> None:
    """Let time pass while the service is down, and start it again."""
    with world.service.store.write() as tx:
        business_time.move(tx, parse_iso_z(iso))
    world.service.warm.check()
    world.settle()


def renew(tenant: Tenant, instance_id: str) -> None:
    """Renew for a month."""
    assert tenant.bss("RenewInstance", ProductCode="kms", InstanceId=instance_id, RenewPeriod=1).body["Success"] is True


def reminded(happened: list[Event]) -> list[tuple[str, str]]:
    """Days and instant of the reminders among events."""
    return [(event.detail["days"], iso_z(event.at)) for event in happened if event.kind == "expiry_reminded"]


@pytest.mark.parametrize("hours", [24 * 60, 24, 65], ids=lambda hours: f"{hours} hours a step")
def test_a_life_is_told_alike_however_the_clock_is_moved(world: World, hours: int) -> None:
    """Purchase, 7, 3, 1 days, stop, release: each once and at its instant, at once, day by day or by odd steps."""
    tenant = world.tenant()
    tenant.buy()
    while world.now < parse_iso_z("2026-02-17T00:00:00Z"):
        world.advance(hours=hours)
    assert told(tenant) == [PURCHASED, *REMINDED, STOPPED, RELEASED]
    assert all(message.read_at is None for message in messages(tenant))


def test_a_reminder_says_all_there_is_to_know(world: World) -> None:
    """Product, instance, region, end in both zones, days left, what stops, release, price by today's list, how to renew.

    Price by hand: base 500 + KeyNum 1010 is one step of 10 above 1000 included, 9 = 509.00.
    """
    tenant = world.tenant()
    instance_id = tenant.buy(KeyNum="1010")
    happened = world.advance_to("2026-01-26T02:00:00Z")
    assert reminded(happened) == [("7", "2026-01-26T02:00:00Z")]
    words = messages(tenant)[-1].words
    assert words.subject == f"{instance_id} expires on 2026-02-01: 7 days left"
    for form in (words.text, words.html):
        plain = " ".join(form.split())
        for said in (
            "Software Key Management Instance",
            instance_id,
            "ap-southeast-1 (Singapore)",
            "2026-02-02 00:00 UTC+8 (2026-02-01T16:00:00Z)",
            "2026-02-17 00:00 UTC+8 (2026-02-16T16:00:00Z)",
            "every call that uses its keys or secrets is refused",
            "509.00 USD for 1 month(s)",
            "RenewInstance",
            "http://127.0.0.1:8081",
        ):
            assert said in plain, said


@pytest.mark.parametrize(
    ("down_until", "then"),
    [
        ("2026-01-26T01:59:59Z", REMINDED),
        ("2026-01-27T00:00:00Z", [("expiring", "2026-01-27T00:00:00Z"), *REMINDED[1:]]),
        ("2026-01-30T16:00:00Z", [("expiring", "2026-01-30T16:00:00Z"), REMINDED[2]]),
        ("2026-02-01T15:59:59Z", [("expiring", "2026-02-01T15:59:59Z")]),
        ("2026-02-01T16:00:00Z", []),
    ],
)
def test_after_an_outage_one_reminder_is_sent_late(world: World, down_until: str, then: list[tuple[str, str]]) -> None:
    """Down since E-8d: of the reminders missed only the nearest is sent, at once; those to come, in time; after the end, none."""
    tenant = world.tenant()
    tenant.buy()
    world.advance_to("2026-01-24T16:00:00Z")
    sleep_until(world, down_until)
    world.advance_to("2026-02-10T00:00:00Z")
    assert told(tenant) == [PURCHASED, *then, STOPPED]


def test_an_outage_of_all_the_retention_is_told_as_release(world: World) -> None:
    """Down from the purchase to after the release: no reminder of what is past, one message of the release."""
    tenant = world.tenant()
    tenant.buy()
    sleep_until(world, "2026-03-01T00:00:00Z")
    assert told(tenant) == [PURCHASED, ("released", "2026-03-01T00:00:00Z")]


def test_a_renewal_ends_the_reminders_of_the_old_end(world: World) -> None:
    """Renewed at E-5d: none at 3 and 1 days, no stop; the new end, 2026-03-02 00:00 UTC+8, has its three.

    Renewed in retention at 2026-03-05: expiry date 04-05, end 04-06 00:00 UTC+8; reminders 03-30, 04-03 and 04-05 at 02:00 UTC.
    """
    tenant = world.tenant()
    instance_id = tenant.buy()
    world.advance_to("2026-01-27T16:00:00Z")
    renew(tenant, instance_id)
    world.advance_to("2026-03-05T00:00:00Z")
    renew(tenant, instance_id)
    world.advance_to("2026-04-05T12:00:00Z")
    assert told(tenant) == [
        PURCHASED,
        REMINDED[0],
        ("renewed", "2026-01-27T16:00:00Z"),
        ("expiring", "2026-02-23T02:00:00Z"),
        ("expiring", "2026-02-27T02:00:00Z"),
        ("expiring", "2026-03-01T02:00:00Z"),
        ("stopped", "2026-03-01T16:00:00Z"),
        ("renewed", "2026-03-05T00:00:00Z"),
        ("expiring", "2026-03-30T02:00:00Z"),
        ("expiring", "2026-04-03T02:00:00Z"),
        ("expiring", "2026-04-05T02:00:00Z"),
    ]


def test_what_is_bought_changed_and_given_back_is_told(world: World) -> None:
    """Purchase, upgrade, renewal, its cancelling, refund: each once, with the figures, in text and HTML.

    At 2026-01-01T00:00:00Z there are 760 hours left: 100 x 760 / 720 = 105.56 for the upgrade; nothing is used yet, so that
    605.56 come back.
    """
    tenant = world.tenant()
    instance_id = tenant.buy()
    spec = {"Parameter.1.Code": "Spec", "Parameter.1.Value": "2000"}
    kms = {"ProductCode": "kms", "InstanceId": instance_id}
    upgraded = tenant.bss("ModifyInstance", **kms, **spec, SubscriptionType="Subscription", ModifyType="Upgrade")
    order_id = tenant.bss("RenewInstance", **kms, RenewPeriod=1).body["Data"]["OrderId"]
    world.settle()
    assert tenant.bss("CancelOrder", OrderId=order_id).body["Success"] is True
    world.settle()
    assert tenant.bss("RefundInstance", **kms).body["Success"] is True
    world.settle()
    found = {message.telling.kind.value: message.words for message in messages(tenant)}
    assert list(found) == ["purchased", "upgraded", "renewed", "renewal_cancelled", "refunded"]
    said = {
        "upgraded": ("Spec from 1000 to 2000", "105.56 USD", upgraded.body["Data"]["OrderId"], "2026-02-01T16:00:00Z"),
        "renewed": ("600.00 USD", "2026-03-01T16:00:00Z"),
        "renewal_cancelled": ("600.00 USD", "2026-02-01T16:00:00Z"),
        "refunded": ("605.56 USD", "destroyed", "2026-01-01T00:00:00Z"),
    }
    for kind, facts in said.items():
        for form in (found[kind].text, found[kind].html):
            for fact in (instance_id, *facts):
                assert fact in " ".join(form.split()), (kind, fact)


def test_one_reminder_where_none_will_renew(world: World) -> None:
    """NotRenewal: the 7-day one alone, saying so."""
    tenant = world.tenant()
    instance_id = tenant.buy()
    table = instance_rows.instance
    with world.service.store.write() as tx:
        tx.execute(update(table).where(table.c.instance_id == instance_id).values(renewal_status="NotRenewal"))
    world.advance_to("2026-02-01T16:00:00Z")
    assert told(tenant) == [PURCHASED, REMINDED[0], STOPPED]
    assert "the only reminder" in " ".join(messages(tenant)[1].words.text.split())


def test_two_runners_tell_each_occasion_once(world: World) -> None:
    """Five instances, an outage until E-2d, two processes starting at once: one late reminder an instance, one letter each."""
    tenant = world.tenant(email="ann@example.com")
    bought = [tenant.buy() for _ in range(5)]
    world.settle()
    with world.service.store.write() as tx:
        business_time.move(tx, parse_iso_z("2026-01-30T16:00:00Z"))
    services = [app.open_service(world.settings, f"runner{number}") for number in range(2)]
    start = threading.Barrier(2)

    def work(runner: Runner) -> None:
        start.wait()
        while runner.step():
            pass

    threads = [threading.Thread(target=work, args=(Runner(service),)) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for service in services:
        app.close_service(service)
    world.settle()
    reminders = [each.telling.instance_id for each in messages(tenant) if each.telling.kind is NoticeKind.EXPIRING]
    assert sorted(reminders) == sorted(bought)


def test_a_failed_automatic_renewal_is_told_once(world: World) -> None:
    """The attempt's reason and the next try are told; telling the same attempt again tells nothing."""
    tenant = world.tenant()
    instance_id = tenant.buy()
    now = world.now
    for expected in (True, False):
        with world.service.store.write() as tx:
            lock_account(tx, tenant.account_id)
            owned = instances.owned(tx, tenant.account_id, instance_id, now)
            next_try = parse_iso_z("2026-01-31T00:00:00Z")
            assert notices.tell_auto_renewal_failed(tx, now, owned, "The balance is too low.", next_try) is expected
    world.settle()
    text = messages(tenant)[-1].words.text
    assert "The balance is too low." in text
    assert "2026-01-31 08:00 UTC+8" in text


def _alert(tenant: Tenant, minor: int) -> None:
    with tenant.world.service.store.write() as tx:
        lock_account(tx, tenant.account_id)
        notices.set_alert(tx, tenant.account_id, Money(minor, "USD"))


def _credit(tenant: Tenant, minor: int, key: str) -> None:
    with tenant.world.service.store.write() as tx:
        lock_account(tx, tenant.account_id)
        ledger.credit(tx, tenant.world.now, tenant.account_id, Money(minor, "USD"), key)
    tenant.world.settle()


def _warned(tenant: Tenant) -> list[str]:
    return [at for kind, at in told(tenant) if kind == "balance_low"]


def test_row_38_a_low_balance_is_told_at_the_next_change_then_daily_five_times(world: World) -> None:
    """Balance 600, alert at 700: silent when set; the purchase (100 left) fires; five daily reminders, then silence.

    A credit that reaches the threshold (700) ends it; the next fall below begins anew.
    """
    tenant = world.tenant(balance="600.00")
    _alert(tenant, 70000)
    world.advance(days=1)
    assert _warned(tenant) == []
    tenant.buy()
    world.advance(days=10)
    assert _warned(tenant) == [f"2026-01-0{day}T00:00:00Z" for day in (2, 3, 4, 5, 6, 7)]
    _credit(tenant, 100, "a little")
    assert len(_warned(tenant)) == 6
    _credit(tenant, 59900, "enough")
    assert len(_warned(tenant)) == 6
    world.advance(hours=1)
    tenant.buy()
    world.advance(hours=1)
    assert _warned(tenant)[6:] == ["2026-01-12T01:00:00Z"]
    _alert(tenant, 0)
    world.advance(days=3)
    assert len(_warned(tenant)) == 7


def test_a_low_balance_missed_in_an_outage_is_not_told_for_every_day(world: World) -> None:
    """Low since day 0, down from day 0 to day 3.5: one message for day 3, then days 4 and 5."""
    tenant = world.tenant(balance="600.00")
    world.settle()
    _alert(tenant, 70000)
    tenant.buy()
    world.settle()
    sleep_until(world, "2026-01-04T12:00:00Z")
    world.advance(days=10)
    expected = ["2026-01-01T00:00:00Z", "2026-01-04T12:00:00Z", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z"]
    assert _warned(tenant) == expected


def test_the_message_centre_is_the_accounts_own(world: World) -> None:
    """Newest first, unread until read, read once; another account's message is not there."""
    ann, bob = world.tenant(), world.tenant()
    ann.buy()
    world.advance(days=30)
    newest = messages(ann)[-1]
    with world.service.store.write() as tx:
        assert notices.unread_count(tx, ann.account_id) == 3
        assert notices.messages(tx, ann.account_id, 1) == [newest]
        assert notices.messages(tx, ann.account_id, 10, 2) == messages(ann)[:1]
        assert notices.messages(tx, bob.account_id) == []
        with pytest.raises(MessageNotFound):
            notices.read(tx, world.now, bob.account_id, newest.message_id)
        assert notices.read(tx, world.now, ann.account_id, newest.message_id).read_at == world.now
        assert notices.read(tx, from_ms(0), ann.account_id, newest.message_id).read_at == world.now
        assert notices.unread_count(tx, ann.account_id) == 2


def test_without_a_mail_server_nothing_waits_to_be_mailed(world: World) -> None:
    """The account has an address, the deployment no server: the centre has the messages, the outbox nothing."""
    tenant = world.tenant(email="ann@example.com")
    tenant.buy()
    world.advance(days=40)
    assert len(messages(tenant)) == 5
    with world.service.store.read() as tx:
        assert outbox.unsent(tx, 10) == []


def test_policies_are_the_decided_ones() -> None:
    """7, 3, 1 days at ten o'clock; one at 7 days for NotRenewal; five daily balance reminders."""
    policies = load_catalogue().policies
    assert (policies.notice_days, policies.notice_hour, policies.single_notice_days) == ((7, 3, 1), 10, 7)
    assert policies.low_balance_reminders == 5
