"""Two workers behind one port, on both databases: what one changes, the other knows."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.store.changes import LEASE_SECONDS
from tests import messages
from tests.access import KEY_USER, PASSWORD, Application, opened
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


def _told(server: Server, application: Application, body: bytes) -> tuple[int, str]:
    """Encrypt by the dedicated protocol on a connection of its own; gives status and code."""
    connection = http.client.HTTPConnection(server.http, timeout=20)
    connection.request("POST", "/", body=body, headers=application.headers("Encrypt", body))
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, "" if answer.status == 200 else str(messages.error(content)["ErrorCode"])


def test_what_a_client_key_may_is_taken_away_on_every_worker(server: Server) -> None:
    """A narrower policy, then the client key's deletion, after both workers have cached it: refused within the bound."""
    client = RawClient(server.http, *server.account("one"))
    instance_id = connected_instance(client)
    key_id = client.kms("CreateKey", {"DKMSInstanceId": instance_id}).body["KeyMetadata"]["KeyId"]
    granted = {"Permissions": json.dumps([KEY_USER]), "Resources": json.dumps([f"key/{key_id}"])}
    assert client.kms("CreatePolicy", {"Name": "p", "KmsInstance": instance_id, **granted}).status == 200
    assert client.kms("CreateApplicationAccessPoint", {"Name": "shop", "Policies": '["p"]'}).status == 200
    application = opened(client.kms("CreateClientKey", {"AapName": "shop", "Password": PASSWORD}).body)
    body = messages.request("Encrypt", KeyId=key_id, Plaintext=b"x")
    _bound(server)
    assert {_told(server, application, body) for _ in range(CALLS)} == {(200, "")}
    assert client.kms("UpdatePolicy", {"Name": "p", "Resources": '["key/another"]'}).status == 200
    _bound(server)
    assert {_told(server, application, body) for _ in range(CALLS)} == {(403, "Forbidden.NoPermission")}
    assert client.kms("UpdatePolicy", {"Name": "p", **granted}).status == 200
    _bound(server)
    assert {_told(server, application, body) for _ in range(CALLS)} == {(200, "")}
    assert client.kms("DeleteClientKey", {"ClientKeyId": application.client_key_id}).status == 200
    _bound(server)
    assert {_told(server, application, body) for _ in range(CALLS)} == {(404, "Unauthorized")}
