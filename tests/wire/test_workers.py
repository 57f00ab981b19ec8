"""Two workers behind one port, on both databases: what one changes, the other knows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.store.changes import LEASE_SECONDS
from tests.wire.rawclient import RawClient
from tests.wire.server import Server
from tests.wire.test_bad_input import connected_instance

CALLS = 40  # each on a connection of its own: the kernel spreads them over the workers


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """A server with two workers on the database under test."""
    running = Server(tmp_path / "var", "--workers", "2", database=database_url)
    yield running
    assert running.stop() == 0


def _bound(server: Server) -> None:
    """Wait out what PostgreSQL's workers may lag; on SQLite there is nothing to wait for."""
    if server.database.startswith("postgresql"):
        time.sleep(LEASE_SECONDS)


def test_a_disabled_access_key_is_refused_by_every_worker(server: Server) -> None:
    """At once on SQLite, within 250 ms on PostgreSQL."""
    client = RawClient(server.http, *server.account("one"))
    assert {client.kms("ListKeys", {}).status for _ in range(CALLS)} == {200}
    server.operator("admin", "access-key", "disable", client.access_key_id)
    _bound(server)
    assert {client.kms("ListKeys", {}).code for _ in range(CALLS)} == {"Forbidden.AccessKey"}


def test_a_disabled_key_is_refused_by_every_worker(server: Server) -> None:
    """The same for a customer's key that both workers have cached, and for enabling it again."""
    client = RawClient(server.http, *server.account("one"))
    key_id = client.kms("CreateKey", {"DKMSInstanceId": connected_instance(client)}).body["KeyMetadata"]["KeyId"]
    encrypt = {"KeyId": key_id, "Plaintext": "aGVsbG8="}
    _bound(server)
    assert {client.kms("Encrypt", encrypt).status for _ in range(CALLS)} == {200}
    assert client.kms("DisableKey", {"KeyId": key_id}).status == 200
    _bound(server)
    assert {client.kms("Encrypt", encrypt).code for _ in range(CALLS)} == {"Rejected.Disabled"}
    assert client.kms("EnableKey", {"KeyId": key_id}).status == 200
    _bound(server)
    assert {client.kms("Encrypt", encrypt).status for _ in range(CALLS)} == {200}
