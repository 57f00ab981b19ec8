"""CreateRole, GetRole, DeleteRole (models of alibabacloud-ram20150501 1.3.0, read 2026-11-22)."""

from __future__ import annotations

import msgspec

from keystead import ids
from keystead.api.ram._product import RAM
from keystead.api.ram._shapes import NothingResponse, RoleRequest, Shown, Tag, no_tags
from keystead.clock import iso_z
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.identity import commands
from keystead.identity.model import Role
from keystead.identity.rules import ROLE_SECONDS, SECONDS_DEFAULT, checked_length, checked_name, checked_seconds


class CreateRoleRequest(Request):
    """A role's name, whom it trusts, and how long (3,600 to 43,200 s) a session may be."""

    role_name: str
    assume_role_policy_document: str
    description: str = ""
    max_session_duration: int = SECONDS_DEFAULT
    allow_console_login: bool = False
    tag: tuple[Tag, ...] = ()


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
    if request.allow_console_login:
        raise InvalidParameter("AllowConsoleLogin", "Roles do not enter the console.")
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
    role = commands.role_named(call.tx, call.account_id, request.role_name)
    detail = RoleDetail(**msgspec.structs.asdict(_shown(role)), update_date=iso_z(role.updated_at))
    return GetRoleResponse(role=detail)


@RAM.action("DeleteRole", Effect.WRITE, methods="POST")
def delete_role(call: Call, request: RoleRequest) -> NothingResponse:
    """Delete a role without policies; its sessions end with it."""
    role = commands.role_named(call.tx, call.account_id, request.role_name)
    commands.delete(call.tx, commands.holder_of(role))
    return NothingResponse()


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
