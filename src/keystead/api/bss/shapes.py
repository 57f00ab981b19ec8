"""What the billing actions have in common on the wire: the envelope, paging, times, amounts, the owner.

Success is `Code: "Success"` with `Message: "Successful!"`, but `"200"` and `"success"` on QueryAccountBalance: clients test for
those very texts (BssOpenApi pages and clients' sources, read 2026-11-22). A refusal is the gate's to render.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from keystead.clock import iso_z, parse_iso_z
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Response
from keystead.orders.faults import OwnerForeign

CODE = "Success"
MESSAGE = "Successful!"
BALANCE_CODE = "200"
BALANCE_MESSAGE = "success"
SUBSCRIPTION = "Subscription"
PAGE_SIZE = 20
PAGE_SIZE_MAX = 300
INSTANCE_IDS_MAX = 100

PageNum = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
PageSize = Annotated[int, msgspec.Meta(ge=1, le=PAGE_SIZE_MAX)]


class BssResponse(Response, kw_only=True):
    """The envelope. These three have no default, so that they are never left out."""

    code: str = msgspec.field(name="Code")
    message: str = msgspec.field(name="Message")
    success: bool = msgspec.field(name="Success")


class Shape(msgspec.Struct, kw_only=True, rename="pascal", omit_defaults=True):
    """A struct inside an answer; optional fields that are None stay off the wire."""


def owned(call: Call, owner_id: int | None) -> None:
    """Raise OwnerForeign unless the owner named is the caller: there are no resellers here, an account acts for itself."""
    if owner_id is not None and str(owner_id) != call.account_id:
        raise OwnerForeign(str(owner_id))


def time_of(at: datetime | None) -> str:
    """Write an instant in UTC; empty for none."""
    return "" if at is None else iso_z(at)


def read_time(name: str, text: str) -> datetime | None:
    """Read an optional time parameter, `yyyy-MM-ddTHH:mm:ssZ`; InvalidParameter naming it for anything else."""
    if not text:
        return None
    try:
        found = parse_iso_z(text).astimezone(UTC)
    except ValueError:
        raise InvalidParameter(name, "It must be a UTC time like 2026-01-02T03:04:05Z.") from None
    if not 1 < found.year < 9999:  # spans reach a little beyond their ends, and the calendar must, too
        raise InvalidParameter(name, "It must be a time in the years 2 to 9998.")
    return found
