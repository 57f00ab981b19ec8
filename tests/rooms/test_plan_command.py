"""`keystead plan simulate`, as an operator and as somebody who thinks of buying runs it, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead.cli.commands import run
from tests.world import World


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service at 2026-01-01T00:00:00Z."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run the command; gives its JSON."""
    assert run(["plan", "simulate", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_account_is_planned_and_left_as_it_is(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Bought by hand for a month: three reminders, stop, release; nothing is charged, and nothing was done to plan it."""
    tenant = world.tenant(name="ann")
    bought = tenant.buy()
    where = ["--data", world.settings.data, "--database", world.settings.database]
    document = planned(capsys, "--account", "ann", "--until", "2026-12-31", "--keys-a-month", "600", *where)
    # 1,000 keys at 600 in 30 days: the 1,001st would come after 50.05 days, and the end is after 31.67.
    assert [(event["at"], event["kind"], event["subject"]) for event in document["events"]] == [
        ("2026-01-26T02:00:00Z", "expiry_reminded", bought),
        ("2026-01-30T02:00:00Z", "expiry_reminded", bought),
        ("2026-02-01T02:00:00Z", "expiry_reminded", bought),
        ("2026-02-01T16:00:00Z", "instance_expired", bought),
        ("2026-02-16T16:00:00Z", "instance_released", bought),
    ]
    assert [notice["kind"] for notice in document["notices"]] == ["expiring", "expiring", "expiring", "stopped", "released"]
    assert (document["opening_balance"], document["charged"], document["closing_balance"]) == ("9500.00", "0.00", "9500.00")
    assert document["until"] == "2026-12-31T16:00:00Z"
    assert planned(capsys, "--account", tenant.account_id, "--until", "2026-12-31", *where) == document
    assert run(["plan", "simulate", "--account", "nobody", *where]) != 0


def test_a_wish_is_planned_without_a_deployment(capsys: pytest.CaptureFixture[str]) -> None:
    """The configuration of 2,830 a month (the billing page's figures added up), for two months; as a table too."""
    flags = ["--spec", "2000", "--key-num", "2000", "--secret-num", "1000", "--vpc-num", "7", "--log-storage", "1000"]
    wish = [*flags, "--months", "2", "--renew", "NotRenewal", "--start", "2026-01-01T00:00:00Z", "--until", "2026-02-01"]
    document = planned(capsys, *wish)
    assert (document["charged"], document["closing_balance"]) == ("5660.00", "4340.00")
    assert [(event["kind"], event["amount"]) for event in document["events"]] == [("instance_purchased", "-5660.00")]
    assert run(["plan", "simulate", *wish]) == 0
    shown = capsys.readouterr().out
    assert "instance_purchased" in shown
    assert "5660.00 USD charged, the balance goes from 10000.00 to 4340.00" in shown


@pytest.mark.parametrize(
    ("flags", "status", "said"),
    [
        (["--balance", "499.99"], 1, "500.00 USD is needed"),
        (["--balance", "much"], 2, "amount of money"),
        (["--key-num", "1005"], 2, "KeyNum"),
        (["--months", "10"], 2, "Period"),
        (["--renew", "Perhaps"], 2, "RenewalStatus"),
        (["--until", "soon"], 2, "neither a date"),
        (["--until", "2000-01-01"], 2, "A plan ends within"),
        (["--keys-a-month", "-1"], 2, "only grow"),
        (["--account", "ann", "--spec", "2000"], 2, "either the account or a configuration"),
    ],
)
def test_what_cannot_be_planned_is_refused(flags: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What CreateInstance would refuse, and what makes no sense: one line on stderr."""
    assert run(["plan", "simulate", *flags]) == status
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
