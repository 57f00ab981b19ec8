"""What a deployment without a hardware security module does not sell (ADR 38)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from keystead.catalog.model import Edition
from keystead.instances.model import Renewal, RenewalStatus
from keystead.orders.faults import EditionNotDelivered
from keystead.orders.model import Buying, Renewing, Upgrading
from tests.shop import BOUGHT, END, Shop
from tests.world import World

HARDWARE = (("Region", "ap-southeast-1"), ("ProductVersion", "1"))


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop with 10,000.00, on each database, that delivers software only."""
    made = Shop(database_url, tmp_path)
    made.credit(1_000_000)
    yield made
    assert made.findings == []
    made.close()


def deliver(shop: Shop, *editions: Edition) -> None:
    """Have the deployment deliver these."""
    shop.catalogue = msgspec.structs.replace(shop.catalogue, delivered=frozenset(editions))


def hardware(shop: Shop, renewal: Renewal | None = None) -> Buying:
    """A purchase of a hardware instance."""
    return Buying(shop.account_id, "", "kms_ddi_public_intl", HARDWARE, 1, renewal or Renewal())


def test_a_hardware_instance_is_quoted_and_not_sold(database_url: str, tmp_path: Path) -> None:
    """1,799.00 a month (KMS billing page) is what it would cost; ordering it says what is missing and moves no money."""
    world = World(database_url, tmp_path)
    tenant = world.tenant("10000.00")
    kms = {"ProductCode": "kms", "SubscriptionType": "Subscription"}
    module = {"ModuleList.1.ModuleCode": "ProductVersion", "ModuleList.1.Config": "ProductVersion:1,Region:ap-southeast-1"}
    quoted = tenant.bss("GetSubscriptionPrice", **kms, **module, OrderType="NewOrder")
    assert quoted.body["Data"]["TradePrice"] == 1799.0
    modules: dict[str, object] = {}
    for number, (code, value) in enumerate(HARDWARE, 1):
        modules |= {f"Parameter.{number}.Code": code, f"Parameter.{number}.Value": value}
    refused = tenant.bss("CreateInstance", **kms, **modules, Period=1)
    assert (refused.status, refused.body["Success"], refused.code) == (200, False, "ProductNotSupported")
    assert "no hardware security module is configured" in refused.body["Message"]
    assert tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"] == "10000.00"
    assert tenant.bss("QueryAvailableInstances").body["Data"]["TotalCount"] == 0
    world.close()


def test_a_draft_is_not_placed_and_one_placed_before_is_not_paid(shop: Shop) -> None:
    """Placed while there was a module, it cannot be paid once there is none; it can still be cancelled."""
    with pytest.raises(EditionNotDelivered):
        shop.place(hardware(shop))
    deliver(shop, *Edition)
    placed = shop.place(hardware(shop))
    deliver(shop, Edition.SOFTWARE)
    with pytest.raises(EditionNotDelivered):
        shop.pay(placed.order_id)
    assert shop.balance == "10000.00"
    shop.cancel(placed.order_id)


def test_what_is_held_is_not_prolonged_nor_enlarged_without_a_module(shop: Shop) -> None:
    """10,000.00 less 1,799.00 stay 8,201.00; with the module back the renewal goes through."""
    deliver(shop, *Edition)
    instance_id = shop.pay(shop.place(hardware(shop, Renewal(RenewalStatus.AUTO, 1))).order_id).instance_id
    deliver(shop, Edition.SOFTWARE)
    with pytest.raises(EditionNotDelivered):
        shop.renew(instance_id)
    with pytest.raises(EditionNotDelivered):
        shop.upgrade(instance_id, ("Spec", "4000"))
    for asked in (
        Renewing(shop.account_id, "", instance_id, 1),
        Upgrading(shop.account_id, "", instance_id, (("Spec", "4000"),)),
    ):
        with pytest.raises(EditionNotDelivered):
            shop.place(asked)
    shop.attempt(instance_id, END - timedelta(days=1))
    assert "auto_renewal_failed" in shop.happened
    assert shop.balance == "8201.00"
    deliver(shop, *Edition)
    shop.renew(instance_id)
    assert shop.balance == "6402.00"


def test_software_is_sold_without_a_module(shop: Shop) -> None:
    """500.00 a month."""
    shop.buy(now=BOUGHT)
    assert shop.balance == "9500.00"
