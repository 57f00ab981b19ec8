"""What is for sale: the published list, what may be chosen from it, and by which name a wrong choice is refused."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.catalog import rules
from keystead.catalog.commands import load_catalogue
from keystead.catalog.faults import (
    ConfigMalformed,
    EditionNotSold,
    ModuleInvalid,
    NothingOnSaleYet,
    PeriodNotSold,
    ProductNotSold,
    RegionUnknown,
    UnknownModule,
)
from keystead.catalog.model import Configuration, Edition, Module
from keystead.catalog.soundness import problems_of
from keystead.faults import CallerFault, InvalidParameter, MissingParameter

CATALOGUE = load_catalogue()
PRICES = CATALOGUE.price_lists[0]
SINGAPORE = "ap-southeast-1"
SOFTWARE = Configuration(Edition.SOFTWARE, SINGAPORE, 1000, 1000, 0, 1, log=False, log_storage_gb=0)
HARDWARE = Configuration(Edition.HARDWARE, SINGAPORE, 2000, 1000, 0, 1, log=False, log_storage_gb=0)


def configured(**codes: str) -> Configuration:
    """What these codes make."""
    return rules.configured(CATALOGUE, PRICES, list(codes.items()))


def software(**codes: str) -> Configuration:
    """A software instance in Singapore, with these codes besides."""
    return configured(**{"Region": SINGAPORE, "ProductVersion": "3"} | codes)


def hardware(**codes: str) -> Configuration:
    """A hardware instance in Singapore, with these codes besides."""
    return configured(**{"Region": SINGAPORE, "ProductVersion": "1"} | codes)


def test_what_is_not_sent_takes_the_default_of_the_edition() -> None:
    """Billing page: 1,000 QPS with software, 2,000 with hardware; 1,000 keys, no secret, one access, log off."""
    assert software() == SOFTWARE
    assert hardware() == HARDWARE


def test_what_terraform_sends_is_understood() -> None:
    """Zeros are left out except Log=0, everything is text."""
    assert software(VpcNum="1", KeyNum="1000", Spec="1000", Log="0") == SOFTWARE
    assert software(VpcNum="7", KeyNum="2000", Spec="2000", SecretNum="1000", Log="1", LogStorage="1000") == Configuration(
        Edition.SOFTWARE, SINGAPORE, 2000, 2000, 1000, 7, log=True, log_storage_gb=1000
    )


@pytest.mark.parametrize("code", ["keynum", "KEYNUM", "KeyNum", "kEYnUM"])
def test_codes_are_known_in_any_letter_case(code: str) -> None:
    """Clients send `log` as well as `Log`."""
    assert software(**{code: "1010"}).key_num == 1010


REFUSED = {
    "unknown code": ({"HsmNum": "1"}, UnknownModule, "HsmNum"),
    "value-added service": ({"ValueAddedService": "2"}, UnknownModule, "ValueAddedService"),
    "no tier": ({"Spec": "3000"}, ModuleInvalid, "Spec"),
    "tier of hardware": ({"Spec": "6000"}, ModuleInvalid, "Spec"),
    "tier of the basic edition": ({"Spec": "200"}, ModuleInvalid, "Spec"),
    "Spec 0": ({"Spec": "0"}, ModuleInvalid, "Spec"),
    "keys below the least": ({"KeyNum": "990"}, ModuleInvalid, "KeyNum"),
    "keys off the step": ({"KeyNum": "1005"}, ModuleInvalid, "KeyNum"),
    "keys above the most": ({"KeyNum": "100010"}, ModuleInvalid, "KeyNum"),
    "secrets off the step": ({"SecretNum": "150"}, ModuleInvalid, "SecretNum"),
    "secrets above the most": ({"SecretNum": "100100"}, ModuleInvalid, "SecretNum"),
    "no access": ({"VpcNum": "0"}, ModuleInvalid, "VpcNum"),
    "access above the most": ({"VpcNum": "1001"}, ModuleInvalid, "VpcNum"),
    "storage without log": ({"Log": "0", "LogStorage": "1000"}, ModuleInvalid, "LogStorage"),
    "storage and nothing said of log": ({"LogStorage": "1000"}, ModuleInvalid, "LogStorage"),
    "log without storage": ({"Log": "1"}, ModuleInvalid, "LogStorage"),
    "log with storage 0": ({"Log": "1", "LogStorage": "0"}, ModuleInvalid, "LogStorage"),
    "storage off the step": ({"Log": "1", "LogStorage": "1500"}, ModuleInvalid, "LogStorage"),
    "storage above the most": ({"Log": "1", "LogStorage": "501000"}, ModuleInvalid, "LogStorage"),
    "log of two": ({"Log": "2"}, ModuleInvalid, "Log"),
    "log of true": ({"Log": "true"}, ModuleInvalid, "Log"),
    "not a number": ({"KeyNum": "many"}, ModuleInvalid, "KeyNum"),
    "negative": ({"SecretNum": "-100"}, ModuleInvalid, "SecretNum"),
    "decimal": ({"KeyNum": "1000.0"}, ModuleInvalid, "KeyNum"),
    "signed": ({"KeyNum": "+1000"}, ModuleInvalid, "KeyNum"),
    "blank": ({"KeyNum": ""}, ModuleInvalid, "KeyNum"),
    "foreign digits": ({"KeyNum": "٣٣٣٣"}, ModuleInvalid, "KeyNum"),
    "huge": ({"KeyNum": "9" * 5000}, ModuleInvalid, "KeyNum"),
    "basic edition": ({"ProductVersion": "5"}, EditionNotSold, "ProductVersion"),
    "value-added edition": ({"ProductVersion": "4"}, EditionNotSold, "ProductVersion"),
    "version of nothing": ({"ProductVersion": "03"}, EditionNotSold, "ProductVersion"),
    "no such region": ({"Region": "ap-southeast-99"}, RegionUnknown, "Region"),
    "closed region": ({"Region": "ap-southeast-2"}, RegionUnknown, "Region"),
}


@pytest.mark.parametrize(("codes", "fault", "named"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_sold_is_refused_by_name(codes: dict[str, str], fault: type[CallerFault], named: str) -> None:
    """Every refusal is a caller's fault that names the code."""
    with pytest.raises(fault) as caught:
        software(**codes)
    refusal = caught.value
    assert (refusal.code if isinstance(refusal, UnknownModule) else getattr(refusal, "name", "")) == named
    assert named in refusal.sentence


@pytest.mark.parametrize("keys", ["1010", "990", "2000", "100000", "0"])
def test_hardware_with_other_than_its_keys_is_refused(keys: str) -> None:
    """Billing page: additional keys are not available for hardware; 1,000 may be said."""
    assert hardware(KeyNum="1000") == HARDWARE
    with pytest.raises(ModuleInvalid, match="1000 in this edition") as caught:
        hardware(KeyNum=keys)
    assert caught.value.name == "KeyNum"


@pytest.mark.parametrize("missing", ["Region", "ProductVersion"])
def test_region_and_version_have_no_default(missing: str) -> None:
    """Where and what must be said."""
    codes = {"Region": SINGAPORE, "ProductVersion": "3"}
    del codes[missing]
    with pytest.raises(MissingParameter) as caught:
        configured(**codes)
    assert caught.value.name == missing


def test_a_code_twice_must_say_the_same() -> None:
    """A quote's Config strings may repeat the region; two figures for one code are refused."""
    both = [("Region", SINGAPORE), ("ProductVersion", "3"), ("KeyNum", "1010"), ("keynum", "1010")]
    assert rules.configured(CATALOGUE, PRICES, both).key_num == 1010
    with pytest.raises(ModuleInvalid, match="twice") as caught:
        rules.configured(CATALOGUE, PRICES, [*both, ("KEYNUM", "1020")])
    assert caught.value.name == "KeyNum"


@pytest.mark.parametrize(
    ("codes", "first"),
    [
        ({"KeyNum": "1005", "HsmNum": "1", "ProductVersion": "5"}, UnknownModule),
        ({"ProductVersion": "5", "Region": "mars"}, RegionUnknown),
        ({"ProductVersion": "5", "KeyNum": "1005"}, EditionNotSold),
    ],
)
def test_of_several_faults_the_first_in_order_is_told(codes: dict[str, str], first: type[CallerFault]) -> None:
    """Codes, then region, then version, then figures."""
    with pytest.raises(first):
        software(**codes)


CONFIGURATIONS = st.one_of(
    st.builds(
        lambda qps, keys, secrets, access, storage: Configuration(
            Edition.SOFTWARE, SINGAPORE, qps, keys * 10, secrets * 100, access, log=storage > 0, log_storage_gb=storage * 1000
        ),
        st.sampled_from([1000, 2000, 4000]),
        st.integers(100, 10_000),
        st.integers(0, 1000),
        st.integers(1, 1000),
        st.integers(0, 500),
    ),
    st.builds(
        lambda qps, secrets, access, storage: Configuration(
            Edition.HARDWARE, SINGAPORE, qps, 1000, secrets * 100, access, log=storage > 0, log_storage_gb=storage * 1000
        ),
        st.sampled_from([2000, 4000, 6000]),
        st.integers(0, 1000),
        st.integers(1, 1000),
        st.integers(0, 500),
    ),
)


@given(CONFIGURATIONS)
def test_everything_on_sale_is_accepted_and_written_back(configuration: Configuration) -> None:
    """Every figure within the published ranges can be configured, and a configuration's codes give it again."""
    assert rules.configured(CATALOGUE, PRICES, rules.parameters_of(PRICES, configuration)) == configuration


def test_a_quotes_modules_are_read() -> None:
    """GetSubscriptionPrice: ModuleCode and a Config of `AA:aa,BB:bb`."""
    modules = [("ProductVersion", f"ProductVersion:3,Region:{SINGAPORE}"), ("LogStorage", "log:1, LogStorage:1000")]
    configuration = rules.configured(CATALOGUE, PRICES, rules.module_parameters(modules))
    assert configuration == msgspec.structs.replace(SOFTWARE, log=True, log_storage_gb=1000)


@pytest.mark.parametrize("config", ["", "Spec", "Spec:", ":1000", "Spec:1000,", "Spec=1000"])
def test_a_config_that_cannot_be_read_is_refused(config: str) -> None:
    """The refusal names the module."""
    with pytest.raises(ConfigMalformed) as caught:
        rules.module_parameters([("Spec", config)])
    assert caught.value.module_code == "Spec"


def test_a_quotes_unknown_module_is_refused() -> None:
    """By name, before its Config is looked at."""
    with pytest.raises(UnknownModule) as caught:
        rules.module_parameters([("InstanceType", "")])
    assert caught.value.code == "InstanceType"


@pytest.mark.parametrize("product_type", ["kms_ddi_public_cn", "kms_ddi_public_intl"])
def test_both_sites_types_are_one_product(product_type: str) -> None:
    """A refusal would make clients send their signed order to the other site's public host."""
    assert rules.product_type_of(CATALOGUE, "kms", product_type, "Subscription").code == product_type


def test_no_type_means_the_international_one() -> None:
    """ProductType is optional."""
    assert rules.product_type_of(CATALOGUE, "kms", "", "Subscription").code == "kms_ddi_public_intl"


@pytest.mark.parametrize(
    ("code", "product_type", "subscription"),
    [
        ("kms", "kms_ppi_public_cn", "PayAsYouGo"),
        ("kms", "kms_ppi_public_intl", "Subscription"),
        ("kms", "", "PayAsYouGo"),
        ("kms", "kms_ddi_public_intl", "PayAsYouGo"),
        ("ecs", "", "Subscription"),
        ("KMS", "", "Subscription"),
    ],
)
def test_other_products_are_not_sold(code: str, product_type: str, subscription: str) -> None:
    """Pay-as-you-go is known and not sold; the words that mean "wrong site" to clients are not among ours."""
    with pytest.raises(ProductNotSold) as caught:
        rules.product_type_of(CATALOGUE, code, product_type, subscription)
    assert "NotApplicable" not in caught.value.sentence
    assert "not found article" not in caught.value.sentence


def test_what_is_listed_as_sold() -> None:
    """The two subscription types; the two pay-as-you-go ones are only known."""
    assert [kind.code for kind in rules.product_types_sold(CATALOGUE)] == ["kms_ddi_public_intl", "kms_ddi_public_cn"]
    assert [kind.code for kind in CATALOGUE.product.types if not kind.sold] == ["kms_ppi_public_intl", "kms_ppi_public_cn"]


@pytest.mark.parametrize("months", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 36, 48, 60])
def test_terms_on_sale(months: int) -> None:
    """One to nine months, and one to five years."""
    assert rules.period_of(CATALOGUE.policies.purchase_months, "Period", months) == months
    assert rules.period_of(CATALOGUE.policies.renewal_months, "RenewPeriod", months) == months


@pytest.mark.parametrize("months", [-1, 0, 10, 11, 13, 18, 72])
def test_other_terms_are_refused_by_parameter(months: int) -> None:
    """As InvalidParameter, with the terms there are."""
    with pytest.raises(PeriodNotSold, match="48, 60") as caught:
        rules.period_of(CATALOGUE.policies.renewal_months, "RenewPeriod", months)
    assert caught.value.name == "RenewPeriod"
    assert isinstance(caught.value, InvalidParameter)


def test_the_list_of_the_moment_is_chosen() -> None:
    """The older list up to the last instant before the newer begins; none before the first."""
    begins = datetime(2026, 6, 1, tzinfo=UTC)
    newer = msgspec.structs.replace(PRICES, id="newer", effective_from=begins)
    two = msgspec.structs.replace(CATALOGUE, price_lists=(PRICES, newer))
    assert rules.price_list_at(two, begins - timedelta(milliseconds=1)) == PRICES
    assert rules.price_list_at(two, begins) == newer
    only_newer = msgspec.structs.replace(CATALOGUE, price_lists=(newer,))
    with pytest.raises(NothingOnSaleYet, match="2026-05-31T23:59:59Z"):
        rules.price_list_at(only_newer, begins - timedelta(milliseconds=1))


def test_an_edition_may_leave_the_list() -> None:
    """A renewal by a newer list without the edition is refused by name."""
    without = msgspec.structs.replace(PRICES, offers=PRICES.offers[:1])
    with pytest.raises(EditionNotSold):
        rules.offer_of(without, Edition.HARDWARE)


@pytest.mark.parametrize(
    ("region", "zones"),
    [
        ("cn-hangzhou", "efghijk"),
        ("cn-shanghai", "abcdefglmn"),
        ("cn-qingdao", "bc"),
        ("cn-hongkong", "bcd"),
        ("ap-southeast-1", "abc"),
        ("ap-southeast-3", "ab"),
        ("me-central-1", "ab"),
        ("ap-southeast-6", "a"),
        ("ap-southeast-7", "a"),
        ("eu-central-1", "ab"),
    ],
)
def test_zones_of_regions(region: str, zones: str) -> None:
    """Regions page; one zone in Manila and Bangkok; two assumed where the page could not be had."""
    hyphen = "" if region[-1].isdigit() else "-"
    found = rules.region_of(CATALOGUE, region)
    assert found.zones == tuple(f"{region}{hyphen}{zone}" for zone in zones)
    assert found.assumed == (region in {"ap-southeast-6", "ap-southeast-7", "eu-central-1"})


def test_closed_regions_are_known_and_not_open() -> None:
    """Mumbai and Sydney are closed; the other 32 of the endpoint list are open."""
    assert [region.id for region in CATALOGUE.regions if region.closed] == ["ap-south-1", "ap-southeast-2"]
    assert len(rules.regions_open(CATALOGUE)) == 32


def test_the_vocabulary_says_every_value_on_sale() -> None:
    """DescribePricingModule: eight modules, ranges as min-max:step, the edition remarked where it matters."""
    modules = {module.code: module for module in rules.modules_for(CATALOGUE, PRICES)}
    assert list(modules) == list(Module)
    values = {code: [(v.value, v.type) for v in module.values] for code, module in modules.items()}
    assert values[Module.PRODUCT_VERSION] == [("3", "single_string"), ("1", "single_string")]
    assert values[Module.SPEC] == [(value, "single_float") for value in ("1000", "2000", "4000", "6000")]
    assert values[Module.KEY_NUM] == [("1000-100000:10", "range_float"), ("1000", "single_float")]
    assert values[Module.SECRET_NUM] == [("0-100000:100", "range_float")]
    assert values[Module.VPC_NUM] == [("1-1000:1", "range_float")]
    assert values[Module.LOG_STORAGE] == [("0-500000:1000", "range_float")]
    remarks = [value.remark for value in modules[Module.SPEC].values]
    assert remarks == ["Software Key Management Instance", "", "", "Hardware Key Management Instance"]
    assert [code.value for code, module in modules.items() if not module.priced] == ["Region", "Log"]


def test_the_catalogue_is_sound_and_its_policies_are_the_decided_ones() -> None:
    """Nothing contradicts itself; retention, notices and renewal after expiry are as decided."""
    assert problems_of(CATALOGUE) == []
    policies = CATALOGUE.policies
    assert (policies.retention_days, policies.notice_days, policies.renewal_after_expiry) == (15, (7, 3, 1), "from_now")
