"""Policies that hang on a key or a secret: what a document must look like. Pure.

Overview of key policies page and the samples of SetKeyPolicy, read 2026-11-22. A document is kept as it was sent. It is not
evaluated yet: `docs/divergences.md` says so.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

import msgspec

from keystead.faults import InvalidParameter

POLICY_BYTES_MAX: Final = 32_768
POLICY_NAME: Final = "default"
DEFAULT_KEY_SID: Final = "kms default key policy"
STATEMENTS_MAX: Final = 100
# Letters, digits and _/+=.@- says the page; the default policy's own Sid has blanks.
_SID: Final = re.compile(r"[A-Za-z0-9_/+=.@ -]{0,128}", re.ASCII)
_PRINCIPAL: Final = re.compile(r"acs:ram::[0-9]{1,20}:(\*|root|(user|role)/[A-Za-z0-9._@/*-]{1,128})", re.ASCII)
_ACTION: Final = re.compile(r"kms:(\*|[A-Za-z]{1,64}\*?)", re.ASCII)

Some = Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)]


class _Principal(msgspec.Struct, forbid_unknown_fields=True):
    RAM: Some


class _Statement(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    effect: Literal["Allow", "Deny"]
    principal: _Principal
    action: Some
    resource: list[Literal["*"]]
    sid: str = ""
    condition: dict[str, dict[str, Any]] | None = None


class _Document(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    version: Literal["1"]
    statement: Annotated[list[_Statement], msgspec.Meta(min_length=1, max_length=STATEMENTS_MAX)]


_DOCUMENTS: Final = msgspec.json.Decoder(_Document)


def checked_name(name: str) -> None:
    """Raise InvalidParameter unless it is the one name a policy has; empty text means it."""
    if name not in {"", POLICY_NAME}:
        raise InvalidParameter("PolicyName", f"It must be {POLICY_NAME}.")


def checked_document(text: str) -> str:
    """Give a policy document back; InvalidParameter says what is wrong with it."""
    try:
        size = len(text.encode())
        if size > POLICY_BYTES_MAX:
            raise InvalidParameter("Policy", f"It has {size} bytes; {POLICY_BYTES_MAX} at most.")
        document = _DOCUMENTS.decode(text)
    except UnicodeEncodeError:
        raise InvalidParameter("Policy", "It contains half of a surrogate pair.") from None
    except msgspec.DecodeError as error:
        raise InvalidParameter("Policy", f"{error}.") from None
    except RecursionError:
        raise InvalidParameter("Policy", "It is nested too deeply.") from None
    for number, statement in enumerate(document.statement, 1):
        _check_statement(number, statement)
    return text


def default_document(account_id: str, sid: str) -> str:
    """Give the policy of what has none of its own: its account may do everything, as RAM allows."""
    statement = {
        "Action": ["kms:*"],
        "Effect": "Allow",
        "Principal": {"RAM": [f"acs:ram::{account_id}:*"]},
        "Resource": ["*"],
        "Sid": sid,
    }
    return msgspec.json.encode({"Statement": [statement], "Version": "1"}).decode()


def _check_statement(number: int, statement: _Statement) -> None:
    where = f"Statement {number}:"
    if not _SID.fullmatch(statement.sid):
        raise InvalidParameter("Policy", f"{where} the Sid has 128 characters at most, letters, digits and any of _/+=.@-.")
    for principal in statement.principal.RAM:
        if not _PRINCIPAL.fullmatch(principal):
            raise InvalidParameter("Policy", f"{where} {principal!r} is not acs:ram::<account>:*, :root, :user/… or :role/….")
    for action in statement.action:
        if not _ACTION.fullmatch(action):
            raise InvalidParameter("Policy", f"{where} {action!r} is not kms:<action>, with * at its end at most.")
    if statement.resource != ["*"]:
        raise InvalidParameter("Policy", f'{where} the Resource is ["*"]: the key itself.')
