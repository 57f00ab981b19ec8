"""The root of every refusal.

A room raises its own small class, with typed facts and a precise sentence for the caller; it knows no HTTP. Each product's
table (`api/<product>/faults.py`) maps classes to the public code and status, in order of precedence. What no table knows is an
internal failure: the record keeps the traceback, the caller gets a request id.

    Fault
    ├── CallerFault    the request is wrong in itself
    │   ├── MissingParameter
    │   └── InvalidParameter
    ├── Refused        the caller may not, whoever it is or whatever it proved
    ├── NotFound       the thing named is not there (or not the caller's: the two look the same)
    ├── StateFault     the thing is there, but not in a state that allows this
    ├── LimitFault     a quota, a rate or the money does not reach
    └── Unavailable    our side cannot serve this now
"""

from __future__ import annotations


class Fault(Exception):
    """A refusal with a sentence for the caller; subclasses carry typed facts."""

    @property
    def sentence(self) -> str:
        """What the caller is told beyond the code."""
        return str(self)


class CallerFault(Fault):
    """The request is wrong in itself."""


class MissingParameter(CallerFault):
    """A required parameter was not given."""

    def __init__(self, name: str) -> None:
        """Name the parameter as it is written on the wire."""
        super().__init__(f'The parameter "{name}" is needed but not provided.')
        self.name = name


class InvalidParameter(CallerFault):
    """A parameter was given, but its value is not acceptable; `reason` says what would be."""

    def __init__(self, name: str, reason: str = "") -> None:
        """Name the parameter as it is written on the wire."""
        detail = f" {reason}" if reason else ""
        super().__init__(f'The specified parameter "{name}" is not valid.{detail}')
        self.name = name
        self.reason = reason


class Unsupported(CallerFault):
    """The request asks for something this service does not do."""


class Refused(Fault):
    """The caller may not do this."""


class NotFound(Fault):
    """The thing named does not exist for this caller."""


class StateFault(Fault):
    """The thing named is in a state that does not allow this."""


class LimitFault(Fault):
    """A quota, a rate or the balance does not reach."""


class Unavailable(Fault):
    """The service cannot do this just now."""
