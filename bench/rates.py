"""Requests a second of an instance: those admitted of each tier by 1, 2 and 4 workers, alone and mixed; what a 429 costs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import deployment
from client import KMS, Client
from load import Result, Row, Shot, Target, fire, fire_together

SECONDS: Final = 10
MOST: Final = 9_000  # requests prepared for each second of a run: more than the machine answers, served and refused
TIERS: Final = (1000, 2000, 4000)
WORKERS: Final = (1, 2, 4)
DIGEST: Final = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
# Performance data page: asymmetric requests alone; an asymmetric call weighs tier / this.
ASYMMETRIC: Final = {1000: 200, 2000: 300, 4000: 500}


def tiers(folder: Path) -> list[Row]:
    """Encrypt as fast as answers come, 10 s, of each tier by each number of workers: the tier, 1 % more or less.

    Workers and generator share the cores: where no request was refused, the machine was the bound and not the tier.
    """
    rows = []
    for workers in WORKERS:
        with deployment.product(folder / str(workers), workers, cores="0,1") as running:
            client = deployment.customer(folder / str(workers), running.host)
            for qps in TIERS:
                target = Target(running.host, client.credentials, deployment.keys_of_instances(client, 1, qps))
                fire(target, Shot(1, 2 * MOST))
                result = fire(target, Shot(SECONDS, SECONDS * MOST))
                rows.append(_row(f"rate: {qps:,} a second, workers {workers}", result, qps))
    return rows


def mix(folder: Path) -> list[Row]:
    """Encrypt and AsymmetricSign (EC_P256) of one instance at once, as fast as answers come: what is admitted, in Encrypts."""
    rows = []
    with deployment.product(folder, 2, cores="0,1") as running:
        client = deployment.customer(folder, running.host)
        for qps in TIERS:
            here = deployment.instance(client, qps)
            symmetric = Target(running.host, client.credentials, [deployment.key(client, here)])
            signing = Target(running.host, client.credentials, [], "AsymmetricSign", (_to_sign(client, here),))
            fire_together([symmetric, signing], Shot(1, MOST))
            rows.append(_mixed(qps, *fire_together([symmetric, signing], Shot(SECONDS, SECONDS * MOST))))
    return rows


def _mixed(qps: int, encrypted: Result, signed: Result) -> Row:
    rate = encrypted.rate + signed.rate * qps / ASYMMETRIC[qps]
    return {
        "case": f"rate: {qps:,} a second, mixed, workers 2",
        "ops_per_s": round(rate),
        "limit": qps,
        "ratio": round(rate / qps, 4),
        "encrypt_per_s": round(encrypted.rate, 1),
        "sign_per_s": round(signed.rate, 1),
        "refused": encrypted.refused + signed.refused,
        "seconds": [round(encrypted.seconds, 2), round(signed.seconds, 2)],
    }


def refusals(folder: Path) -> list[Row]:
    """CPU of a worker for a request served and for one refused with 429, of Encrypt and of two kinds of signatures."""
    rows = []
    with deployment.product(folder) as running:
        client = deployment.customer(folder, running.host)
        instance, idle = deployment.instance(client, 1000), [deployment.instance(client, 4000) for _ in range(16)]
        aims = {
            "Encrypt": (lambda of: Target(running.host, client.credentials, [deployment.key(client, one) for one in of])),
            "AsymmetricSign, EC_P256": (lambda of: _signers(running.host, client, of, "EC_P256")),
            "AsymmetricSign, RSA_2048": (lambda of: _signers(running.host, client, of, "RSA_2048")),
        }
        for name, aim in aims.items():
            served = _cost(running, aim(idle))
            flooded = _cost(running, aim([instance]))
            rows.append(_refused(name, served, flooded))
    return rows


def _refused(name: str, served: tuple[Result, float], flooded: tuple[Result, float]) -> Row:
    """What a refusal costs: the flooded run's CPU less what its served requests cost, a refused one."""
    assert served[0].refused == 0, served
    one = served[1] / served[0].answered
    rest = (flooded[1] - flooded[0].answered * one) / flooded[0].refused
    return {
        "case": f"a refused request: {name}",
        "cpu_us_per_op": round(rest * 1e6, 1),
        "limit": round(one * 1e6, 1),
        "ratio": round(rest / one, 3),
        "refused_per_s": round(flooded[0].refused / flooded[0].seconds),
        "p99_ms": round(flooded[0].p99_ms, 2),
    }


def _cost(running: deployment.Running, target: Target) -> tuple[Result, float]:
    fire(target, Shot(1, MOST))
    found = []
    for _ in range(2):
        before = running.cpu_seconds()
        result = fire(target, Shot(3, 3 * MOST))
        found.append((result, running.cpu_seconds() - before))
    return min(found, key=lambda each: each[1] / (each[0].answered + each[0].refused))


def _signers(host: str, client: Client, instances: list[str], spec: str) -> Target:
    return Target(host, client.credentials, [], "AsymmetricSign", tuple(_to_sign(client, one, spec) for one in instances))


def _to_sign(client: Client, instance: str, spec: str = "EC_P256") -> dict[str, str]:
    key_id = deployment.key(client, instance, KeySpec=spec)
    version = client.call(KMS, "ListKeyVersions", KeyId=key_id)["KeyVersions"]["KeyVersion"][0]["KeyVersionId"]
    algorithm = "ECDSA_SHA_256" if spec == "EC_P256" else "RSA_PKCS1_SHA_256"
    return {"KeyId": key_id, "KeyVersionId": version, "Algorithm": algorithm, "Digest": DIGEST}


def _row(case: str, result: Result, limit: int) -> Row:
    return {
        "case": case,
        "ops_per_s": round(result.rate),
        "p50_ms": round(result.p50_ms, 2),
        "p99_ms": round(result.p99_ms, 2),
        "limit": limit,
        "ratio": round(result.rate / limit, 4),
        "admitted": result.answered,
        "refused": result.refused,
        "seconds": round(result.seconds, 2),
    }
