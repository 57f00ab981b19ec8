"""What the catalogue refuses. No sentence of it may read like the cloud's "wrong site": clients would go there instead."""

from __future__ import annotations

from keystead.faults import CallerFault, InvalidParameter


class ProductNotSold(CallerFault):
    """Nothing is sold here under this product code, type and subscription type."""

    def __init__(self, product_code: str, product_type: str, subscription_type: str) -> None:
        """Keep the three as they were asked for; `product_type` may be empty."""
        asked = " ".join(filter(None, (product_code, product_type, subscription_type)))
        super().__init__(f"The product is not sold here: {asked}.")
        self.product_code = product_code
        self.product_type = product_type
        self.subscription_type = subscription_type


class NothingOnSaleYet(CallerFault):
    """No price list was in effect at that moment."""

    def __init__(self, at: str) -> None:
        """Keep the moment, as UTC text."""
        super().__init__(f"Nothing was on sale at {at}.")
        self.at = at


class UnknownModule(CallerFault):
    """A module code that the product does not have."""

    def __init__(self, code: str) -> None:
        """Name it as it was sent."""
        super().__init__(f'The product has no module "{code}".')
        self.code = code


class ConfigMalformed(CallerFault):
    """A module's Config string that is not `Code:value,Code:value`."""

    def __init__(self, module_code: str, config: str) -> None:
        """Name the module and keep its Config."""
        super().__init__(f'The Config of module "{module_code}" must read Code:value,Code:value; it reads "{config}".')
        self.module_code = module_code
        self.config = config


class ModuleInvalid(InvalidParameter):
    """A module's value is not on sale: below the least, above the most, off the step, or at odds with another module."""


class ChangeRefused(InvalidParameter):
    """A change of an instance's modules that is not offered: a decrease, another region or edition, or no change at all."""


class EditionNotSold(InvalidParameter):
    """A ProductVersion that is not on sale: a known one of the cloud (4, 5) or none at all."""


class RegionUnknown(InvalidParameter):
    """No such region, or one in which nothing is sold."""


class PeriodNotSold(InvalidParameter):
    """A term in months that is not on sale."""


class CatalogueBroken(Exception):
    """The catalogue's files contradict themselves: the service must not start."""

    def __init__(self, problems: list[str]) -> None:
        """Keep all that was found."""
        super().__init__("; ".join(problems))
        self.problems = problems
