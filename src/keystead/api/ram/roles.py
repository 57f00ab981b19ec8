"""Roles (models of alibabacloud-ram20150501 1.3.0, read 2026-11-22)."""

from __future__ import annotations

import msgspec

from keystead import ids
from keystead.api.ram._product import RAM
from keystead.api.ram._shapes import NothingResponse, PageRequest, RoleRequest, Shown, Tag, after, no_tags, paged
from keystead.clock import iso_z
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.identity import commands, rows
from keystead.identity.model import HolderKind, Role
from keystead.identity.rules import ROLE_SECONDS, SECONDS_DEFAULT, checked_length, checked_name, checked_seconds


class CreateRoleRequest(Request):
    """A role's name, whom it trusts, and how long (3,600 to 43,200 s) a session may be."""

    role_name: str
    assume_role_policy_document: str
    description: str = ""
    max_session_duration: int = SECONDS_DEFAULT
    allow_console_login: bool = False
    tag: tuple[Tag, ...] = ()


class UpdateRoleRequest(RoleRequest):
    """What to change; what is left out stays."""

    new_assume_role_policy_document: str | None = None
    new_description: str | None = None
    new_max_session_duration: int | None = None
    new_allow_console_login: bool = False


class ListRolesRequest(PageRequest):
    """Which page; tags are refused, roles bear none."""

    tag: tuple[Tag, ...] = ()


class RoleListed(Shown, kw_only=True):
    """A role in a list, without whom it trusts."""

    role_id: str
    role_name: str
    arn: str
    description: str
    max_session_duration: int
    create_date: str
    update_date: str


class Roles(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    role: list[RoleListed]


class ListRolesResponse(Response):
    """A page of roles by name."""

    roles: Roles
    is_truncated: bool
    marker: str | None = None


class RoleShown(Shown, kw_only=True):
    """A role."""

    role_id: str
    role_name: str
    arn: str
    assume_role_policy_document: str
    description: str
    max_session_duration: int
    create_date: str


class RoleDetail(RoleShown, kw_only=True):
    """A role, and when it was last changed."""

    update_date: str


class RoleResponse(Response):
    """The role."""

    role: RoleShown


class GetRoleResponse(Response):
    """The role."""

    role: RoleDetail


@RAM.action("CreateRole", Effect.WRITE, methods="POST")
def create_role(call: Call, request: CreateRoleRequest) -> RoleResponse:
    """Make a role that may nothing yet."""
    no_tags(request.tag)
    _no_console(request.allow_console_login, "AllowConsoleLogin")
    role = Role(
        ids.principal_id(),
        call.account_id,
        checked_name("RoleName", request.role_name),
        call.now,
        call.now,
        request.assume_role_policy_document,
        checked_length("Description", request.description, 1024),
        checked_seconds("MaxSessionDuration", request.max_session_duration, *ROLE_SECONDS),
    )
    return RoleResponse(role=_shown(commands.create(call.tx, role)))


@RAM.action("GetRole", Effect.READ, methods="POST")
def get_role(call: Call, request: RoleRequest) -> GetRoleResponse:
    """Show a role."""
    return _detail(commands.role_named(call.tx, call.account_id, request.role_name))


@RAM.action("ListRoles", Effect.READ, methods="POST")
def list_roles(call: Call, request: ListRolesRequest) -> ListRolesResponse:
    """List the account's roles by name."""
    no_tags(request.tag)
    found = rows.page(call.tx, call.account_id, HolderKind.ROLE, after(request.marker), request.max_items + 1)
    page, more, marker = paged(found, request.max_items, lambda role: role.name)
    listed = [
        RoleListed(
            role_id=role.role_id,
            role_name=role.name,
            arn=role.arn,
            description=role.description,
            max_session_duration=role.max_session_seconds,
            create_date=iso_z(role.created_at),
            update_date=iso_z(role.updated_at),
        )
        for role in page
        if isinstance(role, Role)
    ]
    return ListRolesResponse(roles=Roles(role=listed), is_truncated=bool(more), marker=marker)


@RAM.action("UpdateRole", Effect.WRITE, methods="POST")
def update_role(call: Call, request: UpdateRoleRequest) -> GetRoleResponse:
    """Change whom a role trusts, its description or its longest session; sessions that are begun last."""
    _no_console(request.new_allow_console_login, "NewAllowConsoleLogin")
    role = commands.role_named(call.tx, call.account_id, request.role_name)
    values: dict[str, object] = {}
    if request.new_assume_role_policy_document is not None:
        values["trust"] = request.new_assume_role_policy_document
    if request.new_description is not None:
        values["description"] = checked_length("NewDescription", request.new_description, 1024)
    if request.new_max_session_duration is not None:
        values["max_session_seconds"] = checked_seconds("NewMaxSessionDuration", request.new_max_session_duration, *ROLE_SECONDS)
    if values:
        commands.change(call.tx, call.now, commands.holder_of(role), **values)
    return _detail(commands.role_named(call.tx, call.account_id, role.name))


@RAM.action("DeleteRole", Effect.WRITE, methods="POST")
def delete_role(call: Call, request: RoleRequest) -> NothingResponse:
    """Delete a role without policies; its sessions end with it."""
    role = commands.role_named(call.tx, call.account_id, request.role_name)
    commands.delete(call.tx, commands.holder_of(role))
    return NothingResponse()


def _no_console(wished: bool, parameter: str) -> None:  # noqa: FBT001 - a parameter of the wire
    if wished:
        raise InvalidParameter(parameter, "Roles do not enter the console.")


def _detail(role: Role) -> GetRoleResponse:
    return GetRoleResponse(role=RoleDetail(**msgspec.structs.asdict(_shown(role)), update_date=iso_z(role.updated_at)))


def _shown(role: Role) -> RoleShown:
    return RoleShown(
        role_id=role.role_id,
        role_name=role.name,
        arn=role.arn,
        assume_role_policy_document=role.trust,
        description=role.description,
        max_session_duration=role.max_session_seconds,
        create_date=iso_z(role.created_at),
    )
