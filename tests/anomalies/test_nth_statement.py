"""The n-th SQL statement of a purchase or renewal fails: nothing half done is left, and the next try goes through."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from keystead.ledger import commands as ledger
from keystead.store import metadata
from tests.world import Tenant, World

UNRELATED = {"request_nonce", "business_clock"}
STATEMENTS_MAX = 200


class PlannedFailureError(Exception):
    """The failure these tests plan."""


@contextmanager
def failing_at(world: World, number: int) -> Iterator[list[int]]:
    """Fail statement `number` (from 1) of what runs inside; gives the count of statements begun."""
    count = [0]
    mine = threading.get_ident()

    def before(*_: Any) -> None:
        if threading.get_ident() != mine:
            return  # the reader of the change log
        count[0] += 1
        if count[0] == number:
            raise PlannedFailureError

    engine = world.service.store.engine
    event.listen(engine, "before_cursor_execute", before)
    try:
        yield count
    finally:
        event.remove(engine, "before_cursor_execute", before)


def _contents(world: World) -> dict[str, int]:
    with world.service.store.read() as tx:
        return {
            name: tx.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
            if name not in UNRELATED
        }


def _purchase(tenant: Tenant, _instance_id: str) -> str:
    flat: dict[str, object] = {"ProductCode": "kms", "SubscriptionType": "Subscription", "Period": 1, "ClientToken": "one"}
    for number, (code, value) in enumerate({"Region": "ap-southeast-1", "ProductVersion": "3"}.items(), 1):
        flat[f"Parameter__{number}__Code"] = code
        flat[f"Parameter__{number}__Value"] = value
    return tenant.bss("CreateInstance", **flat).code


def _renewal(tenant: Tenant, instance_id: str) -> str:
    return tenant.bss("RenewInstance", ProductCode="kms", InstanceId=instance_id, RenewPeriod=1, ClientToken="two").code


@pytest.mark.parametrize("act", [_purchase, _renewal])
def test_nth_statement_fails(act: Any, database_url: str, tmp_path: Path) -> None:
    """For every n: statement n fails, the answer is an internal failure, no row was added; without failure it goes through."""
    world = World(database_url, tmp_path / "var")
    tenant = world.tenant()
    instance_id = tenant.buy()
    before = _contents(world)
    tried = 0
    for number in range(1, STATEMENTS_MAX):
        with failing_at(world, number) as count:
            code = act(tenant, instance_id)
        if code == "Success":  # the failure planned lies beyond the commit, in reading the change log or nowhere
            break
        tried += 1
        assert count[0] >= number
        assert code in {"InternalFailure", "SerivceUnavailableTemporary"}
        assert _contents(world) == before
    assert tried >= 10
    with world.service.store.read() as tx:
        assert list(ledger.audit(tx)) == []
    assert tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"] == "9000.00"
    world.close()
