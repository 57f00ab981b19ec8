"""Names, limits, and what a trust policy says. Pure.

RAM limits page (an older form, read 2026-11-23): groups 50, access keys 2, versions 5, lengths of names. AssumeRole page (read
2026-11-23): the external id. No page found; ours: the other counts, the characters of names, the lengths of documents.
"""

from __future__ import annotations

import re
from typing import Final

from keystead.faults import InvalidParameter
from keystead.identity.model import HolderKind

USERS_MAX: Final = 1000
GROUPS_MAX: Final = 50
ROLES_MAX: Final = 1000
POLICIES_MAX: Final = 1500
VERSIONS_MAX: Final = 5
ACCESS_KEYS_MAX: Final = 2
ATTACHED_MAX: Final = 20
MEMBERSHIPS_MAX: Final = 50
DOCUMENT_CHARS_MAX: Final = 6144
TRUST_CHARS_MAX: Final = 4096
SESSION_SECONDS: Final = (900, 43_200)
ROLE_SECONDS: Final = (3_600, 43_200)
SECONDS_DEFAULT: Final = 3_600
_FORMS: Final = {
    "UserName": r"[A-Za-z0-9._-]{1,64}",
    "NewUserName": r"[A-Za-z0-9._-]{1,64}",
    "GroupName": r"[A-Za-z0-9.-]{1,64}",
    "NewGroupName": r"[A-Za-z0-9.-]{1,64}",
    "RoleName": r"[A-Za-z0-9.-]{1,64}",
    "PolicyName": r"[A-Za-z0-9-]{1,128}",
    "RoleSessionName": r"[A-Za-z0-9.@_-]{2,64}",
    "ExternalId": r"[\w+=,.@:/-]{2,1224}",
    "SourceIdentity": r"[A-Za-z0-9=,.@_-]{2,64}",
}
_ROLE_ARN: Final = re.compile(r"acs:ram::([0-9]{1,20}):role/([A-Za-z0-9.-]{1,64})", re.ASCII)
COUNTS: Final = {HolderKind.USER: USERS_MAX, HolderKind.GROUP: GROUPS_MAX, HolderKind.ROLE: ROLES_MAX}


def checked_name(parameter: str, name: str) -> str:
    """Give a name back; InvalidParameter says what it may look like."""
    if not re.fullmatch(_FORMS[parameter], name, re.ASCII):
        raise InvalidParameter(parameter, f"It must match {_FORMS[parameter]}.")
    return name


def checked_password(password: str) -> str:
    """Give a password back: 8 to 32 ASCII characters, at least two of digits, letters and others. No page found; ours."""
    kinds = {"digit" if c.isdigit() else "letter" if c.isalpha() else "other" for c in password}
    if not (8 <= len(password) <= 32 and password.isascii() and password.isprintable() and len(kinds) > 1):
        raise InvalidParameter("Password", "It has 8 to 32 characters, at least two of digits, letters and others.")
    return password


def checked_length(parameter: str, text: str, most: int) -> str:
    """Give a text back; InvalidParameter if it is longer than `most` characters."""
    if len(text) > most:
        raise InvalidParameter(parameter, f"It has {len(text)} characters; {most} at most.")
    return text


def checked_seconds(parameter: str, seconds: int, least: int, most: int) -> int:
    """Give a duration back; InvalidParameter outside `least` to `most`."""
    if not least <= seconds <= most:
        raise InvalidParameter(parameter, f"It must be {least} to {most} seconds.")
    return seconds


def role_named_by(arn: str) -> tuple[str, str]:
    """Give account and name of a role's ARN."""
    match = _ROLE_ARN.fullmatch(arn)
    if match is None:
        raise InvalidParameter("RoleArn", "It must read acs:ram::<account>:role/<name>.")
    return match[1], match[2]


def version_number(text: str) -> int:
    """Give the number of a policy version: 3 of `v3`; 0 if it is none."""
    return int(text[1:]) if re.fullmatch(r"v[1-9][0-9]{0,8}", text, re.ASCII) else 0
