"""The NextToken family of paging: a token says where to go on, is good for the very question it was given for, and for no other.

Empty in: from the start. Empty out: the end. Anything that was not given here is refused (BssOpenApi pages, read 2026-11-22).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Annotated, Final, TypeVar

import msgspec

from keystead.api.bss.shapes import PAGE_SIZE_MAX
from keystead.faults import InvalidParameter
from keystead.gate.parameters import Request

MaxResults = Annotated[int, msgspec.Meta(ge=1, le=PAGE_SIZE_MAX)]
_POSITIONS: Final = frozenset({"next_token", "marker", "max_results", "page_size"})
_SHAPE: Final = re.compile(r"([0-9a-z]{1,13})-([0-9a-f]{16})", re.ASCII)
_BASE: Final = 36
T = TypeVar("T")


def position_of(request: Request, account_id: str) -> int | None:
    """Read the request's NextToken; None for an empty one. InvalidParameter for one that this question never got."""
    return position_named(request, account_id, "next_token")


def position_named(request: Request, account_id: str, field: str) -> int | None:
    """Read such a token from the request's field of that name."""
    token: str = getattr(request, field)
    wire = request.__struct_encode_fields__[request.__struct_fields__.index(field)]
    if not token:
        return None
    match = _SHAPE.fullmatch(token)
    if match is None or match[2] != _seal(request, account_id, int(match[1], _BASE)):
        raise InvalidParameter(wire, "It is not one that this query returned; leave it out to start anew.")
    return int(match[1], _BASE)


def token_for(request: Request, account_id: str, position: int) -> str:
    """Give the token with which the same question goes on at `position`."""
    return f"{_written(position)}-{_seal(request, account_id, position)}"


def page_of(items: Sequence[T], request: Request, account_id: str, size: int) -> tuple[Sequence[T], str]:
    """Give the page of a list that the request's NextToken asks for, and the token of the next; empty at the end."""
    first = position_of(request, account_id) or 0
    rest = first + size
    return items[first:rest], token_for(request, account_id, rest) if rest < len(items) else ""


def token_after(request: Request, account_id: str, rest: int, total: int) -> str:
    """Give the token with which a list of `total` goes on at `rest`; empty at its end."""
    return token_for(request, account_id, rest) if rest < total else ""


def _seal(request: Request, account_id: str, position: int) -> str:
    """Bind a position to who asks what. It hides and protects nothing: every page is the asker's own."""
    question = {name: getattr(request, name) for name in request.__struct_fields__ if name not in _POSITIONS}
    asked = msgspec.json.encode([type(request).__name__, account_id, position, question])
    return hashlib.sha256(asked).hexdigest()[:16]


def _written(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, _BASE)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
        if not number:
            return digits
