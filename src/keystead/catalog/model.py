"""What is for sale, as loaded from TOML, and a configuration somebody chose from it."""

from __future__ import annotations

import enum
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

Months = Annotated[int, msgspec.Meta(ge=1, le=120)]
DiscountRounding = Literal["half_up", "down", "up"]
UpgradeFee = Literal["hours_of_30_day_months", "days_of_30_day_months"]
ValueType = Literal["single_float", "single_string", "range_float"]


class Edition(enum.StrEnum):
    """What kind of instance it is; the wire says it as a ProductVersion, which the price list knows."""

    SOFTWARE = "software"
    HARDWARE = "hardware"


class Module(enum.StrEnum):
    """The module codes of a purchase (BssOpenApi CreateInstance page of KMS, read 2026-11-22); clients send any letter case."""

    REGION = "Region"
    PRODUCT_VERSION = "ProductVersion"
    SPEC = "Spec"
    KEY_NUM = "KeyNum"
    SECRET_NUM = "SecretNum"  # noqa: S105 - the code of a module
    VPC_NUM = "VpcNum"
    LOG = "Log"
    LOG_STORAGE = "LogStorage"


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the figures on sale, and what it costs a month in all (not on top of the tier before)."""

    value: Annotated[int, msgspec.Meta(ge=1)]
    monthly: Decimal


class Steps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures sold in steps: `included` is free and the least; each `step` above it, up to `ceiling`, costs `step_monthly`."""

    included: Annotated[int, msgspec.Meta(ge=0)]
    ceiling: Annotated[int, msgspec.Meta(ge=0)]
    step: Annotated[int, msgspec.Meta(ge=1)]
    step_monthly: Decimal


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An edition on sale: base price a month, what that includes, and what more costs. Prices in the list's currency."""

    edition: Edition
    product_version: str
    title: str
    monthly: Decimal
    spec: tuple[Tier, ...]
    key_num: Steps
    secret_num: Steps
    vpc_num: Steps
    log_storage: Steps


class Discount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is taken off when an edition is bought or renewed for exactly `months`; `rate` is from 0 to 1."""

    edition: Edition
    months: Months
    rate: Decimal


class PriceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All prices from `effective_from` (aware) until the next list begins; `read_on` is when `source` was read."""

    id: str
    effective_from: datetime
    currency: str
    source: str
    read_on: date
    discount_rounding: DiscountRounding
    offers: tuple[Offer, ...]
    discounts: tuple[Discount, ...] = ()


class Region(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A region and its zones, by their full ids. `assumed`: the zone letters are made up. `closed`: known, but not sold in."""

    id: str
    name: str
    zones: tuple[str, ...]
    assumed: bool = False
    closed: bool = False


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the cloud's endpoints of a region are: host names, reached from anywhere or from inside VPCs of the region."""

    region: str
    public: str
    vpc: str


class ProductType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the product's commodity types; of those `sold`, all mean the same."""

    code: str
    subscription_type: Literal["Subscription", "PayAsYouGo"]
    sold: bool


class ModuleText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a module is called; `priced` ones are lines of a quote."""

    code: Module
    name: str
    unit: str
    priced: bool


class Product(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The product, with its types (the first sold one is the default) and its modules in the order they are shown."""

    code: str
    name: str
    types: tuple[ProductType, ...]
    modules: tuple[ModuleText, ...]


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When automatic renewal is tried: at `hour` o'clock of UTC+8, on these days counted from the one the end begins, earliest
    first; negative ones come before the end, and 0 is hours after it.
    """

    days: tuple[Annotated[int, msgspec.Meta(ge=-60, le=27)], ...]
    hour: Annotated[int, msgspec.Meta(ge=0, le=23)]


class Policies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What no source settles, decided by name; policies.toml says why."""

    purchase_months: tuple[Months, ...]
    """Terms one may buy for."""
    renewal_months: tuple[Months, ...]
    """Terms one may renew for."""
    auto_renewal_months: tuple[Months, ...]
    """Terms of each automatic renewal."""
    # At most 27: a month's renewal "from_old_end" on retention's last day must still end in the future, February included.
    retention_days: Annotated[int, msgspec.Meta(ge=0, le=27)]
    """Days after the end in which a renewal restores everything."""
    renewal_after_expiry: Literal["from_now", "from_old_end"]
    """Where a renewal in retention begins."""
    # At most 30: reminders are planned that long before the end.
    notice_days: tuple[Annotated[int, msgspec.Meta(ge=1, le=30)], ...]
    """Days before the end at which the customer is told, farthest first."""
    notice_hour: Annotated[int, msgspec.Meta(ge=0, le=23)]
    """Hour of those days, UTC+8, at which it is told."""
    single_notice_days: int
    """Which of them is the only one for an instance that is not to be renewed."""
    low_balance_reminders: Annotated[int, msgspec.Meta(ge=0)]
    """How many daily reminders follow a low-balance alert while the balance stays low."""
    expiring_soon_days: Annotated[int, msgspec.Meta(ge=1)]
    """From how many days before its end an instance is listed as about to expire."""
    upgrade_fee: UpgradeFee
    """How the rest of a term is charged when an instance is upgraded."""
    auto_renewal_schedule: str
    """Which of the schedules of automatic renewal holds."""
    auto_renewal_schedules: dict[str, Schedule]
    """The schedules there are, by name."""
    refund_of_nothing: Literal["refuse", "release"]
    """What a refund is that comes to 0.00."""
    unpaid_order_days: Annotated[int, msgspec.Meta(ge=1)]
    """Days in which an order placed and not paid can be paid."""

    @property
    def auto_renewal(self) -> Schedule:
        """The schedule of automatic renewal that holds."""
        return self.auto_renewal_schedules[self.auto_renewal_schedule]


class Catalogue(msgspec.Struct, frozen=True):
    """Everything for sale; `price_lists` oldest first.

    `delivered` are the editions that this deployment can deliver: the others are quoted and not sold (ADR 38).
    """

    product: Product
    price_lists: tuple[PriceList, ...]
    regions: tuple[Region, ...]
    policies: Policies
    delivered: frozenset[Edition] = frozenset({Edition.SOFTWARE})


class Configuration(msgspec.Struct, frozen=True):
    """Edition, region and figures of an instance, as bought: every one on sale in the price list it was checked against.

    `qps` requests a second; `key_num` key versions; `secret_num` secrets; `access_num` VPCs and accounts together;
    `log_storage_gb` is 0 unless `log`.
    """

    edition: Edition
    region: str
    qps: int
    key_num: int
    secret_num: int
    access_num: int
    log: bool
    log_storage_gb: int


class ModuleValue(msgspec.Struct, frozen=True):
    """A value a module may take, as DescribePricingModule says it; a range reads `min-max:step`. `remark` names the edition."""

    name: str
    value: str
    type: ValueType
    remark: str


class ModuleOnSale(msgspec.Struct, frozen=True):
    """A module and its one attribute, of the same code; `priced` ones are lines of a quote, by the month."""

    code: Module
    name: str
    unit: str
    priced: bool
    values: tuple[ModuleValue, ...]
