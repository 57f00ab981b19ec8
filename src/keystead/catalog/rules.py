"""Pure decisions on what is for sale: which list, which configuration, which term."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from keystead.catalog.faults import (
    ChangeRefused,
    ConfigMalformed,
    EditionNotSold,
    ModuleInvalid,
    NothingOnSaleYet,
    PeriodNotSold,
    ProductNotSold,
    RegionUnknown,
    UnknownModule,
)
from keystead.catalog.model import (
    Catalogue,
    Configuration,
    Edition,
    Module,
    ModuleOnSale,
    ModuleValue,
    Offer,
    PriceList,
    ProductType,
    Region,
    Steps,
    Tier,
    ValueType,
)
from keystead.clock import iso_z
from keystead.faults import MissingParameter

Parameters = Sequence[tuple[str, str]]
"""Module codes and values as sent: any letter case, any order, values as text."""

_WHOLE: Final = re.compile(r"[0-9]{1,9}")
_CODES: Final = {module.value.lower(): module for module in Module}
_SWITCH: Final = {"0": False, "1": True}


def product_type_of(catalogue: Catalogue, product_code: str, product_type: str, subscription_type: str) -> ProductType:
    """Give the type that is asked for, or the default one if `product_type` is empty; ProductNotSold if it is not sold.

    The types of both sites are synonyms: a refusal would send the client, and its signed order, to the other site.
    """
    if product_code == catalogue.product.code:
        for known in catalogue.product.types:
            if known.sold and known.subscription_type == subscription_type and product_type in {"", known.code}:
                return known
    raise ProductNotSold(product_code, product_type, subscription_type)


def product_types_sold(catalogue: Catalogue) -> tuple[ProductType, ...]:
    """Give the types on sale, for QueryProductList."""
    return tuple(known for known in catalogue.product.types if known.sold)


def price_list_at(catalogue: Catalogue, at: datetime) -> PriceList:
    """Give the list in effect at `at` (the very instant it begins counts); NothingOnSaleYet before the first."""
    in_effect = [candidate for candidate in catalogue.price_lists if candidate.effective_from <= at]
    if not in_effect:
        raise NothingOnSaleYet(iso_z(at))
    return in_effect[-1]


def region_of(catalogue: Catalogue, region_id: str) -> Region:
    """Give an open region by its id; RegionUnknown otherwise."""
    for region in catalogue.regions:
        if region.id == region_id and not region.closed:
            return region
    raise RegionUnknown(Module.REGION.value, f'"{region_id}" is not a region in which instances are sold.')


def regions_open(catalogue: Catalogue) -> tuple[Region, ...]:
    """Give the regions in which instances are sold."""
    return tuple(region for region in catalogue.regions if not region.closed)


def offer_of(price_list: PriceList, edition: Edition) -> Offer:
    """Give the offer of an edition; EditionNotSold if this list has none."""
    for offer in price_list.offers:
        if offer.edition is edition:
            return offer
    raise EditionNotSold(Module.PRODUCT_VERSION.value, f"The {edition} edition is not on sale.")


def period_of(accepted: Sequence[int], parameter: str, months: int) -> int:
    """Give `months` back if it is among the terms `accepted` (a policy); PeriodNotSold names the parameter otherwise."""
    if months not in accepted:
        listed = ", ".join(str(term) for term in accepted)
        raise PeriodNotSold(parameter, f"{months} is not one of the terms on sale, in months: {listed}.")
    return months


def module_parameters(modules: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Read a quote's ModuleList, pairs of ModuleCode and Config (`Code:value,Code:value`), into parameters of a purchase.

    UnknownModule for a code the product does not have, ConfigMalformed for a Config that cannot be read.
    """
    parameters: list[tuple[str, str]] = []
    for module_code, config in modules:
        module_named(module_code)
        for part in config.split(","):
            code, colon, value = part.strip().partition(":")
            if not (code and colon and value):
                raise ConfigMalformed(module_code, config)
            parameters.append((code, value))
    return parameters


def module_named(code: str) -> Module:
    """Give the module of a code in any letter case; UnknownModule otherwise."""
    module = _CODES.get(code.lower())
    if module is None:
        raise UnknownModule(code)
    return module


def configured(catalogue: Catalogue, price_list: PriceList, parameters: Parameters) -> Configuration:
    """Make a configuration of what was sent; what was not sent takes the default of the edition.

    Judged in this order: an unknown code, a code sent twice with two values, Region, ProductVersion, then each figure in the
    order of the modules. UnknownModule, MissingParameter, RegionUnknown, EditionNotSold and ModuleInvalid name the code.
    """
    given = _gathered(parameters)
    region = region_of(catalogue, _needed(given, Module.REGION))
    offer = _offer_sold(price_list, _needed(given, Module.PRODUCT_VERSION))
    return Configuration(
        edition=offer.edition,
        region=region.id,
        qps=_tier(offer.spec, given.get(Module.SPEC)),
        key_num=_stepped(Module.KEY_NUM, offer.key_num, given),
        secret_num=_stepped(Module.SECRET_NUM, offer.secret_num, given),
        access_num=_stepped(Module.VPC_NUM, offer.vpc_num, given),
        log=(log := _log_wanted(given)),
        log_storage_gb=_log_storage(offer.log_storage, given, log=log),
    )


def changed(catalogue: Catalogue, price_list: PriceList, before: Configuration, parameters: Parameters) -> Configuration:
    """Make the configuration that a change of some modules leads to; what was not sent stays as it is.

    Faults as of `configured`; ChangeRefused for another region or edition: they belong to the instance for good.
    """
    held = dict(parameters_of(price_list, before))
    given = _gathered(parameters)
    for module in (Module.REGION, Module.PRODUCT_VERSION):
        if given.get(module, held[module]) != held[module]:
            raise ChangeRefused(module.value, f"The instance has {held[module]}, and that cannot be changed.")
    return configured(catalogue, price_list, [(module.value, value) for module, value in (held | given).items()])


def risen(before: Configuration, after: Configuration) -> None:
    """Raise ChangeRefused unless `after` has more of something and less of nothing (KMS ModifyInstance page, read 2026-11-22).

    A decrease hidden beside an increase is refused like any: the fault names the first module that would shrink.
    """
    figures = {
        Module.SPEC: (before.qps, after.qps),
        Module.KEY_NUM: (before.key_num, after.key_num),
        Module.SECRET_NUM: (before.secret_num, after.secret_num),
        Module.VPC_NUM: (before.access_num, after.access_num),
        Module.LOG: (before.log, after.log),
        Module.LOG_STORAGE: (before.log_storage_gb, after.log_storage_gb),
    }
    for module, (old, new) in figures.items():
        if new < old:
            raise ChangeRefused(module.value, f"An upgrade cannot decrease it: it is {int(old)}, not {int(new)}.")
    if before == after:
        raise ChangeRefused("Parameter", "Nothing would change: every module named is what the instance has.")


def price_list_named(catalogue: Catalogue, price_list_id: str) -> PriceList:
    """Give the list an order was priced by; LookupError if somebody took it out of the files, which must not happen."""
    for known in catalogue.price_lists:
        if known.id == price_list_id:
            return known
    message = f"the price list {price_list_id} is gone"
    raise LookupError(message)


def parameters_of(price_list: PriceList, configuration: Configuration) -> tuple[tuple[Module, str], ...]:
    """Write a configuration as all eight codes and values, in the order of the modules; `configured` reads it back."""
    return (
        (Module.REGION, configuration.region),
        (Module.PRODUCT_VERSION, offer_of(price_list, configuration.edition).product_version),
        (Module.SPEC, str(configuration.qps)),
        (Module.KEY_NUM, str(configuration.key_num)),
        (Module.SECRET_NUM, str(configuration.secret_num)),
        (Module.VPC_NUM, str(configuration.access_num)),
        (Module.LOG, "1" if configuration.log else "0"),
        (Module.LOG_STORAGE, str(configuration.log_storage_gb)),
    )


def configuration_written(price_list: PriceList, written: Parameters) -> Configuration:
    """Read back what `parameters_of` wrote by this list. Nothing is judged: what was ordered may be off a newer list's steps."""
    text = dict(written)
    version = text[Module.PRODUCT_VERSION.value]
    return Configuration(
        edition=next(offer.edition for offer in price_list.offers if offer.product_version == version),
        region=text[Module.REGION.value],
        qps=int(text[Module.SPEC.value]),
        key_num=int(text[Module.KEY_NUM.value]),
        secret_num=int(text[Module.SECRET_NUM.value]),
        access_num=int(text[Module.VPC_NUM.value]),
        log=_SWITCH[text[Module.LOG.value]],
        log_storage_gb=int(text[Module.LOG_STORAGE.value]),
    )


def steps_of(offer: Offer) -> Mapping[Module, Steps]:
    """Give the modules of an offer that are sold in steps."""
    return {
        Module.KEY_NUM: offer.key_num,
        Module.SECRET_NUM: offer.secret_num,
        Module.VPC_NUM: offer.vpc_num,
        Module.LOG_STORAGE: offer.log_storage,
    }


def modules_for(catalogue: Catalogue, price_list: PriceList) -> tuple[ModuleOnSale, ...]:
    """Give the product's eight modules, in the order they are shown, with every value on sale, for DescribePricingModule.

    A value that only some editions take says in its remark which (BssOpenApi DescribePricingModule page, read 2026-11-22).
    """
    return tuple(
        ModuleOnSale(text.code, text.name, text.unit, text.priced, tuple(_values(catalogue, price_list, text.code)))
        for text in catalogue.product.modules
    )


def _values(catalogue: Catalogue, price_list: PriceList, module: Module) -> Iterable[ModuleValue]:
    if module is Module.REGION:
        return [ModuleValue(region.name, region.id, "single_string", "") for region in regions_open(catalogue)]
    if module is Module.PRODUCT_VERSION:
        return [ModuleValue(offer.title, offer.product_version, "single_string", "") for offer in price_list.offers]
    if module is Module.LOG:
        return [ModuleValue("Disable", "0", "single_string", ""), ModuleValue("Enable", "1", "single_string", "")]
    return _figures(price_list, module)


def _figures(price_list: PriceList, module: Module) -> Iterator[ModuleValue]:
    titles: dict[tuple[str, ValueType], list[str]] = {}
    for offer in price_list.offers:
        for figure in _figures_of(offer, module):
            titles.setdefault(figure, []).append(offer.title)
    for (value, kind), sold_with in titles.items():
        everywhere = len(sold_with) == len(price_list.offers)
        yield ModuleValue(value, value, kind, "" if everywhere else ", ".join(sold_with))


def _figures_of(offer: Offer, module: Module) -> list[tuple[str, ValueType]]:
    if module is Module.SPEC:
        return [(str(tier.value), "single_float") for tier in offer.spec]
    steps = steps_of(offer)[module]
    if steps.ceiling == steps.included:
        return [(str(steps.included), "single_float")]
    return [(f"{steps.included}-{steps.ceiling}:{steps.step}", "range_float")]


def _gathered(parameters: Parameters) -> dict[Module, str]:
    named = [(module_named(code), value) for code, value in parameters]
    given: dict[Module, str] = {}
    for module, value in named:
        # The Config strings of several modules may repeat an attribute, such as the region, in one quote.
        if given.setdefault(module, value) != value:
            raise ModuleInvalid(module.value, "It is given twice, with different values.")
    return given


def _needed(given: Mapping[Module, str], module: Module) -> str:
    if module not in given:
        raise MissingParameter(module.value)
    return given[module]


def _offer_sold(price_list: PriceList, product_version: str) -> Offer:
    for offer in price_list.offers:
        if offer.product_version == product_version:
            return offer
    sold = ", ".join(f"{offer.product_version} ({offer.edition})" for offer in price_list.offers)
    raise EditionNotSold(Module.PRODUCT_VERSION.value, f'"{product_version}" is not on sale; on sale are {sold}.')


def _number(module: Module, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ModuleInvalid(module.value, f'"{text}" is not a whole number.')
    return int(text)


def _tier(tiers: Sequence[Tier], text: str | None) -> int:
    if text is None:
        return tiers[0].value
    value = _number(Module.SPEC, text)
    if all(tier.value != value for tier in tiers):
        on_sale = ", ".join(str(tier.value) for tier in tiers)
        raise ModuleInvalid(Module.SPEC.value, f"{value} is not on sale in this edition; on sale are {on_sale}.")
    return value


def _stepped(module: Module, steps: Steps, given: Mapping[Module, str]) -> int:
    text = given.get(module)
    if text is None:
        return steps.included
    value = _number(module, text)
    if value != steps.included and steps.ceiling == steps.included:
        raise ModuleInvalid(module.value, f"It is {steps.included} in this edition; more or less is not sold.")
    if not steps.included <= value <= steps.ceiling:
        raise ModuleInvalid(module.value, f"It must be from {steps.included} to {steps.ceiling}, not {value}.")
    if (value - steps.included) % steps.step:
        raise ModuleInvalid(module.value, f"It is sold in steps of {steps.step} from {steps.included}; {value} is between two.")
    return value


def _log_wanted(given: Mapping[Module, str]) -> bool:
    text = given.get(Module.LOG, "0")
    if text not in _SWITCH:
        raise ModuleInvalid(Module.LOG.value, f'It must be 0 or 1, not "{text}".')
    return _SWITCH[text]


def _log_storage(steps: Steps, given: Mapping[Module, str], *, log: bool) -> int:
    value = _stepped(Module.LOG_STORAGE, steps, given)
    if value and not log:
        raise ModuleInvalid(Module.LOG_STORAGE.value, "Storage needs the log service: Log must be 1.")
    if log and not value:
        raise ModuleInvalid(Module.LOG_STORAGE.value, f"The log service needs storage: at least {steps.step}.")
    return value
