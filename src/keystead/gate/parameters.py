"""Binding: flat strings from the wire to a request struct.

Fields are read in declared order: all missing ones are looked for first, then each value is converted alone, so that the
fault named is the same whatever the order of the input. An empty value is an absent one (clients send `EncryptionContext=`).
Booleans come as True, true or TRUE; lists as `Name.1`; lists of structs as `Name.1.Code`; a map of strings as JSON text or as
`Name.key=value` (facts of the wire as clients speak it, read 2026-11-22).
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

from keystead.faults import InvalidParameter, MissingParameter

MAP_CHARS_MAX = 8192
LIST_ITEMS_MAX = 100
_DIGITS = re.compile(r"-?[0-9]{1,20}").fullmatch
_ITEM_NUMBER = re.compile(r"[1-9][0-9]{0,3}").fullmatch


class Request(msgspec.Struct, kw_only=True, rename="pascal"):
    """The parameters of an action; a field without default is required."""


class Response(msgspec.Struct, kw_only=True, rename="pascal", omit_defaults=True):
    """What an action answers; optional fields that are None stay off the wire. The gate sets the request id."""

    request_id: str = ""


class Part(msgspec.Struct, kw_only=True, rename="pascal"):
    """A struct inside a request, as in `Parameter.1.Code`."""


R = TypeVar("R", bound=Request)
Converter = Callable[[str, dict[str, str]], Any]


class Field(NamedTuple):
    """How one field is bound: attribute, wire name, whether required, whether it also has `Name.x` forms, and how to convert."""

    attribute: str
    wire: str
    required: bool
    dotted: bool
    convert: Converter | None


def plan_of(request: type[Any]) -> tuple[Field, ...]:
    """Work out, once for each action, how the struct's fields are bound."""
    hints = typing.get_type_hints(request, include_extras=True)
    return tuple(
        _field(info.name, info.encode_name, hints[info.name], required=info.required) for info in msgspec.structs.fields(request)
    )


def bind(request: type[R], plan: tuple[Field, ...], parameters: dict[str, str]) -> R:
    """Make the request struct, or raise MissingParameter or InvalidParameter naming the wire parameter."""
    parts = "." in "".join(parameters)  # most requests have no `Name.x` at all: then no field need look for its own
    _require(plan, parameters, parts=parts)
    values: dict[str, Any] = {}
    for field in plan:
        text = parameters.get(field.wire, "")
        if field.convert is None:
            if text:
                values[field.attribute] = text
        elif text or (parts and field.dotted):
            value = field.convert(text, parameters)
            if value is not None:
                values[field.attribute] = value
            elif field.required:  # there, but nothing in it: `EncryptionContext={}`
                raise MissingParameter(field.wire)
    return request(**values)


def _require(plan: tuple[Field, ...], parameters: dict[str, str], *, parts: bool) -> None:
    for field in plan:
        if not field.required or parameters.get(field.wire):
            continue
        if parts and field.dotted and any(name.startswith(field.wire + ".") for name in parameters):
            continue
        raise MissingParameter(field.wire)


def _field(attribute: str, wire: str, hint: Any, *, required: bool) -> Field:  # noqa: ANN401 - a type expression
    bare = _without_none(hint)
    if bare is str:
        return Field(attribute, wire, required, False, None)  # noqa: FBT003
    origin = get_origin(bare)
    if origin is dict:
        return Field(attribute, wire, required, True, _map_reader(wire))  # noqa: FBT003
    if origin in {tuple, list}:
        item = get_args(bare)[0]
        return Field(attribute, wire, required, True, _list_reader(wire, item))  # noqa: FBT003
    if bare is bool:
        return Field(attribute, wire, required, False, _bool_reader(wire))  # noqa: FBT003
    return Field(attribute, wire, required, False, _scalar_reader(wire, bare))  # noqa: FBT003


def _without_none(hint: Any) -> Any:  # noqa: ANN401 - a type expression
    if get_origin(hint) in {Union, types.UnionType}:
        parts = [part for part in get_args(hint) if part is not type(None)]
        if len(parts) == 1:
            return parts[0]
    return hint


def _bool_reader(wire: str) -> Converter:
    def read(text: str, _parameters: dict[str, str]) -> bool:
        lowered = text.lower()
        if lowered not in {"true", "false"}:
            raise InvalidParameter(wire, "It must be true or false.")
        return lowered == "true"

    return read


def _scalar_reader(wire: str, hint: Any) -> Converter:  # noqa: ANN401 - a type expression
    whole = hint is int or (get_origin(hint) is typing.Annotated and get_args(hint)[0] is int)

    def read(text: str, _parameters: dict[str, str]) -> Any:  # noqa: ANN401 - the hint's type
        if whole and not _DIGITS(text):  # msgspec would also take 1e1
            raise InvalidParameter(wire, "It must be a whole number.")
        try:
            return msgspec.convert(text, hint, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidParameter(wire, f"{error}.") from None

    return read


def _map_reader(wire: str) -> Converter:
    prefix = wire + "."

    def read(text: str, parameters: dict[str, str]) -> dict[str, str] | None:
        dotted = {name[len(prefix) :]: value for name, value in parameters.items() if name.startswith(prefix)}
        if text and dotted:
            raise InvalidParameter(wire, "It is given both as JSON and as single parameters.")
        if not text:
            return dotted or None
        if len(text) > MAP_CHARS_MAX:
            raise InvalidParameter(wire, f"It is longer than {MAP_CHARS_MAX} characters.")
        try:
            found = msgspec.json.decode(text, type=dict[str, str])
        except msgspec.DecodeError:
            raise InvalidParameter(wire, "It must be a JSON object of strings.") from None
        if len(found) != len(json.loads(text, object_pairs_hook=list)):
            raise InvalidParameter(wire, "It has a key more than once.")
        return found or None

    return read


def _list_reader(wire: str, item: Any) -> Converter:  # noqa: ANN401 - a type expression
    prefix = wire + "."
    plan = plan_of(item) if isinstance(item, type) and issubclass(item, Part) else ()

    def read(text: str, parameters: dict[str, str]) -> tuple[Any, ...] | None:
        if text:
            raise InvalidParameter(wire, f"Its items are given as {prefix}1, {prefix}2 and so on.")
        groups: dict[int, dict[str, str]] = {}
        for name, value in parameters.items():
            if not name.startswith(prefix):
                continue
            number, _, rest = name[len(prefix) :].partition(".")
            if not _ITEM_NUMBER(number) or bool(rest) != bool(plan):
                raise InvalidParameter(name)
            groups.setdefault(int(number), {})[rest] = value
        if not groups:
            return None
        if sorted(groups) != list(range(1, len(groups) + 1)) or len(groups) > LIST_ITEMS_MAX:
            raise InvalidParameter(wire, f"Its items are numbered from 1 without gaps, {LIST_ITEMS_MAX} at most.")
        return tuple(_item(item, plan, f"{prefix}{number}", groups[number]) for number in sorted(groups))

    return read


def _item(item: Any, plan: tuple[Field, ...], name: str, group: dict[str, str]) -> Any:  # noqa: ANN401
    if not plan:
        return group[""]
    try:
        return bind(item, plan, group)
    except MissingParameter as fault:
        raise MissingParameter(f"{name}.{fault.name}") from None
    except InvalidParameter as fault:
        raise InvalidParameter(f"{name}.{fault.name}", fault.reason) from None
