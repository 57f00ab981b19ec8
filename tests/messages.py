"""The dedicated gateway's messages as the official client's descriptors have them: written here a second time, to judge ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

INVENTORY: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "dkms-gcs.json").read_text())


def number_of(value: int) -> bytes:
    """Give a varint; of a negative number in 64 bits."""
    value &= (1 << 64) - 1
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def field(number: int, value: str | bytes | int) -> bytes:
    """Give one field."""
    if isinstance(value, int):
        return number_of(number << 3) + number_of(value)
    content = value.encode() if isinstance(value, str) else value
    return number_of(number << 3 | 2) + number_of(len(content)) + content


def request(operation: str, **values: str | bytes | int) -> bytes:
    """Give an operation's message from its fields by name."""
    fields = INVENTORY["operations"][operation]["request"]
    return b"".join(field(fields[name][0], value) for name, value in values.items())


def answer(operation: str, body: bytes) -> dict[str, Any]:
    """Read an operation's answer; what was not sent is not there."""
    return _read(INVENTORY["operations"][operation]["response"], body)


def error(body: bytes) -> dict[str, Any]:
    """Read a refusal."""
    return _read(INVENTORY["error"], body)


def _read(fields: dict[str, list[Any]], body: bytes) -> dict[str, Any]:
    names = {number: (name, kind) for name, (number, kind) in fields.items()}
    found: dict[str, Any] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = body[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(body):
        tag = varint()
        name, kind = names[tag >> 3]
        if tag & 7 == 0:
            assert kind in {"int32", "bool"}
            found[name] = varint()
            continue
        assert tag & 7 == 2
        length = varint()
        content = body[at : at + length]
        assert len(content) == length
        at += length
        assert kind in {"string", "bytes", "list string"}
        value = content if kind == "bytes" else content.decode()
        if kind == "list string":
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found
