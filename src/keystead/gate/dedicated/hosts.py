"""The gateway a call came through: the shared one, or an instance's own, by the host it names.

An instance answers at `<instance>.cryptoservice.kms.<domain>`, whatever the domain. There it serves its own keys and secrets
only, and of the JSON API only what uses them (page on gateways, read 2026-11-22). The host is not signed: what it names must be
granted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from keystead.access_points import rules
from keystead.access_points.faults import NotGranted
from keystead.access_points.model import SHARED_GATEWAY, Permission
from keystead.faults import Unsupported
from keystead.gate.call import ANY_GATEWAY, Call
from keystead.gate.registry import Action, Effect
from keystead.instances import commands as instances
from keystead.instances.faults import InstanceNotFound

SERVICE: Final = "cryptoservice.kms"
_HOST: Final = re.compile(r"(kst-[a-z0-9]{1,40})\.cryptoservice\.kms\.[a-z0-9.-]+(:[0-9]+)?").fullmatch
_ACROSS_INSTANCES: Final = frozenset({"ReEncrypt"})
_SECRET_ACTIONS: Final = frozenset({"GetSecretValue"})


class NotOfGateway(Unsupported):
    """The action is none that is served where the call came in."""

    def __init__(self) -> None:
        """Say where it is."""
        super().__init__("This action is not supported. An instance's own address serves cryptography and GetSecretValue only.")


@lru_cache(maxsize=1024)
def instance_of(host: str) -> str:
    """Give the instance whose own address a Host header names; empty for any other host."""
    match = _HOST(host.lower())
    return match[1] if match else ""


def enter(call: Call, host: str, action: Action) -> None:
    """Note the gateway of a JSON call. NotOfGateway, InstanceNotFound, NotGranted; `Cold` as for any look-up."""
    named = instance_of(host)
    passport = call.principal.passport
    if not named and passport is None:
        return
    uses_keys = action.product.code == "kms" and action.effect is Effect.COMPUTE and action.name not in _ACROSS_INSTANCES
    if not uses_keys and action.name not in _SECRET_ACTIONS:
        raise NotGranted if passport is not None else NotOfGateway
    if named:
        standing = instances.standing_of(call.warm, named)
        if standing.account_id != call.account_id or standing.released(call.now):
            raise InstanceNotFound(named)
        call.gateway = call.record.instance_id = named
        call.region = standing.region


def enter_dedicated(call: Call, host: str) -> None:
    """Note the gateway of a dedicated call: the host's, else that of whatever key it names."""
    call.gateway = instance_of(host) or ANY_GATEWAY


def require(call: Call, instance_id: str, permission: Permission, resource: str = "") -> None:
    """Raise NotGranted unless the caller may use something of an instance through the gateway it came by."""
    passport = call.principal.passport
    if call.gateway not in {"", ANY_GATEWAY, instance_id}:
        raise NotGranted
    if passport is not None:
        rules.permit(passport, instance_id if call.gateway else SHARED_GATEWAY, permission, resource)
