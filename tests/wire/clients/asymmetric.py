"""Asymmetric keys, codes and exported data keys with the current Python SDK: run by test_asymmetric_sdk.py.

Arguments: endpoint (host:port), access key id, secret. Prints one JSON object: what each call gave.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from typing import Any

from alibabacloud_bssopenapi20171214.client import Client as BssClient
from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_tea_openapi.models import Config
from v2 import buy

DIGEST = base64.b64encode(hashlib.sha256(b"to be signed").digest()).decode()
TEXT = base64.b64encode(b"a small text").decode()
SIGNING = {
    "RSA_2048": ["RSA_PSS_SHA_256", "RSA_PKCS1_SHA_256"],
    "RSA_3072": ["RSA_PSS_SHA_256"],
    "RSA_4096": ["RSA_PSS_SHA_256"],
    "EC_P256": ["ECDSA_SHA_256"],
    "EC_P256K": ["ECDSA_SHA_256"],
    "EC_SM2": ["SM2DSA"],
}
SEALING = {"RSA_2048": ["RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"], "EC_SM2": ["SM2PKE"]}
CODES = ["HMAC_SM3", "HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"]


def make(kms: Any, instance_id: str, spec: str, usage: str) -> dict[str, str]:
    """Make a key; gives the ids of key and version."""
    asked = models.CreateKeyRequest(dkmsinstance_id=instance_id, key_spec=spec, key_usage=usage)
    made = kms.create_key(asked).body.key_metadata
    version = made.primary_key_version
    if not version:
        listed = kms.list_key_versions(models.ListKeyVersionsRequest(key_id=made.key_id)).body
        version = listed.key_versions.key_version[0].key_version_id
    return {"key_id": made.key_id, "key_version_id": version}


def signed(kms: Any, ids: dict[str, str], algorithm: str) -> dict[str, Any]:
    """Sign, verify, and verify another digest."""
    made = kms.asymmetric_sign(models.AsymmetricSignRequest(**ids, algorithm=algorithm, digest=DIGEST)).body
    checked = [
        kms.asymmetric_verify(
            models.AsymmetricVerifyRequest(**ids, algorithm=algorithm, digest=digest, value=made.value)
        ).body.value
        for digest in (DIGEST, base64.b64encode(bytes(32)).decode())
    ]
    return {"value": made.value, "verified": checked, "same_ids": [made.key_id, made.key_version_id] == list(ids.values())}


def sealed(kms: Any, ids: dict[str, str], algorithm: str) -> bool:
    """Encrypt and decrypt."""
    made = kms.asymmetric_encrypt(models.AsymmetricEncryptRequest(**ids, algorithm=algorithm, plaintext=TEXT)).body
    asked = models.AsymmetricDecryptRequest(**ids, algorithm=algorithm, ciphertext_blob=made.ciphertext_blob)
    return bool(kms.asymmetric_decrypt(asked).body.plaintext == TEXT)


def coded(kms: Any, key_id: str, algorithm: str) -> list[bool]:
    """Authenticate, verify, and verify another message."""
    mac = kms.generate_mac(models.GenerateMacRequest(key_id=key_id, algorithm=algorithm, message=TEXT)).body.mac
    return [
        kms.verify_mac(models.VerifyMacRequest(key_id=key_id, algorithm=algorithm, message=message, mac=mac)).body.value
        for message in (TEXT, DIGEST)
    ]


def exported(kms: Any, instance_id: str) -> bool:
    """Let a data key leave under a public key of this very service, and decrypt it with that key."""
    key_id = make(kms, instance_id, "Aliyun_AES_256", "")["key_id"]
    module = make(kms, instance_id, "RSA_2048", "ENCRYPT/DECRYPT")
    pem = kms.get_public_key(models.GetPublicKeyRequest(**module)).body.public_key
    under = {
        "public_key_blob": "".join(pem.splitlines()[1:-1]),
        "wrapping_key_spec": "RSA_2048",
        "wrapping_algorithm": "RSAES_OAEP_SHA_256",
    }
    made = kms.generate_and_export_data_key(models.GenerateAndExportDataKeyRequest(key_id=key_id, **under)).body
    again = kms.export_data_key(models.ExportDataKeyRequest(ciphertext_blob=made.ciphertext_blob, **under)).body
    clear = kms.decrypt(models.DecryptRequest(ciphertext_blob=made.ciphertext_blob)).body.plaintext
    opened = [
        kms.asymmetric_decrypt(
            models.AsymmetricDecryptRequest(**module, algorithm="RSAES_OAEP_SHA_256", ciphertext_blob=blob)
        ).body.plaintext
        for blob in (made.exported_data_key, again.exported_data_key)
    ]
    return opened == [clear, clear]


def main() -> None:
    """Buy, connect, and do all of it."""
    endpoint, key_id, secret = sys.argv[1:4]

    def config() -> Any:
        return Config(access_key_id=key_id, access_key_secret=secret, endpoint=endpoint, protocol="http")

    bss, kms = BssClient(config()), KmsClient(config())
    told: dict[str, Any] = {"signed": {}, "public": {}, "sealed": {}, "coded": {}}
    instance_id = buy(bss, kms, told)
    for spec, algorithms in SIGNING.items():
        ids = make(kms, instance_id, spec, "SIGN/VERIFY")
        told["public"][spec] = kms.get_public_key(models.GetPublicKeyRequest(**ids)).body.public_key
        for algorithm in algorithms:
            told["signed"][f"{spec} {algorithm}"] = signed(kms, ids, algorithm)
    for spec, algorithms in SEALING.items():
        ids = make(kms, instance_id, spec, "ENCRYPT/DECRYPT")
        for algorithm in algorithms:
            told["sealed"][f"{spec} {algorithm}"] = sealed(kms, ids, algorithm)
    for algorithm in CODES:
        told["coded"][algorithm] = coded(kms, make(kms, instance_id, algorithm, "")["key_id"], algorithm)
    told["exported"] = exported(kms, instance_id)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
