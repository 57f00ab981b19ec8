"""The store: one SQLAlchemy engine over SQLite or PostgreSQL, transactions, the change log, idempotence claims, jobs, events.

What must always hold: SQLite write transactions begin IMMEDIATE; a commit that changes what workers cache names it in the
change log of the same commit; nothing here knows a domain rule. Rooms call it from `rows.py` and `commands.py`.
"""

from keystead.store.changes import Cold, Warm
from keystead.store.engine import Store, metadata, open_store
from keystead.store.transaction import Conflict, Transaction

__all__ = ["Cold", "Conflict", "Store", "Transaction", "Warm", "metadata", "open_store"]
