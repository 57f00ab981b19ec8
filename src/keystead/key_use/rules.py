"""Pure decisions on uses of keys: what a call counts as, when a version is worn, when a key is in use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from keystead import ids
from keystead.key_use.model import BOUND, KeyCall, Use, Used, Uses, Version

DATA_KEYS: Final = frozenset({"GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateAndExportDataKey"})
SEALING: Final = frozenset({"Encrypt", "ReEncrypt"}) | DATA_KEYS
"""Operations that encrypt once, with a random IV, under the version that their record names."""
IN_USE: Final = timedelta(days=7)


def note(uses: Uses, call: KeyCall) -> None:
    """Add a served call to what some records come to."""
    used = {call.key_id}
    if call.opened_version_id:
        used.add(ids.key_of_version(call.opened_version_id))
    for key_id in used:
        use = Use(key_id, call.operation, call.principal, call.account_id)
        uses.calls[use] += 1
        uses.last[use] = max(uses.last.get(use, call.at), call.at)
    if call.operation in SEALING:
        uses.sealed[Version(call.version_id, call.key_id, call.account_id, call.instance_id)] += 1


def marks(warned_at: int) -> tuple[int, int]:
    """Give the numbers of encryptions that a version's owner is told of: where it is warned, and the bound."""
    return warned_at, BOUND


def passed(sealed: int, warned_at: int) -> int:
    """Give the highest mark that so many encryptions have reached; 0 for none."""
    return max((mark for mark in marks(warned_at) if sealed >= mark), default=0)


def in_use(uses: Iterable[Used], now: datetime) -> list[Used]:
    """Give the uses of the last seven days, the latest first."""
    return sorted((used for used in uses if used.last_at > now - IN_USE), key=lambda used: used.last_at, reverse=True)


def data_keys(uses: Iterable[Used]) -> int:
    """Give how many data keys were made."""
    return sum(used.calls for used in uses if used.use.operation in DATA_KEYS)
