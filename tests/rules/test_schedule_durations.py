"""Durations on the command line."""

from datetime import timedelta

import pytest

from keystead.cli.admin.durations import DurationInvalid, parse_duration

# Each expected value is the sum of its parts: a day is 24 hours, a week 7 days.
READ = {
    "30d": timedelta(days=30),
    "12h": timedelta(hours=12),
    "90m": timedelta(minutes=90),
    "45s": timedelta(seconds=45),
    "2w": timedelta(days=14),
    "1d6h": timedelta(hours=30),
    "1w2d3h4m5s": timedelta(days=9, hours=3, minutes=4, seconds=5),
    "0s": timedelta(0),
    "P1DT2H": timedelta(hours=26),
    "P30D": timedelta(days=30),
    "PT90M": timedelta(minutes=90),
    "P1W": timedelta(days=7),
}
REFUSED = ["", "30", "d", "-1d", "1.5h", "6h1d", "1 d", "1D", "P", "PT", "P1DT", "P1M", "P1Y", "p1d", "1d\n", "9999999999w", "٣d"]


@pytest.mark.parametrize(("text", "duration"), READ.items())
def test_a_duration_is_the_sum_of_its_parts(text: str, duration: timedelta) -> None:
    """Both the short form and ISO 8601 are read, exactly."""
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", REFUSED)
def test_anything_else_is_refused_with_the_forms_that_are_not(text: str) -> None:
    """Nothing is guessed: no bare number, no month or year, no sign, no fraction, no overflow."""
    with pytest.raises(DurationInvalid, match="P1DT2H"):
        parse_duration(text)
