"""Users and their login profiles (models of alibabacloud-ram20150501 1.3.0, read 2026-11-22)."""

from __future__ import annotations

import msgspec

from keystead import ids
from keystead.access import rows as access_rows
from keystead.api.ram._product import RAM
from keystead.api.ram._shapes import NothingResponse, PageRequest, Shown, UserRequest, after, paged
from keystead.clock import iso_z
from keystead.gate.call import Call
from keystead.gate.dispatch import permit_name
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.identity import commands, rows
from keystead.identity.faults import EntityExists, EntityInUse
from keystead.identity.model import HolderKind, Login, User
from keystead.identity.rules import checked_length, checked_name, checked_password


class CreateUserRequest(Request):
    """A user's name (1 to 64 letters, digits and . _ -) and what people call it."""

    user_name: str
    display_name: str = ""
    mobile_phone: str = ""
    email: str = ""
    comments: str = ""


class UpdateUserRequest(UserRequest):
    """What to change; what is left out stays."""

    new_user_name: str = ""
    new_display_name: str | None = None
    new_mobile_phone: str | None = None
    new_email: str | None = None
    new_comments: str | None = None


class LoginRequest(UserRequest):
    """A password (8 to 32 characters of two kinds), and what the user must do when it enters."""

    password: str
    password_reset_required: bool = False
    mfa_bind_required: bool = msgspec.field(default=False, name="MFABindRequired")


class UpdateLoginRequest(UserRequest):
    """What to change; what is left out stays."""

    password: str = ""
    password_reset_required: bool | None = None
    mfa_bind_required: bool | None = msgspec.field(default=None, name="MFABindRequired")


class LoginShown(msgspec.Struct, kw_only=True, rename="pascal"):
    """A login profile; a password is never shown."""

    user_name: str
    create_date: str
    password_reset_required: bool
    mfa_bind_required: bool = msgspec.field(name="MFABindRequired")


class LoginResponse(Response):
    """The login profile."""

    login_profile: LoginShown


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


@RAM.action("UpdateUser", Effect.WRITE, methods="POST")
def update_user(call: Call, request: UpdateUserRequest) -> GetUserResponse:
    """Change what a user is called and how it is reached; its id, keys, groups and policies stay."""
    user = commands.user_named(call.tx, call.account_id, request.user_name)
    given = {
        "display_name": ("NewDisplayName", request.new_display_name, 128),
        "mobile": ("NewMobilePhone", request.new_mobile_phone, 64),
        "email": ("NewEmail", request.new_email, 254),
        "comments": ("NewComments", request.new_comments, 128),
    }
    values = {column: checked_length(wire, text, most) for column, (wire, text, most) in given.items() if text is not None}
    if values:
        commands.change(call.tx, call.now, commands.holder_of(user), **values)
    name = checked_name("NewUserName", request.new_user_name) if request.new_user_name else user.name
    if name != user.name:
        permit_name(call, f"user/{name}")
    commands.rename(call.tx, call.now, commands.holder_of(user), name)
    changed = commands.user_named(call.tx, call.account_id, name)
    return GetUserResponse(user=UserDetail(**msgspec.structs.asdict(_shown(changed)), update_date=iso_z(changed.updated_at)))


@RAM.action("CreateLoginProfile", Effect.WRITE, methods="POST")
def create_login_profile(call: Call, request: LoginRequest) -> LoginResponse:
    """Keep a user's password as a hash. There is no console to enter by it yet (docs/divergences.md)."""
    user = commands.user_named(call.tx, call.account_id, request.user_name)
    if user.login:
        raise EntityExists("User.LoginProfile", user.name)
    kept = commands.password_hash(checked_password(request.password))
    login = Login(kept, call.now, request.password_reset_required, request.mfa_bind_required)
    commands.set_login(call.tx, call.now, user, login)
    return LoginResponse(login_profile=_login(user.name, login))


@RAM.action("GetLoginProfile", Effect.READ, methods="POST")
def get_login_profile(call: Call, request: UserRequest) -> LoginResponse:
    """Show a user's login profile."""
    user = commands.user_named(call.tx, call.account_id, request.user_name)
    return LoginResponse(login_profile=_login(user.name, commands.login_of(user)))


@RAM.action("UpdateLoginProfile", Effect.WRITE, methods="POST")
def update_login_profile(call: Call, request: UpdateLoginRequest) -> NothingResponse:
    """Change a user's password, or what it must do when it enters."""
    user = commands.user_named(call.tx, call.account_id, request.user_name)
    known = commands.login_of(user)
    kept = commands.password_hash(checked_password(request.password)) if request.password else known.password_hash
    reset, mfa = request.password_reset_required, request.mfa_bind_required
    changed = Login(
        kept,
        known.created_at,
        known.reset_required if reset is None else reset,
        known.mfa_required if mfa is None else mfa,
    )
    commands.set_login(call.tx, call.now, user, changed)
    return NothingResponse()


@RAM.action("DeleteLoginProfile", Effect.WRITE, methods="POST")
def delete_login_profile(call: Call, request: UserRequest) -> NothingResponse:
    """Forget a user's password."""
    user = commands.user_named(call.tx, call.account_id, request.user_name)
    commands.login_of(user)
    commands.set_login(call.tx, call.now, user, None)
    return NothingResponse()


def _login(name: str, login: Login) -> LoginShown:
    return LoginShown(
        user_name=name,
        create_date=iso_z(login.created_at),
        password_reset_required=login.reset_required,
        mfa_bind_required=login.mfa_required,
    )


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
