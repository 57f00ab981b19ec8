"""Proof of an application: RSA_PKCS1_SHA_256 by its client key over the headers of a call.

The procedure, each step named in the code by its number:
  D1  the headers that every call has are there, and are what they must be
  D2  the date is within SKEW of wall time
  D3  the client key exists, and its time is now (wall time)
  D4  the body is the one that was hashed, and the signature verifies over what arrived
There is no nonce: a signature of the same second over the same body is the same, and clients do repeat calls (docs/adr/0093).
Source: the instance API's signature page and two captured requests of the official client, read 2026-11-22.
"""

from __future__ import annotations

import binascii
import hashlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from keystead.faults import CallerFault, InvalidParameter, Refused
from keystead.gate.arrival import Arrival
from keystead.gate.signature import SKEW, Proof

METHOD: Final = "RSA_PKCS1_SHA_256"
CLIENT_KEY_HEADER: Final = "x-kms-acccesskeyid"  # three c's: so it is on the wire
SIGNED_PREFIX: Final = "x-kms-"
_PADDING: Final = PKCS1v15()
_HASH: Final = SHA256()
_SCHEMES: Final = ("Bearer ", "TOKEN ")  # what clients send, and what the documentation says
_NEEDED: Final = (CLIENT_KEY_HEADER, "x-kms-signaturemethod", "date", "content-sha256", "authorization")


class HeaderMissing(CallerFault):
    """A header that every call has is not there."""

    def __init__(self, name: str) -> None:
        """Name it; the sentence is the cloud's."""
        super().__init__(f"Parameter {name} does not exist in http header or body")
        self.name = name


class DateInvalid(CallerFault):
    """The Date header is not a date. Official clients compare the sentence."""

    def __init__(self) -> None:
        """Say so in the cloud's words."""
        super().__init__("The Param Date is invalid.")


class AuthorizationInvalid(CallerFault):
    """The Authorization header holds no signature. Official clients compare the sentence."""

    def __init__(self) -> None:
        """Say so in the cloud's words."""
        super().__init__("The Param Authorization is invalid.")


class DateSkewed(CallerFault):
    """The date is more than SKEW from wall time."""

    def __init__(self, given: datetime, wall: datetime) -> None:
        """Say by how much."""
        seconds = int((given - wall).total_seconds())
        side = "ahead of" if seconds > 0 else "behind"
        allowed = int(SKEW.total_seconds())
        super().__init__(f"The Date is {abs(seconds)} seconds {side} the server's time; {allowed} are allowed.")


class ClientSignatureMismatch(Refused):
    """The signature is not that of the client key over what arrived."""

    def __init__(self, differs: str = "") -> None:
        """Say what differs, where that can be told."""
        hint = f" ({differs})" if differs else ""
        super().__init__(f"The signature is not that of the client key over this request{hint}.")


def read_proof(arrival: Arrival) -> Proof:
    """D1: read the headers and work out the string to sign from what arrived."""
    headers = arrival.headers
    for name in _NEEDED:
        if not headers.get(name):
            raise HeaderMissing(name)
    if headers["x-kms-signaturemethod"] != METHOD:
        raise InvalidParameter("x-kms-signaturemethod", f"It must be {METHOD}.")
    authorization = headers["authorization"]
    if not authorization.startswith(_SCHEMES):
        raise AuthorizationInvalid
    content_hash = headers["content-sha256"]
    differs = ""
    if content_hash.lower() != hashlib.sha256(arrival.body).hexdigest():
        differs = "content-sha256 is not the SHA-256 of the body that arrived"
    signed = sorted([name for name in headers if name.startswith(SIGNED_PREFIX)])
    lines = "".join([f"{name}:{headers[name].strip()}\n" for name in signed])
    return Proof(
        headers[CLIENT_KEY_HEADER],
        authorization.partition(" ")[2].strip(),
        f"{arrival.method}\n{content_hash}\n{headers.get('content-type', '')}\n{headers['date']}\n{lines}{arrival.path}",
        METHOD,
        _date(headers["date"]),
        "",
        "",
        differs,
    )


def check_date(proof: Proof, wall: datetime) -> None:
    """D2."""
    if abs(proof.given - wall) > SKEW:
        raise DateSkewed(proof.given, wall)


def check_signature(proof: Proof, public_key: RSAPublicKey) -> None:
    """D4."""
    if proof.differs:
        raise ClientSignatureMismatch(proof.differs)
    try:
        signature = binascii.a2b_base64(proof.signature, strict_mode=True)
    except ValueError:
        raise AuthorizationInvalid from None
    try:
        public_key.verify(signature, proof.string_to_sign.encode(), _PADDING, _HASH)
    except InvalidSignature:
        raise ClientSignatureMismatch from None


@lru_cache(maxsize=64)  # most requests of a second carry the same text
def _date(text: str) -> datetime:
    try:
        given = parsedate_to_datetime(text)
        if given.tzinfo is None:
            raise DateInvalid
        return given.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise DateInvalid from None
