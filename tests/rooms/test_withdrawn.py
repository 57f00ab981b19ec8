"""Instances of which a newer price list no longer sells something: renewed at a documented price, or refused by name (ADR 40)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from keystead.catalog.faults import EditionNotSold, ModuleInvalid
from keystead.catalog.model import Steps
from keystead.faults import Fault
from keystead.instances.model import Renewal, RenewalStatus
from tests.shop import END, Shop
from tests.world import World

LATER = datetime(2026, 1, 20, tzinfo=UTC)


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop with 10,000.00, on each database."""
    made = Shop(database_url, tmp_path)
    made.credit(1_000_000)
    yield made
    assert made.findings == []
    made.close()


def later_list(shop: Shop, steps: Steps | None = None) -> None:
    """From LATER on sell software from 2,000 QPS up, and keys in these steps."""
    first = shop.catalogue.price_lists[0]
    software = first.offers[0]
    fewer = msgspec.structs.replace(software, spec=software.spec[1:], key_num=steps or software.key_num)
    newer = msgspec.structs.replace(first, id="later", effective_from=LATER, offers=(fewer, *first.offers[1:]))
    shop.add_list(newer)


def test_a_spec_no_longer_sold_is_refused_by_name_and_may_be_changed(shop: Shop) -> None:
    """1,000 QPS are gone: a renewal is refused and charges nothing; with 2,000, at 500.00 + 100.00, it goes through."""
    instance_id = shop.buy(renewal=Renewal(RenewalStatus.AUTO, 1)).instance_id
    later_list(shop)
    with pytest.raises(ModuleInvalid, match=r"Spec.*1000 is no longer on sale.*2000, 4000") as refused:
        shop.renew(instance_id, now=LATER)
    assert isinstance(refused.value, Fault)
    with pytest.raises(ModuleInvalid, match="Spec"):
        shop.upgrade(instance_id, ("KeyNum", "1010"), now=LATER)
    with pytest.raises(ModuleInvalid, match="Spec"):
        shop.upgrade(instance_id, ("Spec", "2000"), now=LATER)
    shop.attempt(instance_id, END - timedelta(days=1))
    assert "auto_renewal_failed" in shop.happened
    assert shop.balance == "9500.00"
    assert shop.renew(instance_id, ("Spec", "2000"), now=LATER).payable.plain() == "600.00"


def test_figures_off_the_steps_of_a_newer_list_are_renewed_as_they_are(shop: Shop) -> None:
    """1,010 keys, now sold by the hundred at 90.00: a step begun is paid whole, 600.00 + 90.00, and they stay 1,010."""
    instance_id = shop.buy(("KeyNum", "1010"), ("Spec", "2000")).instance_id
    keys = shop.catalogue.price_lists[0].offers[0].key_num
    later_list(shop, msgspec.structs.replace(keys, step=100, step_monthly=keys.step_monthly * 10))
    assert shop.renew(instance_id, now=LATER).payable.plain() == "690.00"
    assert shop.owned(instance_id, LATER).last_figures.key_num == 1010


def test_a_region_that_is_closed_is_still_renewed(shop: Shop) -> None:
    """Nothing is bought there any more; what is there goes on."""
    instance_id = shop.buy().instance_id
    regions = tuple(msgspec.structs.replace(region, closed=True) for region in shop.catalogue.regions)
    shop.catalogue = msgspec.structs.replace(shop.catalogue, regions=regions)
    assert shop.renew(instance_id).payable.plain() == "500.00"


def test_an_edition_no_longer_sold_is_refused_and_still_refunded(shop: Shop) -> None:
    """The refund is reckoned by the list of the purchase: one of 32 slots is used, 500/32 = 15.63 half up, 484.37."""
    instance_id = shop.buy().instance_id
    first = shop.catalogue.price_lists[0]
    soon = datetime(2026, 1, 1, 1, tzinfo=UTC)
    shop.add_list(msgspec.structs.replace(first, id="later", effective_from=soon, offers=first.offers[1:]))
    now = datetime(2026, 1, 1, 2, tzinfo=UTC)
    with pytest.raises(EditionNotSold):
        shop.renew(instance_id, now=now)
    assert shop.refund(instance_id, now).payable.plain() == "484.37"


def test_the_refusal_on_the_wire(database_url: str, tmp_path: Path) -> None:
    """InvalidParameter naming Spec, HTTP 200 as business refusals are; the quote says the same, and a notice is still written."""
    world = World(database_url, tmp_path)
    tenant = world.tenant("10000.00")
    instance_id = tenant.buy()
    catalogue = world.service.catalogue
    first = catalogue.price_lists[0]
    fewer = msgspec.structs.replace(first.offers[0], spec=first.offers[0].spec[1:])
    newer = msgspec.structs.replace(first, id="later", effective_from=LATER, offers=(fewer, *first.offers[1:]))
    world.sell(msgspec.structs.replace(catalogue, price_lists=(*catalogue.price_lists, newer)))
    world.advance_to("2026-01-21T00:00:00Z")
    reply = tenant.bss("RenewInstance", ProductCode="kms", InstanceId=instance_id, RenewPeriod=1)
    assert (reply.status, reply.code) == (200, "InvalidParameter")
    assert "Spec" in reply.body["Message"]
    module = {"ModuleList.1.ModuleCode": "Spec", "ModuleList.1.Config": "Spec:1000"}
    quoted = tenant.bss(
        "GetSubscriptionPrice",
        **module,
        ProductCode="kms",
        SubscriptionType="Subscription",
        OrderType="Renewal",
        InstanceId=instance_id,
    )
    assert quoted.code == "InvalidParameter"
    assert [event.kind for event in world.advance_to("2026-01-27T00:00:00Z")].count("expiry_reminded") == 1
    world.close()
