"""GenerateMac and VerifyMac (official SDK 3.3.1 and KMS API pages, read 2026-11-22)."""

from __future__ import annotations

from typing import Final

from keystead.api.kms._product import KMS
from keystead.api.kms._sharing import owner_named
from keystead.api.kms.asymmetric import admit_for, bytes_of, text_of
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.keyring import commands as keyring
from keystead.keyring.model import KeyUsage

MESSAGE_BYTES_MAX: Final = 6144


class GenerateMacRequest(Request):
    """A message of 1 to 6,144 bytes, base64, and under which HMAC key."""

    key_id: str
    algorithm: str
    message: str
    dry_run: bool | None = None


class GenerateMacResponse(Response):
    """The whole code, base64."""

    mac: str
    algorithm: str
    key_id: str


class VerifyMacRequest(Request):
    """A message and what is said to be its code, base64."""

    key_id: str
    algorithm: str
    message: str
    mac: str
    dry_run: bool | None = None


class VerifyMacResponse(Response):
    """Whether the code is the message's; a truncated one is not."""

    value: bool
    algorithm: str
    key_id: str


@KMS.action("GenerateMac", Effect.COMPUTE)
def generate_mac(call: Call, request: GenerateMacRequest) -> GenerateMacResponse:
    """Authenticate a small message under an HMAC key."""
    message = bytes_of("Message", request.message, MESSAGE_BYTES_MAX)
    ready = _ready(call, request.key_id)
    mac = ready.handle.mac(request.algorithm, message)
    call.dry_run_gate(request.dry_run)
    return GenerateMacResponse(mac=text_of(mac), algorithm=request.algorithm, key_id=ready.key.key_id)


@KMS.action("VerifyMac", Effect.COMPUTE)
def verify_mac(call: Call, request: VerifyMacRequest) -> VerifyMacResponse:
    """Tell, in constant time, whether a code is the message's under an HMAC key."""
    message, mac = bytes_of("Message", request.message, MESSAGE_BYTES_MAX), bytes_of("Mac", request.mac)
    ready = _ready(call, request.key_id)
    good = ready.handle.verify_mac(request.algorithm, message, mac)
    call.dry_run_gate(request.dry_run)
    return VerifyMacResponse(value=good, algorithm=request.algorithm, key_id=ready.key.key_id)


def _ready(call: Call, key_reference: str) -> keyring.ReadyVersion:
    ready = keyring.usable_version(call.warm, call.service.keystore, owner_named(call, key_reference), call.region, key_reference)
    admit_for(call, ready, KeyUsage.MAC)
    return ready
