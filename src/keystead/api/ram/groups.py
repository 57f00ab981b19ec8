"""Groups and their members (models of alibabacloud-ram20150501 1.3.0, read 2026-11-22)."""

from __future__ import annotations

from keystead import ids
from keystead.api.ram._product import RAM
from keystead.api.ram._shapes import GroupRequest, NothingResponse, PageRequest, Shown, UserRequest, after, paged
from keystead.clock import iso_z
from keystead.gate.call import Call
from keystead.gate.dispatch import permit_name
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.identity import commands, rows
from keystead.identity.model import Group, HolderKind
from keystead.identity.rules import checked_length, checked_name


class CreateGroupRequest(Request):
    """A group's name (1 to 64 letters, digits, . and -)."""

    group_name: str
    comments: str = ""


class MemberRequest(Request):
    """Which user in which group."""

    user_name: str
    group_name: str


class GroupPageRequest(PageRequest, kw_only=True):
    """Which page of a group's users."""

    group_name: str


class GroupShown(Shown, kw_only=True):
    """A group."""

    group_id: str
    group_name: str
    comments: str


class GroupMade(GroupShown, kw_only=True):
    """A group, and since when it is there."""

    create_date: str


class GroupDetail(GroupMade, kw_only=True):
    """A group, and when it was last changed."""

    update_date: str


class GroupJoined(GroupShown, kw_only=True):
    """A group that a user is in, and since when."""

    join_date: str


class UpdateGroupRequest(GroupRequest):
    """What to change; what is left out stays."""

    new_group_name: str = ""
    new_comments: str | None = None


class CreateGroupResponse(Response):
    """The group."""

    group: GroupMade


class GroupResponse(Response):
    """The group."""

    group: GroupDetail


class Groups(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    group: list[GroupDetail]


class GroupsJoined(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    group: list[GroupJoined]


class ListGroupsResponse(Response):
    """A page of groups by name."""

    groups: Groups
    is_truncated: bool
    marker: str | None = None


class ListGroupsForUserResponse(Response):
    """A user's groups."""

    groups: GroupsJoined


class MemberShown(Shown, kw_only=True):
    """A user of a group."""

    user_name: str
    display_name: str
    join_date: str


class Members(Shown, kw_only=True):
    """The wrapper the cloud puts around the list."""

    user: list[MemberShown]


class ListUsersForGroupResponse(Response):
    """A page of a group's users."""

    users: Members
    is_truncated: bool
    marker: str | None = None


@RAM.action("CreateGroup", Effect.WRITE, methods="POST")
def create_group(call: Call, request: CreateGroupRequest) -> CreateGroupResponse:
    """Make an empty group."""
    name, comments = checked_name("GroupName", request.group_name), checked_length("Comments", request.comments, 128)
    group = commands.create(call.tx, Group(ids.principal_id(), call.account_id, name, call.now, call.now, comments))
    made = GroupMade(group_id=group.group_id, group_name=name, comments=comments, create_date=iso_z(call.now))
    return CreateGroupResponse(group=made)


@RAM.action("GetGroup", Effect.READ, methods="POST")
def get_group(call: Call, request: GroupRequest) -> GroupResponse:
    """Show a group."""
    group = commands.group_named(call.tx, call.account_id, request.group_name)
    return GroupResponse(group=_shown(group))


@RAM.action("DeleteGroup", Effect.WRITE, methods="POST")
def delete_group(call: Call, request: GroupRequest) -> NothingResponse:
    """Delete a group without users and policies."""
    group = commands.group_named(call.tx, call.account_id, request.group_name)
    commands.delete(call.tx, commands.holder_of(group))
    return NothingResponse()


@RAM.action("UpdateGroup", Effect.WRITE, methods="POST")
def update_group(call: Call, request: UpdateGroupRequest) -> GroupResponse:
    """Change a group's name or comments; its users and policies stay."""
    holder = commands.holder_of(commands.group_named(call.tx, call.account_id, request.group_name))
    if request.new_comments is not None:
        comments = checked_length("NewComments", request.new_comments, 128)
        commands.change(call.tx, call.now, holder, comments=comments)
    name = checked_name("NewGroupName", request.new_group_name) if request.new_group_name else holder.name
    if name != holder.name:
        permit_name(call, f"group/{name}")
    commands.rename(call.tx, call.now, holder, name)
    return GroupResponse(group=_shown(commands.group_named(call.tx, call.account_id, name)))


@RAM.action("ListGroups", Effect.READ, methods="POST")
def list_groups(call: Call, request: PageRequest) -> ListGroupsResponse:
    """List the account's groups by name."""
    found = rows.page(call.tx, call.account_id, HolderKind.GROUP, after(request.marker), request.max_items + 1)
    page, more, marker = paged(found, request.max_items, lambda group: group.name)
    shown = [_shown(group) for group in page if isinstance(group, Group)]
    return ListGroupsResponse(groups=Groups(group=shown), is_truncated=bool(more), marker=marker)


@RAM.action("AddUserToGroup", Effect.WRITE, methods="POST")
def add_user_to_group(call: Call, request: MemberRequest) -> NothingResponse:
    """Put a user into a group: it may at once what the group may."""
    commands.join(call.tx, call.now, call.account_id, request.group_name, request.user_name)
    return NothingResponse()


@RAM.action("RemoveUserFromGroup", Effect.WRITE, methods="POST")
def remove_user_from_group(call: Call, request: MemberRequest) -> NothingResponse:
    """Take a user out of a group."""
    commands.leave(call.tx, call.account_id, request.group_name, request.user_name)
    return NothingResponse()


@RAM.action("ListGroupsForUser", Effect.READ, methods="POST")
def list_groups_for_user(call: Call, request: UserRequest) -> ListGroupsForUserResponse:
    """List the groups a user is in."""
    user = commands.user_named(call.tx, call.account_id, request.user_name)
    shown = []
    for membership in rows.memberships(call.tx, call.account_id, user=user.name):
        group = commands.group_named(call.tx, call.account_id, membership.group)
        joined = GroupJoined(
            group_id=group.group_id, group_name=group.name, comments=group.comments, join_date=iso_z(membership.at)
        )
        shown.append(joined)
    return ListGroupsForUserResponse(groups=GroupsJoined(group=shown))


@RAM.action("ListUsersForGroup", Effect.READ, methods="POST")
def list_users_for_group(call: Call, request: GroupPageRequest) -> ListUsersForGroupResponse:
    """List the users of a group by name."""
    group = commands.group_named(call.tx, call.account_id, request.group_name)
    behind = after(request.marker)
    members = rows.memberships(call.tx, call.account_id, group=group.name)
    found = sorted((one for one in members if one.user > behind), key=lambda membership: membership.user)
    page, more, marker = paged(found, request.max_items, lambda membership: membership.user)
    shown = []
    for one in page:
        user = commands.user_named(call.tx, call.account_id, one.user)
        shown.append(MemberShown(user_name=user.name, display_name=user.display_name, join_date=iso_z(one.at)))
    return ListUsersForGroupResponse(users=Members(user=shown), is_truncated=bool(more), marker=marker)


def _shown(group: Group) -> GroupDetail:
    return GroupDetail(
        group_id=group.group_id,
        group_name=group.name,
        comments=group.comments,
        create_date=iso_z(group.created_at),
        update_date=iso_z(group.updated_at),
    )
