"""Reading a time as clients write it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from keystead.clock import parse_iso_z


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [("2026-01-02T03:04:05Z", 0), ("2026-01-02T03:04:05.6Z", 600_000), ("2026-01-02T03:04:05.678Z", 678_000)],
)
def test_a_utc_time_is_read(text: str, microsecond: int) -> None:
    """With and without a fraction."""
    assert parse_iso_z(text) == datetime(2026, 1, 2, 3, 4, 5, microsecond, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05+00:00",
        "2026-01-02T03:04Z",
        "2026-01-02",
        "20260102T030405Z",
        "2026-W01-5T03:04:05Z",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05,6Z",
        "2026-02-30T03:04:05Z",
        "2026-01-02T24:00:00Z",
        "٢٠٢٦-01-02T03:04:05Z",
        "",
    ],
)
def test_what_else_iso_8601_allows_is_refused(text: str) -> None:
    """No client of the cloud sends these, and two readers could understand some of them differently."""
    with pytest.raises(ValueError, match=r".+"):
        parse_iso_z(text)
