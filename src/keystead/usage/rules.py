"""Pure decisions on usage: what a record counts as, what a day or month comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

import msgspec

from keystead.clock import business_day
from keystead.key_use import rules as key_use
from keystead.key_use.model import KeyCall, Uses
from keystead.quotas.model import Quota, Resource
from keystead.usage.model import CallRecord, Counted, DayUsage, Holding, InSecond, Load, Tally

LOG_KEPT: Final = timedelta(days=180)
"""How long records of calls are kept (KMS billing page: up to 180 days; read 2026-11-22)."""
_DECODER = msgspec.json.Decoder(CallRecord)


LEVELS: Final = (70, 90)
"""At how many per cent of what was bought an owner is told (KMS events page, read 2026-11-22)."""
BACK: Final = 5
"""How many per cent below a level use must come before it can be told of that level again."""


def level_after(before: int, quota: Quota) -> int:
    """Give the level (0, 70, 90) that use is to be marked with, from the one it was marked with and how much is used now.

    An access quantity of one is always used up, by the VPC of enabling: of that there is nothing to tell.
    """
    if quota.allowed == 0 or (quota.resource is Resource.VPC and quota.allowed == 1):
        return 0
    standing = [level for level in LEVELS if quota.used * 100 >= (level - (BACK if level <= before else 0)) * quota.allowed]
    return max(standing, default=0)


def severity_of(resource: Resource, level: int) -> str:
    """Give how grave a level is: INFO at 70 %, at 90 % WARN, of requests a second CRITICAL (KMS events page, read 2026-11-22)."""
    if level < LEVELS[-1]:
        return "INFO"
    return "CRITICAL" if resource is Resource.QPS else "WARN"


def counted(records: Iterable[bytes]) -> Tally:
    """Count records of calls by account, instance, UTC+8 day and operation, by second, and their bytes; not refused ones.

    What a refused call names may be anything, of any length; what a served one names exists. A second is one of wall time: a
    manual clock's business time stands still.
    """
    found = Tally(Counter(), Counter(), Counter(), Uses.none())
    for line in records:
        record = _DECODER.decode(line)
        if not record.account_id or not record.business_time or record.error_code:
            continue
        now = datetime.fromisoformat(record.business_time)
        day = business_day(now).isoformat()
        found.calls[Counted(record.account_id, record.instance_id, day, record.api_name)] += 1
        if record.instance_id:
            second = int(datetime.fromisoformat(record.time or record.business_time).timestamp())
            found.seconds[InSecond(record.account_id, record.instance_id, second, day)] += 1
            found.written[Counted(record.account_id, record.instance_id, day, "")] += len(line) + 1
        if record.api_name == "ScheduleKeyDeletion":
            found.uses.deletions.add((record.resource_id, record.account_id))
        if record.key_version_id:
            key_use.note(found.uses, _key_call(record, now))
    return found


def _key_call(record: CallRecord, at: datetime) -> KeyCall:
    return KeyCall(
        account_id=record.account_id,
        instance_id=record.instance_id,
        operation=record.api_name,
        principal=record.access_key_id,
        key_id=record.resource_id,
        version_id=record.key_version_id,
        opened_version_id=record.opened_version_id,
        at=at,
    )


def kept(written: Mapping[date, int], day: date) -> int:
    """Give how many bytes the log keeps of an instance at the end of a day, from those written day by day."""
    return sum(size for on, size in written.items() if day - LOG_KEPT < on <= day)


def higher(one: Holding | None, other: Holding) -> Holding:
    """Give the higher of each figure of two looks at the same day."""
    if one is None:
        return other
    figures = (
        "keys_held",
        "keys_bought",
        "secrets",
        "secrets_bought",
        "accesses",
        "accesses_bought",
        "log_storage_gb",
        "qps_bought",
    )
    return msgspec.structs.replace(other, **{name: max(getattr(one, name), getattr(other, name)) for name in figures})


def harder(one: Load, other: Load) -> Load:
    """Put the loads of two days together: the higher peak and log, the added bytes."""
    return Load(max(one.peak_qps, other.peak_qps), one.log_bytes + other.log_bytes, max(one.log_kept, other.log_kept))


def months_of(days: Iterable[DayUsage]) -> list[tuple[str, DayUsage]]:
    """Put an account's days together by month and instance: highest figures, added calls. The day is the last one seen."""

    def key(usage: DayUsage) -> tuple[str, str]:
        return f"{usage.day:%Y-%m}", usage.instance_id

    found = []
    for (month, instance_id), group in groupby(sorted(days, key=lambda usage: (*key(usage), usage.day)), key=key):
        calls: Counter[str] = Counter()
        holding: Holding | None = None
        day = None
        load = Load()
        for usage in group:
            calls.update(usage.calls)
            load = harder(load, usage.load)
            day = usage.day
            holding = holding if usage.holding is None else higher(holding, usage.holding)
        if day is not None:
            found.append((month, DayUsage(instance_id, day, holding, calls, load)))
    return found
