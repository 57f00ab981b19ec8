"""How long the log keeps what is written."""

from datetime import date, timedelta

from keystead.usage import rules
from keystead.usage.model import Load

DAY = date(2026, 7, 1)


def test_the_log_keeps_180_days() -> None:
    """Written 179 days ago counts, 180 days ago does not (KMS billing page: up to 180 days), nor does what comes later."""
    written = {DAY: 1, DAY - timedelta(days=179): 10, DAY - timedelta(days=180): 100, DAY + timedelta(days=1): 1000}
    assert rules.kept(written, DAY) == 11


def test_a_month_has_the_highest_peak_and_log_and_all_that_was_written() -> None:
    """Peaks 7 and 5, 10 and 20 bytes, 10 and 30 kept: 7, 30, 30."""
    assert rules.harder(Load(7, 10, 10), Load(5, 20, 30)) == Load(7, 30, 30)
