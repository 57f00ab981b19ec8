"""Prices: the published figures to the cent, and what must hold of any quote."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.catalog.commands import load_catalogue
from keystead.catalog.faults import ModuleInvalid
from keystead.catalog.model import Configuration, Discount, DiscountRounding, Edition, Module, PriceList
from keystead.money import Money
from keystead.pricing.model import OrderKind
from keystead.pricing.rules import discount_rate, monthly_prices, quote

PRICES = load_catalogue().price_lists[0]
SOFTWARE = Configuration(Edition.SOFTWARE, "ap-southeast-1", 1000, 1000, 0, 1, log=False, log_storage_gb=0)
HARDWARE = Configuration(Edition.HARDWARE, "ap-southeast-1", 2000, 1000, 0, 1, log=False, log_storage_gb=0)
MODULES = ("ProductVersion", "Spec", "KeyNum", "SecretNum", "VpcNum", "LogStorage")


def usd(units: int) -> Money:
    """So many dollars."""
    return Money(units * 100, "USD")


def changed(base: Configuration, **figures: int) -> Configuration:
    """The base with other figures; the log service is on where there is storage."""
    return msgspec.structs.replace(base, log=figures.get("log_storage_gb", 0) > 0, **figures)


# Base, Spec, keys, secrets, access, log, in USD a month; each figure from the billing page's table.
VECTORS = {
    "software default": (SOFTWARE, (500, 0, 0, 0, 0, 0)),
    "hardware default": (HARDWARE, (1799, 0, 0, 0, 0, 0)),
    # 1,000 keys more are 100 tens at 9; 1,000 secrets ten hundreds at 50; 6 accesses more at 125; 1,000 GB at 80: 2,830 in all
    "software with everything": (
        changed(SOFTWARE, qps=2000, key_num=2000, secret_num=1000, access_num=7, log_storage_gb=1000),
        (500, 100, 900, 500, 750, 80),
    ),
    # 1,125 in all
    "software with access and secrets": (changed(SOFTWARE, access_num=2, secret_num=1000), (500, 0, 0, 500, 125, 0)),
    # 2,509 in all
    "hardware with everything": (
        changed(HARDWARE, qps=4000, secret_num=200, access_num=3, log_storage_gb=2000),
        (1799, 200, 0, 100, 250, 160),
    ),
    # 1,585 in all
    "software, 1,250 keys": (
        changed(SOFTWARE, qps=4000, key_num=1250, secret_num=300, access_num=3, log_storage_gb=2000),
        (500, 300, 225, 150, 250, 160),
    ),
    # 9,900 tens x 9; 1,000 hundreds x 50; 999 x 125; 500 thousands x 80: 304,775 in all
    "software maximum": (
        changed(SOFTWARE, qps=4000, key_num=100_000, secret_num=100_000, access_num=1000, log_storage_gb=500_000),
        (500, 300, 89_100, 50_000, 124_875, 40_000),
    ),
    # 217,074 in all
    "hardware maximum": (
        changed(HARDWARE, qps=6000, secret_num=100_000, access_num=1000, log_storage_gb=500_000),
        (1799, 400, 0, 50_000, 124_875, 40_000),
    ),
}
TOTALS = {
    "software default": 500,
    "hardware default": 1799,
    "software with everything": 2830,
    "software with access and secrets": 1125,
    "hardware with everything": 2509,
    "software, 1,250 keys": 1585,
    "software maximum": 304_775,
    "hardware maximum": 217_074,
}


@pytest.mark.parametrize("name", VECTORS)
def test_published_prices(name: str) -> None:
    """KMS billing page: a month of this configuration, module by module and in all."""
    configuration, prices = VECTORS[name]
    made = quote(PRICES, configuration, 1, OrderKind.NEW)
    assert [(line.module_code.value, line.unit_price) for line in made.lines] == [
        (code, usd(price)) for code, price in zip(MODULES, prices, strict=True)
    ]
    assert made.payable == made.list_amount == usd(TOTALS[name]) == usd(sum(prices))
    assert made.discount == usd(0)
    assert made.price_list_id == "kms-international-1"


@pytest.mark.parametrize(("qps", "price"), [(1000, 0), (2000, 100), (4000, 300)])
def test_tiers_replace_each_other_with_software(qps: int, price: int) -> None:
    """4,000 QPS cost 300 in all, not 100 and 300."""
    assert monthly_prices(PRICES, changed(SOFTWARE, qps=qps))[Module.SPEC] == usd(price)


@pytest.mark.parametrize(("qps", "price"), [(2000, 0), (4000, 200), (6000, 400)])
def test_tiers_replace_each_other_with_hardware(qps: int, price: int) -> None:
    """2,000 are included, and 6,000 cost 400 in all."""
    assert monthly_prices(PRICES, changed(HARDWARE, qps=qps))[Module.SPEC] == usd(price)


@pytest.mark.parametrize("kind", OrderKind)
@pytest.mark.parametrize("months", [1, 2, 9, 12, 24, 36, 48, 60])
def test_a_term_costs_its_months(months: int, kind: OrderKind) -> None:
    """No discount is published: 500 times the months, for a purchase and for a renewal."""
    made = quote(PRICES, SOFTWARE, months, kind)
    assert (made.payable, made.discount, made.months, made.kind) == (usd(500 * months), usd(0), months, kind)
    assert made.lines[0].unit_price == usd(500)


def discounted(rate: str, rounding: DiscountRounding = "up") -> PriceList:
    """The list with a discount on twelve months of software."""
    discounts = (Discount(Edition.SOFTWARE, 12, Decimal(rate)),)
    return msgspec.structs.replace(PRICES, discounts=discounts, discount_rounding=rounding)


def test_a_discount_is_for_its_edition_and_its_months_only() -> None:
    """15 % off 6,000 for twelve months of software is 900; eleven months, two years and hardware pay in full."""
    prices = discounted("0.15")
    made = quote(prices, SOFTWARE, 12, OrderKind.NEW)
    assert (made.list_amount, made.discount, made.payable) == (usd(6000), usd(900), usd(5100))
    assert quote(prices, SOFTWARE, 11, OrderKind.NEW).discount == usd(0)
    assert quote(prices, SOFTWARE, 24, OrderKind.NEW).discount == usd(0)
    assert discount_rate(prices, Edition.HARDWARE, 12) == 0


@pytest.mark.parametrize(("rounding", "cents"), [("up", 199_981), ("half_up", 199_980), ("down", 199_980)])
def test_a_fraction_of_a_cent_is_rounded_once_a_line_as_the_list_says(rounding: DiscountRounding, cents: int) -> None:
    """0.33330042 of 600,000 cents is 199,980.252 cents."""
    assert quote(discounted("0.33330042", rounding), SOFTWARE, 12, OrderKind.NEW).discount == Money(cents, "USD")


CONFIGURATIONS = st.builds(
    lambda qps, keys, secrets, access, storage: changed(
        SOFTWARE, qps=qps, key_num=keys * 10, secret_num=secrets * 100, access_num=access, log_storage_gb=storage * 1000
    ),
    st.sampled_from([1000, 2000, 4000]),
    st.integers(100, 9_999),
    st.integers(0, 999),
    st.integers(1, 999),
    st.integers(0, 499),
)
MONTHS = st.sampled_from([*range(1, 10), 12, 24, 36, 48, 60])


@given(CONFIGURATIONS, MONTHS, st.decimals(0, 1, places=6), st.sampled_from(["up", "down", "half_up"]))
def test_lines_add_up_and_nothing_is_sold_below_zero(
    configuration: Configuration, months: int, rate: Decimal, rounding: DiscountRounding
) -> None:
    """Whatever is bought at whatever discount: line and total agree, and a discount never exceeds what it is taken from."""
    discounts = (Discount(Edition.SOFTWARE, months, rate),)
    prices = msgspec.structs.replace(PRICES, discounts=discounts, discount_rounding=rounding)
    made = quote(prices, configuration, months, OrderKind.RENEWAL)
    for line in made.lines:
        assert line.list_amount == line.unit_price * months
        assert line.payable == line.list_amount - line.discount
        assert usd(0) <= line.discount <= line.list_amount
    for part in ("list_amount", "discount", "payable"):
        assert getattr(made, part) == Money.total((getattr(line, part) for line in made.lines), "USD")


@given(CONFIGURATIONS, MONTHS)
def test_more_of_any_module_costs_more_by_its_published_step(configuration: Configuration, months: int) -> None:
    """One step more: 9 for ten keys, 50 for a hundred secrets, 125 for an access, 80 for 1,000 GB, times the months."""
    before = quote(PRICES, configuration, months, OrderKind.NEW).payable
    steps = {
        "key_num": (10, 9),
        "secret_num": (100, 50),
        "access_num": (1, 125),
        "log_storage_gb": (1000, 80),
    }
    for figure, (step, price) in steps.items():
        figures = {"log_storage_gb": configuration.log_storage_gb} | {figure: getattr(configuration, figure) + step}
        after = quote(PRICES, changed(configuration, **figures), months, OrderKind.NEW).payable
        assert after - before == usd(price * months)
    for slower, faster in ((1000, 2000), (2000, 4000)):
        if configuration.qps == slower:
            figures = {"log_storage_gb": configuration.log_storage_gb, "qps": faster}
            assert quote(PRICES, changed(configuration, **figures), months, OrderKind.NEW).payable > before


def test_a_tier_that_is_gone_is_not_guessed_a_price() -> None:
    """A configuration that the list never accepted has no price."""
    with pytest.raises(ModuleInvalid, match="3000 is no longer on sale"):
        quote(PRICES, changed(SOFTWARE, qps=3000), 1, OrderKind.NEW)
