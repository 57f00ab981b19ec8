"""Keys of other accounts: used where the key's policy allows it and the caller's own account does too (docs/adr/0084).

Overview of key policies page (read 2026-11-23): outsiders use keys and never manage them, and name them by their ARN. What is
not allowed is answered exactly as a key that is not there.
"""

from __future__ import annotations

from keystead.defaults import rules as defaults
from keystead.gate.call import Call
from keystead.gate.dispatch import shared
from keystead.keyring import commands as keyring
from keystead.keyring.faults import KeyNotFound
from keystead.keyring.model import Key


def owner_named(call: Call, reference: str, permission: str = "") -> str:
    """Give the account whose key the caller means: its own, or that of a key's ARN whose policy and whose RAM allow this call.

    A service of the deployment means the account in the ARN, whichever. `permission` as for `permit_key`. `Cold`.
    """
    if call.principal.service:
        return defaults.account_in(reference, call.region)
    if not reference.startswith("acs:"):
        return call.account_id
    owner, _, resource = reference.removeprefix(f"acs:kms:{call.region}:").partition(":")
    if owner == call.account_id or not resource.startswith("key/key-") or not (reference.isascii() and reference.isprintable()):
        return call.account_id
    try:
        key = keyring.warm_key(call.warm, resource.removeprefix("key/"))
    except KeyNotFound:
        return call.account_id
    return owner if key.place.account_id == owner and _shares(call, key, permission) else call.account_id


def owner_of_version(call: Call, version_id: str, permission: str = "") -> str:
    """Give the account whose version a ciphertext names if that account shares its key for this call, else the caller's own."""
    key = keyring.warm_key_of(call.warm, version_id)
    return key.place.account_id if _shares(call, key, permission) else call.account_id


def _shares(call: Call, key: Key, permission: str) -> bool:
    place = key.place
    if not place.instance_id or place.region != call.region or place.account_id == call.account_id:
        return False
    return shared(call, key.key_id, place.account_id, lambda: keyring.warm_tags(call.warm, key), permission)
