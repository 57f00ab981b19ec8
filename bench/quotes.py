"""The case `quotes`: what GetSubscriptionPrice decides by (parameters to configuration to price), in process, one thread."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from keystead.catalog.commands import load_catalogue
from keystead.orders import commands as orders
from keystead.pricing.model import OrderKind

QUOTES: Final = 10_000
ROUNDS: Final = 5
ASKED_PER_SECOND: Final = 20_000
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


def quotes(_folder: Path) -> list[dict[str, Any]]:
    """Price 10,000 configurations, none like another."""
    catalogue = load_catalogue()
    asked = [_modules(number) for number in range(QUOTES)]
    rates = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        paid = [orders.quote_modules(catalogue, NOW, modules, 1, OrderKind.NEW).payable.minor for modules in asked]
        rates.append(QUOTES / (time.perf_counter() - began))
        # 500 + 2 tiers of Spec, 9 for each 10 keys, 50 for each 100 secrets: the first and the last, by hand.
        assert paid[0] == 500_00
        assert paid[-1] == (500 + 300 + 9 * 99 + 50 * 33) * 100, paid[-1]
    rate = median(rates)
    return [
        {
            "case": "quotes: price rule evaluations",
            "ops_per_s": round(rate),
            "limit": ASKED_PER_SECOND,
            "ratio": round(rate / ASKED_PER_SECOND, 2),
            "rounds": [round(each) for each in rates],
        }
    ]


def _modules(number: int) -> tuple[tuple[str, str], ...]:
    """All of 100 figures of keys, 34 of secrets, 3 of QPS: the first 10,000 of their 10,200 combinations but for the last."""
    if number == QUOTES - 1:
        number = 10_199
    keys, rest = number % 100, number // 100
    return (
        ("Region", "ap-southeast-1"),
        ("ProductVersion", "3"),
        ("Spec", ("1000", "2000", "4000")[rest // 34]),
        ("KeyNum", str(1000 + 10 * keys)),
        ("SecretNum", str(100 * (rest % 34))),
    )
