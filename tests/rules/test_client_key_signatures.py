"""Signatures of client keys: what official clients sent is accepted as it is, and nothing that differs from it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from keystead.faults import Fault
from keystead.gate import signature as shared
from keystead.gate.arrival import Arrival
from keystead.gate.dedicated import signature as dedicated

CAPTURED = Path(__file__).parents[1] / "vectors" / "client-key-signatures.json"
VECTORS: list[dict[str, Any]] = json.loads(CAPTURED.read_text())["vectors"]
WALL = datetime(2026, 11, 22, 18, 59, 5, tzinfo=UTC)
every_vector = pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['id']} {v['scheme']}" for v in VECTORS])


def key_of(vector: dict[str, Any]) -> RSAPublicKey:
    """The registered public key."""
    return cast("RSAPublicKey", load_pem_public_key(vector["publicKeyPem"].encode()))


def arrived(vector: dict[str, Any], **other: Any) -> Arrival:
    """The vector as it arrives, or with `target`, `headers` or `body` replaced."""
    path, _, query = str(other.get("target", vector["target"])).partition("?")
    headers = {name.lower(): value for name, value in vector["headers"]}
    body: bytes = other.get("body", base64.b64decode(vector["bodyBase64"]))
    return Arrival(vector["method"], (path, query), other.get("headers", headers), body, "::1")


def proved(arrival: Arrival, key: RSAPublicKey, wall: datetime = WALL) -> str:
    """What the gate does; gives who signed. A fault where it does not hold."""
    if arrival.dedicated:
        proof = dedicated.read_proof(arrival)
        dedicated.check_date(proof, wall)
        dedicated.check_signature(proof, key)
    else:
        proof = shared.read_proof(arrival)
        assert proof.algorithm == shared.RSA
        shared.check_date(proof, wall)
        shared.check_key_signature(proof, key)
    return proof.access_key_id


@every_vector
def test_captured_requests_verify(vector: dict[str, Any]) -> None:
    """As they came, by the key they were made with; not by another, not a quarter of an hour off."""
    assert proved(arrived(vector), key_of(vector)) == "KAAP.1111"
    with pytest.raises(Fault):
        proved(arrived(vector), generate_private_key(65537, 2048).public_key())
    for off in (timedelta(minutes=16), -timedelta(minutes=16)):
        with pytest.raises(Fault):
            proved(arrived(vector), key_of(vector), WALL + off)
    assert proved(arrived(vector), key_of(vector), WALL + timedelta(minutes=14))


@every_vector
def test_every_signed_part_counts(vector: dict[str, Any]) -> None:
    """One character of a signed header, parameter or of the body changed: refused. What is unsigned may change."""
    key = key_of(vector)
    headers = {name.lower(): value for name, value in vector["headers"]}
    if arrived(vector).dedicated:
        for name in ("x-kms-apiname", "x-kms-apiversion", "x-kms-acccesskeyid", "content-type", "content-sha256", "date"):
            changed = headers[name].replace("Sun", "Mon") if name == "date" else headers[name] + "x"
            with pytest.raises(Fault):
                proved(arrived(vector, headers=headers | {name: changed}), key)
        with pytest.raises(Fault):
            proved(arrived(vector, headers=headers | {"x-kms-new": "1"}), key)
        with pytest.raises(Fault):
            proved(arrived(vector, body=b"other"), key)
        assert proved(arrived(vector, headers=headers | {"user-agent": "x", "host": "y"}), key)
    else:
        for changed in (vector["target"].replace("SecretName=db", "SecretName=dc"), vector["target"] + "&More=1"):
            with pytest.raises(shared.SignatureMismatch):
                proved(arrived(vector, target=changed), key)


def test_an_hmac_request_is_not_taken_for_one_of_a_client_key() -> None:
    """The type of signature must be named too: SHA256withRSA alone is no scheme."""
    vector = next(v for v in VECTORS if v["scheme"].startswith("RPC"))
    with pytest.raises(shared.IncompleteSignature):
        shared.read_proof(arrived(vector, target=vector["target"].replace("SignatureType=PRIVATEKEY&", "")))
