"""DescribeRegions, OpenKmsService, DescribeAccountKmsStatus (KMS API pages, read 2026-11-22)."""

from __future__ import annotations

import msgspec

from keystead.api.kms._product import KMS
from keystead.api.kms._reach import NothingResponse
from keystead.api.kms.faults import ServiceOpen
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect


class NothingRequest(Request):
    """No parameter."""


class RegionShown(msgspec.Struct, kw_only=True, rename="pascal"):
    """A region."""

    region_id: str


class RegionItems(msgspec.Struct, kw_only=True, rename="pascal"):
    """The wrapper the cloud puts around the list."""

    region: list[RegionShown]


class DescribeRegionsResponse(Response):
    """The regions."""

    regions: RegionItems


class DescribeAccountKmsStatusResponse(Response):
    """Whether the account may use the service."""

    account_status: str


@KMS.action("DescribeRegions", Effect.READ)
def describe_regions(call: Call, request: NothingRequest) -> DescribeRegionsResponse:
    """List the regions the service is sold in."""
    regions = [region for region in call.service.catalogue.regions if not region.closed]
    return DescribeRegionsResponse(regions=RegionItems(region=[RegionShown(region_id=region.id) for region in regions]))


@KMS.action("OpenKmsService", Effect.WRITE)
def open_kms_service(call: Call, request: NothingRequest) -> NothingResponse:
    """Refuse: every account's service is open from the start, which is what the refusal says and clients take for done."""
    raise ServiceOpen


@KMS.action("DescribeAccountKmsStatus", Effect.READ)
def describe_account_kms_status(call: Call, request: NothingRequest) -> DescribeAccountKmsStatusResponse:
    """Say that the account may use the service: all may."""
    return DescribeAccountKmsStatusResponse(account_status="Enabled")
