"""What an instance used on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec


class Holding(msgspec.Struct, frozen=True):
    """What an instance held and might hold on a UTC+8 day: the highest figures seen. `log_storage_gb` is what was bought.

    Secrets cannot be made yet; log storage in use is not measured.
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


class DayUsage(msgspec.Struct, frozen=True):
    """A day's holding and the calls of it, by operation. Without a holding only calls were seen that day."""

    instance_id: str
    day: date
    holding: Holding | None
    calls: Mapping[str, int]


class Counted(msgspec.Struct, frozen=True):
    """What calls are counted by; `instance_id` is empty for calls on none."""

    account_id: str
    instance_id: str
    day: str
    operation: str


class CallRecord(msgspec.Struct, frozen=True):
    """Of a call's record, what counting needs."""

    account_id: str = ""
    instance_id: str = ""
    api_name: str = ""
    business_time: str = ""
    error_code: str = ""
