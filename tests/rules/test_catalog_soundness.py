"""A catalogue that contradicts itself does not start a service: each thing that can be wrong is found and named."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from keystead.catalog.commands import load_catalogue
from keystead.catalog.faults import CatalogueBroken
from keystead.catalog.model import Catalogue, Discount, Edition, Offer, PriceList, Schedule, Steps
from keystead.catalog.soundness import problems_of

SOUND = load_catalogue()
PRICES = SOUND.price_lists[0]
OFFER = PRICES.offers[0]


def with_prices(*price_lists: PriceList) -> Catalogue:
    """Everything as it is, with these price lists."""
    return msgspec.structs.replace(SOUND, price_lists=price_lists)


def with_offer(offer: Offer) -> Catalogue:
    """One price list with this one offer."""
    return with_prices(msgspec.structs.replace(PRICES, offers=(offer,)))


def later(price_list: PriceList, year: int) -> PriceList:
    """The list as of another year."""
    return msgspec.structs.replace(price_list, id=str(year), effective_from=datetime(year, 1, 1, tzinfo=UTC))


BROKEN = {
    "no list": (with_prices(), "no price list"),
    "order of lists": (with_prices(later(PRICES, 2030), later(PRICES, 2029)), "order of their effective_from"),
    "same list twice": (with_prices(PRICES, PRICES), "twice"),
    "nothing offered": (with_prices(msgspec.structs.replace(PRICES, offers=())), "nothing is offered"),
    "edition twice": (with_prices(msgspec.structs.replace(PRICES, offers=(OFFER, OFFER))), "edition software"),
    "fraction of a cent": (with_offer(msgspec.structs.replace(OFFER, monthly=Decimal("0.005"))), "not a price"),
    "negative price": (with_offer(msgspec.structs.replace(OFFER, monthly=Decimal(-1))), "not a price"),
    "no Spec": (with_offer(msgspec.structs.replace(OFFER, spec=())), "no Spec"),
    "falling tiers": (with_offer(msgspec.structs.replace(OFFER, spec=OFFER.spec[::-1])), "must rise"),
    "ragged ceiling": (with_offer(msgspec.structs.replace(OFFER, key_num=Steps(1000, 1005, 10, Decimal(9)))), "KeyNum"),
    "storage included": (with_offer(msgspec.structs.replace(OFFER, log_storage=Steps(1, 1, 1, Decimal(0)))), "LogStorage"),
    "discount over all": (
        with_prices(msgspec.structs.replace(PRICES, discounts=(Discount(Edition.SOFTWARE, 12, Decimal("1.1")),))),
        "rate",
    ),
    "region without zone": (
        msgspec.structs.replace(SOUND, regions=(msgspec.structs.replace(SOUND.regions[0], zones=()),)),
        "no zone",
    ),
    "foreign zone": (
        msgspec.structs.replace(SOUND, regions=(msgspec.structs.replace(SOUND.regions[0], zones=("moon-a",)),)),
        "another region's",
    ),
    "unknown schedule": (
        msgspec.structs.replace(SOUND, policies=msgspec.structs.replace(SOUND.policies, auto_renewal_schedule="weekly")),
        "no schedule weekly",
    ),
    "attempt after retention": (
        msgspec.structs.replace(
            SOUND, policies=msgspec.structs.replace(SOUND.policies, auto_renewal_schedules={"nine_days": Schedule((-1, 15), 8)})
        ),
        "auto_renewal_schedules.nine_days",
    ),
    "notices out of order": (
        msgspec.structs.replace(SOUND, policies=msgspec.structs.replace(SOUND.policies, notice_days=(1, 3, 7))),
        "notice_days",
    ),
    "module missing": (
        msgspec.structs.replace(SOUND, product=msgspec.structs.replace(SOUND.product, modules=SOUND.product.modules[1:])),
        "each module once",
    ),
    "nothing sold": (
        msgspec.structs.replace(SOUND, product=msgspec.structs.replace(SOUND.product, types=SOUND.product.types[2:])),
        "no product type is sold",
    ),
}


@pytest.mark.parametrize(("catalogue", "word"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_named(catalogue: Catalogue, word: str) -> None:
    """One problem planted, and the finding says which."""
    assert any(word in problem for problem in problems_of(catalogue))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("kms-international.toml", 'monthly = "500.00"', 'monthly = "500.005"'),
        ("kms-international.toml", 'edition = "software"', 'edition = "firmware"'),
        ("kms-international.toml", "+08:00", ""),
        ("policies.toml", "retention_days = 15", "retention_days = 28"),
        ("policies.toml", '= "from_now"', '= "from_yesterday"'),
        ("policies.toml", "notice_days", "notices"),
        ("regions.toml", "[[regions]]", "[[regions]"),
        ("products.toml", 'code = "SecretNum"', 'code = "HsmNum"'),
    ],
)
def test_a_file_that_says_nonsense_stops_the_loading(tmp_path: Path, name: str, old: str, new: str) -> None:
    """A mistyped value or key is told, not guessed around."""
    copy_catalogue(tmp_path)
    text = (tmp_path / name).read_text("utf-8")
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(CatalogueBroken):
        load_catalogue(tmp_path)


def test_a_missing_file_stops_the_loading(tmp_path: Path) -> None:
    """By its name."""
    copy_catalogue(tmp_path)
    (tmp_path / "regions.toml").unlink()
    with pytest.raises(CatalogueBroken, match=r"regions\.toml"):
        load_catalogue(tmp_path)


def copy_catalogue(folder: Path) -> None:
    """The shipped files, to be spoilt."""
    data = Path(__file__).parents[2] / "src" / "keystead" / "catalog" / "data"
    for source in data.glob("*.toml"):
        (folder / source.name).write_bytes(source.read_bytes())
