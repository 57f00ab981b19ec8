"""Statements as written, the request they are asked about, and the verdict."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

import msgspec


class Effect(enum.StrEnum):
    """What a statement does where it applies."""

    ALLOW = "Allow"
    DENY = "Deny"


class Mistake(NamedTuple):
    """Something wrong in a document; line and column count from 1."""

    line: int
    column: int
    where: str
    sentence: str

    def __str__(self) -> str:
        """Read as `line 3, column 7 (Statement[1].Effect): …`."""
        return f"line {self.line}, column {self.column} ({self.where}): {self.sentence}"


class Condition(NamedTuple):
    """One key of a condition block under one operator; it holds if any value does (none does, for a negated operator)."""

    operator: str
    key: str
    values: tuple[str, ...]


class Statement(NamedTuple):
    """A statement as written. A list that was not given is empty; `principals` are `RAM:acs:…`, `Service:…`, `Federated:…`."""

    number: int
    sid: str
    effect: Effect
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: tuple[str, ...]
    conditions: tuple[Condition, ...]


class Document(NamedTuple):
    """A policy as written."""

    version: str
    statements: tuple[Statement, ...]


class Question(msgspec.Struct, frozen=True, gc=False):
    """May `principals` (every name the caller answers to) do `action` on `resource`? `context` holds the condition keys."""

    action: str
    resource: str
    context: Mapping[str, str]
    principals: frozenset[str] = frozenset()


class Ground(enum.StrEnum):
    """Why a verdict is as it is."""

    ROOT = "the account itself"
    ALLOWED = "a statement allows it"
    DENIED = "a statement denies it"
    SILENT = "no statement allows it"


class Verdict(NamedTuple):
    """The answer, with the policy and the statement (counted from 1) that decided; 0 where none did."""

    ground: Ground
    policy: str = ""
    statement: int = 0
    sid: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the call may go on."""
        return self.ground in {Ground.ROOT, Ground.ALLOWED}

    @property
    def decider(self) -> str:
        """Name what decided, as a refusal tells it."""
        if not self.statement:
            return self.ground.value
        named = f" ({self.sid})" if self.sid else ""
        return f"statement {self.statement}{named} of the policy {self.policy}"
