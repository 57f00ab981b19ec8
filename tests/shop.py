"""Orders without the wire: a store, a key store, a catalogue that a test may change, an account, and the room's verbs.

shop = Shop(database_url, tmp_path)
shop.credit(100_000)
order = shop.buy(("Spec", "2000"))
shop.upgrade(order.instance_id, ("Spec", "4000"), now=later)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from keystead.access import commands as access
from keystead.access.rows import lock_account
from keystead.catalog.commands import load_catalogue
from keystead.catalog.model import Discount, PriceList
from keystead.coupons import commands as coupons
from keystead.coupons import rules as coupon_rules
from keystead.coupons.model import Coupon, Grant, Search
from keystead.hsm.software import SoftwareKeyStore, open_root_key
from keystead.instances import commands as instances
from keystead.instances.model import Network, Owned, Renewal
from keystead.keyring import lifecycle
from keystead.keyring.model import Place
from keystead.keyring.rules import AskedShape, shape_of
from keystead.ledger import commands as ledger
from keystead.money import Money
from keystead.orders import commands as orders
from keystead.orders import refunds, renewals
from keystead.orders.model import Asked, Buying, Order, Renewing, Share, Upgrading
from keystead.store import Transaction, events, open_store

BOUGHT = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 2, 1, 16, tzinfo=UTC)
"""2026-01-01 08:00 UTC+8 and a month: to 2026-02-02 00:00 UTC+8, 31 days and 16 hours or 760 hours later."""
SOFTWARE = (("Region", "ap-southeast-1"), ("ProductVersion", "3"))
NETWORK = Network("vpc-1", ("ap-southeast-1a", "ap-southeast-1b"), ("vsw-1",))
Modules = tuple[str, str]


class Shop:
    """One account's orders on `database_url`, the root key under `folder`."""

    def __init__(self, database_url: str, folder: Path) -> None:
        """Open the migrated database and make the account."""
        self.store = open_store(database_url)
        self.keystore = SoftwareKeyStore(open_root_key(folder / "root.key"))
        self.catalogue = load_catalogue()
        with self.store.write() as tx:
            self.account_id = access.create_account(tx, BOUGHT, "tenant").account_id

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def policy(self, **changes: object) -> None:
        """Decide something else."""
        policies = msgspec.structs.replace(self.catalogue.policies, **changes)
        self.catalogue = msgspec.structs.replace(self.catalogue, policies=policies)

    def discounted(self, *discounts: Discount) -> None:
        """Have the price list take something off long terms."""
        first = msgspec.structs.replace(self.catalogue.price_lists[0], discounts=discounts)
        self.catalogue = msgspec.structs.replace(self.catalogue, price_lists=(first, *self.catalogue.price_lists[1:]))

    def add_list(self, price_list: PriceList) -> None:
        """Have a later price list."""
        self.catalogue = msgspec.structs.replace(self.catalogue, price_lists=(*self.catalogue.price_lists, price_list))

    def credit(self, minor: int, key: str = "opening") -> None:
        """Put cents into the account."""
        with self.store.write() as tx:
            ledger.credit(tx, BOUGHT, self.account_id, Money(minor, "USD"), key)

    def coupon(self, minor: int, expires_at: datetime | None = None, key: str = "", **changes: object) -> Coupon:
        """Grant a coupon of so many cents."""
        grant = Grant("", self.account_id, "", Money(minor, "USD"), BOUGHT, BOUGHT, expires_at, (), "", key or str(minor))
        with self._locked() as tx:
            return coupons.grant(tx, BOUGHT, msgspec.structs.replace(grant, **changes))

    def coupons(self, now: datetime = BOUGHT) -> list[tuple[str, str]]:
        """What is left on the coupons and what they are, the most valuable first."""
        with self.store.read() as tx:
            found = coupons.found(tx, now, self.account_id, Search())
        return [
            (coupon_rules.left_of(each, now).plain(), coupon_rules.state_of(each, now).value)
            for each in sorted(found, key=lambda each: -each.grant.nominal.minor)
        ]

    def buying(self, *modules: Modules, months: int = 1, renewal: Renewal | None = None) -> Buying:
        """A purchase of a software instance."""
        return Buying(self.account_id, "", "kms_ddi_public_intl", (*SOFTWARE, *modules), months, renewal or Renewal())

    def buy(self, *modules: Modules, months: int = 1, now: datetime = BOUGHT, renewal: Renewal | None = None) -> Order:
        """Buy a software instance."""
        with self._locked() as tx:
            return orders.buy(tx, self.catalogue, self.keystore, now, self.buying(*modules, months=months, renewal=renewal))

    def renew(self, instance_id: str, *modules: Modules, months: int = 1, now: datetime = BOUGHT) -> Order:
        """Renew an instance, with other modules if any are named."""
        with self._locked() as tx:
            return orders.renew(tx, self.catalogue, now, Renewing(self.account_id, "", instance_id, months, modules))

    def upgrade(self, instance_id: str, *modules: Modules, now: datetime = BOUGHT) -> Order:
        """Upgrade an instance."""
        with self._locked() as tx:
            return orders.upgrade(tx, self.catalogue, now, Upgrading(self.account_id, "", instance_id, modules))

    def place(self, asked: Asked, now: datetime = BOUGHT) -> Order:
        """Place an order without paying it."""
        with self._locked() as tx:
            return orders.place(tx, self.catalogue, now, asked)

    def pay(self, order_id: str, now: datetime = BOUGHT) -> Order:
        """Pay a placed order."""
        with self._locked() as tx:
            order = orders.order_of(tx, self.account_id, order_id)
            return orders.pay(tx, self.catalogue, self.keystore, now, order)

    def cancel(self, order_id: str, now: datetime = BOUGHT) -> None:
        """Cancel a placed order."""
        with self._locked() as tx:
            orders.cancel(tx, now, self.account_id, order_id)

    def inquire(self, instance_id: str, now: datetime) -> list[Share]:
        """Ask what would come back."""
        with self.store.read() as tx:
            return refunds.inquire(tx, self.catalogue, now, self.account_id, instance_id)

    def back(self, instance_id: str, now: datetime) -> str:
        """What would come back, in all."""
        return refunds.total(self.inquire(instance_id, now)).plain()

    def refund(self, instance_id: str, now: datetime) -> Order:
        """Give an instance back."""
        with self._locked() as tx:
            return refunds.refund(tx, self.catalogue, now, self.account_id, instance_id)

    def attempt(self, instance_id: str, now: datetime) -> None:
        """Do the job of automatic renewal."""
        with self._locked() as tx:
            renewals.renew_automatically(tx, self.catalogue, now, instance_id)

    def connect(self, instance_id: str, now: datetime = BOUGHT, *, finish: bool = True) -> None:
        """Enable an instance, or begin to."""
        with self._locked() as tx:
            instances.connect(tx, now, instances.owned(tx, self.account_id, instance_id, now), NETWORK)
            if finish:
                instances.finish_connecting(tx, now, instance_id)

    def keys(self, instance_id: str, count: int) -> None:
        """Make keys."""
        with self._locked() as tx:
            place = Place(self.account_id, "ap-southeast-1", instance_id, self.account_id)
            for _ in range(count):
                lifecycle.create_key(tx, self.keystore, BOUGHT, place, shape_of(AskedShape()))

    def protect(self, instance_id: str, because: str, *, protected: bool = True) -> None:
        """Protect an instance from deletion, or no longer."""
        with self._locked() as tx:
            instances.protect(tx, BOUGHT, instances.owned(tx, self.account_id, instance_id, BOUGHT), because, protected=protected)

    def release(self, instance_id: str, now: datetime) -> None:
        """Do the job of release."""
        with self._locked() as tx:
            instances.release(tx, now, instance_id)

    def order(self, order_id: str) -> Order:
        """Ask for an order."""
        with self.store.read() as tx:
            return orders.order_of(tx, self.account_id, order_id)

    def owned(self, instance_id: str, now: datetime) -> Owned:
        """Ask for the instance."""
        with self.store.read() as tx:
            return instances.owned(tx, self.account_id, instance_id, now)

    @property
    def balance(self) -> str:
        """The balance."""
        with self.store.read() as tx:
            return ledger.balance(tx, self.account_id).plain()

    @property
    def findings(self) -> list[str]:
        """What an audit says."""
        with self.store.read() as tx:
            return [finding.problem for finding in orders.audit(tx)]

    @property
    def happened(self) -> list[str]:
        """The kinds of events so far."""
        with self.store.read() as tx:
            return [event.kind for event in events.since(tx, 0)]

    @contextmanager
    def _locked(self) -> Iterator[Transaction]:
        """A writing transaction that holds the account's lock."""
        with self.store.write() as tx:
            lock_account(tx, self.account_id)
            yield tx
