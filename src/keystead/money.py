"""Money: whole hundredths of a currency, exact. Every rounding has a name; a float exists only at the JSON edge."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Final

import msgspec

Rounding = Callable[[Decimal], int]
"""How an exact amount of hundredths becomes whole ones: one of the named functions below."""

# Far more digits than any price needs, and a trap instead of a silent rounding when even they do not do.
_EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation, Overflow])
_DIVIDING: Final = Context(prec=60, traps=[InvalidOperation, Overflow])
_MINOR_DIGITS: Final = 2
# Decimal alone would also take exponents, underscores, blanks and the digits of other scripts.
_WRITTEN: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,2})?")


class MixedCurrencies(Exception):
    """Two currencies met in one sum or comparison: a failure of ours, never of a caller."""

    def __init__(self, one: str, other: str) -> None:
        """Name the two."""
        super().__init__(f"{one} and {other} cannot be reckoned together")


def rounded_half_up(exact: Decimal) -> int:
    """Round to the nearest whole, halves away from zero."""
    return int(exact.to_integral_value(ROUND_HALF_UP))


def rounded_down(exact: Decimal) -> int:
    """Cut off the fraction: towards zero."""
    return int(exact.to_integral_value(ROUND_DOWN))


def rounded_up(exact: Decimal) -> int:
    """Make any fraction a whole one: away from zero."""
    return int(exact.to_integral_value(ROUND_UP))


class Money(msgspec.Struct, frozen=True):
    """An amount: `minor` hundredths of the unit (US cents), negative allowed, of one `currency` (ISO 4217, upper case)."""

    minor: int
    currency: str

    @classmethod
    def from_decimal(cls, amount: Decimal, currency: str) -> Money:
        """Take an amount in whole units; ValueError unless it is finite and has whole hundredths."""
        if not amount.is_finite():
            message = f"{amount} is not an amount of money"
            raise ValueError(message)
        try:
            minor = _EXACT.scaleb(amount, _MINOR_DIGITS)
        except (Inexact, InvalidOperation, Overflow):
            message = "the amount has too many digits"
            raise ValueError(message) from None
        # Judged before it is made an int: 1E+999999 is short to write and long to count.
        if minor.adjusted() >= _EXACT.prec:
            message = "the amount has too many digits"
            raise ValueError(message)
        whole = int(minor)
        if whole != minor:
            message = f"{amount} {currency} is not a whole number of hundredths"
            raise ValueError(message)
        return cls(whole, currency)

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read an amount in whole units as `plain` writes it, decimals optional; ValueError for anything else."""
        if not _WRITTEN.fullmatch(text):
            message = f"{text!r} is not an amount of money, such as 10000.00"
            raise ValueError(message)
        return cls.from_decimal(Decimal(text), currency)

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str) -> Money:
        """Add up amounts of `currency`; zero for none."""
        result = cls(0, currency)
        for amount in amounts:
            result += amount
        return result

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(self.minor * times, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other)

    def share(self, rate: Decimal, rounding: Rounding) -> Money:
        """Give `rate` times the amount, reckoned exactly and then rounded once as named."""
        return Money(rounding(_EXACT.multiply(Decimal(self.minor), rate)), self.currency)

    def part(self, numerator: int, denominator: int, rounding: Rounding) -> Money:
        """Give `numerator` / `denominator` of the amount, divided to 60 digits and then rounded once as named.

        A quotient that is no tie differs from one by at least 1 / (2 x denominator): 60 digits never make one of it.
        """
        return Money(rounding(_DIVIDING.divide(Decimal(self.minor * numerator), Decimal(denominator))), self.currency)

    def as_decimal(self) -> Decimal:
        """Give the amount in whole units, always with two decimals."""
        return _EXACT.scaleb(Decimal(self.minor), -_MINOR_DIGITS)

    def plain(self) -> str:
        """Write it as string-typed answers do: `10000.00`, without currency and without thousands separators.

        Clients read such a field with a plain number parser, which separators would break.
        """
        return f"{self.as_decimal():f}"

    def as_number(self) -> float:
        """Give the nearest float, for number-typed JSON fields only; it is written with the exact cents up to 10**13 units."""
        return self.minor / 100

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise MixedCurrencies(self.currency, other.currency)
        return other.minor
