"""The deployment's own certificates: made once, renewed in time, never a broken pair."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store

from keystead.cli.certificates import AuthorityBroken, certificate_ends, ensure_certificates

WALL = datetime(2026, 11, 22, 12, tzinfo=UTC)
LOCAL = ["127.0.0.1", "::1", "localhost"]


def certificate(path: Path) -> x509.Certificate:
    """Read one."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(path: Path) -> set[str]:
    """What a server certificate is good for."""
    found = certificate(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in found}


def test_first_start_makes_an_authority_and_a_server_certificate(tmp_path: Path) -> None:
    """P-256; the authority lasts ten years, the server 397 days; keys are their owner's alone; the chain verifies."""
    files = ensure_certificates(tmp_path, ["127.0.0.1", "kms.example.internal", "0.0.0.0"], WALL)  # noqa: S104
    ca, server = certificate(files.ca), certificate(files.certificate)
    for made in (ca, server):
        key = made.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp256r1"
    assert ca.not_valid_after_utc - ca.not_valid_before_utc == timedelta(days=3652)
    assert server.not_valid_after_utc - server.not_valid_before_utc == timedelta(days=397)
    assert names(files.certificate) == {*LOCAL, "kms.example.internal"}  # 0.0.0.0 is nobody's address
    for secret in (tmp_path / "ca.key", files.key):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    for name in LOCAL[2], "kms.example.internal":
        verifier = PolicyBuilder().store(Store([ca])).time(WALL).build_server_verifier(x509.DNSName(name))
        assert verifier.verify(server, [])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)
    assert certificate_ends(tmp_path) == server.not_valid_after_utc


def test_later_starts_change_nothing(tmp_path: Path) -> None:
    """With more than 30 days left and the same names, every file stays as it is."""
    first = ensure_certificates(tmp_path, LOCAL, WALL)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    # 397 days less the hour of backdating end at day 396, 23 h; at day 366 that is still 30 days and 23 hours away.
    assert ensure_certificates(tmp_path, LOCAL, WALL + timedelta(days=366)) == first
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("days", [367, 500])
def test_a_certificate_near_or_past_its_end_is_renewed_under_the_same_authority(tmp_path: Path, days: int) -> None:
    """Within 30 days of its end (day 367: 29 days and 23 hours are left) a start makes another; clients need no new trust."""
    files = ensure_certificates(tmp_path, LOCAL, WALL)
    ca, old = files.ca.read_bytes(), certificate(files.certificate)
    later = WALL + timedelta(days=days)
    ensure_certificates(tmp_path, LOCAL, later)
    assert files.ca.read_bytes() == ca
    renewed = certificate(files.certificate)
    assert renewed.serial_number != old.serial_number
    assert renewed.not_valid_after_utc - later == timedelta(days=397) - timedelta(hours=1)


def test_another_host_gets_a_certificate_with_its_name(tmp_path: Path) -> None:
    """A server that listens elsewhere than before is certified for it."""
    ensure_certificates(tmp_path, LOCAL, WALL)
    files = ensure_certificates(tmp_path, ["10.1.2.3"], WALL)
    assert names(files.certificate) == {*LOCAL, "10.1.2.3"}


def test_a_crash_between_key_and_certificate_is_mended(tmp_path: Path) -> None:
    """A server key whose certificate never came, or an authority never published, is made anew."""
    files = ensure_certificates(tmp_path, LOCAL, WALL)
    other = tmp_path / "other"
    other.mkdir()
    files.key.write_bytes(ensure_certificates(other, LOCAL, WALL).key.read_bytes())
    ensure_certificates(tmp_path, LOCAL, WALL)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)
    for name in ("ca.pem", "server.pem", "server.key"):
        (tmp_path / name).unlink()
    ensure_certificates(tmp_path, LOCAL, WALL)
    certificate(files.certificate).verify_directly_issued_by(certificate(files.ca))


def test_a_published_authority_is_not_replaced_behind_its_clients_backs(tmp_path: Path) -> None:
    """If the authority's key is lost the start stops and says what to do."""
    ensure_certificates(tmp_path, LOCAL, WALL)
    (tmp_path / "ca.key").unlink()
    with pytest.raises(AuthorityBroken, match="restore the key"):
        ensure_certificates(tmp_path, LOCAL, WALL)


def test_no_drafts_are_left(tmp_path: Path) -> None:
    """Nothing but the four files lies in the folder."""
    ensure_certificates(tmp_path, LOCAL, WALL)
    assert {path.name for path in tmp_path.iterdir()} == {"ca.pem", "ca.key", "server.pem", "server.key"}
