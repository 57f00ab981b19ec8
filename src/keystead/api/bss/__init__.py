"""BssOpenApi 2017-12-14: catalogue, prices, orders, instances as sold, money, bills. Importing the package registers its actions.

What must always hold: shapes, casing and types are the cloud's, irregular as they are; no answer may read like "wrong site".
The gate runs the actions; `app.py` imports the package.
"""

from keystead.api.bss import (
    account_bills,
    amortised_costs,
    balance,
    bills,
    changes,
    coupons,
    instance_bills,
    orders,
    prices,
    products,
    refunds,
    subscriptions,
    transactions,
    usage,
)
from keystead.api.bss._product import BSS

__all__ = [
    "BSS",
    "account_bills",
    "amortised_costs",
    "balance",
    "bills",
    "changes",
    "coupons",
    "instance_bills",
    "orders",
    "prices",
    "products",
    "refunds",
    "subscriptions",
    "transactions",
    "usage",
]
