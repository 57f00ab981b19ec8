"""Pure decisions on accounts."""

from __future__ import annotations

import re

from keystead.access.faults import AccountNameInvalid, ServiceNameInvalid

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_SERVICE = re.compile(r"[a-z][a-z0-9-]{1,31}")


def checked_name(name: str) -> str:
    """Give the name back, or raise AccountNameInvalid; the set is what a command line and a file name can carry unquoted."""
    if not _NAME.fullmatch(name):
        raise AccountNameInvalid(name)
    return name


def checked_service(name: str) -> str:
    """Give a service's name back, or raise ServiceNameInvalid; the set is what an alias `alias/acs/<name>` can carry."""
    if not _SERVICE.fullmatch(name):
        raise ServiceNameInvalid(name)
    return name
