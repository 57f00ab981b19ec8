"""What the families of RAM share: requests that name one thing, pages, and how policies are shown."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import msgspec

from keystead.clock import iso_z
from keystead.faults import InvalidParameter
from keystead.gate.parameters import Part, Request, Response
from keystead.identity.model import Attached, Policy, PolicyType
from keystead.identity.system import SYSTEM_POLICIES

T = TypeVar("T")
Items = Annotated[int, msgspec.Meta(ge=1, le=1000)]
ITEMS_DEFAULT = 100


class Shown(msgspec.Struct, kw_only=True, rename="pascal", omit_defaults=True):
    """A part of an answer."""


class Tag(Part):
    """A tag: refused, RAM's things bear none here."""

    key: str
    value: str = ""


class UserRequest(Request):
    """Which user."""

    user_name: str


class GroupRequest(Request):
    """Which group."""

    group_name: str


class RoleRequest(Request):
    """Which role."""

    role_name: str


class PageRequest(Request):
    """A page: from behind `marker`, `max_items` (1 to 1,000, 100 by default)."""

    marker: str = ""
    max_items: Items = ITEMS_DEFAULT


class NothingResponse(Response):
    """Nothing but the request id."""


class PolicyShown(Shown, kw_only=True):
    """A policy in a list."""

    policy_name: str
    policy_type: str
    description: str
    default_version: str


class PolicyAttached(PolicyShown, kw_only=True):
    """A policy on a user, group or role, and since when."""

    attach_date: str


class PolicyMade(PolicyShown, kw_only=True):
    """A policy, and since when it is there."""

    create_date: str


class PolicyDetail(PolicyMade, kw_only=True):
    """A policy, when it was last changed, and how often it is attached."""

    update_date: str
    attachment_count: int


def no_tags(tags: Sequence[Tag]) -> None:
    """Raise InvalidParameter for tags: nothing of RAM bears any here (docs/divergences.md)."""
    if tags:
        raise InvalidParameter("Tag", "Users, roles and policies bear no tags here.")


def policy_type(text: str) -> PolicyType:
    """Read the PolicyType parameter."""
    try:
        return PolicyType(text)
    except ValueError:
        raise InvalidParameter("PolicyType", "It must be System or Custom.") from None


def paged(found: Sequence[T], limit: int, name_of: Callable[[T], str]) -> tuple[list[T], bool | None, str | None]:
    """Cut one row too many off; gives the page, whether more follow, and the marker they follow."""
    page = list(found[:limit])
    more = len(found) > limit
    return page, more, base64.urlsafe_b64encode(name_of(page[-1]).encode()).decode() if more else None


def after(marker: str) -> str:
    """Read a marker that `paged` gave."""
    try:
        name = base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        name = ""
    if marker and not (name and name.isascii() and name.isprintable()):
        raise InvalidParameter("Marker", "It is not one that this action gave; leave it out to start anew.")
    return name


def attached_shown(attached: Attached, policies: dict[str, Policy]) -> PolicyAttached:
    """Show a policy as attached."""
    system = attached.kind is PolicyType.SYSTEM
    description = SYSTEM_POLICIES[attached.policy][0] if system else policies[attached.policy].description
    version = "v1" if system else policies[attached.policy].default_version
    return PolicyAttached(
        policy_name=attached.policy,
        policy_type=attached.kind.value,
        description=description,
        default_version=version,
        attach_date=iso_z(attached.at),
    )
