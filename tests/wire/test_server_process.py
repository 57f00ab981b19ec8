"""`keystead serve` as an operator runs it: its processes, its signals, its listeners, and the tools beside it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
KEYSTEAD = [sys.executable, "-m", "keystead"]
START_SECONDS_MAX = 30.0  # about 1.5 s on an idle machine; tests run beside others
WORKER_KILOBYTES_MAX = 150 * 1024


class Server:
    """A running `keystead serve`, ready unless told otherwise."""

    def __init__(self, data: Path, *flags: str, ports: tuple[int, int, int] = (0, 0, 0)) -> None:
        self.data = data
        self.log = data.parent / "server.log"
        places = ("--listen", "--tls-listen", "--console-listen")
        listeners = [part for name, port in zip(places, ports, strict=True) for part in (name, f"127.0.0.1:{port}")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*KEYSTEAD, "serve", "--data", str(data), *listeners, *flags], stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.said: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("ready "):
                break
        else:
            pytest.fail(f"status {self.process.wait()}: {self.log.read_text()}")
        found = re.findall(r"//127\.0\.0\.1:(\d+)", self.said[-1])
        self.ports = int(found[0]), int(found[1]), int(found[2])

    def stop(self) -> int:
        """Ask it to stop; gives its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_SECONDS_MAX)

    def ended(self) -> None:
        """Make sure that it and its processes are gone."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def children(self) -> dict[str, int]:
        """The processes under the supervisor by name, with their ids."""
        pid = self.process.pid
        ids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        lines = {int(child): Path(f"/proc/{child}/cmdline").read_text().split("\0") for child in ids}
        return {line[-2]: child for child, line in lines.items() if len(line) > 1}  # a zombie has no command line

    def connection(self, which: int) -> http.client.HTTPConnection:
        """A connection to the plain (0), TLS (1) or console (2) listener; TLS trusts the deployment's authority alone."""
        if which != 1:
            return http.client.HTTPConnection("127.0.0.1", self.ports[which], 10)
        trusting = ssl.create_default_context(cafile=self.data / "ca.pem")
        return http.client.HTTPSConnection("127.0.0.1", self.ports[1], timeout=10, context=trusting)

    def get(self, which: int, path: str) -> tuple[int, str]:
        """GET a path on a connection of its own; gives status and body."""
        connection = self.connection(which)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Where a server's data goes; the folder is not there yet."""
    return tmp_path / "data"


@pytest.fixture
def server(data: Path) -> Iterator[Server]:
    """A server with two workers on a manual clock."""
    running = Server(data, "--workers", "2", "--clock", "manual:2026-01-01T00:00:00Z")
    yield running
    running.ended()


def keystead(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run([*KEYSTEAD, *arguments], capture_output=True, text=True, timeout=60, check=False)


def answer(*arguments: str) -> Any:
    """Run one command that must succeed, and read its JSON."""
    done = keystead(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def unfinished_request(port: int) -> socket.socket:
    """A request whose last bytes are still to come."""
    connection = socket.create_connection(("127.0.0.1", port), 10)
    head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\n"
    connection.sendall(head.encode() + b"Actio")
    time.sleep(0.3)  # for the server to begin with it
    return connection


def gone(process_id: int) -> bool:
    """Whether a process has ended (a zombie has, too), waiting for it a little."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_server_answers_on_every_listener_and_stops_when_told(server: Server) -> None:
    """The probes need no credentials on any listener; TLS 1.2 and 1.3 verify against ca.pem; SIGTERM ends with status 0."""
    for which in range(3):
        assert server.get(which, "/healthz") == (200, "ok\n")
        assert server.get(which, "/readyz") == (200, "ok\n")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        trusting = ssl.create_default_context(cafile=server.data / "ca.pem")
        trusting.minimum_version = trusting.maximum_version = version
        with socket.create_connection(("127.0.0.1", server.ports[1]), 10) as raw:
            trusting.wrap_socket(raw, server_hostname="localhost").close()
    assert sorted(server.children()) == ["api-1", "api-2", "console-1", "scheduler-1"]
    for child in server.children().values():
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{child}/status").read_text())
        assert found is not None
        assert int(found[1]) < WORKER_KILOBYTES_MAX
    assert server.stop() == 0


def test_a_stop_waits_for_requests_in_progress(server: Server) -> None:
    """After SIGTERM nobody new is let in, but what has begun is answered; idle connections hold up nothing."""
    idle = server.connection(0)
    idle.request("GET", "/healthz")
    idle.getresponse().read()
    with unfinished_request(server.ports[0]) as begun:
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.ports[0]), 5)
        assert server.process.poll() is None
        begun.sendall(b"n=Foo")
        assert begun.recv(100).startswith(b"HTTP/1.1 400 ")
    assert server.process.wait(10) == 0
    idle.close()


def test_a_killed_worker_is_replaced(server: Server) -> None:
    """After kill -9 of each kind of process another takes its place, and the server goes on answering."""
    for name in ("api-1", "scheduler-1", "console-1"):
        before = server.children()
        os.kill(before[name], signal.SIGKILL)
        until = time.monotonic() + START_SECONDS_MAX
        while server.children().get(name) in {None, before[name]} and time.monotonic() < until:
            time.sleep(0.05)
        assert server.children()[name] != before[name]
        assert server.get(0, "/readyz")[0] == 200
        assert server.process.poll() is None
    until = time.monotonic() + START_SECONDS_MAX
    while "keystead_workers_up 2.0" not in metrics(server) and time.monotonic() < until:
        time.sleep(0.1)
    assert "keystead_workers_up 2.0" in metrics(server)
    assert server.stop() == 0


def metrics(server: Server) -> str:
    """The figures; empty while the console is being replaced."""
    try:
        return server.get(2, "/metrics")[1]
    except OSError:
        return ""


def test_a_killed_supervisor_leaves_nothing_behind(server: Server) -> None:
    """After kill -9 of the supervisor its processes end, and a server starts on the same folder and ports at once."""
    children = server.children()
    begun = server.connection(0)
    begun.request("GET", "/healthz")
    begun.getresponse().read()
    server.process.kill()
    server.process.wait()
    again = Server(server.data, "--clock", "manual:2026-01-01T00:00:00Z", ports=server.ports)
    try:
        assert again.ports == server.ports
        assert again.get(1, "/readyz") == (200, "ok\n")
        assert all(gone(child) for child in children.values())
        assert again.stop() == 0
    finally:
        again.ended()
        begun.close()


def test_what_stops_a_start_is_one_line(data: Path, tmp_path: Path) -> None:
    """A taken port, a bad setting, a missing or unknown flag: one line that names it, 1 for a refusal, 2 for bad usage."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        free = ["--tls-listen", "127.0.0.1:0", "--console-listen", "127.0.0.1:0"]
        taken = keystead("serve", "--data", str(data), "--listen", f"127.0.0.1:{port}", *free)
    assert (taken.returncode, taken.stdout) == (1, "")
    assert taken.stderr == f"keystead: listen: 127.0.0.1:{port} is taken by another program\n"
    settings = tmp_path / "settings.toml"
    settings.write_text("wrokers = 2\n")
    for arguments, status, named in (
        (["serve", "--config", str(settings)], 2, "wrokers"),
        (["serve", "--data", str(data), "--clock", "sundial"], 2, "sundial"),
        (["serve", "--workers", "many"], 2, "many"),
        (["admin", "clock", "advance"], 2, "DURATION"),
        (["admin", "clock", "advance", "1y"], 2, "'1y'"),
        (["admin", "account", "credit", "demo", "1.234"], 2, "1.234"),
        (["admin", "jobs", "--data", str(tmp_path / "nowhere")], 1, "nowhere"),
        (["admin", "jobs", "--database", "postgresql://127.0.0.1:1/none"], 1, "does not answer"),
        (["dance"], 2, "dance"),
    ):
        done = keystead(*arguments)
        assert (done.returncode, done.stdout) == (status, ""), done
        assert done.stderr.startswith("keystead: "), done
        assert done.stderr.count("\n") == 1, done
        assert named in done.stderr, done


def test_a_folder_is_served_once_and_on_one_kind_of_clock(server: Server) -> None:
    """A second server on the same folder is refused while the first runs; and one on the system clock after it."""
    ports = ["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--console-listen", "127.0.0.1:0"]
    second = keystead("serve", "--data", str(server.data), *ports)
    assert second.returncode == 1
    assert f"another keystead serves {server.data}" in second.stderr
    assert server.stop() == 0
    system = keystead("serve", "--data", str(server.data), *ports)
    assert system.returncode == 1
    assert "manual clock" in system.stderr


def test_the_operators_tools_work_beside_the_server(server: Server) -> None:
    """Accounts, money, keys, the clock, jobs, the doctor: each answers with one JSON document."""
    here = ("--data", str(server.data))
    made = answer("admin", "account", "create", "ann", "--email", "ann@example.com", *here)
    assert sorted(made) == ["access_key_id", "access_key_secret", "account_id"]
    assert keystead("admin", "account", "create", "ann", *here).stderr.count("\n") == 1
    once = ("admin", "account", "credit", "ann", "99.90", "--key", "k1", *here)
    assert answer(*once)["balance"] == "99.90"
    assert answer(*once)["balance"] == "99.90"
    assert answer("admin", "account", "credit", "ann", "0.10", *here)["balance"] == "100.00"
    key = answer("admin", "access-key", "create", "ann", *here)["access_key_id"]
    assert answer("admin", "access-key", "disable", key, *here)["status"] == "Inactive"
    assert answer("admin", "clock", "show", *here)["business_time"] == "2026-01-01T00:00:00Z"
    advanced = answer("admin", "clock", "advance", "1d6h", *here)
    assert advanced == {"business_time": "2026-01-02T06:00:00Z", "events": [], "put_off": []}
    assert "2026-01-02T06:00:00Z" in server.get(2, "/")[1]
    assert answer("admin", "jobs", *here) == []
    assert answer("doctor", *here)["well"] is True
    assert answer("actions")


def test_the_doctor_sees_what_is_wrong(server: Server) -> None:
    """A root key others may read, and a torn journal, each make the doctor's status 1 and are named."""
    server.get(0, "/?Action=Any&Version=2016-01-20")  # a journal without a record is taken away
    assert server.stop() == 0
    here = ("--data", str(server.data))
    (server.data / "root.key").chmod(0o644)
    torn = next((server.data / "journal").glob("api-*.journal"))
    with torn.open("ab") as journal:
        journal.write(b"\0\0\0\x10half")
    done = keystead("doctor", *here)
    assert done.returncode == 1
    wrong = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("WRONG")}
    assert wrong == {"root", "journal"}


def test_the_figures_are_those_of_all_workers(server: Server) -> None:
    """Every request is counted once, whichever worker answered it, under labels that callers cannot invent."""
    for number in range(20):
        assert server.get(0, f"/?Action=Invented{number}&Version=2016-01-20")[0] in {400, 404}
    until = time.monotonic() + 20
    while counted(server) < 20 and time.monotonic() < until:
        time.sleep(0.1)  # counted after the answer, off its way
    assert counted(server) == 20
    assert "Invented" not in metrics(server)


def counted(server: Server) -> float:
    """How many requests the figures speak of."""
    return sum(float(count) for count in re.findall(r"keystead_requests_total\{.*\} (.*)", metrics(server)))


def test_the_console_page_needs_no_script_and_allows_none(server: Server) -> None:
    """The front page comes with a strict content policy, its style sheet from the same place, and shows clock and actions."""
    connection = server.connection(2)
    connection.request("GET", "/")
    response = connection.getresponse()
    page = response.read().decode()
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert "<script" not in page
    assert " style=" not in page
    assert "2026-01-01T00:00:00Z" in page
    assert f"http://127.0.0.1:{server.ports[0]}" in page
    assert server.get(2, "/console.css")[0] == 200
    assert server.get(2, "/elsewhere")[0] == 404
    connection.close()


def test_the_demo_account_is_made_once(data: Path) -> None:
    """--demo-account shows endpoints, credentials and three lines to try; the next start shows the same account and key."""
    shown = []
    for _ in range(2):
        server = Server(data, "--demo-account")
        try:
            assert server.stop() == 0
        finally:
            server.ended()
        text = "".join(server.said)
        shown.append(re.findall(r"(?m)^  (?:account|access key)[^\n]*$", text))
        tried = text.partition("Try this:\n")[2].partition("\n\n")[0].splitlines()
        assert len(tried) == 3
    assert shown[0] == shown[1]
    assert len(shown[0]) == 3
    assert stat.S_IMODE((data / "demo-account.json").stat().st_mode) == 0o600
    accounts = keystead("admin", "account", "list", "--data", str(data), "--json")
    assert [(row["name"], row["balance"]) for row in json.loads(accounts.stdout)] == [("demo", "10000.00")]
