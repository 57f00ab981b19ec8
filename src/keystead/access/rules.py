"""Pure decisions on accounts."""

from __future__ import annotations

import re

from keystead.access.faults import AccountNameInvalid

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")


def checked_name(name: str) -> str:
    """Give the name back, or raise AccountNameInvalid; the set is what a command line and a file name can carry unquoted."""
    if not _NAME.fullmatch(name):
        raise AccountNameInvalid(name)
    return name
