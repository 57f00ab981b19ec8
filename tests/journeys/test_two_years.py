"""Twenty accounts for two years of a manual clock, doing anything in any order (tests/two_years.py): what must hold is asked
after every step. A short walk by a seeded die here, hypothesis' own ways in the long tests.
"""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.accounts import Figures
from tests.conftest import DATABASES
from tests.two_years import ACCOUNTS, TwoYears
from tests.world import START, World

DONE = ("purchase", "renew", "upgrade", "set_renewal", "refund", "place", "pay", "top_up", "connect", "make_key")
REFUSED = ("purchase", "renew", "upgrade", "connect", "make_key", "encrypt")


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> type[TwoYears]:
    """The machine, on a database of its own each time."""

    @contextlib.contextmanager
    def made() -> Any:
        with request.config.stash[DATABASES].fresh("sqlite") as url, tempfile.TemporaryDirectory() as folder:
            world = World(url, Path(folder), START)
            yield world
            world.close()

    return type("Machine", (TwoYears,), {"worlds": staticmethod(made), "steps": Counter()})


def tell(machine: type[TwoYears]) -> int:
    """Say what was done; gives how many steps were tried."""
    tried = sum(count for what, count in machine.steps.items() if not what.startswith(("event", "encrypt", "invariants")))
    print(f"two years, {tried} steps tried: {dict(sorted(machine.steps.items()))}")
    return tried


def never(machine: type[TwoYears], done: tuple[str, ...], refused: tuple[str, ...]) -> list[str]:
    """Give what was meant to occur and did not: a walk that only strolls about proves nothing."""
    wanted = [*(f"{what}: done" for what in done), *(f"{what}: refused" for what in refused), "event auto_renewed"]
    return [what for what in wanted if not machine.steps[what]]


def throw(life: TwoYears, die: random.Random) -> None:
    """Do one thing: time passes oftener than anything else happens."""
    who, which = die.randrange(ACCOUNTS), die.randrange(10)
    figures: Figures = (die.choice([1000, 2000]), die.choice([1000, 1010]), die.choice([0, 100]), die.choice([1, 2]))
    more = die.choice([(1, 0, 0, 0), (0, 10, 0, 0), (0, 0, 100, 0), (0, 0, 0, 3), (0, 0, 0, 0)])
    things = [
        lambda: life.purchase(who, figures, die.choice([1, 2, 6]), die.choice([0, 1])),
        lambda: life.renew(who, which, die.choice([1, 2])),
        lambda: life.upgrade(who, which, more),
        lambda: life.set_renewal(who, which, die.choice([-1, 0, 1, 3])),
        lambda: life.refund(who, which),
        lambda: life.place(who, which, figures, die.choice(["buy", "renew"])),
        lambda: life.pay_or_cancel(which, cancel=die.random() < 0.3) if any(each.unpaid for each in life.accounts) else None,
        lambda: life.top_up(who, die.randrange(1, 400_000)),
        lambda: life.connect(who, which),
        lambda: life.make_key(who, which),
        lambda: life.advance(die.randrange(1, 24 * 20), die.randrange(3600)),
        lambda: life.advance(die.randrange(1, 24 * 20), die.randrange(3600)),
    ]
    die.choice(things)()


@pytest.mark.slow
def test_two_years(machine: type[TwoYears]) -> None:
    """One life of 100 things."""
    die = random.Random(2026)
    life = machine()
    for _ in range(100):
        throw(life, die)
        life.what_must_hold()
    life.teardown()
    assert tell(machine) > 80
    assert never(machine, DONE, ("encrypt",)) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_two_years_by_many_dice(machine: type[TwoYears], seed: int) -> None:
    """Lives of 250 things."""
    die = random.Random(seed)
    life = machine()
    for _ in range(250):
        throw(life, die)
        life.what_must_hold()
    life.teardown()
    tell(machine)
    assert never(machine, DONE, ("encrypt",)) == []


@pytest.mark.long
def test_two_years_often(machine: type[TwoYears]) -> None:
    """What hypothesis thinks of, and how it makes a failure smaller."""
    chosen = settings(
        max_examples=30, stateful_step_count=120, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=chosen)
    tell(machine)
    assert never(machine, DONE, REFUSED) == []
