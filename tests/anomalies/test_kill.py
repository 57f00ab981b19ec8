"""kill -9 of the server at random moments of a purchase loop: a purchase is whole or absent, nothing is paid twice."""

from __future__ import annotations

import random
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.wire.rawclient import RawClient
from tests.wire.server import Server

SEED = 20261122


def _flat(token: str) -> dict[str, str]:
    modules = {"Region": "ap-southeast-1", "ProductVersion": "3"}
    flat = {"ProductCode": "kms", "SubscriptionType": "Subscription", "Period": "1", "ClientToken": token}
    for number, (code, value) in enumerate(modules.items(), 1):
        flat[f"Parameter.{number}.Code"] = code
        flat[f"Parameter.{number}.Value"] = value
    return flat


class Buyer(threading.Thread):
    """Buys until stopped; a purchase without an answer is tried again with its token, as a careful client does."""

    def __init__(self, client: RawClient) -> None:
        """Prepare."""
        super().__init__(daemon=True)
        self.client = client
        self.stopping = threading.Event()
        self.bought: dict[str, str] = {}
        self.waiting = ""

    def run(self) -> None:
        """Buy."""
        while not self.stopping.is_set():
            self.waiting = self.waiting or uuid.uuid4().hex
            try:
                answer: dict[str, Any] = self.client.bss("CreateInstance", _flat(self.waiting)).body
            except OSError:
                time.sleep(0.02)
                continue
            assert answer.get("Success"), answer
            self.bought[self.waiting] = answer["Data"]["InstanceId"]
            self.waiting = ""


def _storm(folder: Path, kills: int) -> None:
    chance = random.Random(SEED)
    server = Server(folder / "var")
    key_id, secret = server.account("buyer", "10000000.00")
    buyer = Buyer(RawClient(server.http, key_id, secret))
    buyer.start()
    for _ in range(kills):
        time.sleep(chance.uniform(0.05, 0.8))
        server.kill()
        server.restart()
        found = server.operator("doctor")
        assert found["well"], found
    time.sleep(0.5)
    buyer.stopping.set()
    buyer.join(30)
    assert not buyer.is_alive()
    answered = set(buyer.bought.values())
    assert len(answered) == len(buyer.bought)
    balance = buyer.client.bss("QueryAccountBalance", {}).body["Data"]["AvailableAmount"]
    total = buyer.client.kms("ListKmsInstances", {"PageSize": "100"}).body["TotalCount"]
    unanswered = 1 if buyer.waiting else 0
    assert len(answered) <= total <= len(answered) + unanswered
    assert balance == f"{10_000_000 - 500 * total}.00"
    print(f"{kills} kills, {total} purchases, balance {balance}")
    assert server.stop() == 0


def test_three_kills(tmp_path: Path) -> None:
    """Three kills: the ledger balances after each restart, each answered purchase is there once."""
    _storm(tmp_path, 3)


@pytest.mark.long
def test_twenty_kills(tmp_path: Path) -> None:
    """Twenty kills, as the issue asks; takes about two minutes."""
    _storm(tmp_path, 20)
