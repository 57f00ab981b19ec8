"""The official Python SDK, unmodified, walks each family of key actions against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire.rawclient import RawClient
from tests.wire.server import Server
from tests.wire.test_bad_input import connected_instance

ROOT = Path(__file__).parents[2]
CLIENT = Path(__file__).parent / "clients" / "v2_keys.py"

# What the program of each family is to tell; DeleteAlias and its like answer with nothing but a request id.
TOLD: dict[str, dict[str, Any]] = {
    "aliases": {
        "taken": "AliasAlreadyExists",
        "sealed_by_first": True,
        "moved": [["alias/sdk", True]],
        "total": [1, 1],
        "gone": "Forbidden.AliasNotFound",
        "id_only": "Unsupported.Alias",
    },
    "tags": {"one": [["b", "2", True]], "listed": [[True, "key", "b", "2"], [True, "key", "d", "4"]], "left": 0},
    "versions": {
        "symmetric": "UnsupportedOperation",
        "total": 1,
        "same": True,
        "on": ["Enabled", "2592000s", True],
        "off": ["Disabled", None, None],
    },
    "deletion": {
        "shown": ["Enabled", "kept"],
        "protected": "Rejected.UnsupportedOperation",
        "short": "InvalidParameter",
        "pending": ["PendingDeletion", True],
        "refused": "Rejected.PendingDeletion",
        "kept": ["Enabled", ""],
    },
    "policies": {"default": "kms default key policy", "same": True, "bad": "InvalidParameter"},
    "service": {
        "description": "é *~",
        "rotation": "604800s",
        "reencrypted": ["aGVsbG8=", True],
        "regions": True,
        "status": "Enabled",
        "open": "Forbidden.Opened",
    },
    "defaults": {
        "instance": None,
        "second": "Rejected.LimitExceeded",
        "own": "UnsupportedOperation",
        "opened": True,
        "chosen": True,
        "stopped": "Rejected.Disabled",
        "creator": ["OSS", True],
        "fixed": "UnsupportedOperation",
        "not_mine": "UnsupportedOperation",
        "listed": 1,
        "foreign_action": "Forbidden.NoPermission",
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all families, each with an account of its own."""
    running = Server(tmp_path_factory.mktemp("families") / "var")
    yield running
    assert running.stop() == 0


@pytest.mark.parametrize("family", TOLD)
def test_family(server: Server, family: str) -> None:
    """Every call of the family goes through, and every refusal has its code."""
    key_id, secret = server.account(family)
    instance_id = connected_instance(RawClient(server.http, key_id, secret))
    python = ROOT / ".venv-clients" / "v2" / "bin" / "python"
    command = [str(python), str(CLIENT), family, server.http, key_id, secret, instance_id]
    if family == "defaults":
        made = server.operator("admin", "service", "register", "oss")
        command += [made["access_key_id"], made["access_key_secret"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if family == "aliases":
        assert told.pop("arn").startswith("acs:kms:ap-southeast-1:")
    assert told == TOLD[family]


def test_the_example_of_the_documentation(server: Server) -> None:
    """The program in docs/server-side-encryption.md runs as it stands, with what the operator's commands gave."""
    page = (ROOT / "docs" / "server-side-encryption.md").read_text()
    program = page.partition("```python\n")[2].partition("```")[0]
    assert "alias/acs/" in program
    account_id = str(server.operator("admin", "account", "create", "example")["account_id"])
    made = server.operator("admin", "service", "register", "store")
    given = {
        "KEYSTEAD_ENDPOINT": server.http,
        "KEYSTEAD_ACCESS_KEY_ID": made["access_key_id"],
        "KEYSTEAD_ACCESS_KEY_SECRET": made["access_key_secret"],
        "KEYSTEAD_ACCOUNT": account_id,
    }
    command = [str(ROOT / ".venv-clients" / "v2" / "bin" / "python"), "-c", program]
    done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == ["100000 bytes back, under a key of STORE's"]


def test_the_operator_sees_and_disables_services(server: Server) -> None:
    """Register, again for another access key, list, disable one, disable all; a name that will not do, one that is not there."""
    first = server.operator("admin", "service", "register", "tables")
    second = server.operator("admin", "service", "register", "tables")
    assert set(first) == {"service", "access_key_id", "access_key_secret"}
    assert first["access_key_id"] != second["access_key_id"]

    def listed() -> list[str]:
        return [key["status"] for key in server.operator("admin", "service", "list") if key["service"] == "tables"]

    assert listed() == ["Active", "Active"]
    client = RawClient(server.http, first["access_key_id"], first["access_key_secret"])
    assert client.kms("ListKeys", {}).code == "Forbidden.NoPermission"
    server.operator("admin", "service", "disable", "tables", "--access-key", first["access_key_id"])
    assert client.kms("ListKeys", {}).code == "Forbidden.AccessKey"
    assert sorted(listed()) == ["Active", "Inactive"]
    shown = server.operator("admin", "service", "disable", "tables")
    assert [key["status"] for key in shown] == listed() == ["Inactive", "Inactive"]
    for words, sentence in ((["register", "Tables"], "not valid"), (["disable", "nobody"], "not registered")):
        command = [sys.executable, "-m", "keystead", "admin", "service", *words, "--data", str(server.data)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert sentence in done.stderr
    assert first["access_key_secret"] not in server.log_text()
