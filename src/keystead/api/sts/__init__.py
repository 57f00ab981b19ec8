"""STS 2015-04-01: AssumeRole, AssumeRoleWithOIDC and GetCallerIdentity.

What must always hold: a session may at most what its role may, and only those whom the role trusts begin one.
The gate runs the actions; `app.py` imports the package.
"""

from keystead.api.sts import oidc, sessions
from keystead.api.sts._product import STS

__all__ = ["STS", "oidc", "sessions"]
