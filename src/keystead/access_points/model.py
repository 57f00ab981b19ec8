"""Application access points and what hangs on them (pages on application access points, read 2026-11-22)."""

from __future__ import annotations

import enum
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

Network = IPv4Network | IPv6Network
SHARED_GATEWAY = "shared"
"""What a policy names instead of an instance to hold at the shared gateway."""
AUTHENTICATION_METHOD = "ClientKey"
KEY_ALGORITHM = "RSA_2048"
KEY_ORIGIN = "KMS_PROVIDED"


class Permission(enum.StrEnum):
    """What a policy permits: a template of operations, by the name it has in `Permissions`."""

    KEY_USER = "RbacPermission/Template/CryptoServiceKeyUser"
    SECRET_USER = "RbacPermission/Template/CryptoServiceSecretUser"  # noqa: S105 - a permission's name


class Holder(msgspec.Struct, frozen=True):
    """Whose, and in which region: access points, policies and rules have their names there."""

    account_id: str
    region: str


class AccessPoint(msgspec.Struct, frozen=True):
    """An application's identity; `policies` are names, in the order given."""

    name: str
    policies: tuple[str, ...]
    description: str
    created_at: datetime


class Policy(msgspec.Struct, frozen=True):
    """A permission policy: at the gateway of `instance_id`, on `resources`, from where `network_rules` (names) allow."""

    name: str
    instance_id: str
    permissions: tuple[str, ...]
    resources: tuple[str, ...]
    network_rules: tuple[str, ...]
    description: str
    created_at: datetime


class NetworkRule(msgspec.Struct, frozen=True):
    """Addresses that calls may come from; `source_private_ip` is the caller's text."""

    name: str
    kind: str
    source_private_ip: str
    description: str
    created_at: datetime


class ClientKey(msgspec.Struct, frozen=True):
    """A client key: its certificate (PEM), nothing of its private half. Its validity is wall time, `created_at` business time."""

    client_key_id: str
    holder: Holder
    access_point: str
    certificate: str
    not_before: datetime
    not_after: datetime
    created_at: datetime


class Credential(msgspec.Struct, frozen=True):
    """What the gate checks a client key's signature with."""

    key: ClientKey
    public_key: RSAPublicKey


class Grant(msgspec.Struct, frozen=True):
    """A policy as it is judged: `networks` is None where any address will do, empty where none does."""

    instance_id: str
    permissions: frozenset[str]
    resources: tuple[str, ...]
    networks: tuple[Network, ...] | None


class Passport(msgspec.Struct, frozen=True):
    """Who came with a client key, from which address, and all that its access point is granted."""

    grants: tuple[Grant, ...]
    source: str
