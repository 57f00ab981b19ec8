"""Usage records: QueryUserOmsData (BssOpenApi page, read 2026-11-22). For reference, not for reckoning.

One free-form map of text an instance and day (or month). Kept by the day: DataType Hour and Raw find nothing. PeakQps is the
most served calls in one second of the day. LogStorage is what the records of the last 180 days take, LogWritten those of the day,
in GB of 10^9 bytes.

Table `kms_key_version` is ours: how often each key version encrypted, and how far it is from the bound of AES-GCM.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

import msgspec

from keystead.api.bss._product import BSS
from keystead.api.bss.paging import position_named, token_for
from keystead.api.bss.shapes import CODE, MESSAGE, BssResponse, Shape, owned, read_time
from keystead.clock import business_day
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request
from keystead.gate.registry import Effect
from keystead.key_use import commands as key_use
from keystead.key_use.model import BOUND
from keystead.usage import commands as usage
from keystead.usage import rules
from keystead.usage.model import DayUsage

DAY: Final = "Day"
MONTH: Final = "Month"
VERSIONS: Final = "kms_key_version"
"""A table of ours (docs/adr/0076)."""
KEPT_NOT: Final = frozenset({"Hour", "Raw"})
_GIGABYTE: Final = 10**9
UsagePageSize = Annotated[int, msgspec.Meta(ge=1, le=200)]


class QueryUserOmsDataRequest(Request):
    """Which usage; times are UTC, the days they fall on by UTC+8 both count."""

    table: str
    data_type: str
    start_time: str
    end_time: str
    marker: str = ""
    page_size: UsagePageSize = 100
    owner_id: int | None = None


class UsageReading(Shape):
    """One page; `marker` is empty on the last."""

    host_id: str
    marker: str
    oms_data: list[dict[str, str]]


class QueryUserOmsDataResponse(BssResponse, kw_only=True):
    """The records."""

    data: UsageReading


@BSS.action("QueryUserOmsData", Effect.READ)
def query_user_oms_data(call: Call, request: QueryUserOmsDataRequest) -> QueryUserOmsDataResponse:
    """List what the account's instances held and which operations were called, by day or month."""
    owned(call, request.owner_id)
    if request.data_type not in {DAY, MONTH, *KEPT_NOT}:
        raise InvalidParameter("DataType", "It must be Raw, Hour, Day or Month.")
    since, until = read_time("StartTime", request.start_time), read_time("EndTime", request.end_time)
    if since is None or until is None or since > until:
        raise InvalidParameter("StartTime", "It is later than EndTime.")
    first = position_named(request, call.account_id, "marker") or 0
    found: list[dict[str, str]] = []
    if request.table == VERSIONS and request.data_type not in KEPT_NOT:
        found = _versions(call, request.data_type, business_day(since), business_day(until))
    elif request.table == call.service.catalogue.product.code and request.data_type not in KEPT_NOT:
        days = usage.days(call.tx, call.account_id, business_day(since), business_day(until))
        if request.data_type == DAY:
            found = [_row(DAY, each.day.isoformat(), each) for each in days]
        else:
            found = [_row(MONTH, month, each) for month, each in rules.months_of(days)]
    rest = first + request.page_size
    marker = token_for(request, call.account_id, rest) if rest < len(found) else ""
    data = UsageReading(host_id="", marker=marker, oms_data=found[first:rest])
    return QueryUserOmsDataResponse(code=CODE, message=MESSAGE, success=True, data=data)


def _versions(call: Call, period: str, since: date, until: date) -> list[dict[str, str]]:
    """Say how far each version that encrypted is from the bound, as counted by now: there are no figures of earlier days."""
    today = business_day(call.now)
    if not since <= today <= until:
        return []
    shown = f"{today:%Y-%m}" if period == MONTH else today.isoformat()
    return [
        {
            period: shown,
            "InstanceId": wear.version.instance_id,
            "KeyId": wear.version.key_id,
            "KeyVersionId": wear.version.version_id,
            "Encryptions": str(wear.sealed),
            "EncryptionsBound": str(BOUND),
            "EncryptionsLeft": str(max(0, BOUND - wear.sealed)),
            "PartUsed": f"{wear.part:.9f}",
        }
        for wear in key_use.wear_of_account(call.tx, call.account_id)
    ]


def _row(period: str, value: str, each: DayUsage) -> dict[str, str]:
    row = {period: value, "InstanceId": each.instance_id, "Calls": str(sum(each.calls.values()))}
    if each.instance_id:
        row |= {"PeakQps": str(each.load.peak_qps), "LogStorage": _gigabytes(each.load.log_kept)}
        row |= {"LogWritten": _gigabytes(each.load.log_bytes)}
    if each.holding is not None:
        held = each.holding
        row |= {
            "Region": held.region,
            "KeyNum": str(held.keys_held),
            "KeyQuota": str(held.keys_bought),
            "SecretNum": str(held.secrets),
            "SecretQuota": str(held.secrets_bought),
            "VpcNum": str(held.accesses),
            "VpcQuota": str(held.accesses_bought),
            "LogStorageQuota": str(held.log_storage_gb),
            "QpsQuota": str(held.qps_bought),
        }
    return row | {f"Calls.{operation}": str(calls) for operation, calls in sorted(each.calls.items())}


def _gigabytes(size: int) -> str:
    """Write bytes as GB, to the byte: 1234 is 0.000001234."""
    return f"{size // _GIGABYTE}.{size % _GIGABYTE:09d}"
