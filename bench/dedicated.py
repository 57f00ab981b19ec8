"""Encrypt by a client key through the dedicated gateway's protocol, beside Encrypt by an access key: one worker, one run."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from email.utils import formatdate
from typing import Final

from client import KMS, Client
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from load import PLAINTEXT_BYTES, Target

PASSWORD: Final = "Bench-mark-1"  # noqa: S105 - of a key that lives as long as the run
TEMPLATE: Final = "RbacPermission/Template/CryptoServiceKeyUser"


def requests(client: Client, target: Target) -> Target:
    """Give the target with a signed message a key: there is no nonce, so each can be sent again and again."""
    names = []
    for number, key in enumerate(target.keys):
        instance = client.call(KMS, "DescribeKey", KeyId=key)["KeyMetadata"]["DKMSInstanceId"]
        asked = {"Permissions": json.dumps([TEMPLATE]), "Resources": '["key/*"]'}
        client.call(KMS, "CreatePolicy", Name=f"bench{number}", KmsInstance=instance, **asked)
        names.append(f"bench{number}")
    raw = []
    for at in range(0, len(names), 3):  # an access point has three policies at most
        client.call(KMS, "CreateApplicationAccessPoint", Name=f"bench{at}", Policies=json.dumps(names[at : at + 3]))
        made = client.call(KMS, "CreateClientKey", AapName=f"bench{at}", Password=PASSWORD)
        opened = load_pkcs12(base64.b64decode(made["PrivateKeyData"]), PASSWORD.encode()).key
        assert isinstance(opened, RSAPrivateKey)
        raw += [_signed(target.host, made["ClientKeyId"], opened, key) for key in target.keys[at : at + 3]]
    return target._replace(raw=raw)


def _signed(host: str, client_key_id: str, private_key: RSAPrivateKey, key: str) -> bytes:
    """The bytes of one POST, header for header what alibabacloud-dkms-gcs 1.0.2 sends (captured 2026-11-22)."""
    body = b"\x0a" + bytes([len(key)]) + key.encode() + b"\x12" + bytes([PLAINTEXT_BYTES]) + secrets.token_bytes(PLAINTEXT_BYTES)
    content_hash, date = hashlib.sha256(body).hexdigest().upper(), formatdate(usegmt=True)
    named = {
        "x-kms-acccesskeyid": client_key_id,
        "x-kms-apiname": "Encrypt",
        "x-kms-apiversion": "dkms-gcs-0.2",
        "x-kms-signaturemethod": "RSA_PKCS1_SHA_256",
    }
    lines = "".join(f"{name}:{value}\n" for name, value in named.items())
    text = f"POST\n{content_hash}\napplication/x-protobuf\n{date}\n{lines}/"
    signature = base64.b64encode(private_key.sign(text.encode(), PKCS1v15(), SHA256())).decode()
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return (
        f"POST / HTTP/1.1\r\nAccept-Encoding: identity\r\naccept: application/x-protobuf\r\nhost: {host}\r\ndate: {date}\r\n"
        f"user-agent: AlibabaCloud (Linux; x86_64) Python/3.11.7 kms-gcs-python-sdk-version/1.0.2\r\n{head}"
        f"content-type: application/x-protobuf\r\nContent-Length: {len(body)}\r\ncontent-sha256: {content_hash}\r\n"
        f"authorization: Bearer {signature}\r\n\r\n"
    ).encode() + body
