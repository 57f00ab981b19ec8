"""Buying, renewing and finding instances: CreateInstance, RenewInstance, QueryAvailableInstances (BssOpenApi pages, 2026-11-22).

CreateInstance and RenewInstance order and pay in one call; a refusal leaves nothing behind. A ClientToken makes a repeated call
give the first answer (the gate sees to that).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from keystead.api.bss._product import BSS
from keystead.api.bss.shapes import (
    CODE,
    INSTANCE_IDS_MAX,
    MESSAGE,
    PAGE_SIZE,
    SUBSCRIPTION,
    BssResponse,
    PageNum,
    PageSize,
    Shape,
    owned,
    read_time,
    time_of,
)
from keystead.catalog import rules as catalog
from keystead.catalog.model import Catalogue
from keystead.entitlements.model import Standing
from keystead.faults import InvalidParameter, MissingParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Part, Request
from keystead.gate.registry import Effect
from keystead.instances import commands as instances
from keystead.instances.model import Owned, RenewalStatus
from keystead.orders import commands as orders
from keystead.orders import rules as order_rules
from keystead.orders.model import Buying, Renewing

SELLER = "Keystead"
_BY_MONTH = 2
_STATUSES = frozenset(status.value for status in RenewalStatus)


class ModuleParameter(Part):
    """A module code and its value, as text."""

    code: str
    value: str


class CreateInstanceRequest(Request):
    """What to buy, for how many months."""

    product_code: str
    subscription_type: str
    product_type: str = ""
    period: int | None = None
    renewal_status: str = ""
    renew_period: int | None = None
    parameter: tuple[ModuleParameter, ...] = ()
    pricing_cycle: int | None = None
    logistics: str = ""
    client_token: str = ""
    owner_id: int | None = None


class CreatedInstance(Shape):
    """What was delivered, and by which order."""

    instance_id: str
    order_id: str


class CreateInstanceResponse(BssResponse, kw_only=True):
    """The purchase."""

    data: CreatedInstance


class RenewInstanceRequest(Request):
    """Which instance to renew, for how many months."""

    product_code: str
    instance_id: str
    renew_period: int
    product_type: str = ""
    client_token: str = ""
    owner_id: int | None = None


class RenewalOrder(Shape):
    """By which order it was renewed."""

    order_id: str


class RenewInstanceResponse(BssResponse, kw_only=True):
    """The renewal."""

    data: RenewalOrder


class QueryAvailableInstancesRequest(Request):
    """Which instances: all that is given must match. Times are UTC."""

    instance_ids: str = msgspec.field(default="", name="InstanceIDs")
    product_code: str = ""
    product_type: str = ""
    region: str = ""
    subscription_type: str = ""
    renew_status: str = ""
    create_time_start: str = ""
    create_time_end: str = ""
    end_time_start: str = ""
    end_time_end: str = ""
    page_num: PageNum = 1
    page_size: PageSize = PAGE_SIZE
    owner_id: int | None = None


class AvailableInstance(Shape):
    """An instance as a thing that was sold. `renewal_duration` is there only if it is renewed automatically."""

    instance_id: str = msgspec.field(name="InstanceID")
    owner_id: int
    product_code: str
    product_type: str
    subscription_type: str
    region: str
    seller: str
    status: str
    sub_status: str
    renew_status: str
    create_time: str
    end_time: str
    stop_time: str
    expected_release_time: str
    release_time: str
    renewal_duration: int | None = None
    renewal_duration_unit: str | None = None


class AvailableInstances(Shape):
    """One page; `total_count` is that of all pages."""

    instance_list: list[AvailableInstance]
    page_num: int
    page_size: int
    total_count: int


class QueryAvailableInstancesResponse(BssResponse, kw_only=True):
    """The instances."""

    data: AvailableInstances


@BSS.action("CreateInstance", Effect.WRITE, idempotent=True)
def create_instance(call: Call, request: CreateInstanceRequest) -> CreateInstanceResponse:
    """Buy an instance with the balance. Modules that are not named take the edition's default."""
    owned(call, request.owner_id)
    catalogue = call.service.catalogue
    kind = catalog.product_type_of(catalogue, request.product_code, request.product_type, request.subscription_type)
    if request.period is None:
        raise MissingParameter("Period")
    if request.pricing_cycle not in {None, _BY_MONTH}:
        raise InvalidParameter("PricingCycle", "Periods are counted in months here: it must be 2 or left out.")
    if request.logistics:
        raise InvalidParameter("Logistics", "Nothing is shipped: it must be left out.")
    buying = Buying(
        account_id=call.account_id,
        operator="",
        product_type=kind.code,
        parameters=tuple((parameter.code, parameter.value) for parameter in request.parameter),
        months=request.period,
        renewal=order_rules.renewal_wished(request.renewal_status, request.renew_period, catalogue.policies),
    )
    order = orders.buy(call.tx, catalogue, call.service.keystore, call.now, buying)
    call.record.instance_id = order.instance_id
    data = CreatedInstance(instance_id=order.instance_id, order_id=order.order_id)
    return CreateInstanceResponse(code=CODE, message=MESSAGE, success=True, data=data)


@BSS.action("RenewInstance", Effect.WRITE, idempotent=True)
def renew_instance(call: Call, request: RenewInstanceRequest) -> RenewInstanceResponse:
    """Extend an instance with the balance; in retention this restores it."""
    owned(call, request.owner_id)
    catalogue = call.service.catalogue
    catalog.product_type_of(catalogue, request.product_code, request.product_type, SUBSCRIPTION)
    call.record.instance_id = request.instance_id
    renewing = Renewing(call.account_id, "", request.instance_id, request.renew_period)
    order = orders.renew(call.tx, catalogue, call.now, renewing)
    return RenewInstanceResponse(code=CODE, message=MESSAGE, success=True, data=RenewalOrder(order_id=order.order_id))


@BSS.action("QueryAvailableInstances", Effect.READ)
def query_available_instances(call: Call, request: QueryAvailableInstancesRequest) -> QueryAvailableInstancesResponse:
    """List the account's instances, oldest first.

    A product or region that is not ours gives an empty list and never a refusal: a client would take it for the wrong site and
    send its signed requests elsewhere.
    """
    owned(call, request.owner_id)
    catalogue = call.service.catalogue
    wanted = _wanted(request)
    matches = [each for each in _candidates(call, request) if wanted.matches(each)]
    first = (request.page_num - 1) * request.page_size
    page = AvailableInstances(
        instance_list=[_row(catalogue, each, call.now) for each in matches[first : first + request.page_size]],
        page_num=request.page_num,
        page_size=request.page_size,
        total_count=len(matches),
    )
    return QueryAvailableInstancesResponse(code=CODE, message=MESSAGE, success=True, data=page)


def _candidates(call: Call, request: QueryAvailableInstancesRequest) -> list[Owned]:
    """The instances of the product, if it is this one that is asked for; the types of both sites mean the same."""
    if request.region and not request.product_code:
        raise MissingParameter("ProductCode")
    product = call.service.catalogue.product
    types = {kind.code for kind in catalog.product_types_sold(call.service.catalogue)}
    if (
        request.product_code not in {"", product.code}
        or request.product_type not in {"", *types}
        or request.subscription_type not in {"", SUBSCRIPTION}
    ):
        return []
    return instances.listing(call.tx, call.account_id, call.now, request.region)


class _Span(NamedTuple):
    """Instants to the second, as they are shown; both ends count, a missing one is open."""

    since: datetime | None
    until: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether `at` lies in it."""
        shown = at.replace(microsecond=0)
        return (self.since is None or shown >= self.since) and (self.until is None or shown <= self.until)


class _Wanted(NamedTuple):
    """What an instance must match; an empty part matches all."""

    ids: frozenset[str]
    renew_status: str
    created: _Span
    ending: _Span

    def matches(self, each: Owned) -> bool:
        """Whether the instance matches every part."""
        instance = each.instance
        return (
            (not self.ids or instance.instance_id in self.ids)
            and self.renew_status in {"", instance.renewal.status.value}
            and self.created.holds(instance.created_at)
            and self.ending.holds(each.ends_at)
        )


def _wanted(request: QueryAvailableInstancesRequest) -> _Wanted:
    """Read what narrows the list, before anything is looked up: a mistake is one whether or not there are instances."""
    ids = frozenset(part.strip() for part in request.instance_ids.split(",") if part.strip())
    if len(ids) > INSTANCE_IDS_MAX:
        raise InvalidParameter("InstanceIDs", f"It names {INSTANCE_IDS_MAX} instances at most.")
    if request.renew_status and request.renew_status not in _STATUSES:
        raise InvalidParameter("RenewStatus", f"It must be one of {', '.join(sorted(_STATUSES))}.")
    return _Wanted(
        ids,
        request.renew_status,
        _span("CreateTime", request.create_time_start, request.create_time_end),
        _span("EndTime", request.end_time_start, request.end_time_end),
    )


def _span(name: str, start: str, end: str) -> _Span:
    return _Span(read_time(f"{name}Start", start), read_time(f"{name}End", end))


def _row(catalogue: Catalogue, each: Owned, now: datetime) -> AvailableInstance:
    instance = each.instance
    months = instance.renewal.months
    return AvailableInstance(
        instance_id=instance.instance_id,
        owner_id=int(instance.account_id),
        product_code=catalogue.product.code,
        product_type=instance.product_type,
        subscription_type=SUBSCRIPTION,
        region=instance.region,
        seller=SELLER,
        status=_status(each, now, timedelta(days=catalogue.policies.expiring_soon_days)),
        sub_status="Normal",
        renew_status=instance.renewal.status.value,
        create_time=time_of(instance.created_at),
        end_time=time_of(each.ends_at),
        stop_time=time_of(each.ends_at),
        expected_release_time=time_of(each.releases_at),
        release_time=time_of(instance.released_at),
        renewal_duration=months,
        renewal_duration_unit=None if months is None else "M",
    )


def _status(each: Owned, now: datetime, soon: timedelta) -> str:
    if each.standing is not Standing.ACTIVE:
        return "Expired"
    return "WaitForExpire" if each.ends_at - now <= soon else "Normal"
