"""Changing what is held: ModifyInstance, RenewChangeInstance, SetRenewal (BssOpenApi pages, read 2026-11-22).

The first two order and pay in one call; a refusal leaves nothing behind, and a ClientToken gives the first answer again.
"""

from __future__ import annotations

import msgspec

from keystead.api.bss._product import BSS
from keystead.api.bss.shapes import CODE, INSTANCE_IDS_MAX, MESSAGE, SUBSCRIPTION, BssResponse, Shape, owned
from keystead.api.bss.subscriptions import ModuleParameter
from keystead.catalog import rules as catalog
from keystead.faults import InvalidParameter, MissingParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request
from keystead.gate.registry import Effect
from keystead.orders import commands as orders
from keystead.orders import renewals
from keystead.orders import rules as order_rules
from keystead.orders.faults import ModifyTypeRefused
from keystead.orders.model import Renewing, Upgrading


class ModifyInstanceRequest(Request):
    """Which instance to upgrade, and the modules that grow; others may be named with what they are."""

    product_code: str
    subscription_type: str
    modify_type: str
    instance_id: str = ""
    product_type: str = ""
    parameter: tuple[ModuleParameter, ...] = ()
    client_token: str = ""
    owner_id: int | None = None


class ChangeOrder(Shape):
    """By which order it was changed."""

    order_id: str
    host_id: str


class ModifyInstanceResponse(BssResponse, kw_only=True):
    """The upgrade."""

    data: ChangeOrder


class RenewChangeInstanceRequest(Request):
    """Which instance to renew, for how many months, and the modules that the new cycle changes."""

    product_code: str
    instance_id: str
    renew_period: int
    product_type: str = ""
    parameter: tuple[ModuleParameter, ...] = ()
    client_token: str = ""
    owner_id: int | None = None


class RenewChangeInstanceResponse(BssResponse, kw_only=True):
    """The renewal."""

    data: ChangeOrder


class SetRenewalRequest(Request):
    """Which instances, comma-separated, and what is wished for their end."""

    instance_ids: str = msgspec.field(name="InstanceIDs")
    product_code: str
    renewal_status: str
    renewal_period: int | None = None
    renewal_period_unit: str = ""
    product_type: str = ""
    subscription_type: str = ""
    owner_id: int | None = None


class SetRenewalResponse(BssResponse, kw_only=True):
    """Nothing but the envelope."""


@BSS.action("ModifyInstance", Effect.WRITE, idempotent=True)
def modify_instance(call: Call, request: ModifyInstanceRequest) -> ModifyInstanceResponse:
    """Upgrade an instance with the balance, for what is left of its last paid term; the new quotas hold at once."""
    owned(call, request.owner_id)
    catalogue = call.service.catalogue
    catalog.product_type_of(catalogue, request.product_code, request.product_type, request.subscription_type)
    if request.modify_type == "Downgrade":
        raise ModifyTypeRefused
    if request.modify_type != "Upgrade":
        raise InvalidParameter("ModifyType", "It must be Upgrade.")
    if not request.instance_id:
        raise MissingParameter("InstanceId")
    call.record.instance_id = request.instance_id
    upgrading = Upgrading(call.account_id, "", request.instance_id, _sent(request.parameter))
    order = orders.upgrade(call.tx, catalogue, call.now, upgrading)
    return ModifyInstanceResponse(code=CODE, message=MESSAGE, success=True, data=ChangeOrder(order_id=order.order_id, host_id=""))


@BSS.action("RenewChangeInstance", Effect.WRITE, idempotent=True, methods="POST")
def renew_change_instance(call: Call, request: RenewChangeInstanceRequest) -> RenewChangeInstanceResponse:
    """Extend an instance with the balance, larger or smaller from the new cycle's start; at once if it is expired."""
    owned(call, request.owner_id)
    catalogue = call.service.catalogue
    catalog.product_type_of(catalogue, request.product_code, request.product_type, SUBSCRIPTION)
    call.record.instance_id = request.instance_id
    renewing = Renewing(call.account_id, "", request.instance_id, request.renew_period, _sent(request.parameter))
    order = orders.renew(call.tx, catalogue, call.now, renewing)
    return RenewChangeInstanceResponse(
        code=CODE, message=MESSAGE, success=True, data=ChangeOrder(order_id=order.order_id, host_id="")
    )


@BSS.action("SetRenewal", Effect.WRITE)
def set_renewal(call: Call, request: SetRenewalRequest) -> SetRenewalResponse:
    """Say what is wished for the end of instances: automatic renewal, renewal by hand, or none; all of them or none change."""
    owned(call, request.owner_id)
    catalogue = call.service.catalogue
    catalog.product_type_of(catalogue, request.product_code, request.product_type, request.subscription_type or SUBSCRIPTION)
    ids = list(dict.fromkeys(part.strip() for part in request.instance_ids.split(",") if part.strip()))
    if not 1 <= len(ids) <= INSTANCE_IDS_MAX:
        raise InvalidParameter("InstanceIDs", f"It names 1 to {INSTANCE_IDS_MAX} instances, separated by commas.")
    wish = order_rules.renewal_set(
        request.renewal_status, request.renewal_period, request.renewal_period_unit, catalogue.policies
    )
    renewals.set_wish(call.tx, catalogue, call.now, (call.account_id, ids), wish)
    return SetRenewalResponse(code=CODE, message=MESSAGE, success=True)


def _sent(parameters: tuple[ModuleParameter, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((parameter.code, parameter.value) for parameter in parameters)
