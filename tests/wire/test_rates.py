"""A real server of two workers, asked for more than an instance was purchased for: one budget, whoever serves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keystead.gate.throttle import KEPT_SECONDS
from keystead.store.leases import BURST_MS
from tests.wire.rawclient import RawClient, RawReply
from tests.wire.server import Server
from tests.wire.test_bad_input import connected_instance

QPS, SIGNATURE = 1000, 5  # a signature weighs 1000/200 (performance data page)
WORKERS = 2
AT_ONCE = QPS * BURST_MS // 1000 + WORKERS * (int(QPS * KEPT_SECONDS) + SIGNATURE)
"""Units beyond the rate: what the bucket holds, and what each worker holds at the start and owes at the end."""


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """Two workers on each database."""
    running = Server(tmp_path / "data", "--workers", str(WORKERS), database=database_url)
    yield running
    assert running.stop() == 0


def flooded(client: RawClient, calls: list[tuple[str, dict[str, str], int]], seconds: float) -> tuple[float, list[RawReply]]:
    """Ask each call again and again, each from two threads, always on a new connection: the kernel spreads them.

    Gives the units admitted a second of the tier's, at the most what is due plus AT_ONCE, and the refusals.
    """
    begin, stop = time.monotonic(), threading.Event()
    units: list[int] = []
    refusals: list[RawReply] = []

    def ask(call: tuple[str, dict[str, str], int]) -> None:
        action, flat, weight = call
        while not stop.is_set():
            reply = client.kms(action, flat)
            if reply.status == 429:
                refusals.append(reply)
            else:
                assert reply.status == 200, reply.body
                units.append(weight)

    with ThreadPoolExecutor(2 * len(calls)) as threads:
        asking = [threads.submit(ask, call) for call in calls * 2]
        stop.wait(seconds)
        stop.set()
        for each in asking:
            each.result()
    due = (time.monotonic() - begin) * QPS
    assert sum(units) <= due + AT_ONCE
    return sum(units) / due, refusals


def signing(client: RawClient) -> list[tuple[str, dict[str, str], int]]:
    """An Encrypt and a signature under keys of one instance."""
    instance = connected_instance(client)
    aes = client.kms("CreateKey", {"DKMSInstanceId": instance}).body["KeyMetadata"]["KeyId"]
    p256 = client.kms("CreateKey", {"DKMSInstanceId": instance, "KeySpec": "EC_P256"}).body["KeyMetadata"]["KeyId"]
    version = client.kms("ListKeyVersions", {"KeyId": p256}).body["KeyVersions"]["KeyVersion"][0]["KeyVersionId"]
    digest = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    sign = {"KeyId": p256, "KeyVersionId": version, "Algorithm": "ECDSA_SHA_256", "Digest": digest}
    return [("AsymmetricSign", sign, SIGNATURE), ("Encrypt", {"KeyId": aes, "Plaintext": "aGVsbG8="}, 1)]


def test_two_workers_have_one_budget(server: Server) -> None:
    """Encrypts and signatures for 2 s: never more than the tier; where many were refused, most of the tier was served.

    A refusal tells when to come back.
    """
    client = RawClient(server.http, *server.account("one"))
    share, refusals = flooded(client, signing(client), 2)
    if len(refusals) > 100:  # else this machine asked for less than there was
        assert share > 0.8
    for refusal in refusals:
        assert refusal.code == "Rejected.Throttling"
        assert (refusal.headers["x-acs-retry-after"], refusal.headers["retry-after"]) == ("50", "1")


@pytest.mark.long
def test_ten_seconds_are_within_one_percent(server: Server) -> None:
    """Signatures only, 200 a second alone: in 10 s 10,000 units, 1 % more or less, and what is held at once beside."""
    client = RawClient(server.http, *server.account("one"))
    (sign, _) = signing(client)
    share, refusals = flooded(client, [sign, sign], 10)
    assert len(refusals) > 500
    assert share >= 0.99
