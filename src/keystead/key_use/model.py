"""Uses of keys, as counted from the records of calls."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

BOUND: Final = 2**32
"""Encryptions with random 96-bit IVs after which a GCM key is to be replaced (NIST SP 800-38D, 8.3; read 2026-11-22)."""


class KeyCall(NamedTuple):
    """A served call that used a key. `opened_version_id` names what ReEncrypt opened; empty otherwise. `at` is business time."""

    account_id: str
    instance_id: str
    operation: str
    principal: str
    key_id: str
    version_id: str
    opened_version_id: str
    at: datetime


class Use(msgspec.Struct, frozen=True):
    """One operation by one principal (an access key) on one key."""

    key_id: str
    operation: str
    principal: str
    account_id: str


class Version(msgspec.Struct, frozen=True):
    """A key version, and whose it is."""

    version_id: str
    key_id: str
    account_id: str
    instance_id: str


class Uses(NamedTuple):
    """What some records come to: calls and the last instant of each use, encryptions of each version.

    `deletions` are the keys (and their accounts) that were scheduled for deletion: those used just before, and not counted then,
    are looked at again.
    """

    calls: Counter[Use]
    last: dict[Use, datetime]
    sealed: Counter[Version]
    deletions: set[tuple[str, str]]

    @classmethod
    def none(cls) -> Uses:
        """Give an empty one."""
        return cls(Counter(), {}, Counter(), set())


class Used(msgspec.Struct, frozen=True):
    """A use as it was counted so far; `last_at` is business time."""

    use: Use
    calls: int
    last_at: datetime


class Wear(msgspec.Struct, frozen=True):
    """How many encryptions a version did, of BOUND."""

    version: Version
    sealed: int

    @property
    def part(self) -> float:
        """How far it is to BOUND: 0 is unused, 1 is there."""
        return self.sealed / BOUND
