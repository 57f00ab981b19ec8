"""The product row of STS."""

from __future__ import annotations

from typing import Final

from keystead.federation.faults import AudienceUnknown, IdentityExpired, IdentityInvalid, IdentityNotAllowed, SignatureInvalid
from keystead.gate.registry import ANONYMOUS, OPEN, FaultRow, Permission, Product
from keystead.gate.throttle import Throttled
from keystead.identity.faults import NoSuchEntity, NotPermitted, NotTrusted
from keystead.policy.faults import PolicyMalformed

FAULTS: Final = (
    FaultRow(NotPermitted, "NoPermission", 403),
    # STS error code page, read 2026-11-23
    FaultRow(IdentityNotAllowed, "AuthenticationFail.NoPermission", 401),
    FaultRow(IdentityExpired, "AuthenticationFail.OIDCToken.Expired", 401),
    FaultRow(AudienceUnknown, "AuthenticationFail.OIDCToken.AudienceNotMatch", 401),
    FaultRow(SignatureInvalid, "AuthenticationFail.OIDCToken.InvalidSignature", 401),
    FaultRow(IdentityInvalid, "AuthenticationFail.OIDCToken.Invalid", 401),
    FaultRow(NotTrusted, "NoPermission", 403),
    FaultRow(NoSuchEntity, "EntityNotExist.{kind}", 404),
    FaultRow(PolicyMalformed, "MalformedPolicyDocument", 400),
    # AssumeRole page, read 2026-11-23, has the sentence; it goes with this code
    FaultRow(Throttled, "Throttling.User", 400, "Request was denied due to user flow control."),
)
PERMISSIONS: Final = {
    "AssumeRole": Permission("sts:AssumeRole", ("{RoleArn}",)),
    "AssumeRoleWithOIDC": ANONYMOUS,
    "GetCallerIdentity": OPEN,
}
STS: Final = Product("sts", "2015-04-01", FAULTS, PERMISSIONS)
