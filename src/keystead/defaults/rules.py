"""Pure decisions on default keys: who may do what with which.

Sources: Overview of key management, Getting started with keys, and Integration with KMS pages (read 2026-11-23): default keys are
free, AES-256 alone, serve server-side encryption alone, and are not shared; service keys cannot be managed.
"""

from __future__ import annotations

from typing import Final

from keystead.defaults.faults import DefaultKeyNotForApplications, NotForDefaultKeys, ServiceKeyFixed
from keystead.faults import InvalidParameter
from keystead.keyring.faults import KeyNotFound
from keystead.keyring.model import Key, KeySpec, KeyUsage, Operation, Origin, Rotation, Shape
from keystead.labels.rules import RESERVED_PREFIX

SERVICE_SHAPE: Final = Shape(KeySpec.AES_256, KeyUsage.ENCRYPT_DECRYPT, Origin.SERVICE, "")
_NO_POLICY: Final = "A default key is its account's alone and has no policy of its own."
_ARN: Final = "acs:kms:"
_ARN_PARTS: Final = 5


def code_of(service: str) -> str:
    """Give a service's code, which its keys show as their Creator: `OSS` for `oss`."""
    return service.upper()


def alias_of(service: str) -> str:
    """Give the reserved name of a service's keys."""
    return f"{RESERVED_PREFIX}/{service}"


def visible(key: Key, service: str) -> None:
    """Raise KeyNotFound unless a service may know of the key: its own keys and the default keys of all accounts."""
    if key.place.instance_id or key.place.service not in {"", code_of(service)}:
        raise KeyNotFound(key.key_id)


def permitted(key: Key, operation: Operation, service: str) -> None:
    """Raise unless the caller, an account or the named service of the deployment, may do this with the key.

    A service uses what is visible to it. An account may look at service keys, and manage its default key but not use it. Whose
    key it is was asked before.
    """
    place = key.place
    if service:
        visible(key, service)
    elif place.instance_id or operation is Operation.DESCRIBE:
        return
    elif place.service:
        raise ServiceKeyFixed(key.key_id, place.service)
    elif operation is Operation.USE:
        raise DefaultKeyNotForApplications(key.key_id)


def default_shape(shape: Shape, rotation: Rotation, policy: str) -> None:
    """Raise NotForDefaultKeys or InvalidParameter unless CreateKey asks for what a default key can be."""
    if shape.spec is not KeySpec.AES_256:
        raise NotForDefaultKeys(f"A default key is of KeySpec {KeySpec.AES_256.value}; {shape.spec.value} needs an instance.")
    rotated(rotation)
    if policy:
        raise NotForDefaultKeys(_NO_POLICY)


def own_policy(key: Key) -> None:
    """Raise NotForDefaultKeys if the key cannot have a policy of its own."""
    if not key.place.instance_id:
        raise NotForDefaultKeys(_NO_POLICY)


def rotated(rotation: Rotation) -> None:
    """Raise NotForDefaultKeys if a default key is to be rotated: that service is sold by the cloud, not here."""
    if rotation.wished:
        raise NotForDefaultKeys("The rotation of default keys is a service that is not sold here; keys of an instance rotate.")


def region_served(region: str, known: frozenset[str]) -> str:
    """Give a region back in which a key is about to be made; InvalidParameter unless it is one that is served."""
    if region not in known:
        raise InvalidParameter("RegionId", f"{region[:40]!r} is not a region of this deployment.")
    return region


def account_in(arn: str, region: str) -> str:
    """Give the account that an ARN of this region names; KeyNotFound for what is no such ARN: only it says whose the key is."""
    parts = arn.split(":", _ARN_PARTS - 1)
    if not arn.startswith(_ARN) or len(parts) < _ARN_PARTS or parts[2] != region or not parts[3].isascii():
        raise KeyNotFound(arn[:512])
    return parts[3]
