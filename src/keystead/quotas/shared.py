"""Quotas of the shared gateway: read once from their dated file, when a process starts."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import msgspec

from keystead.faults import Fault
from keystead.quotas.model import SharedQuota

QUOTAS_FILE: Final = "shared-gateway.toml"
BURST_MIN: Final = 10
"""What a quota serves at once at least: a script that sets something up makes a handful of calls, and is idle then."""
BURST_MAX: Final = 50
"""A quota of so many requests a second or fewer serves a whole second's at once (docs/adr/0073)."""


class QuotasBroken(Fault):
    """A mistake of ours: the file of quotas is not sound."""


class _Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    qps: int
    actions: tuple[str, ...]
    added: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    edition: str
    read: str
    groups: tuple[_Group, ...]


def load_shared_quotas(factor: int = 1, text: bytes | None = None) -> Mapping[str, SharedQuota]:
    """Give the quota of each action of KMS and STS, the documented figures times `factor`; none at all for 0. QuotasBroken."""
    source = (files("keystead.quotas") / "data" / QUOTAS_FILE).read_bytes() if text is None else text
    found: dict[str, SharedQuota] = {}
    for group in msgspec.toml.decode(source, type=_File).groups if factor else ():
        qps = group.qps * factor
        if qps < 1:
            raise QuotasBroken(f"{QUOTAS_FILE}: {group.name} has {qps} requests a second")
        for action in group.actions + group.added:
            if action in found:
                raise QuotasBroken(f"{QUOTAS_FILE}: {action} is in two groups")
            found[action] = SharedQuota(group.name, qps, max(BURST_MIN, min(qps, BURST_MAX)))
    return MappingProxyType(found)
