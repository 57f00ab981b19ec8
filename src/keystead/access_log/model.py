"""The record of one call: what the log says about it, in the cloud's field names (log field details, read 2026-11-22)."""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, kw_only=True, gc=False):
    """One call, filled on its way through the gate. Times are ISO 8601 UTC; `duration` is in milliseconds."""

    time: str = ""
    """Wall time of arrival."""
    business_time: str = ""
    """Business time of the call; differs from `time` only on a manual clock."""
    request_id: str
    product: str = ""
    api_name: str = ""
    status_code: int = 0
    error_code: str = ""
    error_message: str = ""
    duration: float = 0.0
    account_id: str = ""
    access_key_id: str = ""
    region_id: str = ""
    instance_id: str = ""
    resource_id: str = ""
    key_version_id: str = ""
    opened_version_id: str | msgspec.UnsetType = msgspec.UNSET
    """What ReEncrypt opened; `key_version_id` is what it sealed with. Not written for other calls."""
    client_ip: str = ""
    useragent: str = ""


_ENCODER = msgspec.json.Encoder()


def encoded(record: Record) -> bytes:
    """Give the record as one line of JSON, without the line end."""
    return _ENCODER.encode(record)


def encoded_lines(records: list[Record]) -> bytes:
    """Give the records as lines of JSON, each with its line end."""
    return _ENCODER.encode_lines(records)
