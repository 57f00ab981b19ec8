"""Actions on instances: GetKmsInstance, ListKmsInstances, ConnectKmsInstance, GetKmsInstanceQuotaInfos (API pages, 2026-11-22).

They are bought, renewed and refunded through the billing actions; enabling and looking at them is here.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from keystead.api.kms._product import KMS
from keystead.catalog import rules as catalog
from keystead.clock import iso_z
from keystead.entitlements.model import Standing
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.instances import commands as instances
from keystead.instances import rules
from keystead.instances.model import Owned
from keystead.quotas import commands as quotas
from keystead.quotas.model import Resource

PageNumber = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
PageSize = Annotated[int, msgspec.Meta(ge=1, le=100)]
_KEY_STORE_ARN = re.compile(r"acs:kms:[^:]+:[^:]+:keystore/(.+)")


class Shape(msgspec.Struct, kw_only=True, rename="pascal", omit_defaults=True):
    """A struct inside an answer; optional fields that are None stay off the wire."""


class GetKmsInstanceRequest(Request):
    """Which instance."""

    kms_instance_id: str


class BoundVpc(Shape):
    """A further VPC from which the instance can be reached."""

    vpc_id: str
    vswitch_id: str = msgspec.field(name="VSwitchId")
    region_id: str
    vpc_owner_id: str


class BoundVpcs(Shape):
    """The wrapper around the list."""

    bind_vpc: list[BoundVpc]


class KmsInstance(Shape):
    """An instance. `secret_num` is text and `vswitch_ids` is spelled with a small s here: so does the cloud."""

    instance_id: str
    instance_name: str
    status: str
    create_time: str
    start_date: str
    end_date: str
    spec: int
    key_num: int
    secret_num: str
    vpc_num: int
    log: int
    log_storage: int
    vpc_id: str
    vswitch_ids: list[str] = msgspec.field(name="VswitchIds")
    zone_ids: list[str]
    bind_vpcs: BoundVpcs
    ca_certificate_chain_pem: str
    charge_type: str
    product_type: str
    product_version: str
    sale_status: str
    deletion_protection: bool
    deletion_protection_description: str


class GetKmsInstanceResponse(Response):
    """The instance."""

    kms_instance: KmsInstance


class ListKmsInstancesRequest(Request):
    """Which page. `filters` is in the SDK and on no page: only its absence is understood."""

    page_number: PageNumber = 1
    page_size: PageSize = 20
    filters: str = ""


class KmsInstanceRow(Shape):
    """An instance in a list."""

    kms_instance_id: str
    kms_instance_arn: str


class KmsInstanceRows(Shape):
    """The wrapper around the list."""

    kms_instance: list[KmsInstanceRow]


class ListKmsInstancesResponse(Response, kw_only=True):
    """One page; `total_count` is that of all pages."""

    kms_instances: KmsInstanceRows
    page_number: int
    page_size: int
    total_count: int


class ConnectKmsInstanceRequest(Request):
    """Which instance to enable, and where: one VPC for good, zones and vSwitches as comma lists."""

    kms_instance_id: str
    vpc_id: str
    zone_ids: str
    vswitch_ids: str = msgspec.field(name="VSwitchIds")
    km_provider: str = msgspec.field(name="KMProvider")


class ConnectKmsInstanceResponse(Response):
    """Nothing but the request id."""


class GetKmsInstanceQuotaInfosRequest(Request):
    """Which instance; one resource (key, secret, qps, vpc) or, without one, all."""

    kms_instance_id: str
    resource_type: str = ""


class QuotaInfo(Shape):
    """One quota: what was purchased and what of it is in use."""

    resource_type: str
    resource_quota: int
    used_quantity: int


class GetKmsInstanceQuotaInfosResponse(Response, kw_only=True):
    """The quotas."""

    kms_instance_id: str
    kms_instance_quota_infos: list[QuotaInfo]


@KMS.action("GetKmsInstance", Effect.READ)
def get_kms_instance(call: Call, request: GetKmsInstanceRequest) -> GetKmsInstanceResponse:
    """Show an instance, expired or not."""
    return GetKmsInstanceResponse(kms_instance=_shown(call, _named(call, request.kms_instance_id)))


@KMS.action("ListKmsInstances", Effect.READ)
def list_kms_instances(call: Call, request: ListKmsInstancesRequest) -> ListKmsInstancesResponse:
    """List the account's instances in the region, oldest first, expired ones too."""
    if request.filters not in {"", "[]"}:
        raise InvalidParameter("Filters", "No filter is documented for instances: leave it out.")
    found = instances.listing(call.tx, call.account_id, call.now, call.region)
    first = (request.page_number - 1) * request.page_size
    rows = [
        KmsInstanceRow(kms_instance_id=each.instance.instance_id, kms_instance_arn=_arn(each))
        for each in found[first : first + request.page_size]
    ]
    return ListKmsInstancesResponse(
        kms_instances=KmsInstanceRows(kms_instance=rows),
        page_number=request.page_number,
        page_size=request.page_size,
        total_count=len(found),
    )


@KMS.action("ConnectKmsInstance", Effect.WRITE, methods="POST")
def connect_kms_instance(call: Call, request: ConnectKmsInstanceRequest) -> ConnectKmsInstanceResponse:
    """Begin to enable an instance: it is Connecting at once and Connected when the scheduler has done its part."""
    rules.provider_served(request.km_provider)
    found = _named(call, request.kms_instance_id)
    zones = catalog.region_of(call.service.catalogue, found.instance.region).zones
    network = rules.network_of(request.vpc_id, request.zone_ids, request.vswitch_ids, zones)
    instances.connect(call.tx, call.now, found, network)
    return ConnectKmsInstanceResponse()


@KMS.action("GetKmsInstanceQuotaInfos", Effect.READ)
def get_kms_instance_quota_infos(call: Call, request: GetKmsInstanceQuotaInfosRequest) -> GetKmsInstanceQuotaInfosResponse:
    """Show the purchased figures of an instance and what of each is in use."""
    if request.resource_type and request.resource_type not in {resource.value for resource in Resource}:
        raise InvalidParameter("ResourceType", "It must be key, secret, qps or vpc.")
    found = _named(call, request.kms_instance_id)
    instance_id = found.instance.instance_id
    infos = [
        QuotaInfo(resource_type=quota.resource.value, resource_quota=quota.allowed, used_quantity=quota.used)
        for quota in quotas.infos(call.tx, instance_id, found.instance.vpcs_used, call.now)
        if request.resource_type in {"", quota.resource.value}
    ]
    return GetKmsInstanceQuotaInfosResponse(kms_instance_id=instance_id, kms_instance_quota_infos=infos)


def _named(call: Call, reference: str) -> Owned:
    """Give the caller's instance in the region, named by its id or ARN."""
    match = _KEY_STORE_ARN.fullmatch(reference)
    instance_id = match.group(1) if match else reference
    found = instances.owned(call.tx, call.account_id, instance_id, call.now, call.region)
    call.record.instance_id = instance_id
    return found


def _arn(each: Owned) -> str:
    """A key store's ARN: that is what the cloud's ARNs call an instance."""
    instance = each.instance
    return f"acs:kms:{instance.region}:{instance.account_id}:keystore/{instance.instance_id}"


def _shown(call: Call, found: Owned) -> KmsInstance:
    instance, figures = found.instance, found.figures
    return KmsInstance(
        instance_id=instance.instance_id,
        instance_name=instance.name,
        status=instance.status.value,
        create_time=iso_z(instance.created_at),
        start_date=iso_z(found.starts_at),
        end_date=iso_z(found.ends_at),
        spec=figures.qps,
        key_num=figures.key_num,
        secret_num=str(figures.secret_num),
        vpc_num=figures.access_num,
        log=int(figures.log),
        log_storage=figures.log_storage_gb,
        vpc_id=instance.network.vpc_id,
        vswitch_ids=list(instance.network.vswitch_ids),
        zone_ids=list(instance.network.zone_ids),
        bind_vpcs=BoundVpcs(bind_vpc=[]),
        ca_certificate_chain_pem=call.service.authority if instance.connected_at is not None else "",
        charge_type="PREPAY",
        product_type=instance.product_type,
        product_version=_product_version(call, instance.edition),
        sale_status="Normal" if found.standing is Standing.ACTIVE else "Expired",
        deletion_protection=instance.protected,
        deletion_protection_description=instance.protection_note,
    )


def _product_version(call: Call, edition: str) -> str:
    """Give the wire's number for an edition: also one that the newest price list no longer sells stays what it is."""
    return next(
        offer.product_version
        for price_list in reversed(call.service.catalogue.price_lists)
        for offer in price_list.offers
        if offer.edition.value == edition
    )
