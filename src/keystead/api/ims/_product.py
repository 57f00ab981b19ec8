"""The product row of IMS. Permissions: CreateOIDCProvider and GetOIDCProvider pages (read 2026-11-23); the rest follows them.

Refusals are named as RAM's are: no page found, ours.
"""

from __future__ import annotations

from typing import Final

from keystead.gate.registry import FaultRow, Permission, Product
from keystead.identity.faults import EntityExists, NoSuchEntity, NotPermitted, TooMany

FAULTS: Final = (
    FaultRow(NotPermitted, "NoPermission", 403),
    FaultRow(NoSuchEntity, "EntityNotExist.{kind}", 404),
    FaultRow(EntityExists, "EntityAlreadyExists.{kind}", 409),
    FaultRow(TooMany, "LimitExceeded.{kind}", 409),
)
_ONE: Final = ("acs:ram::{account}:oidc-provider/{OIDCProviderName}",)
PERMISSIONS: Final = {
    "CreateOIDCProvider": Permission("ram:CreateOIDCProvider", ("*",)),
    "ListOIDCProviders": Permission("ram:ListOIDCProviders", ("*",)),
    **{
        name: Permission(f"ram:{name}", _ONE)
        for name in (
            *("GetOIDCProvider", "UpdateOIDCProvider", "DeleteOIDCProvider", "AddClientIdToOIDCProvider"),
            *("RemoveClientIdFromOIDCProvider", "SetOIDCProviderKeys"),
        )
    },
}
IMS: Final = Product("ims", "2019-08-15", FAULTS, PERMISSIONS)
