"""From text to a `Document`, telling every mistake with its place. Pure.

RAM authorization pages (their "General structure of a policy") and the key policy overview of KMS, read 2026-11-23; the
limits are ours.
"""

from __future__ import annotations

import enum
import re
from typing import Any, Final

from keystead.policy.conditions import OPERATORS, key_served, value_sound
from keystead.policy.faults import PolicyMalformed
from keystead.policy.model import Condition, Document, Effect, Statement
from keystead.policy.text import Node, Reader

STATEMENTS_MAX: Final = 200
_ACTION: Final = re.compile(r"\*|[a-z0-9-]{1,64}:[A-Za-z0-9*?]{1,128}", re.ASCII)
_RESOURCE: Final = re.compile(r"\*|acs:[^:\s]*:[^:\s]*:[^:\s]*:\S+")
_RAM_PRINCIPAL: Final = re.compile(r"\*|acs:ram::([0-9]{1,20}|\*):(\*|root|(user|role)/[^\s]{1,128})", re.ASCII)
_MEMBERS: Final = frozenset(
    {"Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "Sid"},
)


class Kind(enum.Enum):
    """Where a document hangs: what it must and must not say follows from that."""

    IDENTITY = "a policy of users, groups and roles"
    TRUST = "the trust policy of a role"


def read(text: str, kind: Kind = Kind.IDENTITY) -> Document:
    """Read a document; PolicyMalformed tells every mistake in it."""
    reader = Reader(text)
    root = reader.document()
    document = _document(reader, root, kind)
    if reader.mistakes:
        raise PolicyMalformed(sorted(reader.mistakes))
    return document


def _document(reader: Reader, root: Node, kind: Kind) -> Document:
    members = _object(reader, root, "")
    for name, (at, _) in members.items():
        if name not in {"Version", "Statement"}:
            reader.mistake(at, name, "only Version and Statement stand here")
    version = members.get("Version")
    if version is None or version[1].value != "1":
        reader.mistake(version[1].at if version else root.at, "Version", 'it must be "1"')
    found = members.get("Statement")
    if found is None:
        reader.mistake(root.at, "Statement", "it is missing")
        return Document("1", ())
    node = found[1]
    nodes = node.value if isinstance(node.value, list) else [node]
    if not 1 <= len(nodes) <= STATEMENTS_MAX:
        reader.mistake(node.at, "Statement", f"1 to {STATEMENTS_MAX} statements are needed")
    return Document("1", tuple(_statement(reader, item, number, kind) for number, item in enumerate(nodes, 1)))


def _object(reader: Reader, node: Node, where: str) -> dict[str, tuple[int, Node]]:
    if isinstance(node.value, dict):
        return node.value
    reader.mistake(node.at, where, "a JSON object is expected")
    return {}


def _texts(reader: Reader, node: Node, where: str) -> list[tuple[int, str]]:
    nodes = node.value if isinstance(node.value, list) else [node]
    if not nodes:
        reader.mistake(node.at, where, "it is empty")
    texts = []
    for item in nodes:
        if isinstance(item.value, str) and item.value:
            texts.append((item.at, item.value))
        else:
            reader.mistake(item.at, where, "a text is expected")
    return texts


def _patterns(reader: Reader, members: dict[str, Any], where: str, name: str, form: re.Pattern[str]) -> tuple[str, ...]:
    if name not in members:
        return ()
    texts = _texts(reader, members[name][1], f"{where}.{name}")
    for at, text in texts:
        if not form.fullmatch(text):
            shape = "<product>:<Action>" if "Action" in name else "acs:<product>:<region>:<account>:<resource>"
            reader.mistake(at, f"{where}.{name}", f"{text[:80]!r} is neither * nor {shape}")
    return tuple(text for _, text in texts)


def _statement(reader: Reader, node: Node, number: int, kind: Kind) -> Statement:
    where = f"Statement[{number}]"
    members = _object(reader, node, where)
    for name, (at, _) in members.items():
        if name not in _MEMBERS:
            reader.mistake(at, f"{where}.{name}", "no statement has this")
    effect = members["Effect"][1] if "Effect" in members else None
    if effect is None or effect.value not in {"Allow", "Deny"}:
        reader.mistake(effect.at if effect else node.at, f"{where}.Effect", "it must be Allow or Deny")
    sid = members["Sid"][1] if "Sid" in members else Node("", node.at)
    if not isinstance(sid.value, str):
        reader.mistake(sid.at, f"{where}.Sid", "a text is expected")
    _one_of(reader, node, members, where, "Action")
    if kind is Kind.IDENTITY:
        _one_of(reader, node, members, where, "Resource")
    else:
        for name in ("Resource", "NotResource"):
            if name in members:
                reader.mistake(members[name][0], f"{where}.{name}", f"{kind.value} has none")
    if ("Principal" in members) != (kind is Kind.TRUST):
        wanted = "it is missing" if kind is Kind.TRUST else f"{kind.value} has none"
        reader.mistake(members["Principal"][0] if "Principal" in members else node.at, f"{where}.Principal", wanted)
    return Statement(
        number,
        sid.value if isinstance(sid.value, str) else "",
        Effect.DENY if effect is not None and effect.value == "Deny" else Effect.ALLOW,
        _patterns(reader, members, where, "Action", _ACTION),
        _patterns(reader, members, where, "NotAction", _ACTION),
        _patterns(reader, members, where, "Resource", _RESOURCE),
        _patterns(reader, members, where, "NotResource", _RESOURCE),
        _principals(reader, members, where),
        _conditions(reader, members, where, kind),
    )


def _one_of(reader: Reader, node: Node, members: dict[str, Any], where: str, name: str) -> None:
    given = [found for found in (name, f"Not{name}") if found in members]
    if len(given) != 1:
        at = members[given[1]][0] if given else node.at
        reader.mistake(at, f"{where}.{name}", f"exactly one of {name} and Not{name} is needed")


def _principals(reader: Reader, members: dict[str, Any], where: str) -> tuple[str, ...]:
    if "Principal" not in members:
        return ()
    found: list[str] = []
    kinds = _object(reader, members["Principal"][1], f"{where}.Principal")
    for name, (at, node) in kinds.items():
        here = f"{where}.Principal.{name}"
        if name not in {"RAM", "Service", "Federated"}:
            reader.mistake(at, here, "a principal is one of RAM, Service and Federated")
            continue
        for text_at, text in _texts(reader, node, here):
            if name == "RAM" and not _RAM_PRINCIPAL.fullmatch(text):
                reader.mistake(text_at, here, f"{text[:80]!r} is not acs:ram::<account>:root, :*, :user/… or :role/…")
            found.append(f"{name}:{text}")
    if not kinds:  # without any, the statement would be about everybody
        reader.mistake(members["Principal"][1].at, f"{where}.Principal", "it is empty")
    return tuple(found)


def _conditions(reader: Reader, members: dict[str, Any], where: str, kind: Kind) -> tuple[Condition, ...]:
    if "Condition" not in members:
        return ()
    found: list[Condition] = []
    for operator, (at, block) in _object(reader, members["Condition"][1], f"{where}.Condition").items():
        here = f"{where}.Condition.{operator}"
        if operator not in OPERATORS:
            reader.mistake(at, here, "no such operator")
            continue
        for key, (key_at, node) in _object(reader, block, here).items():
            if not key_served(key, trust=kind is Kind.TRUST):
                reader.mistake(key_at, here, f"{key[:80]!r} is not a condition key that is served here, such as acs:SourceIp")
            values = _condition_values(reader, node, f"{here}.{key}")
            for value_at, value in values:
                if not value_sound(operator, value):
                    reader.mistake(value_at, f"{here}.{key}", f"{value[:80]!r} is nothing {operator} compares with")
            found.append(Condition(operator, key, tuple(value for _, value in values)))
    return tuple(found)


def _condition_values(reader: Reader, node: Node, where: str) -> list[tuple[int, str]]:
    nodes = node.value if isinstance(node.value, list) else [node]
    if not nodes:
        reader.mistake(node.at, where, "it is empty")
    values = []
    for item in nodes:
        if isinstance(item.value, bool):
            values.append((item.at, "true" if item.value else "false"))
        elif isinstance(item.value, str | int | float):
            values.append((item.at, str(item.value)))
        else:
            reader.mistake(item.at, where, "a text, a number or a truth value is expected")
    return values
