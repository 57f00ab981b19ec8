"""ScheduleKeyDeletion, CancelKeyDeletion, SetDeletionProtection (KMS API pages, read 2026-11-22)."""

from __future__ import annotations

from keystead.api.kms._product import KMS
from keystead.api.kms._reach import KeyRequest, NothingResponse, key_for
from keystead.faults import InvalidParameter, MissingParameter
from keystead.gate.call import Call
from keystead.gate.dispatch import permit_item
from keystead.gate.parameters import Request
from keystead.gate.registry import Effect
from keystead.instances import commands as instances
from keystead.keyring import lifecycle, rules
from keystead.keyring.model import Operation
from keystead.notices import commands as notices


class ScheduleKeyDeletionRequest(Request):
    """Which key, and after how many days (7 to 366)."""

    key_id: str
    pending_window_in_days: int


class SetDeletionProtectionRequest(Request):
    """Which key, by id or by ARN, or which instance; whether it is to be protected, and why (only with true)."""

    enable_deletion_protection: bool
    deletion_protection_description: str = ""
    key_id: str = ""
    protected_resource_arn: str = ""
    kms_instance_id: str = ""
    """Protected, an instance is not given back for a refund; its end is no matter."""


@KMS.action("ScheduleKeyDeletion", Effect.WRITE)
def schedule_key_deletion(call: Call, request: ScheduleKeyDeletionRequest) -> NothingResponse:
    """Have a key be destroyed after a window in which it is refused and can be kept after all."""
    window = rules.deletion_days(request.pending_window_in_days)
    key = key_for(call, request.key_id, Operation.SCHEDULE_DELETION)
    lifecycle.schedule_deletion(call.tx, call.now, key, window)
    notices.warn_of_deletion(call.tx, call.now, key.key_id)
    return NothingResponse()


@KMS.action("CancelKeyDeletion", Effect.WRITE)
def cancel_key_deletion(call: Call, request: KeyRequest) -> NothingResponse:
    """Keep a key after all: it is Enabled again. Served in an expired instance too, for its window runs on."""
    lifecycle.cancel_deletion(call.tx, call.now, key_for(call, request.key_id, Operation.CANCEL_DELETION))
    return NothingResponse()


@KMS.action("SetDeletionProtection", Effect.WRITE)
def set_deletion_protection(call: Call, request: SetDeletionProtectionRequest) -> NothingResponse:
    """Protect a key from being scheduled for deletion, or an instance from being given back, or no longer."""
    named = [name for name in (request.key_id, request.protected_resource_arn, request.kms_instance_id) if name]
    if not named:
        raise MissingParameter("ProtectedResourceArn")
    if len(named) > 1:
        raise InvalidParameter("ProtectedResourceArn", "Give one of ProtectedResourceArn, KeyId and KmsInstanceId.")
    because = rules.checked_description(request.deletion_protection_description, "DeletionProtectionDescription")
    if request.kms_instance_id:
        permit_item(call, f"instance/{request.kms_instance_id}")
        owned = instances.owned(call.tx, call.account_id, request.kms_instance_id, call.now, call.region)
        call.record.instance_id = call.record.resource_id = owned.instance.instance_id
        instances.protect(call.tx, call.now, owned, because, protected=request.enable_deletion_protection)
        return NothingResponse()
    if request.protected_resource_arn and not request.protected_resource_arn.startswith("acs:"):
        raise InvalidParameter("ProtectedResourceArn", "It must be the ARN of a key.")
    key = key_for(call, named[0], Operation.PROTECT)
    lifecycle.protect(call.tx, call.now, key, because, protected=request.enable_deletion_protection)
    return NothingResponse()
