"""The pages a newcomer follows, typed as they are printed, against a server process."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.server import Server

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / ".venv-clients"


class Reader:
    """Somebody with the pages, a server of their own, and the demo account's key."""

    def __init__(self, folder: Path) -> None:
        """Start the server as `make run` does, but on free ports."""
        self.folder = folder
        self.server = Server(folder / "var", "--demo-account")
        made = self.server.operator("admin", "access-key", "create", "demo")
        self.names = {"KEYSTEAD_ID": made["access_key_id"], "KEYSTEAD_SECRET": made["access_key_secret"]}
        self.instance = ""

    def programs(self, page: str) -> list[str]:
        """Give a page's Python programs; only ports and the folder for files are others here."""
        text = (ROOT / page).read_text()
        for printed, here in (("127.0.0.1:8080", self.server.http), ("127.0.0.1:8443", self.server.tls)):
            text = text.replace(printed, here)
        return re.findall(r"^```python\n(.*?)^```", text.replace("/tmp/", f"{self.folder}/"), re.MULTILINE | re.DOTALL)  # noqa: S108

    def run(self, program: str, client: str, *words: str, **names: str) -> str:
        """Run a program in a client's environment; gives what it printed."""
        command = [str(CLIENTS / client / "bin" / "python"), "-c", program, *words]
        everything = {**os.environ, **self.names, **names}
        done = subprocess.run(command, env=everything, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def operate(self, page: str) -> int:
        """Run every `keystead …` line of a page; gives how many."""
        lines = re.findall(r"^    keystead (.*)$", (ROOT / page).read_text(), re.MULTILINE)
        for line in lines:
            self.server.operator(*shlex.split(line.replace("kst-…", self.instance), comments=True))
        return len(lines)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Somebody who has done the first five minutes of the README."""
    made = Reader(tmp_path_factory.mktemp("reader"))
    try:
        (first,) = made.programs("README.md")
        told = made.run(first, "v2")
        bought = re.match(r"bought (kst-\S+) - balance now 9500.00 USD\nencrypted \S+\ndecrypted aGVsbG8=\n$", told)
        assert bought, told
        made.instance = bought[1]
        yield made
    finally:
        assert made.server.stop() == 0


def test_applications(reader: Reader) -> None:
    """Its owner prepares, the application uses: `hello` comes back through the dedicated gateway."""
    prepare, use = reader.programs("docs/applications.md")
    key_id = reader.run(prepare, "v2").split()[-1]
    assert reader.run(use, "dkms", key_id) == "hello\n"


def test_networks(reader: Reader) -> None:
    """VPCs come and go, an instance with room for two is shared and taken back: every line is accepted."""
    reader.server.account("partner")
    order = reader.server.operator("admin", "order", "place", "demo", "--instance", reader.instance, "--module", "VpcNum=2")
    reader.server.operator("admin", "order", "pay", "demo", order["order_id"])
    assert reader.operate("docs/networks.md") == 6


def test_server_side_encryption(reader: Reader) -> None:
    """A registered service's program keeps and reads a photo of 100,000 bytes."""
    made = reader.server.operator("admin", "service", "register", "store")
    (program,) = reader.programs("docs/server-side-encryption.md")
    key = {"KEYSTEAD_ACCESS_KEY_ID": made["access_key_id"], "KEYSTEAD_ACCESS_KEY_SECRET": made["access_key_secret"]}
    account = reader.server.operator("admin", "account", "list")[0]["account_id"]
    told = reader.run(program, "v2", KEYSTEAD_ACCOUNT=account, KEYSTEAD_ENDPOINT=reader.server.http, **key)
    assert told == "100000 bytes back, under a key of STORE's\n"
