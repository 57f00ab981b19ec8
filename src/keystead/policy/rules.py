"""Evaluation: which statement decides. Pure.

Deny wins, wherever it stands; then one Allow is enough; silence refuses ("Policy evaluation logic" page of RAM, read 2026-11-23).
Actions match whatever their case, resources to the letter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from keystead.policy.conditions import Test, compiled, wildcard
from keystead.policy.model import Document, Effect, Ground, Question, Statement, Verdict

REMEMBERED_MAX: Final = 2048
RESOURCE_CHARS_MAX: Final = 1024
"""The longest name of a resource is far shorter. What a caller sends may be megabytes: to match and to remember it would take
other callers' time and memory."""
SILENT: Final = Verdict(Ground.SILENT)
ROOT: Final = Verdict(Ground.ROOT)


class Names:
    """Patterns of which any may match: plain texts in a set, the rest one after the other."""

    __slots__ = ("_every", "_patterns", "_plain", "_prefixes")

    def __init__(self, patterns: tuple[str, ...]) -> None:
        """Sort the patterns into what is quick to ask."""
        self._every = "*" in patterns
        self._plain = frozenset(pattern for pattern in patterns if not _wild(pattern))
        self._prefixes = tuple(
            pattern[:-1] for pattern in patterns if _wild(pattern) and not _wild(pattern[:-1]) and pattern[-1] == "*"
        )
        rest = [pattern for pattern in patterns if _wild(pattern[:-1])]
        rest += [pattern for pattern in patterns if pattern[-1] == "?" and not _wild(pattern[:-1])]
        self._patterns = tuple(wildcard(pattern) for pattern in rest)

    def match(self, text: str) -> bool:
        """Tell whether any matches."""
        if self._every or text in self._plain or (self._prefixes and text.startswith(self._prefixes)):
            return True
        return any(pattern.fullmatch(text) for pattern in self._patterns) if self._patterns else False


def _wild(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


class Clause(NamedTuple):
    """A statement ready to be asked, and what a verdict calls it."""

    verdict: Verdict
    statement: Statement
    resources: Names
    outside: bool
    """The resources are those that do not match."""
    principals: Names | None
    tests: tuple[Test, ...]

    def applies(self, question: Question) -> bool:
        """Tell whether the statement is about this question; its action and resource are known to match."""
        if self.principals is not None and not any(self.principals.match(name) for name in question.principals):
            return False
        for test in self.tests:  # noqa: SIM110 - all() over a generator costs as much as the test
            if not test(question.context):
                return False
        return True


class PolicySet:
    """All that hangs on a principal (or on a key), compiled. What is about one action on one resource is worked out once and
    remembered, and so is the verdict on a question: the set never changes, and the time in a context is of whole seconds.
    """

    def __init__(self, policies: Iterable[tuple[str, Document]]) -> None:
        """Compile documents, each with the name that a verdict calls it."""
        clauses = [_clause(name, statement) for name, document in policies for statement in document.statements]
        # Deny first: the first that applies decides.
        self._clauses = sorted(clauses, key=lambda clause: clause.statement.effect is Effect.ALLOW)
        self.silent = not clauses
        """Whether it says nothing, whatever is asked."""
        self.keys = frozenset(condition.key for clause in clauses for condition in clause.statement.conditions)
        """The condition keys that any statement looks at."""
        self._known: dict[tuple[str, str], tuple[Clause, ...]] = {}
        self._verdicts: dict[tuple[Any, ...], Verdict] = {}

    def judge(self, question: Question) -> Verdict:
        """Give the verdict and the statement that decided; nothing allows a resource of more than RESOURCE_CHARS_MAX."""
        if len(question.resource) > RESOURCE_CHARS_MAX:
            return SILENT
        asked = (question.action, question.resource, question.principals, *question.context.items())
        verdict = self._verdicts.get(asked)
        if verdict is None:
            verdict = self._judged(question)
            if len(self._verdicts) >= REMEMBERED_MAX:
                self._verdicts.clear()
            self._verdicts[asked] = verdict
        return verdict

    def _judged(self, question: Question) -> Verdict:
        clauses = self._known.get((question.action, question.resource))
        if clauses is None:
            clauses = self._about(question.action, question.resource)
        for clause in clauses:
            if clause.applies(question):
                return clause.verdict
        return SILENT

    def _about(self, action: str, resource: str) -> tuple[Clause, ...]:
        found = tuple(
            clause
            for clause in self._clauses
            if _acts(clause.statement, action) and clause.resources.match(resource) is not clause.outside
        )
        if len(self._known) >= REMEMBERED_MAX:
            self._known.clear()
        self._known[action, resource] = found
        return found


def both(first: Verdict, second: Verdict) -> Verdict:
    """Give what two sets say that must both allow: a Deny first, then silence."""
    for verdict in (first, second):
        if verdict.ground is Ground.DENIED:
            return verdict
    return second if first.allowed else first


def either(first: Verdict, second: Verdict) -> Verdict:
    """Give what two sets say of which one must allow and neither deny."""
    for verdict in (first, second):
        if verdict.ground is Ground.DENIED:
            return verdict
    return first if first.allowed else second


def key_verdict(identity: Verdict, key: Verdict, *, same_account: bool) -> Verdict:
    """Put a caller's own policies and a key's policy together (overview of key policies page, read 2026-11-23)."""
    return either(identity, key) if same_account else both(identity, key)


def _acts(statement: Statement, action: str) -> bool:
    patterns = statement.actions or statement.not_actions
    matches = any(wildcard(pattern, ignore_case=True).fullmatch(action) for pattern in patterns)
    return matches is bool(statement.actions)


def _clause(name: str, statement: Statement) -> Clause:
    ground = Ground.DENIED if statement.effect is Effect.DENY else Ground.ALLOWED
    return Clause(
        Verdict(ground, name, statement.number, statement.sid),
        statement,
        Names(statement.resources or statement.not_resources or ("*",)),
        bool(statement.not_resources),
        Names(statement.principals) if statement.principals else None,
        tuple(compiled(condition) for condition in statement.conditions),
    )
