"""The end of a client key, through a real server: told of on business time, refused by wall time."""

from __future__ import annotations

import http.client
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from keystead.clock import SystemClock, iso_z
from tests import messages
from tests.access import KEY_USER, PASSWORD, Application, opened
from tests.wire.rawclient import RawClient
from tests.wire.server import Server
from tests.wire.test_bad_input import connected_instance


def test_it_is_told_of_four_times_and_then_refused(database_url: str, tmp_path: Path) -> None:
    """Moving the clock from 200 days before: at 180, 90, 30 and 7 days, once each, in the centre too; a key that is over is 404.

    By hand: 200 - 20 = 180, - 90 = 90, - 60 = 30, - 23 = 7, - 7 = 0.
    """
    end = datetime(SystemClock().read().wall.year + 2, 1, 1, tzinfo=UTC)
    server = Server(tmp_path / "var", "--clock", f"manual:{iso_z(end - timedelta(days=200))}", database=database_url)
    client = RawClient(server.http, *server.account("one"))
    instance_id = connected_instance(client)
    key_id = client.kms("CreateKey", {"DKMSInstanceId": instance_id}).body["KeyMetadata"]["KeyId"]
    granted = {"Permissions": json.dumps([KEY_USER]), "Resources": '["key/*"]'}
    assert client.kms("CreatePolicy", {"Name": "p", "KmsInstance": instance_id, **granted}).status == 200
    assert client.kms("CreateApplicationAccessPoint", {"Name": "shop", "Policies": '["p"]'}).status == 200
    body = messages.request("Encrypt", KeyId=key_id, Plaintext=b"x")
    over = (SystemClock().read().wall + timedelta(seconds=20)).replace(microsecond=0)
    short, long = (_client_key(client, until) for until in (over, end))
    assert [_told(server, each, body)[0] for each in (short, long)] == [200, 200]

    told = []
    for days in (20, 90, 60, 23, 7):
        happened = server.operator("admin", "clock", "advance", f"{days}d")["events"]
        mine = [each for each in happened if each["kind"] == "client_key_expiring"]
        assert {each["subject"] for each in mine} <= {long.client_key_id}
        told.append([(each["detail"]["days"], each["detail"]["expires_at"]) for each in mine])
    assert told == [[("180", iso_z(end))], [("90", iso_z(end))], [("30", iso_z(end))], [("7", iso_z(end))], []]
    centre = [each for each in server.operator("admin", "messages", "one") if long.client_key_id in json.dumps(each)]
    assert len(centre) == 4, centre

    threading.Event().wait(max(0.0, (over - SystemClock().read().wall).total_seconds()))
    status, answer = _told(server, short, body)
    assert (status, answer["ErrorCode"]) == (404, "Unauthorized")
    assert answer["ErrorMessage"] == f"The client key expired at {iso_z(over)}."
    assert "expired" not in json.dumps(_told(server, long, body)[1]["ErrorMessage"])  # the instance's end is another matter
    assert server.stop() == 0


def _client_key(client: RawClient, until: datetime) -> Application:
    asked = {"AapName": "shop", "Password": PASSWORD, "NotBefore": "2026-01-01T00:00:00Z", "NotAfter": iso_z(until)}
    reply = client.kms("CreateClientKey", asked)
    assert reply.status == 200, reply.body
    return opened(reply.body)


def _told(server: Server, application: Application, body: bytes) -> tuple[int, dict[str, Any]]:
    """Encrypt by the dedicated protocol; gives status and message."""
    connection = http.client.HTTPConnection(server.http, timeout=20)
    connection.request("POST", "/", body=body, headers=application.headers("Encrypt", body))
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, messages.answer("Encrypt", content) if answer.status == 200 else messages.error(content)
