"""Buying on credit, and the low-balance alert with credit, coupons and top-ups (row 38), on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from keystead.access.rows import lock_account
from keystead.coupons import commands as coupons
from keystead.coupons.model import Grant
from keystead.ledger import commands as ledger
from keystead.ledger.faults import CreditInvalid
from keystead.money import Money
from keystead.notices import commands as notices
from keystead.payments import commands as payments
from keystead.payments.model import PaymentEvent
from tests.world import Tenant, World


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service on each database; its books hold at the end."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


def limit(tenant: Tenant, minor: int) -> None:
    """Set the account's credit limit in cents."""
    now = tenant.world.now
    with tenant.world.service.store.write() as tx:
        lock_account(tx, tenant.account_id)
        ledger.set_credit_limit(tx, now, tenant.account_id, Money(minor, "USD"))


def alert(tenant: Tenant, minor: int) -> None:
    """Have the account warned below so many cents."""
    with tenant.world.service.store.write() as tx:
        lock_account(tx, tenant.account_id)
        notices.set_alert(tx, tenant.account_id, Money(minor, "USD"))


def grant(tenant: Tenant, minor: int) -> None:
    """Grant a coupon of so many cents."""
    now = tenant.world.now
    asked = Grant("", tenant.account_id, "", Money(minor, "USD"), now, now, None, (), "", f"coupon {minor}")
    with tenant.world.service.store.write() as tx:
        lock_account(tx, tenant.account_id)
        coupons.grant(tx, now, asked)


def balance(tenant: Tenant) -> dict[str, Any]:
    """What QueryAccountBalance says."""
    data: dict[str, Any] = tenant.bss("QueryAccountBalance").body["Data"]
    return data


def amounts(tenant: Tenant) -> tuple[str, str, str]:
    """Available, cash and credit."""
    data = balance(tenant)
    return data["AvailableAmount"], data["AvailableCashAmount"], data["CreditAmount"]


def warned(tenant: Tenant) -> int:
    """How often the account was warned of a low balance."""
    tenant.world.settle()
    with tenant.world.service.store.read() as tx:
        kinds = [message.telling.kind.value for message in notices.messages(tx, tenant.account_id, 1000)]
    return kinds.count("balance_low")


def buy(tenant: Tenant) -> str:
    """Buy a software instance, 500.00; gives the code."""
    flat: dict[str, object] = {"ProductCode": "kms", "SubscriptionType": "Subscription", "Period": 1}
    flat |= {"Parameter__1__Code": "Region", "Parameter__1__Value": "ap-southeast-1"}
    flat |= {"Parameter__2__Code": "ProductVersion", "Parameter__2__Value": "3"}
    return tenant.bss("CreateInstance", **flat).code


def test_a_purchase_may_use_balance_and_credit_and_not_a_cent_more(world: World) -> None:
    """300.00 and a limit of 200.00 are just 500.00; then nothing is left, and one cent of limit less would not have done."""
    tenant = world.tenant("300.00")
    limit(tenant, 19_999)
    assert buy(tenant) == "PAY.INSUFFICIENT_BALANCE"
    limit(tenant, 20_000)
    assert amounts(tenant) == ("500.00", "300.00", "200.00")
    assert buy(tenant) == "Success"
    assert amounts(tenant) == ("0.00", "-200.00", "200.00")
    assert buy(tenant) == "PAY.INSUFFICIENT_BALANCE"
    (row, _) = tenant.bss("QueryAccountTransactions").body["Data"]["AccountTransactionsList"]["AccountTransactionsList"]
    assert (row["Amount"], row["Balance"]) == ("500.00", "-200.00")


def test_a_lowered_limit_blocks_buying_and_breaks_nothing(world: World) -> None:
    """Used 200.00 of it, then taken away: 200.00 below zero, even what costs nothing is refused; money that comes fills it up."""
    tenant = world.tenant("300.00")
    limit(tenant, 20_000)
    instance_id = tenant.buy()
    limit(tenant, 0)
    assert amounts(tenant) == ("-200.00", "-200.00", "0.00")
    grant(tenant, 50_000)
    assert buy(tenant) == "PAY.INSUFFICIENT_BALANCE"
    refund = tenant.bss("RefundInstance", ProductCode="kms", InstanceId=instance_id)  # at once: all of it
    assert refund.body["Success"]
    assert amounts(tenant) == ("300.00", "300.00", "0.00")


def test_the_same_limit_again_is_no_change_and_a_negative_one_none(world: World) -> None:
    """One row for two settings; below zero is refused."""
    tenant = world.tenant("0")
    limit(tenant, 500)
    limit(tenant, 500)
    with world.service.store.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM credit_limit")).scalar_one() == 1
    with pytest.raises(CreditInvalid):
        limit(tenant, -1)


def test_an_audit_finds_more_spent_than_the_limit_of_that_moment(world: World) -> None:
    """The limit is said to have come only after the purchase: its posting is then an overdraft."""
    tenant = world.tenant("300.00")
    limit(tenant, 20_000)
    tenant.buy()
    with world.service.store.write() as tx:
        tx.execute(text("UPDATE credit_limit SET after_seq = 2"))
    with world.service.store.read() as tx:
        assert "by more than its credit limit" in " ".join(finding.problem for finding in ledger.audit(tx))
    with world.service.store.write() as tx:
        tx.execute(text("UPDATE credit_limit SET after_seq = 1"))


def test_row_38_an_alert_set_above_the_balance_is_silent_until_the_next_change(world: World) -> None:
    """Neither setting it, nor a coupon, nor an order that a coupon pays wholly changes the available credit; a top-up does."""
    tenant = world.tenant("100.00")
    alert(tenant, 20_000)
    assert warned(tenant) == 0
    grant(tenant, 50_000)
    assert warned(tenant) == 0
    assert buy(tenant) == "Success"
    assert (warned(tenant), amounts(tenant)[0]) == (0, "100.00")
    top_up(tenant, 5_000)
    assert (warned(tenant), amounts(tenant)[0]) == (1, "150.00")


def test_row_38_a_top_up_above_the_threshold_ends_the_alert(world: World) -> None:
    """Low at 100.00 of 200.00, warned; a top-up of 100.00 reaches the threshold, and no day reminds any more."""
    tenant = world.tenant("600.00")
    alert(tenant, 20_000)
    tenant.buy()
    assert warned(tenant) == 1
    top_up(tenant, 10_000)
    world.advance(days=6)
    assert warned(tenant) == 1


def test_row_38_the_credit_limit_is_part_of_what_is_watched(world: World) -> None:
    """100.00 and a limit of 150.00 are not below 200.00; the limit lowered to 50.00 is a change, and 150.00 is."""
    tenant = world.tenant("100.00")
    limit(tenant, 15_000)
    alert(tenant, 20_000)
    world.settle()
    limit(tenant, 5_000)
    assert warned(tenant) == 1


def test_row_38_below_zero_overdue_messages_take_over(world: World) -> None:
    """A limit taken away leaves -200.00 available: no low-balance alert then."""
    tenant = world.tenant("300.00")
    limit(tenant, 20_000)
    tenant.buy()
    alert(tenant, 10_000)
    limit(tenant, 0)
    assert warned(tenant) == 0


def top_up(tenant: Tenant, minor: int) -> None:
    """Pay in through the sandbox's word, without its webhook."""
    now = tenant.world.now
    with tenant.world.service.store.write() as tx:
        started = payments.start(tx, now, tenant.account_id, Money(minor, "USD"), "sandbox")
        event = PaymentEvent(f"evt_{started.top_up_id}", "paid", True, started.top_up_id, minor, "USD", "pi")  # noqa: FBT003
        payments.take(tx, now, "sandbox", event)
