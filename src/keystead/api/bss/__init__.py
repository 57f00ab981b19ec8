"""BssOpenApi 2017-12-14: catalogue, prices, orders, instances as sold, balance. Importing the package registers its actions.

What must always hold: shapes, casing and types are the cloud's, irregular as they are; no answer may read like "wrong site".
The gate runs the actions; `app.py` imports the package.
"""

from keystead.api.bss import balance, changes, orders, prices, products, refunds, subscriptions
from keystead.api.bss._product import BSS

__all__ = ["BSS", "balance", "changes", "orders", "prices", "products", "refunds", "subscriptions"]
