"""Pure reckoning of prices: months times the monthly list price, less what the term's discount takes off.

KMS billing page (subscription), read 2026-11-22. A purchase or renewal is of whole months; an upgrade is for the time that is
left, by a formula that policies.toml names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from keystead.catalog.faults import ModuleInvalid
from keystead.catalog.model import Configuration, Edition, Module, Offer, PriceList, Steps, UpgradeFee
from keystead.catalog.rules import offer_of
from keystead.money import Money, Rounding, rounded_down, rounded_half_up, rounded_up
from keystead.pricing.model import OrderKind, Quote, QuoteLine

_DAYS: Final = 30
_DAY_SECONDS: Final = 24 * 60 * 60
_ROUNDINGS: Final[Mapping[str, Rounding]] = {"half_up": rounded_half_up, "down": rounded_down, "up": rounded_up}


def quote(price_list: PriceList, configuration: Configuration, months: int, kind: OrderKind) -> Quote:
    """Price a configuration that `catalog.rules.configured` accepted for a term of `months` (1 or more).

    Every priced module has a line, of zero where only what is included was chosen. EditionNotSold if the list, a newer one than
    the configuration's at a renewal, no longer offers the edition; ModuleInvalid if it no longer sells the Spec (ADR 40).
    """
    rate = discount_rate(price_list, configuration.edition, months)
    rounding = _ROUNDINGS[price_list.discount_rounding]
    lines = tuple(
        _line(module, unit_price, unit_price * months, rate, rounding)
        for module, unit_price in monthly_prices(price_list, configuration).items()
    )
    currency = price_list.currency
    return Quote(
        kind=kind,
        months=months,
        lines=lines,
        list_amount=Money.total((line.list_amount for line in lines), currency),
        discount=Money.total((line.discount for line in lines), currency),
        payable=Money.total((line.payable for line in lines), currency),
        price_list_id=price_list.id,
    )


def upgrade_quote(
    price_list: PriceList, before: Configuration, after: Configuration, left: timedelta, formula: UpgradeFee
) -> Quote:
    """Price the change from `before` to `after`, no figure of which is less, for what is left of the term, by one list.

    "hours_of_30_day_months": (new - old a month) / 30 / 24 x unused hours, reckoned to the second (PolarDB and MongoDB billing
    pages, read 2026-11-22). "days_of_30_day_months": the same by days begun. The sum is rounded once, half up to cents, and the
    lines share it. Zero for a second of a small step: still an order.
    """
    old, new = monthly_prices(price_list, before), monthly_prices(price_list, after)
    whole, unused = _unused(left, formula)
    lines: list[QuoteLine] = []
    rising = paid = none = Money(0, price_list.currency)
    for module, price in new.items():
        rise = price - old[module]
        rising += rise
        fee = rising.part(unused, whole, rounded_half_up) - paid
        paid += fee
        lines.append(QuoteLine(module, rise, fee, none, fee))
    return Quote(OrderKind.UPGRADE, 0, tuple(lines), paid, none, paid, price_list.id)


def _unused(left: timedelta, formula: UpgradeFee) -> tuple[int, int]:
    """A month of 30 days and what is left, in the unit of the formula."""
    if formula == "days_of_30_day_months":
        return _DAYS, -(-left // timedelta(days=1))
    return _DAYS * _DAY_SECONDS, left // timedelta(seconds=1)


def monthly_prices(price_list: PriceList, configuration: Configuration) -> dict[Module, Money]:
    """Give the list price a month of each priced module; ProductVersion stands for the base price."""
    offer = offer_of(price_list, configuration.edition)
    exact = {
        Module.PRODUCT_VERSION: offer.monthly,
        Module.SPEC: _of_tier(offer, configuration.qps),
        Module.KEY_NUM: _of_steps(offer.key_num, configuration.key_num),
        Module.SECRET_NUM: _of_steps(offer.secret_num, configuration.secret_num),
        Module.VPC_NUM: _of_steps(offer.vpc_num, configuration.access_num),
        Module.LOG_STORAGE: _of_steps(offer.log_storage, configuration.log_storage_gb),
    }
    return {module: Money.from_decimal(price, price_list.currency) for module, price in exact.items()}


def discount_rate(price_list: PriceList, edition: Edition, months: int) -> Decimal:
    """Give what part of the list price a term of exactly `months` takes off, from 0 (the default) to 1."""
    for discount in price_list.discounts:
        if discount.edition is edition and discount.months == months:
            return discount.rate
    return Decimal(0)


def earned_rate(price_list: PriceList, edition: Edition, months: int) -> Decimal:
    """Give what part a term that came to `months` whole months has earned: that of the longest discounted term within it."""
    earned = [discount for discount in price_list.discounts if discount.edition is edition and discount.months <= months]
    return max(earned, key=lambda discount: discount.months).rate if earned else Decimal(0)


def _line(module: Module, unit_price: Money, list_amount: Money, rate: Decimal, rounding: Rounding) -> QuoteLine:
    discount = list_amount.share(rate, rounding)
    return QuoteLine(module, unit_price, list_amount, discount, list_amount - discount)


def _of_tier(offer: Offer, qps: int) -> Decimal:
    for tier in offer.spec:
        if tier.value == qps:
            return tier.monthly
    on_sale = ", ".join(str(tier.value) for tier in offer.spec)
    raise ModuleInvalid(Module.SPEC.value, f"{qps} is no longer on sale; renew with a change to one that is: {on_sale}.")


def _of_steps(steps: Steps, figure: int) -> Decimal:
    # A step once begun is paid whole, should a newer list sell in wider steps than the one the figure was bought by.
    begun = -(-max(figure - steps.included, 0) // steps.step)
    return begun * steps.step_monthly
