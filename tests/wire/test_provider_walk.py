"""The provider's walk over one instance by the official SDK against a server process; tests/journeys has it on both databases."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.test_provider_walk import BACK, STEPS
from tests.wire.server import Server

ROOT = Path(__file__).parents[2]
CREATED = {"Region": "ap-southeast-1", "ProductVersion": "3", "Spec": "1000", "KeyNum": "1000", "VpcNum": "1", "Log": "0"}
# Between the steps of STEPS, which begin at 2026-01-01T00:00:00Z, and from the last one to the refund at 2026-01-26T20:00:00Z.
WAITS = ["1d16h", "15d", "5d", "3d", "1d"]


class Provider:
    """The client program, asked step by step."""

    def __init__(self, server: Server) -> None:
        """Start it with an account of its own."""
        key_id, secret = server.account("provider")
        python = ROOT / ".venv-clients" / "v2" / "bin" / "python"
        program = Path(__file__).parent / "clients" / "walk.py"
        self.process = subprocess.Popen(
            [str(python), str(program), server.http, key_id, secret], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, what: str, **step: object) -> dict[str, Any]:
        """Ask for a step; gives what it told."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": what, **step}) + "\n")
        self.process.stdin.flush()
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told

    def stop(self) -> None:
        """End it, its pipes too."""
        self.process.communicate(timeout=60)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that stands at 2026-01-01T00:00:00Z."""
    running = Server(tmp_path / "var", "--clock", "manual:2026-01-01T00:00:00Z")
    yield running
    assert running.stop() == 0


def test_the_provider_walk_by_the_official_sdk(server: Server) -> None:
    """Create, five upgrades, automatic renewal, refund; each balance is the one before less what the journey works out."""
    provider = Provider(server)
    made = provider.do("create", modules=CREATED)
    assert (made["code"], made["success"], made["balance"]) == ("Success", True, "9500.00")
    instance_id, held = made["instance_id"], 950_000
    for wait, (_, codes, cost) in zip(WAITS, STEPS, strict=True):
        server.operator("admin", "clock", "advance", wait)
        told = provider.do("upgrade", instance_id=instance_id, modules=codes if "Log" in codes else codes | {"Log": "0"})
        held -= int(cost.replace(".", ""))
        assert (told["success"], told["balance"]) == (True, f"{held / 100:.2f}"), told
    smaller = provider.do("upgrade", instance_id=instance_id, modules={"Spec": "1000"})
    assert (smaller["success"], smaller["code"], smaller["balance"]) == (False, "InvalidParameter", f"{held / 100:.2f}")
    wished = provider.do("renew_automatically", instance_id=instance_id)
    assert (wished["code"], wished["renew_status"], wished["months"]) == ("Success", "AutoRenewal", 1)
    server.operator("admin", "clock", "advance", "4h")
    told = provider.do("refund", instance_id=instance_id)
    assert (told["code"], told["success"], f"{told['asked']:.2f}", told["gone"]) == ("200", True, BACK, 404)
    assert isinstance(told["order_id"], int)
    assert told["status"] is None
    assert sum(int(back.replace(".", "")) for back in told["backs"]) == 48_208
    assert told["balance"] == "8616.08"
    provider.stop()
    assert server.operator("doctor")["well"] is True
