"""RAM's refusals on the wire in order of precedence; no page found, ours.

The cloud's codes end in the kind of thing: `EntityNotExist.User`, `DeleteConflict.User.Policy`. The gate fills it in from the
fault.
"""

from __future__ import annotations

from typing import Final

from keystead.gate.registry import FaultRow
from keystead.identity.faults import EntityExists, EntityInUse, NoSuchEntity, NotPermitted, TooMany
from keystead.policy.faults import PolicyMalformed

FAULTS: Final = (
    FaultRow(NotPermitted, "NoPermission", 403),
    FaultRow(PolicyMalformed, "MalformedPolicyDocument", 400),
    FaultRow(NoSuchEntity, "EntityNotExist.{kind}", 404),
    FaultRow(EntityExists, "EntityAlreadyExists.{kind}", 409),
    FaultRow(EntityInUse, "DeleteConflict.{kind}.{held}", 409),
    FaultRow(TooMany, "LimitExceeded.{kind}", 409),
)
