"""Budgets of instances: the documented figures, weights that are exact, and what is sold between tiers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.catalog.commands import load_catalogue
from keystead.quotas.model import Work
from keystead.quotas.tiers import TiersBroken, load_tiers

TIERS = load_tiers()
# Performance data page, March 2026, read 2026-11-22: requests a second of each work alone, down the page's rows.
WORKS = (Work.SYMMETRIC, Work.ASYMMETRIC, Work.PUBLIC_KEY, Work.SECRET_VALUE, Work.RANDOM, Work.PAIR)
DOCUMENTED = {
    ("software", 1000): (1000, 200, 1000, 500, 1000, 1),
    ("software", 2000): (2000, 300, 2000, 1000, 2000, 1),
    ("software", 4000): (4000, 500, 4000, 2000, 4000, 1),
    ("software", 10000): (10000, 1300, 10000, 4000, 10000, 1),
    ("software", 20000): (20000, 2500, 20000, 4000, 20000, 1),
    ("hardware", 2000): (2000, 300, 2000, 1000, 2000, 1),
    ("hardware", 4000): (4000, 500, 4000, 2000, 4000, 1),
    ("hardware", 6000): (6000, 700, 6000, 3000, 6000, 1),
    ("hardware", 8000): (8000, 900, 8000, 4000, 8000, 1),
}


def test_the_documented_figures() -> None:
    """Every tier of both tables, and no other."""
    found = {
        (edition, qps): tuple(figures[work] for work in WORKS)
        for edition, tiers in TIERS.figures.items()
        for qps, figures in tiers.items()
    }
    assert found == DOCUMENTED


@pytest.mark.parametrize(("edition", "qps"), DOCUMENTED)
def test_a_work_alone_gets_its_figure_exactly(edition: str, qps: int) -> None:
    """Units a second over the weight is the documented figure, without a remainder; a pair is counted for itself besides."""
    tier = TIERS.tier(edition, qps)
    for work, figure in zip(WORKS[:-1], DOCUMENTED[edition, qps], strict=False):
        assert tier.units == figure * tier.weights[work], work
    assert tier.pairs == 1
    assert tier.weights[Work.PAIR] == tier.weights[Work.SYMMETRIC]


@pytest.mark.parametrize(
    ("edition", "qps", "units", "asymmetric", "secret"),
    [
        ("software", 1000, 1000, 5, 2),  # 1000/200, 1000/500: an Encrypt is a unit
        ("software", 2000, 6000, 20, 6),  # 2000/300 = 20/3, so an Encrypt is 3 units; 2000/1000 = 2 = 6/3
        ("software", 4000, 4000, 8, 2),  # 4000/500
        ("software", 10000, 260000, 200, 65),  # 10000/1300 = 100/13, 10000/4000 = 5/2: an Encrypt is 26 units
        ("hardware", 6000, 42000, 60, 14),  # 6000/700 = 60/7
        ("hardware", 8000, 72000, 80, 18),  # 8000/900 = 80/9
        ("software", 3000, 9000, 20, 6),  # as 2,000, half as much again: 450 asymmetric, 1,500 values
        ("software", 500, 500, 5, 2),  # as 1,000, half of it
        ("hardware", 1000, 3000, 20, 6),  # as 2,000, half of it
        ("software", 40000, 40000, 16 // 2, 10 // 2),  # as 20,000: 20000/2500 = 8, 20000/4000 = 5
        ("software", 1001, 1001, 5, 2),
        ("software", 2001, 6003, 20, 6),
    ],
)
def test_weights_worked_by_hand(edition: str, qps: int, units: int, asymmetric: int, secret: int) -> None:
    """The smallest whole numbers that say the ratios; between tiers, those of the tier below."""
    tier = TIERS.tier(edition, qps)
    assert (tier.units, tier.weights[Work.ASYMMETRIC], tier.weights[Work.SECRET_VALUE]) == (units, asymmetric, secret)
    assert tier.units == qps * tier.weights[Work.SYMMETRIC]


@given(edition=st.sampled_from(["software", "hardware"]), qps=st.integers(1, 1_000_000))
def test_any_figure_has_an_exact_budget(edition: str, qps: int) -> None:
    """Symmetric requests alone: the very figure; the others in the proportion of the tier below (or of the lowest)."""
    tier = TIERS.tier(edition, qps)
    below = max((found for of, found in DOCUMENTED if of == edition and found <= qps), default=0) or min(
        found for of, found in DOCUMENTED if of == edition
    )
    for work, figure in zip(WORKS[:-1], DOCUMENTED[edition, below], strict=False):
        assert Fraction(tier.units, tier.weights[work]) == Fraction(figure * qps, below)


def test_what_is_sold_is_a_tier() -> None:
    """Every figure in the price list is a row of its edition's table: nothing sold has a budget that no page says."""
    sold = {(offer.edition.value, tier.value) for offer in load_catalogue().price_lists[-1].offers for tier in offer.spec}
    assert sold == {(e, q) for e in ("software",) for q in (1000, 2000, 4000)} | {("hardware", q) for q in (2000, 4000, 6000)}
    assert sold <= set(DOCUMENTED)


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([("software", 1000, 200), ("software", 1000, 200)], "twice"),
        ([("software", 100, 200)], "from 1 to 100"),
        ([("x", 9, 0)], "x 9"),
    ],
)
def test_a_file_that_is_not_sound_stops_the_start(rows: list[tuple[str, int, int]], named: str) -> None:
    """A tier twice; a figure above the tier's; a figure of nothing."""
    text = 'source = "s"\nedition = "e"\nread = "r"\n'
    for edition, qps, asymmetric in rows:
        text += f'[[tiers]]\nedition = "{edition}"\nsymmetric = {qps}\nasymmetric = {asymmetric}\npublic_key = {qps}\n'
        text += f"secret_value = {qps}\nrandom = {qps}\npair = 1\n"
    with pytest.raises(TiersBroken, match=named):
        load_tiers(text.encode())
