"""The billing API's refusals on the wire, in order of precedence.

What concerns a purchase itself is HTTP 200 with `Success: false`, as the cloud answers business failures; a malformed request is
the gate's 400. No row may say NotApplicable: official clients take it for "wrong site" and re-send the order to the public cloud.
Codes: BssOpenApi CreateInstance, RenewInstance and RefundInstance pages; `PAY.INSUFFICIENT_BALANCE` from the cloud's product
tables, as the API documents none of its own; read 2026-11-22.
"""

from __future__ import annotations

from typing import Final

from keystead.catalog.faults import (
    ChangeRefused,
    ConfigMalformed,
    EditionNotSold,
    ModuleInvalid,
    NothingOnSaleYet,
    PeriodNotSold,
    ProductNotSold,
    RegionUnknown,
    UnknownModule,
)
from keystead.entitlements.faults import TermReleased
from keystead.gate.registry import FaultRow
from keystead.identity.faults import NotPermitted
from keystead.instances.faults import InstanceNotFound, InstanceProtected, InstanceStateInvalid
from keystead.ledger.faults import BalanceTooLow
from keystead.orders.faults import (
    ChangePending,
    EditionNotDelivered,
    ModifyTypeRefused,
    NotRefundable,
    OrderNotFound,
    OrderStateInvalid,
    OrderUnpaid,
    OwnerForeign,
)
from keystead.quotas.faults import QuotaBelowUse

FAULTS: Final = (
    FaultRow(NotPermitted, "NotAuthorized", 403),
    FaultRow(OwnerForeign, "InvalidOwner", 200),
    FaultRow(ProductNotSold, "ProductNotSupported", 200),
    FaultRow(NothingOnSaleYet, "ProductNotSupported", 200),
    FaultRow(EditionNotDelivered, "ProductNotSupported", 200),
    FaultRow(UnknownModule, "InvalidModuleCode", 200),
    FaultRow(ConfigMalformed, "InvalidConfigCode", 200),
    FaultRow(ModifyTypeRefused, "InvalidParameter", 200),
    FaultRow(ChangeRefused, "InvalidParameter", 200),
    FaultRow(EditionNotSold, "InvalidParameter", 200),
    FaultRow(RegionUnknown, "InvalidParameter", 200),
    FaultRow(ModuleInvalid, "InvalidParameter", 200),
    FaultRow(PeriodNotSold, "InvalidParameter", 200),
    FaultRow(InstanceNotFound, "ResourceNotExists", 200),
    FaultRow(TermReleased, "ResourceNotExists", 200),
    FaultRow(InstanceStateInvalid, "ResourceStatusError", 200),
    FaultRow(InstanceProtected, "ResourceStatusError", 200),
    FaultRow(OrderUnpaid, "ResourceStatusError", 200),
    FaultRow(ChangePending, "ResourceStatusError", 200),
    FaultRow(QuotaBelowUse, "ResourceStatusError", 200),
    FaultRow(NotRefundable, "CouldNotRefund.NotSupport", 200),
    FaultRow(OrderNotFound, "OrderNotExists", 200),
    FaultRow(OrderStateInvalid, "ResourceStatusError", 200),
    FaultRow(BalanceTooLow, "PAY.INSUFFICIENT_BALANCE", 200),
)
