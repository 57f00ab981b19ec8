"""Proof of the caller: RPC 1.0 HMAC-SHA1 or, by a client key, SHA256withRSA; ACS3-HMAC-SHA256.

The procedure, each step named in the code by its number:
  S1  recognise the scheme and read its parts
  S2  the date is within SKEW of wall time
  S3  the access key exists and is active
  S4  recompute the signature over what arrived
  S5  compare in constant time; a mismatch says what differs, never anything made from the secret
  S6  the nonce has not been seen (a request without one is known by its signature instead)
Percent-encoding is RFC 3986. Query and form are decoded first and encoded again: what clients send varies (`+`, `%20`).
Sources: the cloud's request signature pages (RPC and V3) and 13 captured requests of official clients, read 2026-11-22.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import threading
from array import array
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from keystead.clock import iso_z, parse_iso_z
from keystead.faults import CallerFault, MissingParameter, Refused
from keystead.gate.arrival import Arrival

SKEW: Final = timedelta(minutes=15)
NONCE_CHARS_MAX: Final = 128
ACS3: Final = "ACS3-HMAC-SHA256"
RPC: Final = "HMAC-SHA1"
RSA: Final = "SHA256withRSA"
_EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
_RESERVED: Final = re.compile(r"[^A-Za-z0-9_.~-]")
_ESCAPES: Final = {chr(code): quote(chr(code), safe="") for code in range(128)}
_WORD: Final = r"([!-+\--~]+)"  # what is printed, without the comma; a class of plain ranges, the fastest to match
_ACS3: Final = re.compile(f"ACS3-HMAC-SHA256 Credential={_WORD}, *SignedHeaders={_WORD}, *Signature=([0-9a-f]{{64}})")
_MUST_BE_SIGNED: Final = "The header {} must be sent and signed."
_MUST_SIGN: Final = ("host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version")


class IncompleteSignature(CallerFault):
    """The signature is not of a scheme served here, or lacks a part; the sentence says which."""


class SignaturePartMissing(MissingParameter):
    """An RPC 1.0 request lacks a parameter that every signed request has."""


class TimestampInvalid(CallerFault):
    """The request's date is not a UTC time."""


class TimestampExpired(CallerFault):
    """The request's date is more than SKEW from wall time."""

    def __init__(self, given: datetime, wall: datetime) -> None:
        """Tell both times, so that a wrong clock is seen at once."""
        seconds = int((given - wall).total_seconds())
        side = "ahead of" if seconds > 0 else "behind"
        super().__init__(
            f"Specified time stamp or date value is expired. It is {abs(seconds)} seconds {side} the server's {iso_z(wall)};"
            f" {int(SKEW.total_seconds())} are allowed."
        )


class SignatureMismatch(Refused):
    """The signature is not that of what arrived under the caller's secret."""

    def __init__(self, string_to_sign: str, differs: str = "") -> None:
        """Carry the server's string to sign, last and after the only colon before it: an official client splits there."""
        hint = f" ({differs})" if differs else ""
        super().__init__(
            f"Specified signature is not matched with our calculation{hint}. server string to sign is:{string_to_sign}"
        )


class NonceUsed(Refused):
    """The same signed request came before."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("Specified signature nonce was used already.")


class Proof(msgspec.Struct, frozen=True, gc=False):
    """S1's result: who claims to have signed what, when."""

    access_key_id: str
    signature: str
    string_to_sign: str
    algorithm: str
    given: datetime
    nonce: str
    security_token: str
    differs: str


def read_proof(arrival: Arrival) -> Proof:
    """S1: recognise the scheme and work out the string to sign from what arrived."""
    authorization = arrival.headers.get("authorization", "")
    if authorization.startswith(ACS3):
        return _read_acs3(arrival, authorization)
    if authorization:
        name = authorization.split(" ", 1)[0][:40]
        message = f"The Authorization scheme {name} is not served here; ACS3-HMAC-SHA256 and RPC 1.0 HMAC-SHA1 are."
        raise IncompleteSignature(message)
    return _read_rpc(arrival)


def unsigned(wall: datetime) -> Proof:
    """Give the proof of a request that carries none and needs none."""
    return Proof("", "", "", "", wall, "", "", "")


def check_date(proof: Proof, wall: datetime) -> None:
    """S2."""
    if abs(proof.given - wall) > SKEW:
        raise TimestampExpired(proof.given, wall)


def check_signature(proof: Proof, secret: str) -> None:
    """S4 and S5: recompute under the secret and compare."""
    message = proof.string_to_sign.encode()
    sound = True
    if proof.algorithm == ACS3:
        # not hmac.digest: that lets Python's lock go, and getting it back cost a tenth of all calls measured (2026-11-22)
        expected = hmac.new(secret.encode(), message, "sha256").hexdigest()
        sound = not proof.differs  # all that differs was signed; in RPC it is unsigned headers, which decide nothing
    else:
        expected = base64.b64encode(hmac.digest(secret.encode() + b"&", message, "sha1")).decode()
    if not hmac.compare_digest(expected.encode(), proof.signature.encode()) or not sound:
        raise SignatureMismatch(proof.string_to_sign, proof.differs)


def check_key_signature(proof: Proof, public_key: RSAPublicKey) -> None:
    """S4 and S5 of a request that a client key signed."""
    try:
        signature = binascii.a2b_base64(proof.signature, strict_mode=True)
        public_key.verify(signature, proof.string_to_sign.encode(), PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature):
        raise SignatureMismatch(proof.string_to_sign, proof.differs) from None


def percent(text: str) -> str:
    """Encode as RFC 3986 asks: only letters, digits and `-_.~` stay."""
    return _RESERVED.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return _ESCAPES.get(character) or quote(character, safe="")


def _read_rpc(arrival: Arrival) -> Proof:
    pairs = arrival.query + arrival.form
    named = dict(pairs)
    for name in ("AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp"):
        if not named.get(name):
            raise SignaturePartMissing(name)
    by_client_key = named["SignatureMethod"] == RSA and named.get("SignatureType") == "PRIVATEKEY"
    if not (by_client_key or named["SignatureMethod"].upper() == RPC) or named["SignatureVersion"] != "1.0":
        message = "SignatureMethod must be HMAC-SHA1, or SHA256withRSA of SignatureType PRIVATEKEY, and SignatureVersion 1.0."
        raise IncompleteSignature(message)
    canonical = "&".join([f"{percent(name)}={percent(value)}" for name, value in sorted(pairs) if name != "Signature"])
    nonce = _nonce(named.get("SignatureNonce", "") or named["Signature"])
    differs = ""
    for header, name in (("x-acs-action", "Action"), ("x-acs-version", "Version")):
        if arrival.headers.get(header, named.get(name, "")) != named.get(name, ""):
            differs = f"the {header} header and the signed {name} parameter name different things"
    return Proof(
        named["AccessKeyId"],
        named["Signature"],
        f"{arrival.method}&%2F&{percent(canonical)}",
        RSA if by_client_key else RPC,
        _date(named["Timestamp"], "Timestamp"),
        nonce,
        named.get("SecurityToken", ""),
        differs,
    )


def _read_acs3(arrival: Arrival, authorization: str) -> Proof:
    match = _ACS3.fullmatch(authorization)
    if match is None:
        message = "The Authorization header must read ACS3-HMAC-SHA256 Credential=ID,SignedHeaders=a;b,Signature=64 hex digits."
        raise IncompleteSignature(message)
    access_key_id, signed_names, signature = match.groups()
    headers = arrival.headers
    signed = _signed(signed_names)
    for name in _MUST_SIGN:
        if name not in headers:
            raise IncompleteSignature(_MUST_BE_SIGNED.format(name))
    if "x-acs-security-token" in headers and "x-acs-security-token" not in signed:
        message = "The header x-acs-security-token must be signed."
        raise IncompleteSignature(message)
    content_hash = hashlib.sha256(arrival.body).hexdigest() if arrival.body else _EMPTY_SHA256
    nonce = _nonce(headers["x-acs-signature-nonce"])
    query = "&".join([f"{percent(name)}={percent(value)}" for name, value in sorted(arrival.query)])
    lines = "".join([f"{name}:{headers.get(name, '').strip()}\n" for name in signed])
    canonical = f"{arrival.method}\n{arrival.path}\n{query}\n{lines}\n{signed_names}\n{content_hash}"
    differs = ""
    if headers["x-acs-content-sha256"] != content_hash:
        differs = "x-acs-content-sha256 is not the SHA-256 of the body that arrived"
    for header, name in (("x-acs-action", "Action"), ("x-acs-version", "Version")):
        if arrival.parameter(name) not in {"", headers[header]}:
            differs = f"the {header} header and the {name} parameter name different things"
    return Proof(
        access_key_id,
        signature,
        f"{ACS3}\n{hashlib.sha256(canonical.encode()).hexdigest()}",
        ACS3,
        _date(headers["x-acs-date"], "x-acs-date"),
        nonce,
        headers.get("x-acs-security-token", ""),
        differs,
    )


@lru_cache(maxsize=64)  # a client signs the same headers each time
def _signed(names: str) -> tuple[str, ...]:
    signed = tuple(names.split(";"))
    for name in _MUST_SIGN:
        if name not in signed:
            raise IncompleteSignature(_MUST_BE_SIGNED.format(name))
    return signed


@lru_cache(maxsize=64)  # most requests of a second carry the same text
def _date(text: str, name: str) -> datetime:
    try:
        return parse_iso_z(text)
    except ValueError:
        message = f"Specified time stamp or date value is not well formatted. {name} must read 2026-01-02T03:04:05Z, in UTC."
        raise TimestampInvalid(message) from None


def _nonce(text: str) -> str:
    if not text or len(text) > NONCE_CHARS_MAX:
        message = f"The signature nonce must have 1 to {NONCE_CHARS_MAX} characters."
        raise IncompleteSignature(message)
    return text


class NonceMemory:
    """Nonces of reading and computing requests, remembered by one worker in bounded memory.

    Two tables of `slots` 64-bit hashes each (16 MiB by default, whatever the traffic); a table takes nonces until it is 70 %
    full or WINDOW old, then it becomes the older one and the oldest is forgotten. Up to 815 requests a second a worker every
    nonce is remembered for the whole 30 minutes in which its date is acceptable; at 10,000 a second for at least 146 seconds.
    Beyond that a replayed *reading or computing* request is answered again, which tells its sender nothing it did not capture
    with the request; writing requests claim their nonce in the database and are never replayed.
    """

    WINDOW: Final = SKEW * 2

    def __init__(self, slots: int = 1 << 21) -> None:
        """Make two tables of `slots` entries; `slots` is a power of two."""
        self._slots = slots
        self._fill_max = slots * 7 // 10
        self._young = array("q", bytes(8 * slots))
        self._old = array("q", bytes(8 * slots))
        self._filled = 0
        self._young_since: datetime | None = None
        self._lock = threading.Lock()

    def claim(self, access_key_id: str, nonce: str, wall: datetime) -> None:
        """S6 for a reading or computing request: remember it, or raise `NonceUsed`."""
        value = hash((access_key_id, nonce)) or 1
        with self._lock:
            if self._young_since is None:
                self._young_since = wall
            if self._filled >= self._fill_max or wall - self._young_since > self.WINDOW:
                self._old, self._young = self._young, array("q", bytes(8 * self._slots))
                self._filled, self._young_since = 0, wall
            mask = self._slots - 1
            for table in (self._old, self._young):
                at = value & mask
                while (found := table[at]) != 0:
                    if found == value:
                        raise NonceUsed
                    at = (at + 1) & mask
            table[at] = value  # the young one's free place
            self._filled += 1
