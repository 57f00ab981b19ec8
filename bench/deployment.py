"""What is measured: a deployment of the product, or the bare reference, each pinned to its cores."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from client import BSS, KMS, CallFailed, Client, Credentials
from load import Target
from reference import ACCESS_KEY_ID, SECRET

REGION: Final = "ap-southeast-1"
START_SECONDS_MAX: Final = 60
CONNECT_SECONDS_MAX: Final = 60
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Running(NamedTuple):
    """A started server: its host name, the process, how many API workers, and how long until /readyz answered."""

    host: str
    process: subprocess.Popen[bytes]
    workers: int
    start_seconds: float

    def workers_used(self) -> list[Path]:
        """The /proc folders of the workers: of all its processes, those that used most CPU time."""
        return sorted(_family(self.process.pid), key=_cpu_seconds)[-self.workers :]

    def cpu_seconds(self) -> float:
        """CPU time of the workers so far."""
        return sum(_cpu_seconds(folder) for folder in self.workers_used())

    def rss_mib(self) -> list[float]:
        """Resident memory of each worker."""
        return [round(_rss_kib(folder) / 1024, 1) for folder in self.workers_used()]


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def started(command: list[str], port: int, workers: int, cores: str) -> Iterator[Running]:
    """Run a server pinned to `cores`, from its first /readyz on; it is ended by SIGTERM."""
    began = time.monotonic()
    output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
    with output, subprocess.Popen(["taskset", "-c", cores, *command], stdout=output, stderr=output) as process:
        try:
            while not _ready(port):
                if process.poll() is not None or time.monotonic() - began > START_SECONDS_MAX:
                    output.seek(0)
                    message = f"{command} did not start:\n{output.read().decode()}"
                    raise RuntimeError(message)
                time.sleep(0.002)
            yield Running(f"127.0.0.1:{port}", process, workers, time.monotonic() - began)
        finally:
            process.terminate()
            process.wait(30)


@contextlib.contextmanager
def reference(folder: Path, cores: str = "0") -> Iterator[tuple[Running, Target]]:
    """The bare reference handler."""
    port = free_port()
    program = str(Path(__file__).with_name("reference.py"))
    with started([sys.executable, program, str(port), str(folder / "reference")], port, 1, cores) as running:
        keys = [f"key-southz{number:08x}reference"[:25].ljust(25, "0") for number in range(8)]
        yield running, Target(running.host, Credentials(ACCESS_KEY_ID, SECRET), keys)


@contextlib.contextmanager
def product(folder: Path, workers: int = 1, cores: str = "0") -> Iterator[Running]:
    """`keystead serve` on a data folder, without a line on stderr a request (the journal is what must be durable)."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "bench.toml"
    config.write_text("log_requests = false\nshared_quota_factor = 0\n")
    port = free_port()
    listeners = ["--listen", f"127.0.0.1:{port}", "--tls-listen", "127.0.0.1:0", "--console-listen", "127.0.0.1:0"]
    options = ["--config", str(config), "--data", str(folder), "--workers", str(workers), *listeners]
    with started([sys.executable, "-m", "keystead", "serve", *options], port, workers, cores) as running:
        yield running


def admin(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run one of the operator's tools."""
    command = [sys.executable, "-m", "keystead", "admin", *arguments, "--data", str(folder), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def customer(folder: Path, host: str) -> Client:
    """An account with money and an access key."""
    made = admin(folder, "account", "create", f"bench{time.monotonic_ns()}")
    admin(folder, "account", "credit", str(made["account_id"]), "10000000.00")
    return Client(Credentials(made["access_key_id"], made["access_key_secret"]), host)


def keys_of_instances(client: Client, instances: int, qps: int) -> list[str]:
    """Buy and connect so many instances of so many requests a second, and make one AES key in each."""
    return [key(client, instance(client, qps)) for _ in range(instances)]


def instance(client: Client, qps: int, keys: int = 1000) -> str:
    """Buy and connect an instance of so many requests a second and key versions; it may take a moment until it serves."""
    codes = {"Region": REGION, "ProductVersion": "3", "Spec": str(qps), "KeyNum": str(keys)}
    modules: dict[str, str] = {}
    for number, (code, value) in enumerate(codes.items(), 1):
        modules |= {f"Parameter__{number}__Code": code, f"Parameter__{number}__Value": value}
    order = {"ProductCode": "kms", "ProductType": "kms_ddi_public_intl", "SubscriptionType": "Subscription", "Period": "1"}
    bought = str(client.call(BSS, "CreateInstance", **order, **modules)["Data"]["InstanceId"])
    place = {"VpcId": "vpc-1", "ZoneIds": f"{REGION}a,{REGION}b", "VSwitchIds": "vsw-1", "KMProvider": "Aliyun"}
    client.call(KMS, "ConnectKmsInstance", KmsInstanceId=bought, **place)
    return bought


def key(client: Client, of: str, **shape: str) -> str:
    """Make a key in an instance, as soon as that is connected; gives its id."""
    until = time.monotonic() + CONNECT_SECONDS_MAX
    while True:
        try:
            return str(client.call(KMS, "CreateKey", DKMSInstanceId=of, **shape)["KeyMetadata"]["KeyId"])
        except CallFailed:  # not connected yet
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _family(pid: int) -> list[Path]:
    folder = Path(f"/proc/{pid}")
    children = (folder / "task" / str(pid) / "children").read_text().split()
    return [folder, *(member for child in children for member in _family(int(child)))]


def _cpu_seconds(folder: Path) -> float:
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rss_kib(folder: Path) -> int:
    line = next(line for line in (folder / "status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])
