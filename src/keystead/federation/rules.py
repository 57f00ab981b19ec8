"""What a provider may look like, and what a token's claims say at an instant. Pure.

CreateOIDCProvider page of IMS (read 2026-11-23): 100 providers an account, 20 clients and 5 fingerprints a provider, the forms of
name, issuer, client id and description. The token's own limits and the allowance for clocks are ours (docs/adr/0085).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from keystead.faults import InvalidParameter
from keystead.federation.faults import AudienceUnknown, IdentityExpired, IdentityInvalid, IdentityNotAllowed
from keystead.federation.model import Identity, Provider

PROVIDERS_MAX: Final = 100
CLIENTS_MAX: Final = 20
FINGERPRINTS_MAX: Final = 5
LIMIT_HOURS: Final = (1, 168)
LIMIT_HOURS_DEFAULT: Final = 12
SUBJECT_CHARS_MAX: Final = 255
CLOCK_ALLOWANCE: Final = timedelta(seconds=60)
NOT_REGISTERED: Final = "No such OIDC Provider registered."
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?", re.ASCII)
_ISSUER: Final = re.compile(r"https://[A-Za-z0-9.-]{1,200}(:[0-9]{1,5})?(/[A-Za-z0-9._~%!$&'()*+,;=:/-]*)?", re.ASCII)
_CLIENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)
_FINGERPRINT: Final = re.compile(r"[A-Za-z0-9]{1,128}", re.ASCII)
_ARN: Final = re.compile(r"acs:ram::([0-9]{1,20}):oidc-provider/([A-Za-z0-9._-]{1,128})", re.ASCII)
_INSTANT_MAX: Final = 1 << 36  # seconds; the year 4147
_CONTENT: Final = "The Jwt content is invalid that cannot be recognized."


def checked_name(name: str) -> str:
    """Give a provider's name back; InvalidParameter says what it may look like."""
    if not _NAME.fullmatch(name):
        raise InvalidParameter("OIDCProviderName", "It has 1 to 128 letters, digits and . - _, none of these at its ends.")
    return name


def checked_issuer(url: str) -> str:
    """Give an issuer's URL back: https, without query, fragment and login, 255 characters at most."""
    if len(url) > 255 or not _ISSUER.fullmatch(url):
        raise InvalidParameter("IssuerUrl", "It must be https, 255 characters at most, without query, fragment and login.")
    return url


def listed(parameter: str, text: str) -> tuple[str, ...]:
    """Read a comma list of client ids or fingerprints, each once."""
    form, most = (_CLIENT, CLIENTS_MAX) if parameter == "ClientIds" else (_FINGERPRINT, FINGERPRINTS_MAX)
    return _few(parameter, [item.strip() for item in text.split(",")] if text else [], form, most)


def with_client(client_ids: tuple[str, ...], client_id: str) -> tuple[str, ...]:
    """Give client ids and one more, which may be among them."""
    return _few("ClientId", [*client_ids, client_id], _CLIENT, CLIENTS_MAX)


def _few(parameter: str, given: list[str], form: re.Pattern[str], most: int) -> tuple[str, ...]:
    items = tuple(dict.fromkeys(given))
    if len(items) > most:
        raise InvalidParameter(parameter, f"It has {len(items)} items; {most} at most.")
    for item in items:
        if not form.fullmatch(item):
            raise InvalidParameter(parameter, f"{item[:40]!r} must match {form.pattern}.")
    return items


def checked_hours(hours: int) -> int:
    """Give an issuance limit back, in hours."""
    if not LIMIT_HOURS[0] <= hours <= LIMIT_HOURS[1]:
        raise InvalidParameter("IssuanceLimitTime", f"It must be {LIMIT_HOURS[0]} to {LIMIT_HOURS[1]} hours.")
    return hours


def provider_named_by(arn: str) -> tuple[str, str]:
    """Give account and name of a provider's ARN; to a stranger a malformed one is one that is not registered."""
    match = _ARN.fullmatch(arn)
    if match is None:
        raise IdentityNotAllowed(NOT_REGISTERED)
    return match[1], match[2]


def identity_of(claims: Mapping[str, Any], provider: Provider, wall: datetime) -> Identity:
    """Judge the claims of a token whose signature is sound, at a wall time: IdentityInvalid, AudienceUnknown, IdentityExpired."""
    if claims.get("iss") != provider.issuer:
        raise IdentityInvalid("The issuer of the token is not the provider's.")
    audiences = _audiences(claims.get("aud"))
    ours = [audience for audience in audiences if audience in provider.client_ids]
    if not ours:
        raise AudienceUnknown
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_CHARS_MAX or not _whole(subject):
        raise IdentityInvalid(_CONTENT)
    issued_at, expires_at = _instant(claims.get("iat")), _instant(claims.get("exp"))
    begins_at = _instant(claims["nbf"]) if "nbf" in claims else issued_at
    if wall >= expires_at or wall - issued_at > timedelta(hours=provider.issuance_limit_hours):
        raise IdentityExpired
    if max(issued_at, begins_at) > wall + CLOCK_ALLOWANCE:
        raise IdentityInvalid("The token is not valid yet.")
    return Identity(provider.issuer, subject, ours[0], audiences, issued_at, expires_at)


def _audiences(claim: object) -> tuple[str, ...]:
    given = claim if isinstance(claim, list) else [claim]
    found = tuple(one for one in given if isinstance(one, str) and one)
    if not found or len(found) < len(given):
        raise AudienceUnknown
    if not all(_whole(one) for one in found):
        raise IdentityInvalid(_CONTENT)
    return found


def _whole(text: str) -> bool:
    """Tell whether a text of JSON is one that UTF-8 can write: it may hold half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _instant(claim: object) -> datetime:
    if isinstance(claim, bool) or not isinstance(claim, int | float) or not 0 <= claim < _INSTANT_MAX:
        raise IdentityInvalid(_CONTENT)
    return datetime.fromtimestamp(claim, UTC)
