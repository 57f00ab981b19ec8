"""Two buyers, one account, money for one instance: exactly one wins, every time, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tests.world import Tenant, World

REFUSED = "PAY.INSUFFICIENT_BALANCE"
TRIES = 20
TRIES_LONG = 1000


def _race(database_url: str, folder: Path, tries: int) -> None:
    """Give an account 500.00 and have two threads buy what costs that; each has its own connection and its own token."""
    world = World(database_url, folder)
    together = Barrier(2, timeout=60)
    won = lost = 0

    def buy(tenant: Tenant, token: str) -> str:
        flat: dict[str, object] = {"ProductCode": "kms", "SubscriptionType": "Subscription", "Period": 1, "ClientToken": token}
        for number, (code, value) in enumerate({"Region": "ap-southeast-1", "ProductVersion": "3"}.items(), 1):
            flat[f"Parameter__{number}__Code"] = code
            flat[f"Parameter__{number}__Value"] = value
        together.wait()
        return tenant.bss("CreateInstance", **flat).code

    with ThreadPoolExecutor(2) as pool:
        for _ in range(tries):
            tenant = world.tenant("500.00")
            codes = sorted(pool.map(buy, (tenant, tenant), ("one", "two")))
            won += codes.count("Success")
            lost += codes.count(REFUSED)
            assert codes == sorted(["Success", REFUSED])
            assert tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"] == "0.00"
            assert len(tenant.kms("ListKmsInstances").body["KmsInstances"]["KmsInstance"]) == 1
    print(f"{tries} tries on {world.service.store.dialect}: {won} won, {lost} were refused")
    assert (won, lost) == (tries, tries)
    world.close()  # with an audit of every order, posting and balance


def test_row_11_two_buyers_one_wins(database_url: str, tmp_path: Path) -> None:
    """Twenty tries."""
    _race(database_url, tmp_path / "var", TRIES)


@pytest.mark.long
def test_row_11_two_buyers_one_wins_a_thousand_times(database_url: str, tmp_path: Path) -> None:
    """A thousand tries."""
    _race(database_url, tmp_path / "var", TRIES_LONG)
