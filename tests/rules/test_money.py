"""Money is exact, and its one float says the cents it stands for."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.money import MixedCurrencies, Money, Rounding, rounded_down, rounded_half_up, rounded_up

CENTS = st.integers(-(10**15), 10**15)


def usd(minor: int) -> Money:
    """So many cents."""
    return Money(minor, "USD")


@pytest.mark.parametrize(
    ("minor", "text"),
    [
        (1_000_000, "10000.00"),
        (5, "0.05"),
        (0, "0.00"),
        (-1, "-0.01"),
        (30_477_500, "304775.00"),
        (10**17, "1000000000000000.00"),
    ],
)
def test_text_has_two_decimals_and_no_separators(minor: int, text: str) -> None:
    """QueryAccountBalance's example reads 10000.00; clients parse it as a plain number."""
    assert usd(minor).plain() == text


@given(CENTS)
def test_text_is_read_back(minor: int) -> None:
    """What is written is what is meant."""
    assert Money.parse(usd(minor).plain(), "USD") == usd(minor)
    assert Money.from_decimal(usd(minor).as_decimal(), "USD") == usd(minor)


@given(CENTS)
def test_a_json_number_says_the_exact_cents(minor: int) -> None:
    """The only float: read back from JSON as decimal, it is the amount, up to 10**13 units."""
    assert Decimal(json.dumps(usd(minor).as_number())) * 100 == minor


@pytest.mark.parametrize("text", ["", "1e3", "1_000", "1,000.00", " 1", "0.001", "NaN", "Infinity", "+1", "1.", "٣", "1" * 16])
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    """Exponents, separators, blanks, signs, fractions of a cent and foreign digits."""
    with pytest.raises(ValueError, match="not an amount"):
        Money.parse(text, "USD")


@pytest.mark.parametrize("amount", ["0.001", "NaN", "Infinity", "1E+999999", "1E-999999", "1E+100"])
def test_a_decimal_that_is_not_whole_cents_is_refused(amount: str) -> None:
    """Nothing is rounded on the way in, and nothing huge is counted out."""
    with pytest.raises(ValueError, match=r"not an amount|hundredths|too many digits"):
        Money.from_decimal(Decimal(amount), "USD")


def test_currencies_do_not_mix() -> None:
    """Neither in a sum nor in a comparison."""
    yuan = Money(1, "CNY")
    for reckoning in (lambda: usd(1) + yuan, lambda: usd(1) - yuan, lambda: usd(1) < yuan, lambda: usd(1) >= yuan):
        with pytest.raises(MixedCurrencies):
            reckoning()
    assert usd(1) != yuan
    with pytest.raises(MixedCurrencies):
        Money.total([usd(1), yuan], "USD")


@given(CENTS, CENTS, st.integers(0, 120))
def test_reckoning_is_that_of_whole_numbers(one: int, other: int, times: int) -> None:
    """Sums, differences, multiples and order are those of the cents."""
    assert usd(one) + usd(other) == usd(one + other)
    assert usd(one) - usd(other) == usd(one) + -usd(other)
    assert usd(one) * times == Money.total([usd(one)] * times, "USD")
    assert (usd(one) < usd(other), usd(one) <= usd(other)) == (one < other, one <= other)
    assert (usd(one) > usd(other), usd(one) >= usd(other)) == (one > other, one >= other)


@pytest.mark.parametrize(
    ("exact", "half_up", "down", "up"),
    [("2.5", 3, 2, 3), ("-2.5", -3, -2, -3), ("2.4999", 2, 2, 3), ("0.0001", 0, 0, 1), ("7", 7, 7, 7), ("-0.5", -1, 0, -1)],
)
def test_roundings_do_what_they_are_named_for(exact: str, half_up: int, down: int, up: int) -> None:
    """Halves away from zero; towards zero; away from zero."""
    amount = Decimal(exact)
    assert (rounded_half_up(amount), rounded_down(amount), rounded_up(amount)) == (half_up, down, up)


@pytest.mark.parametrize(("rounding", "cents"), [(rounded_half_up, 33), (rounded_down, 33), (rounded_up, 34)])
def test_a_share_is_rounded_once_as_named(rounding: Rounding, cents: int) -> None:
    """A third of a dollar, as 0.3333: 33.33 cents."""
    assert usd(100).share(Decimal("0.3333"), rounding) == usd(cents)
