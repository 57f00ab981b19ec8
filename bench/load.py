"""The load: requests signed beforehand, each with a nonce of its own, sent from a core of its own.

As fast as answers come by wrk; at a rate by paced.py, because wrk's delays neither keep a rate nor count waiting for one.
"""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from client import KMS, Credentials, now, query_of, signed

PLAINTEXT_BYTES: Final = 32
CONNECTIONS: Final = 32
GENERATOR_CORE: Final = "1"
Row = dict[str, Any]
"""What a case found: `case`, and figures by their names."""


class Target(NamedTuple):
    """Where to send Encrypt calls, who signs them, under which keys; the keys take turns. Or other calls: `asked` of `action`."""

    host: str
    credentials: Credentials
    keys: list[str]
    action: str = "Encrypt"
    asked: tuple[dict[str, str], ...] = ()
    raw: Sequence[bytes] = ()
    """Whole requests to send in turns instead: such as may be sent more than once."""


class Shot(NamedTuple):
    """One run of the load as fast as answers come: for how long, with how many requests to send."""

    seconds: float
    prepared: int


class Result(NamedTuple):
    """What the generator saw; `answered` had status 200."""

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


def queries(target: Target) -> list[str]:
    """What is asked in turn: one Encrypt a key, of 32 random bytes in base64, unless the target says otherwise."""
    if target.asked:
        return [query_of(flat) for flat in target.asked]
    text = base64.b64encode(secrets.token_bytes(PLAINTEXT_BYTES)).decode()
    return [query_of({"KeyId": key, "Plaintext": text}) for key in target.keys]


def prepare(target: Target, count: int, path: Path) -> None:
    """Sign `count` requests with the present second into a file that wrk.lua reads."""
    date, turns, raw = now(), itertools.cycle(queries(target)), itertools.cycle(target.raw or [b""])
    with path.open("wb") as file:
        for number in range(count):
            request = next(raw) or signed(target.credentials, target.host, (KMS, target.action), next(turns), date)
            if number == 0:
                stride = len(request)
                file.write(b"%d %d\n" % (stride, count))
            assert len(request) == stride, "requests of different lengths"
            file.write(request)


def fire(target: Target, shot: Shot) -> Result:
    """Sign, send as fast as answers come, measure."""
    return fire_together([target], shot)[0]


def fire_together(targets: list[Target], shot: Shot) -> list[Result]:
    """The same of several targets at once, each with connections of its own; all is signed before the first is sent."""
    script = str(Path(__file__).with_name("wrk.lua"))
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{shot.seconds:.0f}", "-s", script]
    with tempfile.TemporaryDirectory(prefix="keystead-bench-") as folder:
        paths = [Path(folder) / str(number) for number in range(len(targets))]
        for target, path in zip(targets, paths, strict=True):
            prepare(target, shot.prepared, path)
        with ThreadPoolExecutor(len(targets)) as threads:
            commands = [
                ["wrk", *options, f"http://{target.host}", "--", str(path)] for target, path in zip(targets, paths, strict=True)
            ]
            all_seen = list(threads.map(_run, commands))
    for seen in all_seen:
        assert seen["broken"] == 0, seen
    return [_result(seen) for seen in all_seen]


def pace(target: Target, seconds: float, rate: int) -> Result:
    """Sign, send at a rate, measure from when each request was due."""
    with tempfile.TemporaryDirectory(prefix="keystead-bench-") as folder:
        path = Path(folder) / "requests"
        prepare(target, round(seconds * rate), path)
        program = str(Path(__file__).with_name("paced.py"))
        return _result(_run([sys.executable, program, target.host, str(path), str(rate), str(CONNECTIONS)]))


def row_of(case: str, found: list[Result], cpu_seconds: float | None = None) -> Row:
    """Give the row of a case: the medians of its rounds and, with the CPU seconds of them all, what one answer cost."""
    row: Row = {
        "case": case,
        "ops_per_s": round(median(result.rate for result in found)),
        "p50_ms": round(median(result.p50_ms for result in found), 2),
        "p99_ms": round(median(result.p99_ms for result in found), 2),
        "rounds": [round(result.rate) for result in found],
    }
    if cpu_seconds is not None:
        row["cpu_us_per_op"] = round(cpu_seconds / sum(result.answered for result in found) * 1e6, 1)
    return row


def _run(command: list[str]) -> dict[str, float]:
    done = subprocess.run(["taskset", "-c", GENERATOR_CORE, *command], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _result(seen: dict[str, float]) -> Result:
    refused = int(seen["refused"])
    answered = int(seen["requests"]) - refused
    return Result(answered, refused, seen["seconds"], seen["p50_ms"], seen["p99_ms"], seen["max_ms"])
