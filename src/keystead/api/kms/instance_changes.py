"""GetDefaultKmsInstance, UpdateKmsInstance, UpdateKmsInstanceBindVpc, ReleaseKmsInstance (API pages, read 2026-11-22).

UpdateKmsInstance is on no page and in no SDK that could be read; Terraform's provider calls it (its sources of August 2026).
"""

from __future__ import annotations

from keystead.api.kms._product import KMS
from keystead.api.kms._reach import NothingResponse
from keystead.api.kms.instances import named_instance
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.instances import commands as instances
from keystead.instances import rules
from keystead.instances.faults import InstanceNotFound, InstanceProtected, SubscriptionNotReleased
from keystead.networks import rules as networks


class GetDefaultKmsInstanceRequest(Request):
    """No parameter."""


class GetDefaultKmsInstanceResponse(Response):
    """The instance."""

    default_kms_instance_id: str


class UpdateKmsInstanceRequest(Request):
    """Which instance, and its new name."""

    kms_instance_id: str
    instance_name: str


class UpdateKmsInstanceBindVpcRequest(Request):
    """Which instance, and all the VPCs it is to be reached from beside the one of enabling, as a JSON list."""

    kms_instance_id: str
    bind_vpcs: str


class ReleaseKmsInstanceRequest(Request):
    """Which instance; `force_delete_without_backup` is true or false, and no matter for a subscription."""

    kms_instance_id: str
    force_delete_without_backup: str = ""


@KMS.action("GetDefaultKmsInstance", Effect.READ)
def get_default_kms_instance(call: Call, request: GetDefaultKmsInstanceRequest) -> GetDefaultKmsInstanceResponse:
    """Name the oldest instance of the account in the region that is enabled and served (docs/adr/0105)."""
    found = rules.default_of(instances.listing(call.tx, call.account_id, call.now, call.region))
    if found is None:
        raise InstanceNotFound("")
    return GetDefaultKmsInstanceResponse(default_kms_instance_id=found.instance.instance_id)


@KMS.action("UpdateKmsInstance", Effect.WRITE)
def update_kms_instance(call: Call, request: UpdateKmsInstanceRequest) -> NothingResponse:
    """Call an instance something else, expired or not."""
    name = rules.checked_name(request.instance_name)
    instances.rename(call.tx, call.now, named_instance(call, request.kms_instance_id), name)
    return NothingResponse()


@KMS.action("UpdateKmsInstanceBindVpc", Effect.WRITE)
def update_kms_instance_bind_vpc(call: Call, request: UpdateKmsInstanceBindVpcRequest) -> NothingResponse:
    """Replace the list of further VPCs; together with the accounts it is shared with they fit what is purchased, or none is."""
    found = named_instance(call, request.kms_instance_id)
    wanted = networks.bound_of(request.bind_vpcs, found.instance.region, call.account_id)
    instances.bind_vpcs(call.tx, call.now, found, wanted)
    return NothingResponse()


@KMS.action("ReleaseKmsInstance", Effect.WRITE)
def release_kms_instance(call: Call, request: ReleaseKmsInstanceRequest) -> NothingResponse:
    """Refuse: all instances are subscriptions, which are given back with RefundInstance, or end."""
    rules.release_asked(request.force_delete_without_backup)
    found = named_instance(call, request.kms_instance_id)
    if found.instance.protected:
        raise InstanceProtected(found.instance.instance_id, found.instance.protection_note)
    raise SubscriptionNotReleased(found.instance.instance_id)
