"""RAM 2015-05-01: users, groups, access keys, roles, policies and attachments.

What must always hold: answers and refusals are the cloud's, field by field (see docs/divergences.md for what is not).
The gate runs the actions; `app.py` imports the package.
"""

from keystead.api.ram import access_keys, attachments, groups, policies, roles, users
from keystead.api.ram._product import RAM

__all__ = ["RAM", "access_keys", "attachments", "groups", "policies", "roles", "users"]
