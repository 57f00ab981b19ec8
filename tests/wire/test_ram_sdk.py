"""The official clients of RAM, STS and IMS and the credentials library, in their own environment, against a server."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire.rawclient import RawClient
from tests.wire.server import Server

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "clients" / "ram.py"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with TLS."""
    running = Server(tmp_path / "var")
    yield running
    assert running.stop() == 0


def test_ram_sts_ims_and_credentials(server: Server, tmp_path: Path) -> None:
    """By AssumeRole, by the RamRoleArn provider and by the OIDCRoleArn provider an application encrypts; alone it may not."""
    access_key_id, secret = server.account("shop")
    told = _run(server, access_key_id, secret, _key(server, access_key_id, secret), tmp_path, server.data / "ca.pem")
    assert told["root"] == "Account"
    assert told["roles"] == ["app"]
    assert told["of_role"] == ["AliyunKMSCryptoUserAccess"]
    assert told["twice"] == "EntityAlreadyExists.User"
    assert told["ann_alone"] == "Forbidden.NoPermission"
    assert (told["by_sdk"], told["by_library"], told["by_token"]) == ("ok", "ok", "ok")
    assert told["issuer"] == "https://issuer.example.com"
    assert told["subject"] == "system:serviceaccount:shop:web"
    assert told["forged"] == "AuthenticationFail.OIDCToken.InvalidSignature"


def _key(server: Server, access_key_id: str, secret: str) -> str:
    """Buy and connect an instance, and make a key in it."""
    client = RawClient(server.http, access_key_id, secret)
    modules = {"Region": "ap-southeast-1", "ProductVersion": "3", "Spec": "1000", "KeyNum": "1000"}
    flat = {"ProductCode": "kms", "ProductType": "kms_ddi_public_intl", "SubscriptionType": "Subscription", "Period": "1"}
    for number, (code, value) in enumerate(modules.items(), 1):
        flat |= {f"Parameter.{number}.Code": code, f"Parameter.{number}.Value": value}
    instance_id = str(client.bss("CreateInstance", flat).body["Data"]["InstanceId"])
    place = {"VpcId": "vpc-1", "ZoneIds": "ap-southeast-1a,ap-southeast-1b", "VSwitchIds": "vsw-1", "KMProvider": "Aliyun"}
    assert client.kms("ConnectKmsInstance", {"KmsInstanceId": instance_id, **place}).status == 200
    deadline = time.monotonic() + 20
    while client.kms("GetKmsInstance", {"KmsInstanceId": instance_id}).body["KmsInstance"]["Status"] != "Connected":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return str(client.kms("CreateKey", {"DKMSInstanceId": instance_id}).body["KeyMetadata"]["KeyId"])


def _run(server: Server, *words: Any) -> dict[str, Any]:
    python = ROOT / ".venv-clients" / "ram" / "bin" / "python"
    command = [str(python), str(PROGRAM), server.http, server.tls, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
