"""One walk over keys by the official SDK against a server on a manual clock: made, used, rotated, imported, deleted."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.wire.server import Server

ROOT = Path(__file__).parents[2]
TEXT = base64.b64encode(b"a small text").decode()
MATERIAL = bytes(range(32))
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
WAY = {"wrapping_key_spec": "RSA_2048", "wrapping_algorithm": "RSAES_OAEP_SHA_256"}
ECDSA = "ECDSA_SHA_256"
# Key types and specifications, AsymmetricSign, AsymmetricEncrypt and GenerateMac pages, read 2026-11-22.
SIGNING = [
    *((spec, name) for spec in ("RSA_2048", "RSA_3072", "RSA_4096") for name in ("RSA_PSS_SHA_256", "RSA_PKCS1_SHA_256")),
    ("EC_P256", ECDSA),
    ("EC_P256K", ECDSA),
    ("EC_SM2", "SM2DSA"),
]
SEALING = [
    *((spec, name) for spec in ("RSA_2048", "RSA_3072", "RSA_4096") for name in ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1")),
    ("EC_SM2", "SM2PKE"),
]
CODES = ["HMAC_SM3", "HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"]
# Beyond the cloud: algorithm and how many bytes `Digest` has (ADR 62).
BEYOND_SIGNING = {
    "EC_P384": ("ECDSA_SHA_384", 48),
    "EC_P521": ("ECDSA_SHA_512", 64),
    "EC_ED25519": ("ED25519", 100),
    "ML_DSA_44": ("ML_DSA_MU", 64),
    "ML_DSA_65": ("ML_DSA_MU", 64),
    "ML_DSA_87": ("ML_DSA_MU", 64),
}
BEYOND_MADE = {"Aliyun_SM4": "Enabled", "ML_KEM_768": "Enabled", "ML_KEM_1024": "Enabled"}


class Customer:
    """The client program, asked step by step, and its instance."""

    def __init__(self, server: Server) -> None:
        """Start it with an account of its own, and buy."""
        python = ROOT / ".venv-clients" / "v2" / "bin" / "python"
        program = Path(__file__).parent / "clients" / "key_walk.py"
        self.server = server
        self.process = subprocess.Popen(
            [str(python), str(program), server.http, *server.account("customer")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.instance_id = str(self.do("buy")["instance_id"])

    def do(self, what: str, **step: object) -> Any:
        """Ask for a step; gives what it told."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": what, **step}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def key(self, **shape: object) -> Any:
        """Make a key; gives its metadata."""
        return self.do("create_key", dkmsinstance_id=self.instance_id, **shape)["KeyMetadata"]

    def shown(self, key_id: str) -> Any:
        """A key's metadata."""
        return self.do("describe_key", key_id=key_id)["KeyMetadata"]

    def bring(self, key_id: str, material: bytes, expires: int = 0) -> Any:
        """Get parameters for import, wrap, and import."""
        told = self.do("get_parameters_for_import", key_id=key_id, **WAY)
        public = load_der_public_key(base64.b64decode(told["PublicKey"]))
        assert isinstance(public, RSAPublicKey)
        return self.do(
            "import_key_material",
            key_id=key_id,
            import_token=told["ImportToken"],
            encrypted_key_material=base64.b64encode(public.encrypt(material, OAEP)).decode(),
            key_material_expire_unix=expires,
        )

    def advance(self, by: str) -> None:
        """Move business time."""
        self.server.operator("admin", "clock", "advance", by)

    def stop(self) -> None:
        """End it, its pipes too."""
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0


@pytest.fixture
def customer(tmp_path: Path) -> Iterator[Customer]:
    """A customer of a server that stands at 2026-01-01T00:00:00Z."""
    server = Server(tmp_path / "var", "--clock", "manual:2026-01-01T00:00:00Z")
    made = Customer(server)
    yield made
    made.stop()
    assert server.stop() == 0
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert MATERIAL not in everything
    assert base64.b64encode(MATERIAL) not in everything


def test_a_walk_over_keys(customer: Customer) -> None:
    """Each part goes on from where the one before left the clock."""
    _every_documented_spec(customer)
    _rotation(customer)
    _import(customer)
    _deletion(customer)
    _beyond_the_cloud(customer)
    assert customer.server.operator("doctor")["well"] is True


def _every_documented_spec(customer: Customer) -> None:
    there = {"instance_id": customer.instance_id}
    for spec, algorithm in SIGNING:
        assert customer.do("signs", spec=spec, algorithm=algorithm, **there)["verified"] == [True, False], (spec, algorithm)
    for spec, algorithm in SEALING:
        assert customer.do("seals", spec=spec, algorithm=algorithm, **there)["same"] is True, (spec, algorithm)
    for spec in CODES:
        assert customer.do("codes", spec=spec, **there)["verified"] == [True, False], spec
    made = customer.key(key_spec="Aliyun_AES_256")
    assert (made["KeyState"], made["KeyUsage"], made["Origin"]) == ("Enabled", "ENCRYPT/DECRYPT", "Aliyun_KMS")
    for spec in ("Aliyun_AES_192", "Aliyun_AES_128", *BEYOND_MADE, *BEYOND_SIGNING):
        told = customer.do("create_key", dkmsinstance_id=customer.instance_id, key_spec=spec)
        assert told == {"code": "UnsupportedOperation"}, spec


def _rotation(customer: Customer) -> None:
    """A key of each kind: the symmetric one by the clock, the pair by hand after seven days; re-encryption moves on."""
    key_id = customer.key(enable_automatic_rotation=True, rotation_interval="7d")["KeyId"]
    pair = customer.do("signs", spec="EC_P256", algorithm=ECDSA, instance_id=customer.instance_id)
    sealed = customer.do("encrypt", key_id=key_id, plaintext=TEXT)
    assert customer.do("create_key_version", key_id=pair["key_id"])["code"] == "Rejected.UnsupportedOperation"
    customer.advance("7d")
    moved = customer.do("re_encrypt", ciphertext_blob=sealed["CiphertextBlob"], destination_key_id=key_id)
    shown = customer.shown(key_id)
    assert (shown["LastRotationDate"], shown["NextRotationDate"]) == ("2026-01-08T00:00:00Z", "2026-01-15T00:00:00Z")
    assert moved["KeyVersionId"] == shown["PrimaryKeyVersion"] != sealed["KeyVersionId"]
    for blob, version in ((sealed["CiphertextBlob"], sealed["KeyVersionId"]), (moved["CiphertextBlob"], moved["KeyVersionId"])):
        opened = customer.do("decrypt", ciphertext_blob=blob)
        assert (opened["Plaintext"], opened["KeyVersionId"]) == (TEXT, version)
    assert customer.do("create_key_version", key_id=pair["key_id"])["KeyVersion"]["CreationDate"] == "2026-01-08T00:00:00Z"
    assert customer.do("list_key_versions", key_id=pair["key_id"])["TotalCount"] == 2


def _import(customer: Customer) -> None:
    """It is 2026-01-08. In, other bytes refused, deleted, in again until the 10th, gone by the clock, in again for good."""
    made = customer.key(origin="EXTERNAL")
    key_id = made["KeyId"]
    assert (made["KeyState"], made["Origin"]) == ("PendingImport", "EXTERNAL")
    assert customer.do("encrypt", key_id=key_id, plaintext=TEXT)["code"] == "Rejected.PendingImport"
    assert "code" not in customer.bring(key_id, MATERIAL)
    sealed = customer.do("encrypt", key_id=key_id, plaintext=TEXT)["CiphertextBlob"]
    assert customer.bring(key_id, bytes(32))["code"] == "InvalidKeyMaterial"
    assert customer.bring(key_id, MATERIAL[:16])["code"] == "InvalidKeyMaterial"
    assert "code" not in customer.do("delete_key_material", key_id=key_id)
    assert customer.shown(key_id)["KeyState"] == "PendingImport"
    assert customer.do("decrypt", ciphertext_blob=sealed)["code"] == "Rejected.PendingImport"
    assert customer.bring(key_id, bytes(32))["code"] == "InvalidKeyMaterial"
    assert "code" not in customer.bring(key_id, MATERIAL, 1_768_003_200)  # date -u -d 2026-01-10 +%s
    shown = customer.shown(key_id)
    assert (shown["KeyState"], shown["MaterialExpireTime"]) == ("Enabled", "2026-01-10T00:00:00Z")
    customer.advance("47h")
    assert customer.do("decrypt", ciphertext_blob=sealed)["Plaintext"] == TEXT
    customer.advance("1h")
    assert customer.do("decrypt", ciphertext_blob=sealed)["code"] == "Rejected.PendingImport"
    assert customer.shown(key_id)["KeyState"] == "PendingImport"
    assert "code" not in customer.bring(key_id, MATERIAL)
    assert customer.do("decrypt", ciphertext_blob=sealed)["Plaintext"] == TEXT
    assert customer.do("create_key_version", key_id=key_id)["code"] == "UnsupportedOperation"
    own = customer.key()["KeyId"]
    for action, more in (("get_parameters_for_import", WAY), ("delete_key_material", {})):
        assert customer.do(action, key_id=own, **more)["code"] == "Unsupported.Origin"


def _deletion(customer: Customer) -> None:
    """It is 2026-01-10: scheduled and kept after all; scheduled again, and gone on the 17th."""
    key_id = customer.key()["KeyId"]
    sealed = customer.do("encrypt", key_id=key_id, plaintext=TEXT)["CiphertextBlob"]
    for _ in range(2):
        assert "code" not in customer.do("schedule_key_deletion", key_id=key_id, pending_window_in_days=7)
        shown = customer.shown(key_id)
        assert (shown["KeyState"], shown["DeleteDate"]) == ("PendingDeletion", "2026-01-17T00:00:00Z")
        assert customer.do("decrypt", ciphertext_blob=sealed)["code"] == "Rejected.PendingDeletion"
        assert "code" not in customer.do("cancel_key_deletion", key_id=key_id)
        assert customer.do("decrypt", ciphertext_blob=sealed)["Plaintext"] == TEXT
    customer.do("schedule_key_deletion", key_id=key_id, pending_window_in_days=7)
    customer.advance("7d")
    assert customer.do("describe_key", key_id=key_id)["code"] == "Forbidden.KeyNotFound"
    assert customer.do("cancel_key_deletion", key_id=key_id)["code"] == "Forbidden.KeyNotFound"


def _beyond_the_cloud(customer: Customer) -> None:
    """The operator switches them on for the running server, and off again."""
    switch = ("admin", "instance", "specs", customer.instance_id)
    off = customer.server.operator(*switch)
    on = customer.server.operator(*switch, "--beyond-cloud")
    assert (off["beyond_cloud"], on["beyond_cloud"]) == (False, True)
    assert set(on["key_specs"]) - set(off["key_specs"]) == {*BEYOND_MADE, *BEYOND_SIGNING}
    for spec, (algorithm, length) in BEYOND_SIGNING.items():
        digest = base64.b64encode(b"d" * length).decode()
        step = {"spec": spec, "algorithm": algorithm, "digest": digest, "instance_id": customer.instance_id}
        assert customer.do("signs", **step)["verified"] == [True, False], spec
    for spec, state in BEYOND_MADE.items():
        assert customer.key(key_spec=spec)["KeyState"] == state
    assert customer.server.operator(*switch, "--no-beyond-cloud") == off
    told = customer.do("create_key", dkmsinstance_id=customer.instance_id, key_spec="EC_P384")
    assert told == {"code": "UnsupportedOperation"}
