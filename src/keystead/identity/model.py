"""Users, groups, roles, policies and who a caller is."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import NamedTuple

import msgspec


class PrincipalKind(enum.StrEnum):
    """What a caller is; the values of GetCallerIdentity's IdentityType, a service of the operator's, and an
    application with a client key.
    """

    ACCOUNT = "Account"
    USER = "RAMUser"
    ROLE = "AssumedRoleUser"
    SERVICE = "Service"
    APPLICATION = "Application"


class HolderKind(enum.StrEnum):
    """What policies are attached to."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"


class PolicyType(enum.StrEnum):
    """Whose a policy is."""

    SYSTEM = "System"
    CUSTOM = "Custom"


class Holder(NamedTuple):
    """A user, group or role of an account, by name."""

    account_id: str
    kind: HolderKind
    name: str


class User(msgspec.Struct, frozen=True):
    """A RAM user. `user_id` has 18 digits and stays; the name may change."""

    user_id: str
    account_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    display_name: str = ""
    mobile: str = ""
    email: str = ""
    comments: str = ""
    login: str = ""
    """Its login profile as JSON (`Login`), or empty."""

    @property
    def arn(self) -> str:
        """The user's ARN."""
        return f"acs:ram::{self.account_id}:user/{self.name}"


class Login(msgspec.Struct, frozen=True):
    """How a user would enter the console: a password, kept as a hash, and what it must do there. Times are aware UTC."""

    password_hash: str
    created_at: datetime
    reset_required: bool = False
    mfa_required: bool = False

    def __repr__(self) -> str:
        """Show nothing of the password: a repr ends up in logs."""
        return f"Login({self.created_at})"


class Group(msgspec.Struct, frozen=True):
    """A group of users."""

    group_id: str
    account_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    comments: str = ""


class Role(msgspec.Struct, frozen=True):
    """A role: whom `trust` names may assume it, for `max_session_seconds` at most (3,600 to 43,200)."""

    role_id: str
    account_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    trust: str
    description: str = ""
    max_session_seconds: int = 3600

    @property
    def arn(self) -> str:
        """The role's ARN."""
        return f"acs:ram::{self.account_id}:role/{self.name}"


class Policy(msgspec.Struct, frozen=True):
    """A policy with the document of its default version."""

    name: str
    kind: PolicyType
    created_at: datetime
    updated_at: datetime
    default_version: str
    document: str
    description: str = ""
    attachments: int = 0


class PolicyVersion(msgspec.Struct, frozen=True):
    """One version of a custom policy: `v1`, `v2` and so on; five at most are kept."""

    version_id: str
    document: str
    created_at: datetime
    default: bool


class Attached(NamedTuple):
    """A policy on a holder, or a holder of a policy, and since when."""

    holder: Holder
    policy: str
    kind: PolicyType
    at: datetime


class Membership(NamedTuple):
    """A user in a group since when."""

    group: str
    user: str
    at: datetime


class Session(msgspec.Struct, frozen=True):
    """What a security token holds, sealed. `expires_at_ms` is wall time; `policy` narrows what the role may, if given.

    `source_identity` is who stands at the beginning of a chain of roles, if it was said.
    """

    access_key_id: str
    account_id: str
    role_id: str
    role_name: str
    name: str
    secret: str
    expires_at_ms: int
    policy: str = ""
    source_identity: str = ""

    def __repr__(self) -> str:
        """Show the id only: a repr ends up in logs."""
        return f"Session({self.access_key_id})"
