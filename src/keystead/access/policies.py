"""Policies that hang on a key or a secret: what a document must look like. Pure.

Overview of key policies page and what the documentation has on SetKeyPolicy, read 2026-11-22. A document is kept as it was sent.
`compiled` makes it
ready to be evaluated with RAM (docs/adr/0082).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

import msgspec

from keystead.faults import InvalidParameter
from keystead.policy.conditions import OPERATORS, key_served, value_sound
from keystead.policy.model import Condition, Document, Effect, Statement

POLICY_BYTES_MAX: Final = 32_768
POLICY_NAME: Final = "default"
DEFAULT_KEY_SID: Final = "kms default key policy"
STATEMENTS_MAX: Final = 100
SHARED: Final = frozenset(
    f"kms:{name}"
    for name in (
        *("AsymmetricDecrypt", "AsymmetricEncrypt", "AsymmetricSign", "AsymmetricVerify", "Decrypt", "DescribeKey", "Encrypt"),
        *("GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetPublicKey", "ReEncryptFrom", "ReEncryptTo"),
        "VerifyMac",
    )
)
"""What another account may be allowed by a key's policy: outsiders use keys and never manage them (docs/adr/0084)."""
RECOVERY: Final = frozenset({"kms:DescribeKey", "kms:GetKeyPolicy", "kms:SetKeyPolicy"})
"""What an account can always do with its key, so that no policy locks it out for good."""
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


def compiled(text: str, owner: str) -> Document:
    """Give a document that was checked, as the policy language has it.

    `acs:ram::<owner>:*` in an Allow names the owner's account, which needs no leave, and leaves its users to RAM: it grants
    nothing by itself. In a Deny it means everybody of the account.
    """
    return Document(
        "1", tuple(_compiled(number, found, owner) for number, found in enumerate(_DOCUMENTS.decode(text).statement, 1))
    )


def _compiled(number: int, statement: _Statement, owner: str) -> Statement:
    effect = Effect(statement.effect)
    everybody = f"acs:ram::{owner}:*"
    named = [name for name in statement.principal.RAM if effect is Effect.DENY or name != everybody]
    return Statement(
        number,
        statement.sid,
        effect,
        tuple(statement.action),
        (),
        ("*",),
        (),
        tuple(f"RAM:{name}" for name in named) or ("RAM:nobody",),
        tuple(_conditions(number, statement.condition or {})),
    )


def _conditions(number: int, blocks: dict[str, dict[str, Any]]) -> list[Condition]:
    found: list[Condition] = []
    for operator, block in blocks.items():
        for key, given in block.items():
            values = [str(value).lower() if isinstance(value, bool) else str(value) for value in _listed(given)]
            if operator not in OPERATORS or not values or not all(value_sound(operator, value) for value in values):
                raise InvalidParameter("Policy", f"Statement {number}: the condition {operator} of {key!r} cannot be evaluated.")
            if not key_served(key):
                raise InvalidParameter("Policy", f"Statement {number}: {key[:80]!r} is not a condition key that is served here.")
            found.append(Condition(operator, key, tuple(values)))
    return found


def _listed(given: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return given if isinstance(given, list) else [given]


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
    given = [value for block in (statement.condition or {}).values() for value in block.values()]
    if not all(isinstance(value, str | int | float) for values in given for value in _listed(values)):
        raise InvalidParameter("Policy", f"{where} a condition compares with texts, numbers and truth values.")
    _conditions(number, statement.condition or {})
    if statement.resource != ["*"]:
        raise InvalidParameter("Policy", f'{where} the Resource is ["*"]: the key itself.')
