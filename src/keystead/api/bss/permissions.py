"""What each action needs: `bssapi:<Action>` on everything (RAM authorization page of billing, read 2026-11-22)."""

from __future__ import annotations

from typing import Final

from keystead.gate.registry import Permission

_NAMES: Final = (
    "CancelOrder", "CreateInstance", "DescribeInstanceAmortizedCostByConsumePeriod", "DescribeInstanceBill",
    "DescribePricingModule", "GetOrderDetail", "GetSubscriptionPrice", "InquiryPriceRefundInstance", "ModifyInstance",
    "QueryAccountBalance", "QueryAccountBill", "QueryAccountTransactionDetails", "QueryAccountTransactions",
    "QueryAvailableInstances", "QueryBill", "QueryBillOverview", "QueryCashCoupons", "QueryInstanceBill", "QueryOrders",
    "QueryProductList", "QuerySettleBill", "QueryUserOmsData", "RefundInstance", "RenewChangeInstance", "RenewInstance",
    "SetRenewal",
)  # fmt: skip
PERMISSIONS: Final[dict[str, Permission]] = {
    name: Permission(f"bssapi:{name}", ("acs:bss:{region}:{account}:*",)) for name in _NAMES
}
