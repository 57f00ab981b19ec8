"""KMS 2016-01-20: keys, cryptography, instances. Importing the package registers its actions.

What must always hold: answers and refusals are the cloud's, field by field (see docs/divergences.md for what is not).
The gate runs the actions; `app.py` imports the package.
"""

from keystead.api.kms import (
    access_points,
    access_policies,
    aliases,
    asymmetric,
    client_keys,
    cryptography,
    deletion,
    export,
    imports,
    instances,
    keys,
    mac,
    managed,
    network_rules,
    policies,
    reencrypt,
    service,
    tags,
    versions,
)
from keystead.api.kms._product import KMS

__all__ = [
    "KMS",
    "access_points",
    "access_policies",
    "aliases",
    "asymmetric",
    "client_keys",
    "cryptography",
    "deletion",
    "export",
    "imports",
    "instances",
    "keys",
    "mac",
    "managed",
    "network_rules",
    "policies",
    "reencrypt",
    "service",
    "tags",
    "versions",
]
