"""Keys: signing beside the bare library on the same core, making RSA keys beside encryption, making keys, listing many."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import deployment
from client import KMS, Client
from crowd import keys_into
from load import Result, Row, Shot, Target, fire, pace, row_of

from keystead import app
from keystead.settings import Settings

ROUNDS: Final = 2
SECONDS: Final = 5
DIGEST: Final = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
SIGNERS: Final = 16  # instances of 4,000 a second each, which is 500 asymmetric ones: the rate must not bind
RSA_MADE: Final = 20
ENCRYPT_RATE: Final = 1000
LISTED: Final = 100_000
PAGE: Final = 100
DEPTHS: Final = (1, 10, 100, 500, 1000)

BARE = """
import sys, time
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
digest, sha = bytes(32), utils.Prehashed(hashes.SHA256())
if sys.argv[1] == "rsa":
    key = rsa.generate_private_key(65537, 2048)
    sign = lambda: key.sign(digest, padding.PKCS1v15(), sha)
else:
    key = ec.generate_private_key(ec.SECP256R1())
    sign = lambda: key.sign(digest, ec.ECDSA(sha))
end, done, begun = time.monotonic() + 3, 0, time.monotonic()
while time.monotonic() < end:
    for _ in range(20):
        sign()
    done += 20
print(done / (time.monotonic() - begun))
"""


def rsa_sign(folder: Path) -> list[Row]:
    """AsymmetricSign with RSA_2048 through the gate, against the library alone on the same core; at least 0.6 of it."""
    return _signing(folder, "RSA_2048", "RSA_PKCS1_SHA_256", "rsa")


def p256_sign(folder: Path) -> list[Row]:
    """AsymmetricSign with EC_P256 through the gate; at least 3,000 a second."""
    return _signing(folder, "EC_P256", "ECDSA_SHA_256", "p256")


def rsa_making(folder: Path) -> list[Row]:
    """Encrypt at a rate, without and while RSA_4096 keys are made one after the other by the same worker."""
    with deployment.product(folder, cores="0,1") as running:
        client = deployment.customer(folder, running.host)
        here = deployment.instance(client, 4000)
        target = Target(running.host, client.credentials, [deployment.key(client, here)])
        pace(target, 1, ENCRYPT_RATE)
        rows = [row_of("Encrypt at 1,000/s", [pace(target, 10, ENCRYPT_RATE)])]
        began = time.monotonic()
        maker = threading.Thread(target=_make, args=(client, here))
        maker.start()
        found = []
        while maker.is_alive():
            found.append(pace(target, 10, ENCRYPT_RATE))
        rows.append(row_of(f"Encrypt at 1,000/s while {RSA_MADE} RSA_4096 keys are made", found))
        return [rows[0], rows[1] | {"making_seconds": round(time.monotonic() - began, 1)}]


def create_key(folder: Path) -> list[Row]:
    """CreateKey of AES keys, each a durable commit; at least 300 a second."""
    with deployment.product(folder) as running:
        client = deployment.customer(folder, running.host)
        here = deployment.instance(client, 4000, 50_000)
        deployment.key(client, here)
        target = Target(running.host, client.credentials, [], "CreateKey", ({"DKMSInstanceId": here},))
        fire(target, Shot(1, 5000))
        before = running.cpu_seconds()
        found = [_whole(fire(target, Shot(SECONDS, SECONDS * 3000))) for _ in range(ROUNDS)]
        return [row_of("CreateKey, Aliyun_AES_256", found, running.cpu_seconds() - before)]


def list_keys(folder: Path) -> list[Row]:
    """ListKeys of 100,000 keys, 100 a page: how long a page takes at several depths."""
    with deployment.product(folder) as running:
        client = deployment.customer(folder, running.host)
        here = deployment.instance(client, 4000, LISTED)
        pattern = deployment.key(client, here)
        store = app.store_of(Settings(data=str(folder)))
        keys_into(store, pattern, LISTED - 1)
        store.close()
        rows = []
        for depth in DEPTHS:
            took = sorted(_page(client, depth) for _ in range(15))
            rows.append({"case": f"ListKeys, page {depth} of 1,000", "p50_ms": took[7], "p99_ms": took[-1]})
        return rows


def _signing(folder: Path, spec: str, algorithm: str, bare: str) -> list[Row]:
    with deployment.product(folder) as running:
        client = deployment.customer(folder, running.host)
        asked = []
        for _ in range(SIGNERS):
            key_id = deployment.key(client, deployment.instance(client, 4000), KeySpec=spec)
            version = client.call(KMS, "ListKeyVersions", KeyId=key_id)["KeyVersions"]["KeyVersion"][0]["KeyVersionId"]
            asked.append({"KeyId": key_id, "KeyVersionId": version, "Algorithm": algorithm, "Digest": DIGEST})
        target = Target(running.host, client.credentials, [], "AsymmetricSign", tuple(asked))
        fire(target, Shot(1, 10_000))
        found, limits, spent = [], [], 0.0
        for _ in range(ROUNDS):
            limits.append(_bare(bare))
            before = running.cpu_seconds()
            found.append(_whole(fire(target, Shot(SECONDS, SECONDS * 8000))))
            spent += running.cpu_seconds() - before
        row = row_of(f"AsymmetricSign, {spec}, one worker", found, spent)
        limit = statistics.median(limits)
        return [row | {"limit": round(limit), "ratio": round(row["ops_per_s"] / limit, 3)}]


def _bare(kind: str) -> float:
    done = subprocess.run(["taskset", "-c", "0", sys.executable, "-c", BARE, kind], check=True, capture_output=True, text=True)
    return float(done.stdout)


def _make(client: Client, here: str) -> None:
    for _ in range(RSA_MADE):
        client.call(KMS, "CreateKey", DKMSInstanceId=here, KeySpec="RSA_4096")


def _page(client: Client, number: int) -> float:
    began = time.monotonic()
    body = client.call(KMS, "ListKeys", PageNumber=str(number), PageSize=str(PAGE))
    took = time.monotonic() - began
    assert body["TotalCount"] == LISTED, json.dumps(body)[:300]
    assert len(body["Keys"]["Key"]) == PAGE
    return round(took * 1000, 2)


def _whole(result: Result) -> Result:
    assert result.refused == 0, result
    return result
