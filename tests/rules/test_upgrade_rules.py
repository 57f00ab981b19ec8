"""What an upgrade costs: formula 1 of the cloud's sister products, to the second, rounded once."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.catalog import rules as catalog
from keystead.catalog.commands import load_catalogue
from keystead.catalog.faults import ChangeRefused, ModuleInvalid
from keystead.catalog.model import Configuration, Edition, Module
from keystead.money import Money
from keystead.pricing import rules
from keystead.pricing.model import OrderKind

CATALOGUE = load_catalogue()
PRICES = CATALOGUE.price_lists[0]
PLAIN = Configuration(Edition.SOFTWARE, "ap-southeast-1", 1000, 1000, 0, 1, log=False, log_storage_gb=0)
FASTER = msgspec.structs.replace(PLAIN, qps=2000)
MORE_KEYS = msgspec.structs.replace(PLAIN, key_num=1010)
FIRST_TERM = timedelta(days=31, hours=11)
"""31.458 days."""

configurations = st.builds(
    Configuration,
    edition=st.just(Edition.SOFTWARE),
    region=st.just("ap-southeast-1"),
    qps=st.sampled_from([1000, 2000, 4000]),
    key_num=st.integers(100, 10_000).map(lambda steps: steps * 10),
    secret_num=st.integers(0, 1000).map(lambda steps: steps * 100),
    access_num=st.integers(1, 1000),
    log=st.just(True),  # noqa: FBT003 - the value of a field
    log_storage_gb=st.integers(1, 500).map(lambda steps: steps * 1000),
)
times_left = st.timedeltas(timedelta(0), timedelta(days=2000))


def fee(before: Configuration, after: Configuration, left: timedelta) -> int:
    """What the upgrade costs, in cents."""
    return rules.upgrade_quote(PRICES, before, after, left, "hours_of_30_day_months").payable.minor


@pytest.mark.parametrize(
    ("after", "left", "cents"),
    [
        (FASTER, timedelta(days=15), 5_000),  # 100.00 a month, 15 of 30 days
        (FASTER, FIRST_TERM, 10_486),  # 100.00 x 755 / 720 hours = 104.861
        (MORE_KEYS, timedelta(seconds=1), 0),  # 9.00 / 2,592,000 seconds: free, still an order
        (FASTER, timedelta(seconds=129), 0),  # 100.00 x 129 / 2,592,000 = 0.00498
        (FASTER, timedelta(seconds=130), 1),  # 100.00 x 130 / 2,592,000 = 0.00502
        (FASTER, timedelta(seconds=130) - timedelta(milliseconds=1), 0),  # seconds that are whole count
    ],
)
def test_the_published_formula(after: Configuration, left: timedelta, cents: int) -> None:
    """(new - old a month) / 30 / 24 x unused hours, half up to cents: +100 with 15 days left is 50.00."""
    assert fee(PLAIN, after, left) == cents


def test_the_clouds_own_example() -> None:
    """PolarDB's page: 14,400 against 7,200 a month with 50 days left = 12,000; here 7,200 more a month are 800 x 9."""
    richer = msgspec.structs.replace(PLAIN, key_num=9000)
    assert fee(PLAIN, richer, timedelta(days=50)) == 1_200_000


def test_the_other_formula_counts_days_begun() -> None:
    """100.00 a month: 14 days and a second are 15 of 30, 50.00."""
    left = timedelta(days=14, seconds=1)
    assert rules.upgrade_quote(PRICES, PLAIN, FASTER, left, "days_of_30_day_months").payable == Money(5_000, "USD")


def test_the_lines_of_an_upgrade() -> None:
    """A line a priced module, nothing but what rises costs; their sum is the total, rounded once: 33.33 + 3.00 = 36.33."""
    both = msgspec.structs.replace(FASTER, key_num=1010)
    quote = rules.upgrade_quote(PRICES, PLAIN, both, timedelta(days=10), "hours_of_30_day_months")
    assert (quote.kind, quote.months, quote.payable) == (OrderKind.UPGRADE, 0, Money(3_633, "USD"))
    assert {line.module_code: line.payable.minor for line in quote.lines if line.payable.minor} == {
        Module.SPEC: 3_333,
        Module.KEY_NUM: 300,
    }


@given(configurations, configurations, times_left)
def test_the_lines_share_what_was_rounded_once(one: Configuration, other: Configuration, left: timedelta) -> None:
    """Row 36: whatever rises, no line is below zero and their sum is the total, which is the exact fee to half a cent."""
    low, high = _lower(one, other), _lower(one, other, pick=max)
    quote = rules.upgrade_quote(PRICES, low, high, left, "hours_of_30_day_months")
    assert all(line.payable.minor >= 0 for line in quote.lines)
    assert Money.total((line.payable for line in quote.lines), "USD") == quote.payable == quote.list_amount
    seconds = left // timedelta(seconds=1)
    monthly = sum(rules.monthly_prices(PRICES, high)[m].minor - p.minor for m, p in rules.monthly_prices(PRICES, low).items())
    assert abs(quote.payable.minor * 2_592_000 - monthly * seconds) * 2 <= 2_592_000


@given(configurations, configurations, configurations, times_left)
def test_upgrades_twice_sum_up(one: Configuration, other: Configuration, third: Configuration, left: timedelta) -> None:
    """Row 15: two upgrades at one moment cost what the one from first to last costs, up to a cent."""
    low = _lower(_lower(one, other), third)
    middle = _lower(low, other, pick=max)
    high = _lower(middle, third, pick=max)
    assert abs(fee(low, middle, left) + fee(middle, high, left) - fee(low, high, left)) <= 1


def _lower(one: Configuration, other: Configuration, pick: object = min) -> Configuration:
    """Module by module the lower, or with `max` the higher figure of two."""
    assert callable(pick)
    fields = ("qps", "key_num", "secret_num", "access_num", "log_storage_gb")
    return msgspec.structs.replace(one, **{name: pick(getattr(one, name), getattr(other, name)) for name in fields})


def test_row_18_a_decrease_hidden_in_an_upgrade_is_refused() -> None:
    """More keys and less speed: the module that would shrink is named."""
    with pytest.raises(ChangeRefused, match="Spec"):
        catalog.risen(msgspec.structs.replace(PLAIN, qps=2000), msgspec.structs.replace(PLAIN, key_num=2000))
    logged = msgspec.structs.replace(PLAIN, log=True, log_storage_gb=1000)
    with pytest.raises(ChangeRefused, match="Log"):
        catalog.risen(logged, msgspec.structs.replace(PLAIN, qps=4000))


def test_row_19_nothing_changed_is_refused_and_unchanged_codes_beside_a_change_are_fine() -> None:
    """The provider sends Log and LogStorage on every upgrade."""
    with pytest.raises(ChangeRefused, match="Nothing would change"):
        catalog.risen(PLAIN, PLAIN)
    sent = [("Spec", "2000"), ("Log", "0"), ("LogStorage", "0"), ("region", "ap-southeast-1")]
    assert catalog.changed(CATALOGUE, PRICES, PLAIN, sent) == FASTER


@pytest.mark.parametrize("sent", [("Region", "eu-central-1"), ("ProductVersion", "1")])
def test_region_and_edition_are_for_good(sent: tuple[str, str]) -> None:
    """An instance is not moved and does not become another kind."""
    with pytest.raises(ChangeRefused, match=sent[0]):
        catalog.changed(CATALOGUE, PRICES, PLAIN, [sent])


@pytest.mark.parametrize(
    "sent",
    [
        [("KeyNum", "1005")],  # row 20: off the step
        [("KeyNum", "100010")],  # row 20: over the ceiling
        [("Log", "0"), ("LogStorage", "1000")],  # row 22: storage without the service
        [("Log", "1")],  # row 22: the service without storage
    ],
)
def test_rows_20_and_22_what_cannot_be_bought_cannot_be_upgraded_to(sent: list[tuple[str, str]]) -> None:
    """The same rules as for a purchase."""
    with pytest.raises(ModuleInvalid):
        catalog.changed(CATALOGUE, PRICES, PLAIN, sent)


def test_row_21_hardware_has_no_extra_keys() -> None:
    """Additional keys are not sold with hardware (KMS billing page)."""
    hardware = Configuration(Edition.HARDWARE, "ap-southeast-1", 2000, 1000, 0, 1, log=False, log_storage_gb=0)
    with pytest.raises(ModuleInvalid, match="KeyNum"):
        catalog.changed(CATALOGUE, PRICES, hardware, [("KeyNum", "1010")])
