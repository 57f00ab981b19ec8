"""CreateUser, GetUser, DeleteUser, ListUsers (models of alibabacloud-ram20150501 1.3.0, read 2026-11-22)."""

from __future__ import annotations

import msgspec

from keystead import ids
from keystead.access import rows as access_rows
from keystead.api.ram._product import RAM
from keystead.api.ram._shapes import NothingResponse, PageRequest, Shown, UserRequest, after, paged
from keystead.clock import iso_z
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.identity import commands, rows
from keystead.identity.faults import EntityInUse
from keystead.identity.model import HolderKind, User
from keystead.identity.rules import checked_length, checked_name


class CreateUserRequest(Request):
    """A user's name (1 to 64 letters, digits and . _ -) and what people call it."""

    user_name: str
    display_name: str = ""
    mobile_phone: str = ""
    email: str = ""
    comments: str = ""


class UserShown(Shown, kw_only=True):
    """A user."""

    user_id: str
    user_name: str
    display_name: str
    mobile_phone: str
    email: str
    comments: str
    create_date: str


class UserDetail(UserShown, kw_only=True):
    """A user, and when it was last changed."""

    update_date: str


class CreateUserResponse(Response):
    """The user."""

    user: UserShown


class GetUserResponse(Response):
    """The user."""

    user: UserDetail


class Users(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    user: list[UserShown]


class ListUsersResponse(Response):
    """A page of users by name."""

    users: Users
    is_truncated: bool
    marker: str | None = None


@RAM.action("CreateUser", Effect.WRITE, methods="POST")
def create_user(call: Call, request: CreateUserRequest) -> CreateUserResponse:
    """Make a user that may nothing yet."""
    user = User(
        ids.principal_id(),
        call.account_id,
        checked_name("UserName", request.user_name),
        call.now,
        call.now,
        checked_length("DisplayName", request.display_name, 128) or request.user_name,
        checked_length("MobilePhone", request.mobile_phone, 64),
        checked_length("Email", request.email, 254),
        checked_length("Comments", request.comments, 128),
    )
    return CreateUserResponse(user=_shown(commands.create(call.tx, user)))


@RAM.action("GetUser", Effect.READ, methods="POST")
def get_user(call: Call, request: UserRequest) -> GetUserResponse:
    """Show a user."""
    user = commands.user_named(call.tx, call.account_id, request.user_name)
    detail = UserDetail(**msgspec.structs.asdict(_shown(user)), update_date=iso_z(user.updated_at))
    return GetUserResponse(user=detail)


@RAM.action("DeleteUser", Effect.WRITE, methods="POST")
def delete_user(call: Call, request: UserRequest) -> NothingResponse:
    """Delete a user without access keys, groups and policies."""
    user = commands.user_named(call.tx, call.account_id, request.user_name)
    if any(key.user_id == user.user_id for key in access_rows.access_keys(call.tx, call.account_id)):
        raise EntityInUse("User", "AccessKey", "The user cannot be deleted while it has access keys.")
    commands.delete(call.tx, commands.holder_of(user))
    return NothingResponse()


@RAM.action("ListUsers", Effect.READ, methods="POST")
def list_users(call: Call, request: PageRequest) -> ListUsersResponse:
    """List the account's users by name."""
    found = rows.page(call.tx, call.account_id, HolderKind.USER, after(request.marker), request.max_items + 1)
    page, more, marker = paged(found, request.max_items, lambda user: user.name)
    shown = [_shown(user) for user in page if isinstance(user, User)]
    return ListUsersResponse(users=Users(user=shown), is_truncated=bool(more), marker=marker)


def _shown(user: User) -> UserShown:
    return UserShown(
        user_id=user.user_id,
        user_name=user.name,
        display_name=user.display_name,
        mobile_phone=user.mobile,
        email=user.email,
        comments=user.comments,
        create_date=iso_z(user.created_at),
    )
