"""Upgrades, renewals with a change, automatic renewal and unpaid orders, on both databases; rows are those of the edge cases."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from keystead.catalog.faults import ChangeRefused
from keystead.entitlements.model import Term
from keystead.instances.faults import InstanceNotFound, InstanceStateInvalid
from keystead.instances.model import Renewal, RenewalStatus
from keystead.ledger.faults import BalanceTooLow
from keystead.orders import rows
from keystead.orders.commands import RENEW_JOB
from keystead.orders.faults import ChangePending, OrderStateInvalid, OrderUnpaid
from keystead.orders.model import OrderState, OrderType, Renewing, Upgrading
from keystead.quotas.faults import QuotaBelowUse
from keystead.store import jobs
from tests.shop import BOUGHT, END, Shop

FASTER = ("Spec", "2000")
DAYS_15 = END - timedelta(days=15)
NEXT_END = datetime(2026, 3, 1, 16, tzinfo=UTC)
AUTO = Renewal(RenewalStatus.AUTO, 1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop whose books hold at the end."""
    made = Shop(database_url, tmp_path)
    yield made
    assert made.findings == []
    made.close()


def test_an_upgrade_is_an_order_of_its_own(shop: Shop) -> None:
    """15 days left, 100.00 a month more: 50.00; the end stays, the figures hold at once, the order says what there was before."""
    shop.credit(55_000)
    bought = shop.buy()
    upgraded = shop.upgrade(bought.instance_id, FASTER, ("Log", "0"), now=DAYS_15)
    assert (upgraded.kind, upgraded.payable.plain(), upgraded.months) == (OrderType.UPGRADE, "50.00", 0)
    assert upgraded.term == Term(DAYS_15, END)
    assert upgraded.original_parameters == bought.parameters
    assert dict(upgraded.parameters)["Spec"] == "2000"
    assert shop.balance == "0.00"
    assert shop.owned(bought.instance_id, DAYS_15).figures.qps == 2000
    assert shop.owned(bought.instance_id, DAYS_15 - SECOND).figures.qps == 1000


def test_row_18_a_mix_of_up_and_down_charges_nothing(shop: Shop) -> None:
    """The whole order is refused."""
    shop.credit(200_000)
    instance_id = shop.buy(FASTER).instance_id
    with pytest.raises(ChangeRefused):
        shop.upgrade(instance_id, ("KeyNum", "2000"), ("Spec", "1000"))
    with pytest.raises(ChangeRefused):
        shop.upgrade(instance_id, FASTER)
    assert shop.balance == "1400.00"


def test_row_17_an_expired_instance_is_renewed_before_it_is_upgraded(shop: Shop) -> None:
    """From the instant of the end; after a renewal it can be."""
    shop.credit(200_000)
    instance_id = shop.buy().instance_id
    with pytest.raises(InstanceStateInvalid, match="Expired"):
        shop.upgrade(instance_id, FASTER, now=END)
    shop.renew(instance_id, now=END)
    shop.upgrade(instance_id, FASTER, now=END)
    assert shop.owned(instance_id, END).figures.qps == 2000


def test_row_16_an_upgrade_is_charged_to_the_final_end_and_outlasts_the_cycle(shop: Shop) -> None:
    """Renewed for March already: at 15 days before the first end 43 are left, 100 x 43 / 30 = 143.33; the renewal carries it."""
    shop.credit(114_333)
    instance_id = shop.buy().instance_id
    shop.renew(instance_id)
    upgraded = shop.upgrade(instance_id, FASTER, now=DAYS_15)
    assert (upgraded.payable.plain(), upgraded.term.ends_at) == ("143.33", NEXT_END)
    assert shop.balance == "0.00"
    assert shop.owned(instance_id, END).figures.qps == 2000
    shop.credit(60_000, "more")
    assert shop.renew(instance_id, now=END).payable.plain() == "600.00"


def test_row_15_two_upgrades_in_a_cycle(shop: Shop) -> None:
    """Each on its own remaining time: 100 x 15 / 30 = 50.00, then from 2000 to 4000 QPS 200 x 6 / 30 = 40.00."""
    shop.credit(59_000)
    instance_id = shop.buy().instance_id
    shop.upgrade(instance_id, FASTER, now=DAYS_15)
    shop.upgrade(instance_id, ("Spec", "4000"), now=END - timedelta(days=6))
    assert shop.balance == "0.00"


def test_a_refused_upgrade_leaves_nothing(shop: Shop) -> None:
    """A cent too little."""
    shop.credit(54_999)
    instance_id = shop.buy().instance_id
    with pytest.raises(BalanceTooLow):
        shop.upgrade(instance_id, FASTER, now=DAYS_15)
    assert (shop.balance, shop.owned(instance_id, DAYS_15).figures.qps) == ("49.99", 1000)


def test_a_free_upgrade_is_an_order(shop: Shop) -> None:
    """9.00 a month for a last second is 0.00: charged with nothing, and it holds."""
    shop.credit(50_000)
    instance_id = shop.buy().instance_id
    assert shop.upgrade(instance_id, ("KeyNum", "1010"), now=END - SECOND).payable.plain() == "0.00"
    assert shop.owned(instance_id, END - SECOND).figures.key_num == 1010


def test_a_reducing_renewal_begins_with_the_new_cycle(shop: Shop) -> None:
    """Bought with 2000 QPS, renewed with 1000 for 500.00: smaller from the old end on; till then no upgrade; then it may."""
    shop.credit(400_000)
    instance_id = shop.buy(FASTER).instance_id
    renewed = shop.renew(instance_id, ("Spec", "1000"))
    assert (renewed.payable.plain(), dict(renewed.original_parameters)["Spec"]) == ("500.00", "2000")
    assert [shop.owned(instance_id, now).figures.qps for now in (BOUGHT, END - SECOND, END)] == [2000, 2000, 1000]
    with pytest.raises(ChangePending):
        shop.upgrade(instance_id, ("KeyNum", "2000"))
    assert shop.renew(instance_id).payable.plain() == "500.00"  # goes on as the last paid term is
    shop.upgrade(instance_id, ("KeyNum", "2000"), now=END)


def test_a_changing_renewal_in_retention_begins_at_once(shop: Shop) -> None:
    """Expired with 2000 QPS, renewed with 4000: from now, by policy."""
    shop.credit(300_000)
    instance_id = shop.buy(FASTER).instance_id
    later = END + timedelta(days=3)
    assert shop.renew(instance_id, ("Spec", "4000"), now=later).term.starts_at == later
    assert shop.owned(instance_id, later).figures.qps == 4000


def test_a_quota_does_not_shrink_below_its_use(shop: Shop) -> None:
    """Two VPCs' worth and one in use: down to one goes; with the policy's floor of one nothing less is sold anyway."""
    shop.credit(300_000)
    instance_id = shop.buy(("VpcNum", "2")).instance_id
    shop.connect(instance_id)
    shop.renew(instance_id, ("VpcNum", "1"))
    assert shop.owned(instance_id, END).figures.access_num == 1


def test_row_14_renewals_use_the_list_price_at_renewal_time(shop: Shop) -> None:
    """A list from 2026-01-20 with 600.00: renewed before it 500.00, after it 600.00; what was paid stays paid."""
    shop.credit(300_000)
    instance_id = shop.buy().instance_id
    first = shop.catalogue.price_lists[0]
    dearer = msgspec.structs.replace(first.offers[0], monthly=Decimal("600.00"))
    shop.add_list(
        msgspec.structs.replace(
            first, id="later", effective_from=datetime(2026, 1, 20, tzinfo=UTC), offers=(dearer, *first.offers[1:])
        )
    )
    assert shop.renew(instance_id, now=datetime(2026, 1, 19, tzinfo=UTC)).payable.plain() == "500.00"
    later = shop.renew(instance_id, now=datetime(2026, 1, 20, tzinfo=UTC))
    assert (later.payable.plain(), later.price_list_id) == ("600.00", "later")


def test_row_32_automatic_renewal_renews_once(shop: Shop) -> None:
    """Row 32: on the ninth day at 08:00 UTC+8 once; a second attempt the same day, or after a renewal by hand, does nothing."""
    shop.credit(300_000)
    instance_id = shop.buy(renewal=AUTO).instance_id
    ninth = END - timedelta(days=9) + timedelta(hours=8)
    shop.attempt(instance_id, ninth - SECOND)
    assert shop.balance == "2500.00"
    shop.attempt(instance_id, ninth)
    shop.attempt(instance_id, ninth)
    assert shop.balance == "2000.00"
    assert shop.owned(instance_id, ninth).ends_at == NEXT_END
    shop.renew(instance_id, now=NEXT_END - timedelta(days=9))
    shop.attempt(instance_id, NEXT_END - timedelta(days=9) + timedelta(hours=8))
    assert shop.balance == "1500.00"
    assert shop.happened.count("auto_renewed") == 1


def test_row_32_the_schema_knows_one_renewal_a_cycle(shop: Shop) -> None:
    """Whatever the code does, a second paid renewal from the same end is refused."""
    shop.credit(300_000)
    order = shop.renew(shop.buy().instance_id)
    with shop.store.read() as tx:
        row = tx.execute(select(rows.purchase_order).where(rows.purchase_order.c.order_id == order.order_id)).one()
    second = insert(rows.purchase_order).values({**row._mapping, "order_id": "999999999999999"})  # noqa: SLF001 - public
    with shop.store.write() as tx, pytest.raises(IntegrityError):
        tx.execute(second)


def test_row_33_a_price_above_the_balance_fails_and_is_tried_again(shop: Shop) -> None:
    """Row 31 too: no money, told with the next attempt; topped up, the next attempt succeeds."""
    shop.credit(50_000)
    instance_id = shop.buy(renewal=AUTO).instance_id
    ninth = END - timedelta(days=9) + timedelta(hours=8)
    shop.attempt(instance_id, ninth)
    assert shop.happened[-1] == "auto_renewal_failed"
    assert shop.owned(instance_id, ninth).ends_at == END
    shop.credit(50_000, "top-up")
    shop.attempt(instance_id, ninth + timedelta(days=1))
    assert shop.happened[-1] == "auto_renewed"
    assert shop.balance == "0.00"


@pytest.mark.parametrize(("schedule", "again"), [("nine_days", []), ("international", [END + timedelta(days=14, hours=8)])])
def test_an_attempt_in_retention(shop: Shop, schedule: str, again: list[datetime]) -> None:
    """Six days after the end, late or by schedule: without money it fails and is tried again only if the policy says; else it
    renews, from then.
    """
    shop.credit(50_000)
    shop.policy(auto_renewal_schedule=schedule)
    instance_id = shop.buy(renewal=AUTO).instance_id
    sixth = END + timedelta(days=6, hours=8)
    shop.attempt(instance_id, sixth)
    assert shop.happened[-1] == "auto_renewal_failed"
    with shop.store.read() as tx:
        planned = [job.due for job in jobs.listing(tx, 100) if job.kind == RENEW_JOB]
    assert [due for due in planned if due > sixth] == again
    shop.credit(50_000, "top-up")
    shop.attempt(instance_id, sixth + timedelta(days=8))
    assert shop.balance == "0.00"
    assert shop.owned(instance_id, sixth).ends_at > sixth


def test_two_steps_place_and_pay(shop: Shop) -> None:
    """Placed: no money moves and nothing is there. Paid: as if bought then. Paid again: the same, once (row 12)."""
    shop.credit(100_000)
    later = BOUGHT + timedelta(days=7) - SECOND
    placed = shop.place(shop.buying(FASTER, renewal=AUTO))
    assert (placed.state, placed.paid_at, placed.expires_at) == (OrderState.UNPAID, None, BOUGHT + timedelta(days=7))
    assert shop.balance == "1000.00"
    with pytest.raises(InstanceNotFound):
        shop.owned(placed.instance_id, BOUGHT)
    assert shop.findings == []
    paid = shop.pay(placed.order_id, later)
    assert (paid.state, paid.paid_at, paid.term.starts_at) == (OrderState.PAID, later, later)
    assert shop.pay(placed.order_id, later) == paid
    assert shop.balance == "400.00"
    assert shop.owned(placed.instance_id, later).instance.renewal == AUTO


def test_row_12_a_cancelled_or_lapsed_order_cannot_be_paid(shop: Shop) -> None:
    """Cancelling twice is cancelling once; a paid one is not cancelled."""
    shop.credit(100_000)
    first, second = shop.place(shop.buying()), shop.place(shop.buying())
    shop.cancel(first.order_id)
    shop.cancel(first.order_id)
    with pytest.raises(OrderStateInvalid):
        shop.pay(first.order_id)
    with pytest.raises(OrderStateInvalid):
        shop.pay(second.order_id, BOUGHT + timedelta(days=7))
    third = shop.buy()
    with pytest.raises(OrderStateInvalid):
        shop.cancel(third.order_id)
    assert shop.balance == "500.00"


def test_row_13_an_unpaid_order_keeps_its_amount(shop: Shop) -> None:
    """Placed at 500.00, the list rises to 600.00 the next day: it is paid with 500.00."""
    shop.credit(100_000)
    placed = shop.place(shop.buying())
    first = shop.catalogue.price_lists[0]
    dearer = msgspec.structs.replace(first.offers[0], monthly=Decimal("600.00"))
    next_day = BOUGHT + timedelta(days=1)
    shop.add_list(msgspec.structs.replace(first, id="later", effective_from=next_day, offers=(dearer, *first.offers[1:])))
    assert shop.pay(placed.order_id, next_day).payable.plain() == "500.00"
    assert shop.balance == "500.00"


def test_row_10_an_unpaid_order_stands_in_the_way(shop: Shop) -> None:
    """Of upgrade, renewal and refund, until it is paid, cancelled or lapsed."""
    shop.credit(300_000)
    instance_id = shop.buy().instance_id
    placed = shop.place(Upgrading(shop.account_id, "", instance_id, (FASTER,)))
    acts: list[Callable[[], object]] = [
        lambda: shop.upgrade(instance_id, ("KeyNum", "2000")),
        lambda: shop.renew(instance_id),
        lambda: shop.refund(instance_id, BOUGHT),
        lambda: shop.place(Renewing(shop.account_id, "", instance_id, 1)),
    ]
    for act in acts:
        with pytest.raises(OrderUnpaid):
            act()
    shop.pay(placed.order_id)
    assert shop.owned(instance_id, BOUGHT).figures.qps == 2000
    renewal = shop.place(Renewing(shop.account_id, "", instance_id, 1))
    shop.renew(instance_id, now=BOUGHT + timedelta(days=7))  # lapsed by then, whether or not the job has said so
    with pytest.raises(OrderStateInvalid):
        shop.pay(renewal.order_id, BOUGHT + timedelta(days=7))


def test_no_reducing_renewal_below_what_is_in_use(shop: Shop) -> None:
    """1,010 key versions may be held and 1,001 are: 1,000 are refused, also if they still fitted when the order was placed."""
    shop.credit(300_000)
    instance_id = shop.buy(("KeyNum", "1010")).instance_id
    shop.connect(instance_id)
    shop.keys(instance_id, 1000)
    placed = shop.place(Renewing(shop.account_id, "", instance_id, 1, (("KeyNum", "1000"),)))
    shop.keys(instance_id, 1)
    with pytest.raises(QuotaBelowUse):
        shop.pay(placed.order_id)
    shop.cancel(placed.order_id)
    with pytest.raises(QuotaBelowUse) as caught:
        shop.renew(instance_id, ("KeyNum", "1000"))
    assert (caught.value.asked, caught.value.used) == (1000, 1001)


def test_row_10_two_upgrades_at_once_are_one_after_the_other(shop: Shop) -> None:
    """Both to 2000 QPS with 15 days left: one pays 50.00, the other finds nothing to change; an instance has one upgrade."""
    shop.credit(60_000)
    instance_id = shop.buy().instance_id
    gate = threading.Barrier(2)
    outcomes: list[str] = []

    def upgrade() -> None:
        gate.wait()
        try:
            shop.upgrade(instance_id, FASTER, now=DAYS_15)
        except ChangeRefused:
            outcomes.append("nothing to change")
        else:
            outcomes.append("upgraded")

    threads = [threading.Thread(target=upgrade) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(outcomes), shop.balance) == (["nothing to change", "upgraded"], "50.00")
