"""What must be true of a catalogue before anything is sold from it. Pure; asked once, by the loader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise

from keystead.catalog.model import Catalogue, Module, Offer, Policies, PriceList, Product, Region
from keystead.catalog.rules import steps_of
from keystead.money import Money


def problems_of(catalogue: Catalogue) -> list[str]:
    """Say everything in which the catalogue contradicts itself or could not be reckoned with; empty if nothing."""
    found = [*_of_product(catalogue.product), *_of_dates(catalogue.price_lists)]
    for price_list in catalogue.price_lists:
        found.extend(f"price list {price_list.id}: {problem}" for problem in _of_prices(price_list))
    found.extend(_repeated("region", (region.id for region in catalogue.regions)))
    for region in catalogue.regions:
        found.extend(f"region {region.id}: {problem}" for problem in _of_region(region))
    found.extend(f"policies: {problem}" for problem in _of_policies(catalogue.policies))
    return found


def _of_product(product: Product) -> Iterator[str]:
    yield from _repeated("product type", (kind.code for kind in product.types))
    if not any(kind.sold for kind in product.types):
        yield "no product type is sold"
    if Counter(text.code for text in product.modules) != Counter(Module):
        yield "the product must name each module once"


def _of_dates(price_lists: tuple[PriceList, ...]) -> Iterator[str]:
    if not price_lists:
        yield "there is no price list"
    yield from _repeated("price list", (price_list.id for price_list in price_lists))
    naive = [price_list.id for price_list in price_lists if price_list.effective_from.utcoffset() is None]
    yield from (f"price list {name}: effective_from has no zone" for name in naive)
    if not naive and any(one.effective_from >= next_.effective_from for one, next_ in pairwise(price_lists)):
        yield "price lists must stand in the order of their effective_from"


def _of_prices(price_list: PriceList) -> Iterator[str]:
    if not price_list.offers:
        yield "nothing is offered"
    yield from _repeated("edition", (offer.edition.value for offer in price_list.offers))
    yield from _repeated("ProductVersion", (offer.product_version for offer in price_list.offers))
    for offer in price_list.offers:
        yield from (f"{offer.edition}: {problem}" for problem in _of_offer(offer))
    yield from _repeated("discount", (f"{discount.edition} {discount.months}" for discount in price_list.discounts))
    for discount in price_list.discounts:
        if not 0 <= discount.rate <= 1:
            yield f"discount of {discount.edition} for {discount.months} months: the rate must be from 0 to 1"


def _of_offer(offer: Offer) -> Iterator[str]:
    steps = steps_of(offer)
    prices = [offer.monthly, *(tier.monthly for tier in offer.spec), *(step.step_monthly for step in steps.values())]
    yield from (f"{price} is not a price" for price in prices if not _is_price(price))
    if not offer.spec:
        yield "it has no Spec"
    if any(low.value >= high.value or low.monthly > high.monthly for low, high in pairwise(offer.spec)):
        yield "tiers of Spec must rise"
    for module, step in steps.items():
        if step.ceiling < step.included or (step.ceiling - step.included) % step.step:
            yield f"{module}: the ceiling must be whole steps above what is included"
    if offer.log_storage.included:
        yield "LogStorage: the log service is off by default, so no storage can be included"


def _of_region(region: Region) -> Iterator[str]:
    if not region.zones:
        yield "it has no zone"
    yield from _repeated("zone", region.zones)
    yield from (f"zone {zone} is another region's" for zone in region.zones if not zone.startswith(region.id))


def _of_policies(policies: Policies) -> Iterator[str]:
    terms = {
        "purchase_months": policies.purchase_months,
        "renewal_months": policies.renewal_months,
        "auto_renewal_months": policies.auto_renewal_months,
        "notice_days": policies.notice_days[::-1],
    }
    for name, values in terms.items():
        if not values or any(one >= next_ for one, next_ in pairwise(values)):
            yield f"{name} must be in order, without repetition, and not empty"
    if policies.single_notice_days not in policies.notice_days:
        yield "single_notice_days must be one of notice_days"
    if policies.auto_renewal_schedule not in policies.auto_renewal_schedules:
        yield f"auto_renewal_schedule: there is no schedule {policies.auto_renewal_schedule}"
    for name, schedule in policies.auto_renewal_schedules.items():
        days = schedule.days
        if not days or any(one >= next_ for one, next_ in pairwise(days)) or days[-1] >= max(policies.retention_days, 1):
            yield f"auto_renewal_schedules.{name}: days must be in order, not empty, and within retention"


def _is_price(amount: Decimal) -> bool:
    try:
        return Money.from_decimal(amount, "").minor >= 0
    except ValueError:
        return False


def _repeated(what: str, names: Iterable[str]) -> Iterator[str]:
    return (f"{what} {name} stands there twice" for name, count in Counter(names).items() if count > 1)
