"""The official V2 SDK signs, verifies, encrypts, decrypts, authenticates and exports; signatures are checked outside."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.wire.server import Server

ROOT = Path(__file__).parents[2]
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the client saw."""
    server = Server(tmp_path_factory.mktemp("asymmetric") / "var")
    program = Path(__file__).parent / "clients" / "asymmetric.py"
    command = [str(ROOT / ".venv-clients" / "v2" / "bin" / "python"), str(program), server.http, *server.account("asymmetric")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert server.stop() == 0
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_signatures_of_the_sdk_verify_outside(told: dict[str, Any]) -> None:
    """Each algorithm says yes to its digest and no to another; RSA and ECDSA signatures verify with the public key alone."""
    assert len(told["signed"]) == 7
    for name, seen in told["signed"].items():
        assert seen["verified"] == [True, False], name
        assert seen["same_ids"], name
        spec, algorithm = name.split()
        if spec == "EC_SM2":
            continue
        public = load_pem_public_key(told["public"][spec].encode())
        value = base64.b64decode(seen["value"])
        if isinstance(public, RSAPublicKey):
            scheme = PSS if algorithm == "RSA_PSS_SHA_256" else padding.PKCS1v15()
            public.verify(value, b"to be signed", scheme, hashes.SHA256())
        else:
            assert isinstance(public, ec.EllipticCurvePublicKey)
            public.verify(value, b"to be signed", ec.ECDSA(hashes.SHA256()))


def test_the_sdk_encrypts_authenticates_and_exports(told: dict[str, Any]) -> None:
    """What it encrypts it decrypts; codes verify for their message only; data keys leave and are the same."""
    assert told["sealed"] == dict.fromkeys(("RSA_2048 RSAES_OAEP_SHA_256", "RSA_2048 RSAES_OAEP_SHA_1", "EC_SM2 SM2PKE"), True)
    assert len(told["coded"]) == 5
    assert set(map(tuple, told["coded"].values())) == {(True, False)}
    assert told["exported"] is True
