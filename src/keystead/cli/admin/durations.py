"""Durations as people write them on a command line."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from keystead.faults import CallerFault

_SHORT: Final = re.compile(r"(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_ISO: Final = re.compile(r"P(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?")
_UNITS: Final = ("weeks", "days", "hours", "minutes", "seconds")


class DurationInvalid(CallerFault):
    """The text is not a duration."""

    def __init__(self, text: str) -> None:
        """Show the accepted forms."""
        super().__init__(f"{text!r} is not a duration such as 30d, 1d6h, 90m, 45s or P1DT2H (years and months vary in length)")


def parse_duration(text: str) -> timedelta:
    """Read `1w2d3h4m5s` (any units, in this order, at least one) or ISO 8601 `P1DT2H`; DurationInvalid for anything else."""
    pattern = _ISO if text.startswith("P") else _SHORT
    found = pattern.fullmatch(text)
    if found is None or not any(found.groups()) or text.endswith("T"):
        raise DurationInvalid(text)
    try:
        return timedelta(**{unit: int(count) for unit, count in zip(_UNITS, found.groups(), strict=True) if count})
    except OverflowError:
        raise DurationInvalid(text) from None
