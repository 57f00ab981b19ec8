"""Tokens and keys as they are written: JWT (RFC 7519) and JWK (RFC 7517), by PyJWT. Two algorithms: RS256 and ES256.

Only what a registered key signed is read; `jku`, `jwk` and `x5u` of a token's header are never looked at. Times are not judged
here: PyJWT would read the machine's clock.
"""

from __future__ import annotations

from typing import Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from keystead.faults import InvalidParameter
from keystead.federation.faults import IdentityInvalid, SignatureInvalid
from keystead.federation.model import Provider

TOKEN_CHARS_MAX: Final = 20_000
KEYS_CHARS_MAX: Final = 32_768
KEYS_MAX: Final = 20
RSA_BITS: Final = (2048, 8192)
_ALGORITHMS: Final = {"RSA": "RS256", "EC": "ES256"}
_SECRET: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
_UNCHECKED: Final[Any] = {f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}


def checked_keys(text: str) -> str:
    """Give a JWKS back if each of its keys can check a token; InvalidParameter says what is wrong."""
    if len(text) > KEYS_CHARS_MAX:
        raise InvalidParameter("Keys", f"It has {len(text)} characters; {KEYS_CHARS_MAX} at most.")
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
        keys = msgspec.convert(document.get("keys"), list[dict[str, Any]])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeEncodeError, RecursionError):
        raise InvalidParameter("Keys", 'It must be a JSON Web Key Set: {"keys": […]}.') from None
    if not 1 <= len(keys) <= KEYS_MAX:
        raise InvalidParameter("Keys", f"It has {len(keys)} keys; 1 to {KEYS_MAX} are taken.")
    for number, key in enumerate(keys, 1):
        _check_key(number, key)
    return text


def claims_of(provider: Provider, token: str) -> dict[str, Any]:
    """Give the claims of a token that one of the provider's keys signed; IdentityInvalid, SignatureInvalid."""
    if len(token) > TOKEN_CHARS_MAX or token.count(".") != 2:
        raise IdentityInvalid("The number of Jwt field should be divided into 3 parts with '.' .")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, UnicodeError, RecursionError):
        raise IdentityInvalid("Cannot decode base64 encoded response(format invalided).") from None
    algorithm = header.get("alg")
    if algorithm not in _ALGORITHMS.values() or "crit" in header:
        message = f"The algorithm {ascii(algorithm)[:20]} that be specified in Jwt header is unknown."
        raise IdentityInvalid(message)
    for key in _keys(provider):
        if key.algorithm_name == algorithm and header.get("kid", key.key_id) == key.key_id:
            try:
                return jwt.decode(token, key.key, algorithms=[algorithm], options=_UNCHECKED)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, UnicodeError, RecursionError):
                raise IdentityInvalid("The Jwt content is invalid that cannot be recognized.") from None
    raise SignatureInvalid


def _keys(provider: Provider) -> list[jwt.PyJWK]:
    if not provider.keys:
        return []
    keys: list[dict[str, Any]] = msgspec.json.decode(provider.keys)["keys"]
    return [jwt.PyJWK(key, _ALGORITHMS[key["kty"]]) for key in keys]


def _check_key(number: int, key: dict[str, Any]) -> None:
    where = f"Key {number}:"
    algorithm = _ALGORITHMS.get(str(key.get("kty")))
    if algorithm is None or key.get("alg", algorithm) != algorithm or key.get("use", "sig") != "sig":
        raise InvalidParameter("Keys", f"{where} it must be an RSA key for RS256 or an EC key for ES256, for signatures.")
    if _SECRET & key.keys():
        raise InvalidParameter("Keys", f"{where} it holds a private key: register public ones only.")
    if not isinstance(key.get("kid", ""), str):
        raise InvalidParameter("Keys", f"{where} its kid must be a text.")
    try:
        public = jwt.PyJWK(key, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        raise InvalidParameter("Keys", f"{where} it cannot be read.") from None
    sound = (isinstance(public, RSAPublicKey) and RSA_BITS[0] <= public.key_size <= RSA_BITS[1]) or (
        isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1)
    )
    if not sound:
        raise InvalidParameter("Keys", f"{where} RSA needs {RSA_BITS[0]} to {RSA_BITS[1]} bits, EC the curve P-256.")
