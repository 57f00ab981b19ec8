"""The load: requests signed beforehand, each with a nonce of its own, sent by wrk from a core of its own."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from client import KMS, Credentials, now, query_of, signed

PLAINTEXT_BYTES: Final = 32
CONNECTIONS: Final = 32
GENERATOR_CORE: Final = "1"


class Target(NamedTuple):
    """Where to send Encrypt calls, who signs them, under which keys; the keys take turns."""

    host: str
    credentials: Credentials
    keys: list[str]


class Shot(NamedTuple):
    """One run of the load: for how long, at how many a second at most (0: as fast as answers come), with how many to send."""

    seconds: float
    rate: int
    prepared: int


class Result(NamedTuple):
    """What wrk saw; `answered` had status 200."""

    answered: int
    refused: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def rate(self) -> float:
        """Answers with status 200 a second."""
        return self.answered / self.seconds


def queries(keys: list[str]) -> list[str]:
    """One Encrypt a key, of 32 random bytes in base64."""
    text = base64.b64encode(secrets.token_bytes(PLAINTEXT_BYTES)).decode()
    return [query_of({"KeyId": key, "Plaintext": text}) for key in keys]


def prepare(target: Target, count: int, path: Path) -> None:
    """Sign `count` requests with the present second into a file that wrk.lua reads."""
    date, turns = now(), itertools.cycle(queries(target.keys))
    with path.open("wb") as file:
        for number in range(count):
            request = signed(target.credentials, target.host, (KMS, "Encrypt"), next(turns), date)
            if number == 0:
                stride = len(request)
                file.write(b"%d %d\n" % (stride, count))
            assert len(request) == stride, "requests of different lengths"
            file.write(request)


def fire(target: Target, shot: Shot) -> Result:
    """Sign, send, measure. A rate is kept by 8 times the connections, each waiting a random time before its next request."""
    connections = CONNECTIONS * 8 if shot.rate else CONNECTIONS
    wait_ms = round(connections / shot.rate * 1000) if shot.rate else 0
    with tempfile.TemporaryDirectory(prefix="keystead-bench-") as folder:
        path = Path(folder) / "requests"
        prepare(target, shot.prepared, path)
        script = str(Path(__file__).with_name("wrk.lua"))
        command = ["taskset", "-c", GENERATOR_CORE, "wrk", "-t1", f"-c{connections}", f"-d{shot.seconds:.0f}", "-s", script]
        done = subprocess.run(
            [*command, f"http://{target.host}", "--", str(path), str(wait_ms)], check=True, capture_output=True, text=True
        )
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["broken"] == 0, seen
    answered = seen["requests"] - seen["refused"]
    return Result(answered, seen["refused"], seen["seconds"], seen["p50_ms"], seen["p99_ms"], seen["max_ms"])
