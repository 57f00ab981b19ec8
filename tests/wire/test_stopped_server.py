"""400 days pass while no server runs: what fell due is done once, in order of time, and then the server serves what is left.

Bought 2026-01-01T00:00:00Z (08:00 UTC+8) for a month, an end is 2026-02-02 00:00 UTC+8 = 02-01T16:00:00Z; reminders are due at
02:00Z of 01-26, 01-30 and 02-01, a first automatic renewal at 00:00Z of 01-24, release 15 days after the end. 400 days on it is
2027-02-05T00:00:00Z.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keystead import app
from keystead.clock import parse_iso_z
from keystead.settings import Settings
from keystead.store import business_time
from tests.wire.rawclient import RawClient
from tests.wire.server import Server

pytestmark = pytest.mark.slow
START = "2026-01-01T00:00:00Z"
LATER = "2027-02-05T00:00:00Z"
FIRST_END = "2026-02-01T16:00:00Z"
RELEASED_AT = "2026-02-16T16:00:00Z"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server on a manual clock."""
    running = Server(tmp_path / "data", "--workers", "1", "--clock", f"manual:{START}")
    yield running
    running.stop()


def buy(client: RawClient, **wish: str) -> str:
    """Buy a software instance for a month; gives its id."""
    flat = {"ProductCode": "kms", "ProductType": "kms_ddi_public_intl", "SubscriptionType": "Subscription", "Period": "1", **wish}
    for number, (code, value) in enumerate([("Region", "ap-southeast-1"), ("ProductVersion", "3")], 1):
        flat |= {f"Parameter.{number}.Code": code, f"Parameter.{number}.Value": value}
    reply = client.bss("CreateInstance", flat)
    assert reply.body["Success"] is True, reply.body
    return str(reply.body["Data"]["InstanceId"])


def bought(server: Server) -> tuple[RawClient, dict[str, str]]:
    """Three instances: renewed by itself (13 times paid for), by nobody, not to be renewed. 14 x 500 + 2 x 500 = 8000."""
    client = RawClient(server.http, *server.account("ann", "8000.00"))
    auto = buy(client, RenewalStatus="AutoRenewal", RenewPeriod="1")
    manual, never = buy(client), buy(client)
    wish = {"InstanceIDs": never, "ProductCode": "kms", "RenewalStatus": "NotRenewal"}
    assert client.bss("SetRenewal", wish).body["Success"] is True
    return client, {"auto": auto, "manual": manual, "never": never}


def of(events: list[dict[str, Any]], instance_id: str) -> list[tuple[str, str]]:
    """Kinds and instants of an instance's events."""
    return [(event["kind"], event["at"]) for event in events if event["subject"] == instance_id]


def test_the_clock_moves_400_days_while_the_server_is_stopped(server: Server) -> None:
    """Reminders, renewals, failed attempts, stop, release: all at their own instants, once; the books hold; the ends are seen."""
    client, held = bought(server)
    assert server.stop() == 0
    moved = server.operator("admin", "clock", "advance", "400d")
    assert (moved["business_time"], moved["put_off"]) == (LATER, [])
    events = moved["events"]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    gone = [("instance_expired", FIRST_END), ("instance_released", RELEASED_AT)]
    reminded = [("expiry_reminded", f"2026-{day}T02:00:00Z") for day in ("01-26", "01-30", "02-01")]
    assert of(events, held["manual"]) == [*reminded, *gone]
    assert of(events, held["never"]) == [reminded[0], *gone]
    # Each renewal adds a month to an end at 00:00 UTC+8 of the 2nd: those paid for run from 02-02 to 2027-03-02, and the first
    # attempt for that end is 2027-02-21. 8000 - 3 x 500 = 6500 pays for thirteen.
    renewals = [event for event in events if event["kind"] == "auto_renewed"]
    assert of(events, held["auto"]) == [
        pair for event in renewals for pair in (("instance_renewed", event["at"]), ("auto_renewed", event["at"]))
    ]
    assert [event["at"] for event in renewals] == [f"{day}T00:00:00Z" for day in ATTEMPTS]
    assert server.operator("admin", "clock", "advance", "0s")["events"] == []
    server.restart()
    shown = client.kms("GetKmsInstance", {"KmsInstanceId": held["auto"]})
    assert shown.status == 200
    for name in ("manual", "never"):
        assert client.kms("GetKmsInstance", {"KmsInstanceId": held[name]}).status == 404
    assert client.bss("QueryAccountBalance", {}).body["Data"]["AvailableAmount"].replace(",", "") == "0.00"
    assert server.operator("doctor", "--ledger")["well"] is True
    assert server.operator("admin", "clock", "show")["business_time"] == LATER


# Nine days before each end, at 08:00 UTC+8 = 00:00Z: the ends are the 2nd of a month, of UTC+8.
ATTEMPTS = (
    "2026-01-24", "2026-02-21", "2026-03-24", "2026-04-23", "2026-05-24", "2026-06-23", "2026-07-24",
    "2026-08-24", "2026-09-23", "2026-10-24", "2026-11-23", "2026-12-24", "2027-01-24",
)  # fmt: skip


def test_a_clock_is_not_moved_back(server: Server) -> None:
    """Neither by a negative duration nor by starting with an earlier instant: it stands where it stood (row 35)."""
    server.operator("admin", "clock", "advance", "10d")
    where = ["--data", str(server.data)]
    back = subprocess.run(
        [sys.executable, "-m", "keystead", "admin", "clock", "advance", *where, "--", "-1d"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert back.returncode == 2, back.stderr
    assert "is not a duration" in back.stderr
    assert server.stop() == 0
    server.flags[-1] = "manual:2025-06-01T00:00:00Z"
    server.restart()
    assert server.operator("admin", "clock", "show")["business_time"] == "2026-01-11T00:00:00Z"


def test_a_server_that_was_away_for_400_days_catches_up_by_itself(server: Server) -> None:
    """Time passes and nobody does the work: at its start the server says each stop and release once, reminds of nothing past.

    No renewal is tried for an instance whose retention is over (ADR 12), and nothing past is told of (ADR 20).
    """
    client, held = bought(server)
    assert server.stop() == 0
    store = app.store_of(Settings(data=str(server.data)))
    with store.write() as tx:
        business_time.move(tx, parse_iso_z(START) + timedelta(days=400))
    store.close()
    server.restart()
    assert all(client.kms("GetKmsInstance", {"KmsInstanceId": each}).status == 404 for each in held.values())
    moved = server.operator("admin", "clock", "advance", "0s")  # answers when all that is due is done
    assert moved["put_off"] == []
    assert server.operator("admin", "clock", "advance", "60d")["events"] == []
    assert client.bss("QueryAccountBalance", {}).body["Data"]["AvailableAmount"].replace(",", "") == "6500.00"
    told = [(each["kind"], each["instance_id"]) for each in server.operator("admin", "messages", "ann")]
    assert sorted(told) == sorted([(kind, each) for each in held.values() for kind in ("purchased", "released")])
    assert server.operator("doctor", "--ledger")["well"] is True
