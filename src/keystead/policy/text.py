"""JSON with the place of every value: what a document's mistakes are told with. Pure."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # not in the stubs, but what json itself reads with
from typing import Any, Final, NamedTuple

from keystead.policy.faults import PolicyMalformed
from keystead.policy.model import Mistake

DEPTH_MAX: Final = 8
NUMBER_CHARS_MAX: Final = 64
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_SCALAR: Final = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class Node(NamedTuple):
    """A value and where it begins: a str, int, float, bool, None, a list of nodes or a dict of (key place, node)."""

    value: Any
    at: int


class Reader:
    """Reads one document; keeps the mistakes found so far."""

    def __init__(self, text: str) -> None:
        """Read `text`."""
        self.text = text
        self.mistakes: list[Mistake] = []

    def mistake(self, at: int, where: str, sentence: str) -> None:
        """Note a mistake at a character offset."""
        line = self.text.count("\n", 0, at) + 1
        self.mistakes.append(Mistake(line, at - self.text.rfind("\n", 0, at), where or "the document", sentence))

    def document(self) -> Node:
        """Read the whole text as one value; PolicyMalformed where it is no JSON."""
        node, end = self._value(self._blank(0), 0)
        end = self._blank(end)
        if end != len(self.text):
            raise self._stop(end, "there is more after the end")
        return node

    def _stop(self, at: int, sentence: str) -> PolicyMalformed:
        self.mistake(min(at, len(self.text)), "", sentence)
        return PolicyMalformed(self.mistakes)

    def _blank(self, at: int) -> int:
        match = _BLANK.match(self.text, at)
        return match.end() if match else at

    def _value(self, at: int, depth: int) -> tuple[Node, int]:
        if depth > DEPTH_MAX:
            raise self._stop(at, f"it is nested more than {DEPTH_MAX} deep")
        first = self.text[at : at + 1]
        if first == '"':
            text, end = self._string(at)
            return Node(text, at), end
        if first == "{":
            return self._object(at, depth)
        if first == "[":
            return self._list(at, depth)
        match = _SCALAR.match(self.text, at)
        if match is None:
            raise self._stop(at, "a JSON value is expected here")
        if len(match[0]) > NUMBER_CHARS_MAX:  # Python raises an error of its own at 4,300 digits
            raise self._stop(at, f"a number has {NUMBER_CHARS_MAX} characters at most")
        return Node(json.loads(match[0]), at), match.end()

    def _string(self, at: int) -> tuple[str, int]:
        try:
            text, end = scanstring(self.text, at + 1, True)  # noqa: FBT003 - strict: no bare control characters
        except json.JSONDecodeError as error:
            raise self._stop(error.pos, "this text is not ended, or holds what JSON does not allow") from None
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self._stop(at, "it holds half of a surrogate pair")
        return text, end

    def _list(self, at: int, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        here = self._blank(at + 1)
        if self.text[here : here + 1] == "]":
            return Node(items, at), here + 1
        while True:
            node, here = self._value(here, depth + 1)
            items.append(node)
            here = self._blank(here)
            mark = self.text[here : here + 1]
            if mark not in {",", "]"}:
                raise self._stop(here, 'a "," or "]" is expected here')
            here = self._blank(here + 1)
            if mark == "]":
                return Node(items, at), here

    def _object(self, at: int, depth: int) -> tuple[Node, int]:
        members: dict[str, tuple[int, Node]] = {}
        here = self._blank(at + 1)
        if self.text[here : here + 1] == "}":
            return Node(members, at), here + 1
        while True:
            if self.text[here : here + 1] != '"':
                raise self._stop(here, "a name in quotes is expected here")
            key_at = here
            key, here = self._string(here)
            here = self._blank(here)
            if self.text[here : here + 1] != ":":
                raise self._stop(here, 'a ":" is expected here')
            node, here = self._value(self._blank(here + 1), depth + 1)
            if key in members:
                self.mistake(key_at, key, "this name is given twice")
            members[key] = (key_at, node)
            here = self._blank(here)
            mark = self.text[here : here + 1]
            if mark not in {",", "}"}:
                raise self._stop(here, 'a "," or "}" is expected here')
            here = self._blank(here + 1)
            if mark == "}":
                return Node(members, at), here
