"""A real `keystead serve` on free ports for tests that need a socket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

READY_SECONDS_MAX = 30.0


class Server:
    """A server process with its data folder; `stop()` it."""

    def __init__(self, data: Path, *flags: str, database: str = "") -> None:
        """Start and wait until it is ready."""
        self.data = data
        self.database = database
        self.ports = free_ports(3)
        self.http, self.tls, self.console = (f"127.0.0.1:{port}" for port in self.ports)
        # Tests are faster than the shared gateway's quotas allow.
        self.flags = list(flags) if "--shared-quota-factor" in flags else ["--shared-quota-factor", "0", *flags]
        self.log_path = data.parent / f"{data.name}-server.log"
        self.process = self._start()

    def operator(self, *words: str) -> Any:
        """Run an operator's command; gives its JSON."""
        done = subprocess.run(
            [sys.executable, "-m", "keystead", *words, *self._where(), "--json"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def account(self, name: str, balance: str = "10000.00") -> tuple[str, str]:
        """Make an account with money; gives access key id and secret."""
        made = self.operator("admin", "account", "create", name)
        self.operator("admin", "account", "credit", name, balance)
        return made["access_key_id"], made["access_key_secret"]

    def kill(self) -> None:
        """Kill -9 the supervisor; its processes must die with it."""
        self.process.kill()
        self.process.wait(10)

    def restart(self) -> None:
        """Start again on the same ports and data."""
        self.process = self._start()

    def stop(self) -> int:
        """Ask it to stop; gives the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(30)

    def log_text(self) -> str:
        """What it wrote to stdout and stderr."""
        return self.log_path.read_text(errors="replace")

    def _where(self) -> list[str]:
        return ["--data", str(self.data), *(["--database", self.database] if self.database else [])]

    def _start(self) -> subprocess.Popen[bytes]:
        listen = ["--listen", self.http, "--tls-listen", self.tls, "--console-listen", self.console]
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "keystead", "serve", *self._where(), *listen, *self.flags], stdout=log, stderr=log
            )
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise AssertionError(f"the server ended with {process.returncode}:\n{self.log_text()[-3000:]}")
            try:
                with urllib.request.urlopen(f"http://{self.http}/readyz", timeout=1) as answer:
                    if answer.status == 200:
                        return process
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
        process.kill()
        raise AssertionError(f"the server did not become ready:\n{self.log_text()[-3000:]}")


def free_ports(count: int) -> list[int]:
    """Give ports nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
