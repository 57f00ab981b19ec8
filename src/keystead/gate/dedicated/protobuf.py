"""Messages as bytes (protobuf encoding guide, proto3, read 2026-11-22): what the dedicated gateway's messages need of it.

A message is a struct; the number of a field is its place among the fields, from 1. Fields are texts, bytes, whole numbers of 32
bits, truth values; in answers also lists of texts. A field with its default value is not sent, and one that was not sent has it.
"""

from __future__ import annotations

import types
import typing
from functools import cache
from typing import Any, ClassVar, Final, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from keystead.faults import CallerFault, MissingParameter
from keystead.gate.parameters import Request, Response

VARINT_BYTES_MAX: Final = 10
FIELD_NUMBER_MAX: Final = (1 << 29) - 1
_TAG_MAX: Final = FIELD_NUMBER_MAX << 3 | 7
_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
_LOW_31, _SIGN, _ALL_64 = 0x7FFFFFFF, 0x80000000, 0xFFFFFFFFFFFFFFFF
_SHORT: Final = tuple(bytes((number,)) for number in range(0x80))


class Garbled(CallerFault):
    """The body is not a message of the operation."""

    def __init__(self, what: str) -> None:
        """Say where it stops being one."""
        super().__init__(f"The request body is not a protobuf message of this operation: {what}.")


class Message(Request):
    """What an operation is sent; a field without default is required."""


class Reply(Response):
    """What an operation answers; `REQUEST_ID` is the number of the request id, the other fields are numbered around it."""

    REQUEST_ID: ClassVar[int]


class ErrorReply(Reply, kw_only=True):
    """What is answered instead of a success."""

    REQUEST_ID: ClassVar[int] = 4
    status_code: int
    error_code: str
    error_message: str


class _Field(NamedTuple):
    attribute: str
    wire: str
    kind: Any
    required: bool


M = TypeVar("M", bound=Message)


def decode(message: type[M], body: bytes) -> M:
    """Read a message; Garbled for bytes that are none, MissingParameter for a required field that is empty or not there.

    Unknown fields are passed over; of a field given twice the last counts, as the encoding has it.
    """
    plan = _plan(message)
    values: dict[str, Any] = {}
    at, end = 0, len(body)
    while at < end:
        tag, at = _varint(body, at, end)
        if not 8 <= tag <= _TAG_MAX:
            raise Garbled("a field has no number")
        found, at = _content(body, tag & 7, at, end)
        field = plan.get(tag >> 3)
        if field is not None:
            values[field.attribute] = found if field.kind is bytes and type(found) is bytes else _value(field, found)
    for field in plan.values():
        if not values.get(field.attribute):
            if field.required:
                raise MissingParameter(field.wire)
            values.pop(field.attribute, None)  # the default of the encoding is that of the struct
    return message(**values)


def encode(reply: Reply) -> bytes:
    """Write a message."""
    out: list[bytes] = []
    for tag, attribute in _tags(type(reply)):
        value = getattr(reply, attribute)
        if not value:
            continue
        if isinstance(value, int):
            out += (_SHORT[tag], _varint_of(value & _ALL_64))
            continue
        for item in value if isinstance(value, list) else (value,):
            content = item if isinstance(item, bytes) else item.encode()
            out += (_SHORT[tag], _varint_of(len(content)), content)
    return b"".join(out)


def numbers(struct: type[Any]) -> dict[str, int]:
    """Give the wire names of a message's fields with their numbers."""
    fields = {info.name: info.encode_name for info in msgspec.structs.fields(struct)}
    return {fields[attribute]: number for number, attribute in enumerate(_order(struct), 1)}


def _content(body: bytes, wire_type: int, at: int, end: int) -> tuple[bytes | int | None, int]:
    """Give what a field holds (None for a type that no field of ours has), and where the next one begins."""
    if wire_type == _VARINT:
        return _varint(body, at, end)
    if wire_type == _LENGTH:
        length, at = _varint(body, at, end)
    elif wire_type in {_FIXED_64, _FIXED_32}:
        length = 8 if wire_type == _FIXED_64 else 4
    else:
        raise Garbled("a field is of no known type")
    stop = at + length
    if stop > end:
        raise Garbled("it ends within a field")
    return body[at:stop] if wire_type == _LENGTH else None, stop


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    if at < end and body[at] < 0x80:
        return body[at], at + 1
    value = shift = 0
    for place in range(at, min(end, at + VARINT_BYTES_MAX)):
        byte = body[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _ALL_64, place + 1
        shift += 7
    raise Garbled("a number does not end")


def _value(field: _Field, found: Any) -> Any:  # noqa: ANN401 - of the field's kind
    kind = field.kind
    if kind is bytes or kind is str:
        if not isinstance(found, bytes):
            raise Garbled(f"{field.wire} is not a text or bytes")
        if kind is bytes:
            return found
        try:
            return found.decode()
        except UnicodeDecodeError:
            raise Garbled(f"{field.wire} is not UTF-8") from None
    if not isinstance(found, int):
        raise Garbled(f"{field.wire} is not a number")
    if kind is bool:
        return found != 0
    return (found & _LOW_31) - (found & _SIGN)


def _varint_of(value: int) -> bytes:
    if value < 0x80:
        return _SHORT[value]
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@cache
def _plan(message: type[Any]) -> dict[int, _Field]:
    hints = typing.get_type_hints(message)
    infos = {info.name: info for info in msgspec.structs.fields(message)}
    found = {}
    for number, attribute in enumerate(_order(message), 1):
        info, hint = infos[attribute], hints[attribute]
        if get_origin(hint) in {typing.Union, types.UnionType}:
            hint = next(part for part in get_args(hint) if part is not type(None))
        found[number] = _Field(attribute, info.encode_name, hint, info.required)
    return found


@cache
def _tags(reply: type[Any]) -> tuple[tuple[int, str], ...]:
    hints = typing.get_type_hints(reply)
    found = []
    for number, attribute in enumerate(_order(reply), 1):
        found.append((number << 3 | (_VARINT if hints[attribute] in {int, bool} else _LENGTH), attribute))
    return tuple(found)


def _order(struct: type[Any]) -> list[str]:
    names = [info.name for info in msgspec.structs.fields(struct)]
    if issubclass(struct, Reply):
        names.remove("request_id")
        names.insert(struct.REQUEST_ID - 1, "request_id")
    return names
