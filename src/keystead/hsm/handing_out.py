"""Key pairs that are made for somebody else: a client key as PKCS#12, a data key pair as PEM or DER. Neither is kept here.

A client key's PKCS#12 holds the private key and its self-signed certificate, both sealed by PBES2 (PBKDF2 with HMAC-SHA-256,
AES-256-CBC), with a MAC of SHA-256: what OpenSSL from 1.1 on and Java from 8u301 on open.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Final, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

from keystead.hsm.algorithms.sm2 import Sm2Key
from keystead.hsm.algorithms.specs import Kind, Spec
from keystead.hsm.port import ClientKeyPair, DataKeyPair

PEM: Final = "PEM"


def client_key(pkcs8: bytearray, name: str, password: bytes, validity: tuple[datetime, datetime]) -> ClientKeyPair:
    """Give an RSA key as its holder gets it, and the certificate that says so; `name` is its common name."""
    key = cast("RSAPrivateKey", load_der_private_key(pkcs8, None, unsafe_skip_rsa_key_validation=True))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    sealed = serialize_key_and_certificates(name.encode(), key, certificate, None, BestAvailableEncryption(password))
    return ClientKeyPair(certificate.public_bytes(Encoding.PEM), sealed)


def data_key_pair(spec: Spec, material: bytearray, encoding: str) -> DataKeyPair:
    """Give a key pair's halves."""
    if spec.kind is Kind.SM2:
        sm2 = Sm2Key.opened(bytes(material))
        private, public, title = bytes(material), sm2.public_der(), "EC PRIVATE KEY"
    else:
        key = load_der_private_key(material, None, unsafe_skip_rsa_key_validation=True)
        private, title = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), "PRIVATE KEY"
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if encoding == PEM:
        return DataKeyPair(_pem(title, private), _pem("PUBLIC KEY", public))
    return DataKeyPair(private, public)


def _pem(title: str, der: bytes) -> bytes:
    body = base64.b64encode(der).decode("ascii")
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN {title}-----\n{lines}\n-----END {title}-----\n".encode()
