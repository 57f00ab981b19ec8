"""Which addresses are inside which VPCs: compiled once for each worker, asked at every call through an instance's gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from keystead.networks import rules
from keystead.networks.model import Network

KNOWN_MAX: Final = 10_000


class Reach:
    """The ranges of all registered VPCs by place. What was asked is remembered: a VPC that changes makes another one of these."""

    __slots__ = ("_found", "_known", "_networks")

    def __init__(self, networks: Mapping[str, tuple[Network, ...]]) -> None:
        """Start with nothing asked."""
        self._networks = networks
        self._known: dict[tuple[tuple[str, ...], str], bool] = {}
        self._found: dict[tuple[str, str], str] = {}

    def admits(self, places: tuple[str, ...], source: str) -> bool:
        """Whether an address is inside one of the VPCs; anywhere is, as long as no VPC at all is registered."""
        if not self._networks:
            return True
        known = self._known.get((places, source))
        if known is None:
            address = rules.address_of(source)
            networks = (network for place in places for network in self._networks.get(place, ()))
            known = address is not None and any(address in network for network in networks)
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[places, source] = known
        return known

    def vpc_of(self, home: str, source: str) -> str:
        """Give the VPC an address is in, by id the first of an account's in a region (`home` is their place); empty for none.

        Two accounts may use the same private addresses: only the caller's own VPCs can be where it says it is.
        """
        found = self._found.get((home, source))
        if found is None:
            address = rules.address_of(source)
            inside = (
                place.removeprefix(home)
                for place in sorted(self._networks)
                if place.startswith(home) and address is not None and any(address in network for network in self._networks[place])
            )
            found = next(inside, "")
            if len(self._found) >= KNOWN_MAX:
                self._found.clear()
            self._found[home, source] = found
        return found
