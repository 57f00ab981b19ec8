"""What the README and docs/applications.md tell a newcomer to save and run, saved and run, word for word but for places."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.wire.server import Server

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / ".venv-clients"


def test_the_pages_hold(tmp_path: Path) -> None:
    """The first five minutes, then the application's: in each the programs print what the page is about."""
    server = Server(tmp_path / "var")
    shown = server.operator("admin", "account", "create", "demo")
    server.operator("admin", "account", "credit", "demo", "10000.00")
    places = {"127.0.0.1:8080": server.http, "127.0.0.1:8443": server.tls, "/tmp/": f"{tmp_path}/"}  # noqa: S108 - the pages'
    caller = {"KEYSTEAD_ID": shown["access_key_id"], "KEYSTEAD_SECRET": shown["access_key_secret"]}
    try:
        first = _run(_programs("README.md")["first.py"], "v2", places, caller)
        assert re.search(r"^bought kst-\S+ - balance now 9500\.00 USD$", first, re.MULTILINE)
        assert re.search(r"^decrypted aGVsbG8=$", first, re.MULTILINE)
        programs = _programs("docs/applications.md")
        granted = re.fullmatch(r"granted (key-\S+) until \S+Z\n", _run(programs["grant.py"], "v2", places, caller))
        assert granted
        assert _run(programs["shop.py"], "dkms", places, {}, granted[1]) == "decrypted b'hello'\n"
    finally:
        assert server.stop() == 0


def _programs(page: str) -> dict[str, str]:
    """The Python blocks of a page, by the names it has the reader save them under."""
    text = (ROOT / page).read_text()
    named = re.findall(r"[Ss]ave (?:this )?as `/tmp/(\w+\.py)`:\n\n```python\n(.*?)```", text, re.DOTALL)
    assert len(named) == text.count("```python\n")
    return dict(named)


def _run(program: str, clients: str, places: dict[str, str], environment: dict[str, str], *arguments: str) -> str:
    """Run a program of a page, the page's places replaced by the test's; gives what it printed."""
    for theirs, ours in places.items():
        program = program.replace(theirs, ours)
    done = subprocess.run(
        [str(CLIENTS / clients / "bin" / "python"), "-c", program, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
