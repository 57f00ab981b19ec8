"""The n-th statement of a purchase, renewal, upgrade, refund or release fails: nothing half done is left, the next try works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from keystead.access.rows import lock_account
from keystead.clock import Instant
from keystead.coupons import commands as coupons
from keystead.coupons.model import Grant
from keystead.instances.commands import RELEASE_JOB
from keystead.keyring.rows import instance_key
from keystead.money import Money
from keystead.orders import commands as orders
from keystead.payments import commands as payments
from keystead.payments.model import Outcome, PaymentEvent
from keystead.schedule.runner import Runner
from keystead.store import events, jobs, metadata
from tests.world import Tenant, World

UNRELATED = {"request_nonce", "business_clock"}
TRIES = {"job"}
"""A job's tries and their error are kept on purpose."""
STATEMENTS_MAX = 200


class PlannedFailureError(Exception):
    """The failure these tests plan."""


@contextmanager
def failing_at(world: World, number: int) -> Iterator[list[int]]:
    """Fail statement `number` (from 1) of what runs inside; gives the count of statements begun."""
    count = [0]
    mine = threading.get_ident()

    def before(*_: Any) -> None:
        if threading.get_ident() != mine:
            return  # the reader of the change log
        count[0] += 1
        if count[0] == number:
            raise PlannedFailureError

    engine = world.service.store.engine
    event.listen(engine, "before_cursor_execute", before)
    try:
        yield count
    finally:
        event.remove(engine, "before_cursor_execute", before)


def _contents(world: World, apart: set[str] = UNRELATED) -> dict[str, list[str]]:
    """Every row of every table, in an order that does not depend on the database."""
    with world.service.store.read() as tx:
        return {
            name: sorted(repr(tuple(row)) for row in tx.execute(select(table)))
            for name, table in metadata.tables.items()
            if name not in apart
        }


def _purchase(tenant: Tenant, _instance_id: str) -> str:
    flat: dict[str, object] = {"ProductCode": "kms", "SubscriptionType": "Subscription", "Period": 1, "ClientToken": "one"}
    for number, (code, value) in enumerate({"Region": "ap-southeast-1", "ProductVersion": "3"}.items(), 1):
        flat[f"Parameter__{number}__Code"] = code
        flat[f"Parameter__{number}__Value"] = value
    return tenant.bss("CreateInstance", **flat).code


def _renewal(tenant: Tenant, instance_id: str) -> str:
    return tenant.bss("RenewInstance", ProductCode="kms", InstanceId=instance_id, RenewPeriod=1, ClientToken="two").code


def _upgrade(tenant: Tenant, instance_id: str) -> str:
    kms = {"ProductCode": "kms", "SubscriptionType": "Subscription", "ModifyType": "Upgrade", "InstanceId": instance_id}
    one = {"Parameter__1__Code": "Spec", "Parameter__1__Value": "2000"}
    return tenant.bss("ModifyInstance", ClientToken="three", **kms, **one).code


def _refund(tenant: Tenant, instance_id: str) -> str:
    return tenant.bss("RefundInstance", ProductCode="kms", InstanceId=instance_id, ClientToken="four").code


# What is left of 10,000.00 after a purchase of 500.00 and the act. The upgrade is at once, with 31 days and 16 hours left:
# 100.00 x 760 / 720 hours = 105.56. The refund is at once, too: all of it comes back.
@pytest.mark.parametrize(
    ("act", "balance"),
    [(_purchase, "9000.00"), (_renewal, "9000.00"), (_upgrade, "9394.44"), (_refund, "10000.00")],
)
def test_nth_statement_fails(act: Any, balance: str, database_url: str, tmp_path: Path) -> None:
    """For every n: statement n fails, the answer is an internal failure, no row is other than before; then it goes through."""
    world = World(database_url, tmp_path / "var")
    tenant = world.tenant()
    instance_id = tenant.buy()
    before = _contents(world)
    tried = 0
    for number in range(1, STATEMENTS_MAX):
        with failing_at(world, number) as count:
            code = act(tenant, instance_id)
        if code in {"Success", "200"}:  # the failure planned lies beyond the commit, in reading the change log or nowhere
            break
        tried += 1
        assert count[0] >= number
        assert code in {"InternalFailure", "SerivceUnavailableTemporary"}
        assert _contents(world) == before
        assert tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).body["KmsInstance"]["Spec"] == 1000
    assert tried >= 10
    with world.service.store.read() as tx:
        assert orders.audit(tx) == []
    assert tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"] == balance
    world.close()


def test_nth_statement_of_a_release_fails(database_url: str, tmp_path: Path) -> None:
    """For every n: statement n of the job fails, no row but the job's own is other than before, and a later try releases."""
    world = World(database_url, tmp_path / "var")
    tenant = world.tenant()
    instance_id = tenant.buy()
    # Bought 2026-01-01T00:00Z for a month: ends 02-01T16:00Z, and is kept for 15 days.
    world.advance_to("2026-02-16T15:59:59Z")
    with world.service.store.read() as tx:
        release = next(job for job in jobs.listing(tx, 100) if job.kind == RELEASE_JOB)
    runner = Runner(world.service)
    before = _contents(world, UNRELATED | TRIES)
    instant = Instant(release.due, world.service.clock.read().wall, 0.0)
    tried = 0
    for number in range(1, STATEMENTS_MAX):
        with failing_at(world, number):
            runner.perform(release, instant)
        with world.service.store.write() as tx:
            found = jobs.lock_open(tx, release.id)
        if found is None:
            break
        tried += 1
        assert found.attempts == tried
        assert "PlannedFailureError" in found.last_error
        assert _contents(world, UNRELATED | TRIES) == before
        release = found
    assert tried >= 5
    world.settle()
    assert tenant.kms("GetKmsInstance", KmsInstanceId=instance_id).status == 404
    with world.service.store.read() as tx:
        assert [each.kind for each in events.since(tx, 0)].count("instance_released") == 1
        assert tx.execute(select(instance_key.c.sealed)).scalars().all() == [None]
        assert orders.audit(tx) == []
    assert tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"] == "9500.00"
    world.close()


def test_nth_statement_fails_with_a_coupon(database_url: str, tmp_path: Path) -> None:
    """A purchase of 500.00 paid by a coupon of 200.00 and 300.00 in cash: either both are taken or neither."""
    world = World(database_url, tmp_path / "var")
    tenant = world.tenant()
    now = world.now
    asked = Grant("", tenant.account_id, "", Money(20_000, "USD"), now, now, None, (), "", "one")
    with world.service.store.write() as tx:
        lock_account(tx, tenant.account_id)
        coupons.grant(tx, now, asked)
    before = _contents(world)
    tried = 0
    for number in range(1, STATEMENTS_MAX):
        with failing_at(world, number):
            code = _purchase(tenant, "")
        if code == "Success":
            break
        tried += 1
        assert _contents(world) == before
    assert tried >= 20
    assert tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"] == "9700.00"
    (row,) = tenant.bss("QueryCashCoupons").body["Data"]["CashCoupon"]
    assert row["Balance"] == "0.00"
    world.close()


def test_nth_statement_fails_in_the_webhook(database_url: str, tmp_path: Path) -> None:
    """An event that credits 25.00: whichever statement fails, nothing is kept, and the next delivery credits once."""
    world = World(database_url, tmp_path / "var")
    tenant = world.tenant(balance="0")
    with world.service.store.write() as tx:
        top_up = payments.start(tx, world.now, tenant.account_id, Money(2_500, "USD"), "sandbox")
    event = PaymentEvent("evt_1", "checkout.session.completed", True, top_up.top_up_id, 2_500, "USD", "pi_1")  # noqa: FBT003
    before = _contents(world)
    tried, now = 0, world.now
    for number in range(1, STATEMENTS_MAX):
        try:
            with failing_at(world, number), world.service.store.write() as tx:
                outcome = payments.take(tx, now, "sandbox", event)
        except PlannedFailureError:
            tried += 1
            assert _contents(world) == before
            continue
        assert outcome is Outcome.CREDITED
        break
    assert tried >= 8
    assert tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"] == "25.00"
    world.close()
