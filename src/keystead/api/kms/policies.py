"""GetKeyPolicy, SetKeyPolicy (KMS API pages and overview of key policies, read 2026-11-22)."""

from __future__ import annotations

from keystead.access import policies
from keystead.api.kms._product import KMS
from keystead.api.kms._reach import NothingResponse, key_for
from keystead.defaults import rules as defaults
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Effect
from keystead.keyring import commands as keyring
from keystead.keyring.model import Operation


class GetKeyPolicyRequest(Request):
    """Whose policy; its name is `default`."""

    key_id: str
    policy_name: str = ""


class GetKeyPolicyResponse(Response):
    """The document, JSON text."""

    policy: str


class SetKeyPolicyRequest(Request):
    """A document, JSON of 32,768 bytes at most, for which key."""

    key_id: str
    policy: str
    policy_name: str = ""


@KMS.action("GetKeyPolicy", Effect.READ)
def get_key_policy(call: Call, request: GetKeyPolicyRequest) -> GetKeyPolicyResponse:
    """Show a key's policy as it was set, or the default one."""
    policies.checked_name(request.policy_name)
    key = key_for(call, request.key_id, Operation.DESCRIBE)
    return GetKeyPolicyResponse(policy=keyring.policy_of(call.tx, key))


@KMS.action("SetKeyPolicy", Effect.WRITE)
def set_key_policy(call: Call, request: SetKeyPolicyRequest) -> NothingResponse:
    """Keep a key's policy, checked for its form. It counts from the commit on."""
    policies.checked_name(request.policy_name)
    document = policies.checked_document(request.policy)
    key = key_for(call, request.key_id, Operation.EDIT)
    defaults.own_policy(key)
    keyring.set_policy(call.tx, call.now, key, document)
    return NothingResponse()
