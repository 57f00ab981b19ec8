"""An instance's own address on a real server with two workers: who is inside, who only says so, and how soon all workers know."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from keystead.store.changes import LEASE_SECONDS
from tests.wire.rawclient import RawClient
from tests.wire.server import Server
from tests.wire.test_bad_input import connected_instance

CALLS = 24  # each on a connection of its own: the kernel spreads them over the workers
PROXY, NO_PROXY, DIRECT = "127.0.0.1", "127.0.0.2", "127.0.0.3"
INSIDE, OUTSIDE = "10.1.2.3", "192.0.2.1"
VPC = ["--region", "ap-southeast-1", "--cidr", "10.1.0.0/16", "--cidr", f"{DIRECT}/32", "--vswitch", "vsw-1:ap-southeast-1a"]


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """A server that believes the proxy at 127.0.0.1."""
    config = tmp_path / "settings.toml"
    config.write_text(f'trusted_proxies = ["{PROXY}/32"]\n')
    running = Server(tmp_path / "var", "--workers", "2", "--config", str(config), database=database_url)
    yield running
    assert running.stop() == 0


def statuses(client: RawClient, host: str, flat: dict[str, str], peer: str, *forwarded: str) -> set[int]:
    """Encrypt through the instance's own host from an address of this machine; gives the statuses of many calls."""
    found = set()
    for _ in range(CALLS):
        headers = client.headers("2016-01-20", "Encrypt", flat, host=host)
        connection = http.client.HTTPConnection(client.endpoint, timeout=20, source_address=(peer, 0))
        connection.putrequest("POST", f"/?{urlencode(flat)}", skip_host=True)
        for name, value in [*headers.items(), *(("x-forwarded-for", value) for value in forwarded), ("content-length", "0")]:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        found.add(answer.status)
        connection.close()
    return found


def settled(server: Server) -> None:
    """Wait out what PostgreSQL's workers may lag; on SQLite there is nothing to wait for."""
    if server.database.startswith("postgresql"):
        time.sleep(LEASE_SECONDS)


def test_who_is_inside(server: Server) -> None:
    """By the peer or what a trusted proxy says; from the command that registers a VPC on, by every worker."""
    client = RawClient(server.http, *server.account("one"))
    server.account("two")
    instance_id = connected_instance(client)
    flat = {
        "KeyId": client.kms("CreateKey", {"DKMSInstanceId": instance_id}).body["KeyMetadata"]["KeyId"],
        "Plaintext": "aGVsbG8=",
    }
    host = f"{instance_id}.cryptoservice.kms.example.com"
    assert statuses(client, host, flat, NO_PROXY) == {200}, "no VPC is registered"
    others = ["--owner", "two", "--region", "ap-southeast-1", "--cidr", "127.0.0.0/8"]
    assert server.operator("admin", "vpc", "create", "vpc-9", *others)["cut_off"] == [instance_id]
    settled(server)
    assert statuses(client, host, flat, NO_PROXY) == {403}, "one is, and it is not ours"
    assert server.operator("admin", "vpc", "delete", "vpc-9") == []
    made = server.operator("admin", "vpc", "create", "vpc-1", "--owner", "one", *VPC)
    assert (made["cidrs"], made["cut_off"]) == (["10.1.0.0/16", f"{DIRECT}/32"], [])
    assert [vpc["vpc_id"] for vpc in server.operator("admin", "vpc", "list")] == ["vpc-1"]
    settled(server)
    for peer, forwarded, status in (
        (DIRECT, (), 200),
        (NO_PROXY, (), 403),
        (NO_PROXY, (INSIDE,), 403),  # forged
        (PROXY, (INSIDE,), 200),
        (PROXY, (OUTSIDE,), 403),
        (PROXY, (f"{INSIDE}, {OUTSIDE}",), 403),  # forged, then passed on
        (PROXY, (INSIDE, OUTSIDE), 403),
        (PROXY, (f"{OUTSIDE}, {INSIDE}",), 200),
        (PROXY, (f"{INSIDE}, x",), 403),
    ):
        assert statuses(client, host, flat, peer, *forwarded) == {status}, (peer, forwarded)
    assert statuses(client, server.http, flat, NO_PROXY) == {200}, "the shared gateway"
    assert f'"client_ip":"{INSIDE}"' in server.log_text()


def test_the_operator_shares(server: Server) -> None:
    """In JSON what is so now; what cannot be done is one line and status 1."""
    client = RawClient(server.http, *server.account("one"))
    other = RawClient(server.http, *server.account("two"))
    instance_id = connected_instance(client)
    command = [sys.executable, "-m", "keystead", "admin", "instance", "share", instance_id, "two", "--data", str(server.data)]
    command += ["--database", server.database] if server.database else []
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "2 VPCs and accounts were wanted and 1 are purchased" in refused.stderr
    asked = {"InstanceId": instance_id, "ProductCode": "kms", "ModifyType": "Upgrade", "SubscriptionType": "Subscription"}
    client.bss("ModifyInstance", {**asked, "Parameter.1.Code": "VpcNum", "Parameter.1.Value": "2"})
    shared = server.operator("admin", "instance", "share", instance_id, "two")
    assert (shared["ownership"], len(shared["accounts"])) == ("joint", 1)
    settled(server)
    assert other.kms("CreateKey", {"DKMSInstanceId": instance_id}).status == 200
    assert server.operator("admin", "instance", "independent", instance_id)["ownership"] == "independent"
    again = subprocess.run([*command[:5], "unshare", *command[6:]], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "1 key(s)" in again.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('trusted_proxies = ["10.0.0.1/8"]', "trusted_proxies: 10.0.0.1/8 has host bits set"),
        ('default_region = "cn-moon"', 'default_region: "cn-moon" is not a region in which instances are sold.'),
    ],
)
def test_a_setting_that_is_none_stops_the_start(line: str, told: str, tmp_path: Path) -> None:
    """One line that names the setting, status 2, before anything is made."""
    config = tmp_path / "settings.toml"
    config.write_text(line)
    command = [sys.executable, "-m", "keystead", "serve", "--data", str(tmp_path / "var"), "--config", str(config)]
    done = subprocess.run([*command, "--listen", "127.0.0.1:0"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]
    assert not (tmp_path / "var" / "keystead.db").exists()
