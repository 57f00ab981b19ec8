"""The official Python SDK, unmodified, walks each family of key actions against a real server."""

from __future__ import annotations

import json
import subprocess
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
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if family == "aliases":
        assert told.pop("arn").startswith("acs:kms:ap-southeast-1:")
    assert told == TOLD[family]
