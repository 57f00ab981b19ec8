"""Requests a second of an instance, by what was purchased: read once from their dated file, when a process starts."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import msgspec

from keystead.faults import Fault
from keystead.quotas import rules
from keystead.quotas.model import Tier, Work

TIERS_FILE: Final = "instance-tiers.toml"


class TiersBroken(Fault):
    """A mistake of ours: the file of tiers is not sound."""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    edition: str
    symmetric: int
    asymmetric: int
    public_key: int
    secret_value: int
    random: int
    pair: int


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    edition: str
    read: str
    tiers: tuple[_Row, ...]


class Tiers:
    """The budgets of instances; that of a figure which was asked for before is a look-up."""

    def __init__(self, figures: Mapping[str, Mapping[int, Mapping[Work, int]]]) -> None:
        """Keep the documented figures: by edition, tier and work."""
        self.figures = figures
        self._known: dict[tuple[str, int], Tier] = {}

    def tier(self, edition: str, qps: int) -> Tier:
        """Give the budget of an instance of an edition, purchased for `qps` requests a second."""
        known = self._known.get((edition, qps))
        if known is None:
            known = self._known[edition, qps] = rules.tier_for(self.figures[edition], qps)
        return known


def load_tiers(text: bytes | None = None) -> Tiers:
    """Read the documented tiers. TiersBroken for two rows of one tier, and for a figure below 1 or above that of the tier."""
    source = (files("keystead.quotas") / "data" / TIERS_FILE).read_bytes() if text is None else text
    found: dict[str, dict[int, Mapping[Work, int]]] = {}
    for row in msgspec.toml.decode(source, type=_File).tiers:
        of_edition, qps = found.setdefault(row.edition, {}), row.symmetric
        figures: dict[Work, int] = {work: getattr(row, work.value) for work in Work}
        if qps in of_edition:
            raise TiersBroken(f"{TIERS_FILE}: {row.edition} {qps} is there twice")
        if not all(1 <= figure <= qps for figure in figures.values()):
            raise TiersBroken(f"{TIERS_FILE}: {row.edition} {qps} has a figure that is not from 1 to {qps}")
        of_edition[qps] = figures
    return Tiers(found)
