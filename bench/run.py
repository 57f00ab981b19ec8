"""Measures, prints a table and writes bench/results.json: one row a case, each beside a limit measured in the same run.

    run.py [CASE …]

The server has core 0 and the generator core 1, unless a case says otherwise. Latencies at saturation are what 32 connections
wait when each sends its next request at once: mostly the queue they make themselves (32 / rate). Latencies at half load are of
random arrivals at half the rate one worker was seen to serve, each counted from when its request was due (paced.py).
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import dedicated
import deployment
from keys import create_key, list_keys, p256_sign, rsa_making, rsa_sign
from load import Result, Row, Shot, Target, fire, pace, row_of
from permissions import permissions
from quotes import quotes
from rates import mix, refusals, tiers
from rich.console import Console
from rich.table import Table
from sweep import sweep

ROUNDS: Final = 3
SECONDS: Final = 10
MOST: Final = 16_000  # requests prepared for each second of a run: more than one core serves
INSTANCES: Final = 8  # of the largest software tier, 4,000 a second each: the quota must not bind
TIER: Final = 4000


def encrypt_one_worker(folder: Path) -> list[Row]:
    """Encrypt, one worker, against the bare reference: interleaved, medians, ratio; then both at half load."""
    with deployment.product(folder) as ours, deployment.reference(folder) as (bare, bare_target):
        target = _target(folder, ours.host, INSTANCES, TIER)
        warm_up = Shot(2, 2 * MOST)
        fire(target, warm_up), fire(bare_target, warm_up)
        shot = Shot(SECONDS, SECONDS * MOST)
        results: dict[str, list[Result]] = {"product": [], "reference": []}
        cpu = {"product": 0.0, "reference": 0.0}
        for _ in range(ROUNDS):
            for name, running, aim in (("product", ours, target), ("reference", bare, bare_target)):
                before = running.cpu_seconds()
                results[name].append(_whole(fire(aim, shot)))
                cpu[name] += running.cpu_seconds() - before
        rows = [row_of(f"Encrypt, one worker: {name}", found, cpu[name]) for name, found in results.items()]
        rows[0]["limit"] = rows[1]["ops_per_s"]
        rows[0]["ratio"] = round(rows[0]["ops_per_s"] / rows[1]["ops_per_s"], 3)
        rows[0]["rss_mib"] = ours.rss_mib()
        half = int(rows[0]["ops_per_s"] / 2)
        for name, aim in (("product", target), ("reference", bare_target)):
            found = [_whole(pace(aim, SECONDS, half)) for _ in range(ROUNDS)]
            rows.append(row_of(f"Encrypt, half load: {name}", found))
        return rows


def dedicated_encrypt(folder: Path) -> list[Row]:
    """Encrypt by a client key, one worker, against Encrypt by an access key: interleaved, medians, ratio."""
    with deployment.product(folder) as running:
        client = deployment.customer(folder, running.host)
        json_api = Target(running.host, client.credentials, deployment.keys_of_instances(client, INSTANCES, TIER))
        aims = {"by access key (JSON)": json_api, "by client key (dedicated)": dedicated.requests(client, json_api)}
        results: dict[str, list[Result]] = {name: [] for name in aims}
        cpu = dict.fromkeys(aims, 0.0)
        for aim in aims.values():
            fire(aim, Shot(2, 2 * MOST))
        for _ in range(ROUNDS):
            for name, aim in aims.items():
                before = running.cpu_seconds()
                results[name].append(_whole(fire(aim, Shot(SECONDS, SECONDS * MOST))))
                cpu[name] += running.cpu_seconds() - before
        rows = [row_of(f"Encrypt {name}, one worker", found, cpu[name]) for name, found in results.items()]
        rows[1]["limit"] = rows[0]["ops_per_s"]
        rows[1]["ratio"] = round(rows[1]["ops_per_s"] / rows[0]["ops_per_s"], 3)
        return rows


def encrypt_two_workers(folder: Path) -> list[Row]:
    """Encrypt, two workers on both cores, the generator beside them on one: what it takes is not theirs."""
    with deployment.product(folder, workers=2, cores="0,1") as running:
        target = _target(folder, running.host, INSTANCES, TIER)
        fire(target, Shot(2, 2 * MOST))
        before = running.cpu_seconds()
        found = [_whole(fire(target, Shot(SECONDS, SECONDS * MOST * 2))) for _ in range(ROUNDS)]
        row = row_of("Encrypt, two workers, generator on one of their cores", found, running.cpu_seconds() - before)
        return [row | {"rss_mib": running.rss_mib()}]


def quota(folder: Path) -> list[Row]:
    """An instance of 1,000 requests a second, saturated through two workers for 10 s: 10,000 admitted, 1 % more or less."""
    with deployment.product(folder, workers=2, cores="0,1") as running:
        target = _target(folder, running.host, 1, 1000)
        fire(target, Shot(2, 2 * MOST))
        found = [_whole(fire(target, Shot(SECONDS, SECONDS * MOST * 2)), refusals=True) for _ in range(ROUNDS)]
        admitted = [round(result.rate * SECONDS) for result in found]
        row = row_of("quota: 1,000 QPS through two workers", found)
        return [row | {"limit": 1000, "ratio": round(row["ops_per_s"] / 1000, 4), "admitted_in_10_s": admitted}]


def start(folder: Path) -> list[Row]:
    """From the command to the first /readyz: a new deployment, then one that is there; memory before any call."""
    rows: list[Row] = []
    for name in ("a new data folder", "an existing one"):
        with deployment.product(folder) as running:
            rows.append(
                {"case": f"start, {name}", "seconds_to_readyz": round(running.start_seconds, 3), "rss_mib": running.rss_mib()}
            )
    return rows


CASES: Final[dict[str, Callable[[Path], list[Row]]]] = {
    "start": start,
    "encrypt": encrypt_one_worker,
    "dedicated-encrypt": dedicated_encrypt,
    "two-workers": encrypt_two_workers,
    "quota": quota,
    "rate-tiers": tiers,
    "rate-mix": mix,
    "rate-refusals": refusals,
    "sweep": sweep,
    "quotes": quotes,
    "permissions": permissions,
    "rsa-sign": rsa_sign,
    "p256-sign": p256_sign,
    "rsa-making": rsa_making,
    "create-key": create_key,
    "list-keys": list_keys,
}


def _target(folder: Path, host: str, instances: int, qps: int) -> Target:
    client = deployment.customer(folder, host)
    return Target(host, client.credentials, deployment.keys_of_instances(client, instances, qps))


def _whole(result: Result, *, refusals: bool = False) -> Result:
    """A run that ended early or was refused where it should not have been measures something else."""
    assert refusals or result.refused == 0, result
    assert result.seconds > SECONDS * 0.95 or result.seconds < SECONDS / 2, f"too few requests were prepared: {result}"
    return result


def main() -> None:
    """Run the cases named, or all."""
    rows: list[Row] = []
    for name in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory(prefix="keystead-bench-", dir=Path.cwd()) as folder:
            found = CASES[name](Path(folder))
        for row in found:
            print(json.dumps(row), flush=True)
        rows += found
    path = Path(__file__).with_name("results.json")
    path.write_text(json.dumps(rows, indent=1) + "\n")
    columns = ["case", "ops_per_s", "p50_ms", "p99_ms", "cpu_us_per_op", "limit", "ratio", "seconds_to_readyz", "rss_mib"]
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(row.get(column, "")) for column in columns))
    Console(width=160).print(table)
    print(f"{path} has the rounds too")


if __name__ == "__main__":
    main()
