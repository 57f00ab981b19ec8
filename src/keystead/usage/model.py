"""What an instance used on a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import msgspec

from keystead.key_use.model import Uses


class Holding(msgspec.Struct, frozen=True):
    """What an instance held and might hold on a UTC+8 day: the highest figures seen. `log_storage_gb` is what was bought.

    Secrets cannot be made yet.
    """

    instance_id: str
    day: date
    account_id: str
    region: str
    keys_held: int
    keys_bought: int
    secrets: int
    secrets_bought: int
    accesses: int
    accesses_bought: int
    log_storage_gb: int
    qps_bought: int


class Load(msgspec.Struct, frozen=True):
    """How hard an instance was worked on a day: the most calls that came in one second, and the bytes of the records of calls.

    `log_kept` are the bytes of the records of the days that the log still keeps at the end of that day.
    """

    peak_qps: int = 0
    log_bytes: int = 0
    log_kept: int = 0


class DayUsage(msgspec.Struct, frozen=True):
    """A day's holding and the calls of it, by operation. Without a holding only calls were seen that day."""

    instance_id: str
    day: date
    holding: Holding | None
    calls: Mapping[str, int]
    load: Load = Load()


class Counted(msgspec.Struct, frozen=True):
    """What calls are counted by; `instance_id` is empty for calls on none."""

    account_id: str
    instance_id: str
    day: str
    operation: str


class InSecond(msgspec.Struct, frozen=True):
    """What is counted a second of wall time; `day` is the business day of those calls."""

    account_id: str
    instance_id: str
    second: int
    day: str


class Tally(NamedTuple):
    """What some records come to: calls by operation and by second, bytes, uses of keys.

    Bytes are counted by what `Counted` says without its operation.
    """

    calls: Counter[Counted]
    seconds: Counter[InSecond]
    written: Counter[Counted]
    uses: Uses


class CallRecord(msgspec.Struct, frozen=True):
    """Of a call's record, what counting needs."""

    account_id: str = ""
    instance_id: str = ""
    api_name: str = ""
    access_key_id: str = ""
    resource_id: str = ""
    key_version_id: str = ""
    opened_version_id: str = ""
    time: str = ""
    business_time: str = ""
    error_code: str = ""
