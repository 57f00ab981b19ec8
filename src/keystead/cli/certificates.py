"""The deployment's own certificate authority and its server's certificate.

    ca.pem      the authority, ten years; what clients are given to trust        ca.key       0600
    server.pem  this server, 397 days, renewed by a start within 30 days of end  server.key   0600

Dates are wall time. Each file is written whole or not at all; a key and a certificate that do not belong together (a crash came
between them) are made anew, except that an authority once published is never replaced by itself.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from keystead.app import AUTHORITY_FILE
from keystead.faults import Unavailable

CA_FILE: Final = AUTHORITY_FILE
CA_KEY_FILE: Final = "ca.key"
SERVER_FILE: Final = "server.pem"
SERVER_KEY_FILE: Final = "server.key"
CA_DAYS: Final = 3652
SERVER_DAYS: Final = 397  # clients of the large vendors refuse server certificates of more than 398 days
RENEW_DAYS: Final = 30
ALWAYS_NAMED: Final = ("127.0.0.1", "::1", "localhost")
_BACKDATED: Final = timedelta(hours=1)  # for clients whose clock is behind


class AuthorityBroken(Unavailable):
    """The authority's certificate is there, but its key is not, or is another's."""


class Pair(NamedTuple):
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class ServerFiles(NamedTuple):
    """Where the server's certificate and key are, and the authority clients may trust."""

    ca: Path
    certificate: Path
    key: Path


def ensure_certificates(folder: Path, hosts: Iterable[str], wall: datetime) -> ServerFiles:
    """Make or renew what is missing, ending, or not for all of `hosts`; AuthorityBroken if the authority's key is lost."""
    names = _general_names([*ALWAYS_NAMED, *hosts])
    ca = _authority(folder, wall)
    server = _load(folder / SERVER_FILE, folder / SERVER_KEY_FILE)
    if server is None or not _good(server.certificate, ca.certificate, names, wall):
        server = _issue(ca, names, wall)
        _store(folder / SERVER_FILE, folder / SERVER_KEY_FILE, server)
    return ServerFiles(folder / CA_FILE, folder / SERVER_FILE, folder / SERVER_KEY_FILE)


def certificate_ends(folder: Path) -> datetime | None:
    """Give when the server's certificate ends; None when there is none that can be read."""
    pair = _load(folder / SERVER_FILE, folder / SERVER_KEY_FILE)
    return None if pair is None else pair.certificate.not_valid_after_utc


def _authority(folder: Path, wall: datetime) -> Pair:
    certificate_file, key_file = folder / CA_FILE, folder / CA_KEY_FILE
    found = _load(certificate_file, key_file)
    if found is not None:
        return found
    if certificate_file.exists():
        raise AuthorityBroken(
            f"{certificate_file} is there, but {key_file} is not its key: restore the key,"
            " or remove both and have clients trust a new authority"
        )
    key = ec.generate_private_key(ec.SECP256R1())
    serial = secrets.token_hex(4)  # two deployments' authorities look different in a client's store
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Keystead local authority {serial}")])
    usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
    certificate = (
        _builder(name, name, key, wall, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Pair(certificate, key)
    _store(certificate_file, key_file, made)
    return made


def _issue(ca: Pair, names: list[x509.GeneralName], wall: datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Keystead")])
    usage = dict.fromkeys(_USAGES, False) | {"digital_signature": True}
    issuer_key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key())
    certificate = (
        _builder(subject, ca.certificate.subject, key, wall, SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer_key_id, critical=False)
        .sign(ca.key, hashes.SHA256())
    )
    return Pair(certificate, key)


_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, wall: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(wall - _BACKDATED)
        .not_valid_after(wall - _BACKDATED + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _good(certificate: x509.Certificate, ca: x509.Certificate, names: list[x509.GeneralName], wall: datetime) -> bool:
    """Whether the certificate is this authority's, covers all names, and does not end soon."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (InvalidSignature, TypeError, ValueError):
        return False
    covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names) <= set(covered) and certificate.not_valid_after_utc - wall > timedelta(days=RENEW_DAYS)


def _general_names(hosts: list[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in dict.fromkeys(hosts):
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            names.append(x509.DNSName(host))
            continue
        if not address.is_unspecified:  # 0.0.0.0 is a place to listen at, not one to call
            names.append(x509.IPAddress(address))
    return names


def _load(certificate_file: Path, key_file: Path) -> Pair | None:
    """Read a pair; None unless both are there, readable, and belong together."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = load_pem_private_key(key_file.read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return Pair(certificate, key)


def _store(certificate_file: Path, key_file: Path, pair: Pair) -> None:
    """Write the key first: a certificate is published only when its key is safe."""
    write_whole(key_file, pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    write_whole(certificate_file, pair.certificate.public_bytes(Encoding.PEM), 0o644)


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Put a file in place in one step, durable, with exactly this mode."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
