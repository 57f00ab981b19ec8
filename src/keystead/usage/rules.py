"""Pure decisions on usage: what a record counts as, what a day or month comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

import msgspec

from keystead.clock import business_day
from keystead.usage.model import CallRecord, Counted, DayUsage, Holding

_DECODER = msgspec.json.Decoder(CallRecord)


def counted(records: Iterable[bytes]) -> Counter[Counted]:
    """Count records of calls by account, instance, UTC+8 day and operation; refused ones are left out.

    What a refused call names may be anything, of any length; what a served one names exists.
    """
    found: Counter[Counted] = Counter()
    for line in records:
        record = _DECODER.decode(line)
        if record.account_id and record.business_time and not record.error_code:
            day = business_day(datetime.fromisoformat(record.business_time)).isoformat()
            found[Counted(record.account_id, record.instance_id, day, record.api_name)] += 1
    return found


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


def months_of(days: Iterable[DayUsage]) -> list[tuple[str, DayUsage]]:
    """Put an account's days together by month and instance: highest figures, added calls. The day is the last one seen."""

    def key(usage: DayUsage) -> tuple[str, str]:
        return f"{usage.day:%Y-%m}", usage.instance_id

    found = []
    for (month, instance_id), group in groupby(sorted(days, key=lambda usage: (*key(usage), usage.day)), key=key):
        calls: Counter[str] = Counter()
        holding: Holding | None = None
        day = None
        for usage in group:
            calls.update(usage.calls)
            day = usage.day
            holding = holding if usage.holding is None else higher(holding, usage.holding)
        if day is not None:
            found.append((month, DayUsage(instance_id, day, holding, calls)))
    return found
