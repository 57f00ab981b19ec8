"""Orders on both databases: placed, paid and carried out whole, or not there at all."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from keystead.access import commands as access
from keystead.access.rows import lock_account
from keystead.catalog.commands import load_catalogue
from keystead.catalog.faults import ModuleInvalid, PeriodNotSold
from keystead.catalog.model import Catalogue
from keystead.entitlements.model import Term
from keystead.hsm.software import SoftwareKeyStore, open_root_key
from keystead.instances import commands as instances
from keystead.instances.faults import InstanceNotFound
from keystead.instances.model import Renewal, RenewalStatus
from keystead.ledger import commands as ledger
from keystead.ledger.faults import BalanceTooLow
from keystead.money import Money
from keystead.orders import commands as orders
from keystead.orders import rows
from keystead.orders.faults import OrderNotFound
from keystead.orders.model import Buying, Order, OrderState, OrderType, Renewing, Search
from keystead.pricing.model import OrderKind
from keystead.store import Store, metadata, open_store

BOUGHT = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 2, 1, 16, tzinfo=UTC)
"""2026-01-01 08:00 UTC+8 and a month: to 2026-02-02 00:00 UTC+8."""
SOFTWARE = (("Region", "ap-southeast-1"), ("ProductVersion", "3"))


@dataclass
class Room:
    """A store, a key store, the catalogue, an account."""

    store: Store
    keystore: SoftwareKeyStore
    account_id: str
    catalogue: Catalogue = field(default_factory=load_catalogue)

    def credit(self, minor: int, key: str = "opening") -> None:
        """Put money into the account."""
        with self.store.write() as tx:
            ledger.credit(tx, BOUGHT, self.account_id, Money(minor, "USD"), key)

    def buy(self, *modules: tuple[str, str], months: int = 1, now: datetime = BOUGHT, renewal: Renewal | None = None) -> Order:
        """Buy a software instance."""
        parameters = (*SOFTWARE, *modules)
        buying = Buying(self.account_id, "", "kms_ddi_public_intl", parameters, months, renewal or Renewal())
        with self.store.write() as tx:
            lock_account(tx, self.account_id)
            return orders.buy(tx, self.catalogue, self.keystore, now, buying)

    def renew(self, instance_id: str, months: int = 1, now: datetime = BOUGHT) -> Order:
        """Renew an instance."""
        with self.store.write() as tx:
            lock_account(tx, self.account_id)
            return orders.renew(tx, self.catalogue, now, Renewing(self.account_id, "", instance_id, months))

    @property
    def balance(self) -> int:
        """The balance in cents."""
        with self.store.read() as tx:
            return ledger.balance(tx, self.account_id).minor

    @property
    def findings(self) -> list[str]:
        """What an audit says."""
        with self.store.read() as tx:
            return [finding.problem for finding in orders.audit(tx)]

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table."""
        with self.store.read() as tx:
            return {
                name: [tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key))]
                for name, table in metadata.tables.items()
                if name != "alembic_version"
            }


@pytest.fixture
def room(database_url: str, tmp_path: Path) -> Iterator[Room]:
    """A room on each database."""
    store = open_store(database_url)
    with store.write() as tx:
        account_id = access.create_account(tx, BOUGHT, "tenant").account_id
    yield Room(store, SoftwareKeyStore(open_root_key(tmp_path / "root.key")), account_id)
    store.close()


def test_a_purchase_is_an_order_a_charge_and_an_instance(room: Room) -> None:
    """Software as it comes costs 500.00 a month (KMS billing page): 1,000.00 held, 500.00 left, everything answers."""
    room.credit(100_000)
    order = room.buy()
    assert len(order.order_id) == 15
    assert order.order_id.isdigit()
    assert (order.kind, order.state, order.months) == (OrderType.NEW, OrderState.PAID, 1)
    assert (order.payable, order.price_list_id) == (Money(50_000, "USD"), "kms-international-1")
    assert order.term == Term(BOUGHT, END)
    assert room.balance == 50_000
    with room.store.read() as tx:
        assert orders.order_of(tx, room.account_id, order.order_id) == order
        found = instances.owned(tx, room.account_id, order.instance_id, BOUGHT)
    assert found.ends_at == END
    assert room.findings == []


def test_an_order_keeps_its_configuration_whole(room: Room) -> None:
    """500 + 100 + 100 x 9 + 10 x 50 + 6 x 125 + 80 = 2,830.00 (KMS billing page's prices); what was not named has its default."""
    room.credit(1_000_000)
    order = room.buy(
        ("spec", "2000"), ("KeyNum", "2000"), ("SecretNum", "1000"), ("VpcNum", "7"), ("log", "1"), ("LogStorage", "1000")
    )
    assert order.payable == Money(283_000, "USD")
    assert order.parameters == (
        ("Region", "ap-southeast-1"),
        ("ProductVersion", "3"),
        ("Spec", "2000"),
        ("KeyNum", "2000"),
        ("SecretNum", "1000"),
        ("VpcNum", "7"),
        ("Log", "1"),
        ("LogStorage", "1000"),
    )
    assert {line.module_code: line.payable.minor for line in order.lines} == {
        "ProductVersion": 50_000,
        "Spec": 10_000,
        "KeyNum": 90_000,
        "SecretNum": 50_000,
        "VpcNum": 75_000,
        "LogStorage": 8_000,
    }


def test_the_quote_is_what_is_charged(room: Room) -> None:
    """Twelve months at 500.00 are 6,000.00, quoted and paid; nothing is published that takes anything off."""
    room.credit(600_000)
    quote = orders.quote_modules(room.catalogue, BOUGHT, SOFTWARE, 12, OrderKind.NEW)
    assert quote.payable == Money(600_000, "USD")
    assert room.buy(months=12).payable == quote.payable
    assert room.balance == 0


def test_a_refused_order_leaves_nothing(room: Room) -> None:
    """A cent too little: no order, no charge, no instance, no key, no job, no event, not one row more than before."""
    room.credit(49_999)
    before = room.everything()
    with pytest.raises(BalanceTooLow):
        room.buy()
    with pytest.raises(ModuleInvalid):
        room.buy(("KeyNum", "1005"))
    with pytest.raises(PeriodNotSold):
        room.buy(months=13)
    assert room.everything() == before


def test_a_refused_renewal_leaves_nothing(room: Room) -> None:
    """The instance ends when it ended before."""
    room.credit(50_000 + 49_999)
    instance_id = room.buy().instance_id
    before = room.everything()
    with pytest.raises(BalanceTooLow):
        room.renew(instance_id)
    with pytest.raises(PeriodNotSold):
        room.renew(instance_id, 13)
    with pytest.raises(InstanceNotFound):
        room.renew("kst-unknown")
    assert room.everything() == before


def test_a_renewal_is_an_order_of_its_own(room: Room) -> None:
    """Renewed for two months at 500.00: 1,000.00 more, from the old end to 2026-04-02 00:00 UTC+8, same configuration."""
    room.credit(150_000)
    bought = room.buy()
    renewed = room.renew(bought.instance_id, 2)
    assert (renewed.kind, renewed.payable, renewed.months) == (OrderType.RENEW, Money(100_000, "USD"), 2)
    assert renewed.term == Term(END, datetime(2026, 4, 1, 16, tzinfo=UTC))
    assert renewed.parameters == bought.parameters
    assert room.balance == 0
    assert room.findings == []


def test_the_wish_for_the_end_is_kept(room: Room) -> None:
    """AutoRenewal by three months at a time is stored with the instance."""
    room.credit(100_000)
    wish = Renewal(RenewalStatus.AUTO, 3)
    order = room.buy(renewal=wish)
    with room.store.read() as tx:
        assert instances.owned(tx, room.account_id, order.instance_id, BOUGHT).instance.renewal == wish


def test_row_11_two_threads_cannot_both_buy_with_the_last_money(room: Room) -> None:
    """500.00 held, two purchases at the same moment: one order, one instance, nothing left, everything answers."""
    room.credit(50_000)
    gate = threading.Barrier(2)
    outcomes: list[str] = []

    def buy() -> None:
        gate.wait()
        try:
            room.buy()
        except BalanceTooLow:
            outcomes.append("refused")
        else:
            outcomes.append("paid")

    threads = [threading.Thread(target=buy) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["paid", "refused"]
    assert room.balance == 0
    with room.store.read() as tx:
        assert len(rows.every(tx)) == len(instances.every_id(tx)) == 1
    assert room.findings == []


def test_row_10_two_renewals_at_once_stack(room: Room) -> None:
    """Neither is lost and neither overlaps the other: three months in all."""
    room.credit(150_000)
    instance_id = room.buy().instance_id
    threads = [threading.Thread(target=room.renew, args=(instance_id,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with room.store.read() as tx:
        assert instances.owned(tx, room.account_id, instance_id, BOUGHT).ends_at == datetime(2026, 4, 1, 16, tzinfo=UTC)
    assert room.balance == 0
    assert room.findings == []


def test_an_instance_is_bought_by_one_order(room: Room) -> None:
    """The schema refuses a second New order for it, whatever the code does; a Renew order is no second purchase."""
    room.credit(200_000)
    order = room.buy()
    room.renew(order.instance_id)
    with room.store.read() as tx:
        row = tx.execute(select(rows.purchase_order).where(rows.purchase_order.c.order_id == order.order_id)).one()
    second = insert(rows.purchase_order).values({**row._mapping, "order_id": "999999999999999"})  # noqa: SLF001 - public
    with room.store.write() as tx, pytest.raises(IntegrityError):
        tx.execute(second)


def test_orders_are_found_by_when_and_what(room: Room) -> None:
    """Newest first, page by page; the beginning of the span counts and its end does not; nobody else's are in it."""
    room.credit(250_000)
    first = room.buy()
    second = room.renew(first.instance_id, now=BOUGHT + timedelta(hours=1))
    third = room.renew(first.instance_id, now=BOUGHT + timedelta(hours=2))

    def found(kind: OrderType | None = None, page: int = 1, hours: int = 3) -> tuple[list[str], int]:
        search = Search(BOUGHT, BOUGHT + timedelta(hours=hours), kind, None, page, 2)
        with room.store.read() as tx:
            matches, total = orders.found(tx, room.account_id, search)
        return [order.order_id for order in matches], total

    assert found() == ([third.order_id, second.order_id], 3)
    assert found(page=2) == ([first.order_id], 3)
    assert found(page=3) == ([], 3)
    assert found(OrderType.NEW) == ([first.order_id], 1)
    assert found(hours=2) == ([second.order_id, first.order_id], 2)
    with room.store.read() as tx:
        other = Search(BOUGHT, BOUGHT + timedelta(hours=3), None, None, 1, 20)
        assert orders.found(tx, "1000000000000001", other) == ([], 0)
        with pytest.raises(OrderNotFound):
            orders.order_of(tx, "1000000000000001", first.order_id)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM entitlement",
        "DELETE FROM ledger_posting",
        "UPDATE purchase_order SET payable_minor = payable_minor - 1",
        "UPDATE purchase_order SET instance_id = 'kst-other'",
        "UPDATE ledger_transaction SET order_id = '1' WHERE kind = 'charge'",
        "DELETE FROM instance",
        "DELETE FROM order_line",
    ],
)
def test_an_audit_finds_what_somebody_changed_by_hand(room: Room, statement: str) -> None:
    """A lost entitlement, posting, instance or line, a changed price, an order pointed elsewhere, a charge of no order."""
    room.credit(100_000)
    room.buy()
    assert room.findings == []
    with room.store.write() as tx:
        tx.execute(text(statement))
    assert room.findings != []
