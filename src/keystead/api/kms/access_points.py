"""Application access points (CreateApplicationAccessPoint and its family; API pages, read 2026-11-22)."""

from __future__ import annotations

import msgspec

from keystead.access_points import commands as access_points
from keystead.access_points import rules
from keystead.access_points.model import AUTHENTICATION_METHOD, AccessPoint, Holder
from keystead.api.kms._product import KMS
from keystead.api.kms._reach import NothingResponse
from keystead.catalog import rules as catalog
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.keyring.rules import page_of


class NameRequest(Request):
    """Which one."""

    name: str


class PageRequest(Request):
    """Which page."""

    page_number: int | None = None
    page_size: int | None = None


class CreateApplicationAccessPointRequest(Request):
    """A new identity of an application; `policies` is JSON, `["p1","p2"]`, 1 to 3 policies that are there."""

    name: str
    policies: str
    authentication_method: str = ""
    description: str = ""


class UpdateApplicationAccessPointRequest(Request):
    """What is to change; what is left out stays."""

    name: str
    policies: str = ""
    description: str = ""


class ApplicationAccessPointResponse(Response):
    """An access point; `policies` is JSON without blanks."""

    arn: str
    authentication_method: str
    description: str
    name: str
    policies: str


class ApplicationAccessPointItem(msgspec.Struct, kw_only=True, rename="pascal"):
    """An access point in a list."""

    name: str
    authentication_method: str


class ApplicationAccessPointItems(msgspec.Struct, kw_only=True, rename="pascal"):
    """The wrapper the cloud puts around the list."""

    application_access_point: list[ApplicationAccessPointItem]


class ListApplicationAccessPointsResponse(Response):
    """One page by name; `total_count` is that of all pages."""

    application_access_points: ApplicationAccessPointItems
    page_number: int
    page_size: int
    total_count: int


def holder_of(call: Call) -> Holder:
    """Give whose access points, policies and rules a call is about."""
    return Holder(call.account_id, call.region)


def new_holder_of(call: Call) -> Holder:
    """As `holder_of`, for what is about to be made: only in a region that is there."""
    return Holder(call.account_id, catalog.region_of(call.service.catalogue, call.region).id)


def arn_of(holder: Holder, kind: str, name: str) -> str:
    """Give the name of an access point, policy or network rule across accounts and regions."""
    return f"acs:kms:{holder.region}:{holder.account_id}:{kind}/{name}"


@KMS.action("CreateApplicationAccessPoint", Effect.WRITE)
def create_application_access_point(call: Call, request: CreateApplicationAccessPointRequest) -> ApplicationAccessPointResponse:
    """Make an access point; its client keys may do what its policies permit."""
    rules.checked_method(request.authentication_method)
    new = AccessPoint(
        rules.checked_name("Name", request.name),
        rules.policies_of(request.policies),
        rules.checked_description(request.description),
        call.now,
    )
    holder = new_holder_of(call)
    access_points.create_access_point(call.tx, holder, new)
    return _shown(call, holder, new)


@KMS.action("DescribeApplicationAccessPoint", Effect.READ)
def describe_application_access_point(call: Call, request: NameRequest) -> ApplicationAccessPointResponse:
    """Show an access point."""
    holder = holder_of(call)
    return _shown(call, holder, access_points.access_point_named(call.tx, holder, request.name))


@KMS.action("ListApplicationAccessPoints", Effect.READ)
def list_application_access_points(call: Call, request: PageRequest) -> ListApplicationAccessPointsResponse:
    """List the account's access points in the region."""
    page = page_of(request.page_number, request.page_size)
    found, total = access_points.access_points(call.tx, holder_of(call), page.number, page.size)
    items = [ApplicationAccessPointItem(name=each.name, authentication_method=AUTHENTICATION_METHOD) for each in found]
    return ListApplicationAccessPointsResponse(
        application_access_points=ApplicationAccessPointItems(application_access_point=items),
        page_number=page.number,
        page_size=page.size,
        total_count=total,
    )


@KMS.action("UpdateApplicationAccessPoint", Effect.WRITE)
def update_application_access_point(call: Call, request: UpdateApplicationAccessPointRequest) -> NothingResponse:
    """Give an access point other policies or another description; in force at once."""
    before = access_points.access_point_named(call.tx, holder_of(call), request.name)
    changed = AccessPoint(
        before.name,
        rules.policies_of(request.policies) if request.policies else before.policies,
        rules.checked_description(request.description) or before.description,
        before.created_at,
    )
    access_points.change_access_point(call.tx, holder_of(call), changed)
    return NothingResponse()


@KMS.action("DeleteApplicationAccessPoint", Effect.WRITE)
def delete_application_access_point(call: Call, request: NameRequest) -> NothingResponse:
    """Delete an access point with its client keys: they are refused at once."""
    access_points.delete_access_point(call.tx, holder_of(call), request.name)
    return NothingResponse()


def _shown(call: Call, holder: Holder, point: AccessPoint) -> ApplicationAccessPointResponse:
    return ApplicationAccessPointResponse(
        arn=arn_of(holder, "applicationaccesspoint", point.name),
        authentication_method=AUTHENTICATION_METHOD,
        description=point.description,
        name=point.name,
        policies=rules.compact(point.policies),
    )
