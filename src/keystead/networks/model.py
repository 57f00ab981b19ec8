"""VPCs, what an instance is bound to, and whom it is shared with."""

from __future__ import annotations

import enum
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network

import msgspec

Network = IPv4Network | IPv6Network


class VSwitch(msgspec.Struct, frozen=True):
    """A part of a VPC in one zone."""

    vswitch_id: str
    zone_id: str


class Vpc(msgspec.Struct, frozen=True):
    """A registered VPC: whose it is, where, its addresses as ranges (`10.0.0.0/8`) and its vSwitches."""

    vpc_id: str
    region: str
    owner_id: str
    cidrs: tuple[str, ...]
    vswitches: tuple[VSwitch, ...]
    created_at: datetime

    @property
    def place(self) -> str:
        """What a bound VPC must name for this one to be meant."""
        return place_of(self.owner_id, self.region, self.vpc_id)


class BoundVpc(msgspec.Struct, frozen=True):
    """A further VPC from which an instance can be reached, by one of its vSwitches."""

    vpc_id: str
    vswitch_id: str
    region: str
    owner_id: str

    @property
    def place(self) -> str:
        """As of the VPC that it names."""
        return place_of(self.owner_id, self.region, self.vpc_id)


class Ownership(enum.StrEnum):
    """Whose the keys are that other accounts make in a shared instance (page on sharing instances, read 2026-11-22)."""

    JOINT = "joint"
    """The instance's owner manages them all."""
    INDEPENDENT = "independent"
    """The instance's owner neither sees nor uses them; for good."""


class Share(msgspec.Struct, frozen=True):
    """An account that may make and use keys in another's instance."""

    instance_id: str
    account_id: str
    shared_at: datetime


class Sharing(msgspec.Struct, frozen=True):
    """Whom an instance is shared with; `ownership` is None while it never was."""

    owner_id: str
    ownership: Ownership | None = None
    shares: tuple[Share, ...] = ()

    @property
    def account_ids(self) -> frozenset[str]:
        """The accounts it is shared with."""
        return frozenset(share.account_id for share in self.shares)


def place_of(owner_id: str, region: str, vpc_id: str) -> str:
    """Give the name by which a VPC of an account in a region is looked up: another account's of the same id is another one."""
    return f"{owner_id}/{region}/{vpc_id}"
