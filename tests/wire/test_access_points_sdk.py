"""Access points, policies, network rules and client keys by the current official SDK, against a server process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.access import KEY_USER
from tests.wire.server import Server

ROOT = Path(__file__).parents[2]


def test_access_points_by_the_official_sdk(tmp_path: Path) -> None:
    """All nineteen actions; lists that are texts on the way in and lists on the way out; 404 once deleted."""
    server = Server(tmp_path / "var")
    program = Path(__file__).parent / "clients" / "access_points.py"
    command = [str(ROOT / ".venv-clients" / "v2" / "bin" / "python"), str(program), server.http, *server.account("shop")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert server.stop() == 0
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert [arn.rpartition(":")[2] for arn in told["arns"]] == [
        "network/office",
        "policy/shop-keys",
        "applicationaccesspoint/shop",
    ]
    assert told["opens"] is True
    assert told["client key"] == ["shop", "RSA_2048", True]
    assert told["policy"] == [[KEY_USER], ["key/*"], '{"NetworkRules":["office"]}']
    assert told["point"] == ['["shop-keys"]', "ClientKey"]
    assert told["rule"] == '["10.1.0.0/16"]'
    assert told["lists"] == [["office"], ["shop-keys"], ["shop"]]
    assert told["gone"] == [404, "Forbidden.ResourceNotFound"]
