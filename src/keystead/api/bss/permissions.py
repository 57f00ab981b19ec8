"""What each action needs: `bssapi:<Action>` on `*`, or where there is one the console's name for it, `bss:<Name>`.

"Authorize a RAM user to use BOA" (API calling authorization page, read 2026-11-23): the resource is always `*`; a statement on
either name counts. The names of the console are those of that page that could be read; the page is longer.
"""

from __future__ import annotations

from typing import Final

from keystead.gate.registry import Permission

_NAMES: Final = {
    "CancelOrder": "",
    "CreateInstance": "bss:ModifyInstance",
    "DescribeInstanceAmortizedCostByConsumePeriod": "",
    "DescribeInstanceBill": "",
    "DescribePricingModule": "bss:DescribeProduct",
    "GetOrderDetail": "bss:DescribeOrderDetail",
    "GetSubscriptionPrice": "bss:DescribePrice",
    "InquiryPriceRefundInstance": "",
    "ModifyInstance": "bss:ModifyInstance",
    "QueryAccountBalance": "bss:DescribeAcccount",  # three c's, on the page
    "QueryAccountBill": "",
    "QueryAccountTransactionDetails": "",
    "QueryAccountTransactions": "",
    "QueryAvailableInstances": "bss:DescribeInstances",
    "QueryBill": "",
    "QueryBillOverview": "",
    "QueryCashCoupons": "bss:DescribeCoupons",
    "QueryInstanceBill": "bss:DescribeBillList",
    "QueryOrders": "bss:DescribeOrderList",
    "QueryProductList": "bss:DescribeProduct",
    "QuerySettleBill": "",
    "QueryUserOmsData": "",
    "RefundInstance": "",
    "RenewChangeInstance": "bss:RenewChangeInstance",
    "RenewInstance": "bss:ModifyInstance",
    "SetRenewal": "bss:ModifyPrepaidInstanceAutoRenew",
}
PERMISSIONS: Final[dict[str, Permission]] = {
    name: Permission(f"bssapi:{name}", ("*",), console) for name, console in _NAMES.items()
}
