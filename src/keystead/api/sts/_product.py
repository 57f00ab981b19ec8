"""The product row of STS."""

from __future__ import annotations

from typing import Final

from keystead.gate.registry import OPEN, FaultRow, Permission, Product
from keystead.identity.faults import NoSuchEntity, NotPermitted, NotTrusted
from keystead.policy.faults import PolicyMalformed

FAULTS: Final = (
    FaultRow(NotPermitted, "NoPermission", 403),
    FaultRow(NotTrusted, "NoPermission", 403),
    FaultRow(NoSuchEntity, "EntityNotExist.{kind}", 404),
    FaultRow(PolicyMalformed, "MalformedPolicyDocument", 400),
)
PERMISSIONS: Final = {"AssumeRole": Permission("sts:AssumeRole", ("{RoleArn}",)), "GetCallerIdentity": OPEN}
STS: Final = Product("sts", "2015-04-01", FAULTS, PERMISSIONS)
