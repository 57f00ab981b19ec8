"""KMS's refusals on the wire (KMS common error codes page and API pages, read 2026-11-22), in order of precedence.

An instance that is not there is 404 here although the pages of single actions say 403: the code is theirs, and the official
Terraform provider takes a 404 for "gone" (its service sources, read 2026-11-22).
"""

from __future__ import annotations

from typing import Final

from keystead.access_points.faults import (
    AccessObjectExists,
    AccessObjectInUse,
    AccessObjectNotFound,
    TooManyClientKeys,
)
from keystead.defaults.faults import DefaultKeyThere
from keystead.faults import StateFault, Unsupported
from keystead.gate.registry import FaultRow
from keystead.hsm.algorithms.wrapping import MaterialRefused
from keystead.hsm.port import ImportTokenNotValid
from keystead.identity.faults import NotPermitted
from keystead.instances.faults import InstanceNotFound, InstanceStateInvalid
from keystead.keyring.faults import (
    AliasRefused,
    DeletionProtected,
    ImportTokenExpired,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    KeyPendingImport,
    KeyStateFixed,
    KeyUnavailable,
    NotOffered,
    OriginRefused,
    OtherMaterial,
    TooManyVersions,
    TooSoon,
)
from keystead.labels.faults import AliasNotFound, AliasTaken, ResourceNotFound, TagsFull
from keystead.quotas.faults import KeyQuotaExceeded


class ServiceOpen(StateFault):
    """The account's service is open: it always is."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The service is open for this account.")


FAULTS: Final = (
    FaultRow(NotPermitted, "Forbidden.NoPermission", 403),
    FaultRow(AliasRefused, "Unsupported.Alias", 400),
    FaultRow(AliasNotFound, "Forbidden.AliasNotFound", 404),
    FaultRow(KeyNotFound, "Forbidden.KeyNotFound", 404),
    FaultRow(InstanceNotFound, "Forbidden.DKMSInstanceNotFound", 404),
    FaultRow(InstanceStateInvalid, "Forbidden.DKMSInstanceStateInvalid", 403),
    FaultRow(KeyUnavailable, "Rejected.Unavailable", 409),
    FaultRow(KeyPendingDeletion, "Rejected.PendingDeletion", 409),
    FaultRow(KeyPendingImport, "Rejected.PendingImport", 409),
    FaultRow(KeyDisabled, "Rejected.Disabled", 409),
    FaultRow(KeyStateFixed, "Rejected.StateModifiedFailed", 409),
    FaultRow(OriginRefused, "Unsupported.Origin", 400),
    FaultRow(ImportTokenNotValid, "InvalidImportToken", 400),
    FaultRow(ImportTokenExpired, "ExpiredImportToken", 400),
    FaultRow(MaterialRefused, "InvalidKeyMaterial", 400),
    FaultRow(OtherMaterial, "InvalidKeyMaterial", 400),
    FaultRow(NotOffered, "UnsupportedOperation", 400),
    FaultRow(AliasTaken, "AliasAlreadyExists", 400),
    FaultRow(ResourceNotFound, "Forbidden.ResourceNotFound", 404),
    FaultRow(AccessObjectNotFound, "Forbidden.ResourceNotFound", 404),
    FaultRow(AccessObjectExists, "Rejected.ResourceExist", 409),
    FaultRow(AccessObjectInUse, "Rejected.UnsupportedOperation", 400),
    FaultRow(TooManyClientKeys, "Rejected.LimitExceeded", 400),
    FaultRow(DeletionProtected, "Rejected.UnsupportedOperation", 400),
    FaultRow(TooSoon, "Rejected.UnsupportedOperation", 400),
    FaultRow(TooManyVersions, "Rejected.LimitExceeded", 400),
    FaultRow(TagsFull, "Rejected.LimitExceeded", 400),
    FaultRow(DefaultKeyThere, "Rejected.LimitExceeded", 400),
    FaultRow(ServiceOpen, "Forbidden.Opened", 400),
    FaultRow(Unsupported, "UnsupportedOperation", 400),
    FaultRow(KeyQuotaExceeded, "Rejected.LimitExceeded", 400),
)
