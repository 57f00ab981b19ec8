"""Running an action: its permission, its transaction, the claims of nonce and client token, the record of a change, one commit.

May the caller? Asked by the gate before an action runs, and by the action itself for a key it had to find first.

The account's own access keys may everything in the account but what a key's policy denies. Everybody else needs a statement.
On a key its own policy counts too (docs/adr/0082). A refusal names action, resource and the statement that decided.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from keystead.access import policies as key_policies
from keystead.access import rows as access_rows
from keystead.access_log import rows as access_log_rows
from keystead.access_log.model import encoded
from keystead.clock import iso_z, to_ms
from keystead.faults import CallerFault, Fault, InvalidParameter
from keystead.gate.arrival import Arrival
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.registry import Action, Effect
from keystead.gate.signature import NonceUsed, Proof
from keystead.gate.throttle import Throttled
from keystead.identity.faults import NotPermitted
from keystead.identity.grants import grants_of, key_policy_of
from keystead.identity.model import HolderKind, PrincipalKind
from keystead.keyring.faults import KeyNotFound
from keystead.labels.rules import checked_tags, tags_of_json
from keystead.networks import commands as networks
from keystead.policy.conditions import GLOBAL_KEYS
from keystead.policy.model import Question, Verdict
from keystead.policy.reading import read
from keystead.policy.rules import ROOT, PolicySet, both, either, key_verdict
from keystead.store import Conflict, Transaction
from keystead.store.claims import Claimed, claim_nonce, claim_token, earlier_answer

CLIENT_TOKEN_CHARS_MAX = 64
CONFLICT_TRIES_MAX = 5
_OTHERWISE: Final = frozenset({PrincipalKind.SERVICE, PrincipalKind.APPLICATION})
"""Whom RAM and key policies do not know: services (docs/adr/0071), and client keys (their access points say what they may)."""
_UNASKED: Final = _OTHERWISE | {PrincipalKind.ACCOUNT}
"""Who needs no statement: those, and the account in what is its own."""
_NOTHING: Final[Mapping[str, str]] = {}
_NARROWINGS: Final = 256
Tags = Callable[[], Mapping[str, str]]


class TokenMismatch(CallerFault):
    """The client token was used before for something else."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The request uses the same client token as a previous, but non-identical request.")


class Wanted(NamedTuple):
    """What is asked for on a key: action and resource, and the key and its account."""

    action: str
    resource: str
    key_id: str
    owner: str


class Running(msgspec.Struct, frozen=True, gc=False):
    """What is needed to run an action once."""

    call: Call
    action: Action
    request: Request
    arrival: Arrival
    proof: Proof


def run(running: Running) -> Response:
    """Run the action as its effect asks; what it raises is raised, and then nothing it did is kept."""
    call, action = running.call, running.action
    if action.effect is Effect.WRITE:
        _admit_writing(running)
        with action.ahead(call, running.request) if action.ahead else contextlib.nullcontext():
            return _run_writing(running)
    if not running.arrival.nonce_taken:
        call.service.nonces.claim(running.proof.access_key_id, running.proof.nonce, call.instant.wall)
        running.arrival.nonce_taken = True
    if action.effect is Effect.COMPUTE:
        return _handled(running)
    call.admit(call.account_id or call.principal.service)
    with action.ahead(call, running.request) if action.ahead else contextlib.nullcontext(), call.service.store.read() as tx:
        call.tx = tx
        return _handled(running)


def _handled(running: Running) -> Response:
    response = running.action.handler(running.call, running.request)
    permitted(running.call, running.action)
    return response


def _admit_writing(running: Running) -> None:
    """Take a request of the action's quota. One refused keeps its nonce, as every refused write does."""
    call, proof = running.call, running.proof
    try:
        call.admit(call.account_id)
    except Throttled:
        with call.service.store.write() as tx:
            if not claim_nonce(tx, proof.access_key_id, proof.nonce, to_ms(call.instant.wall)):
                raise NonceUsed from None
        raise


def _run_writing(running: Running) -> Response:
    tries = 0
    while True:
        tries += 1
        try:
            return _write_once(running)
        except Conflict:
            if tries >= CONFLICT_TRIES_MAX:
                raise


def _write_once(running: Running) -> Response:
    """One transaction. A refusal rolls the action's work back but keeps the nonce: a refused request is no coupon for later."""
    call = running.call
    refusal: Fault | None = None
    with call.service.store.write() as tx:
        call.tx = tx
        if not claim_nonce(tx, running.proof.access_key_id, running.proof.nonce, to_ms(call.instant.wall)):
            raise NonceUsed
        access_rows.lock_account(tx, call.account_id)
        savepoint = tx.conn.begin_nested()
        try:
            response = _with_token(running, tx)
        except Fault as fault:
            savepoint.rollback()
            tx.changes.clear()
            refusal = fault
        else:
            savepoint.commit()
            call.record.status_code = 200
            access_log_rows.append(tx, call.account_id, to_ms(call.instant.wall), call.request_id, encoded(call.record).decode())
    if refusal is not None:
        raise refusal
    if tx.changes:
        with contextlib.suppress(Exception):  # it is committed: what fails now must not make it look undone
            call.warm.refresh()  # this worker's next answer knows of its own change, whatever the bound between workers
    return response


def _with_token(running: Running, tx: Transaction) -> Response:
    call, action = running.call, running.action
    token = running.arrival.parameter("ClientToken") if action.idempotent else ""
    if not token:
        return _handled(running)
    if len(token) > CLIENT_TOKEN_CHARS_MAX or not token.isascii():
        raise InvalidParameter("ClientToken", f"It has {CLIENT_TOKEN_CHARS_MAX} ASCII characters at most.")
    content_hash = hashlib.sha256(msgspec.json.encode(running.request)).hexdigest()
    earlier = earlier_answer(tx, call.account_id, action.name, token)
    if earlier is not None:
        if earlier.content_hash != content_hash:
            raise TokenMismatch
        return msgspec.json.decode(earlier.answer, type=action.response)
    response = _handled(running)
    claimed = Claimed(content_hash, msgspec.json.encode(response))
    claim_token(tx, (call.account_id, action.name, token), claimed, to_ms(call.now))
    return response


def permit(call: Call, action: Action) -> None:
    """Ask for all that is known before the action runs; NotPermitted."""
    call.action = action
    if call.principal.kind in _UNASKED or not action.permission.resources:
        return
    for template in action.permission.resources:
        if "{key}" not in template:
            resource = _filled(call, template)
            verdict = _identity_verdict(call, action.permission.action, resource, None)
            if action.permission.also:
                verdict = either(verdict, _identity_verdict(call, action.permission.also, resource, None))
            _require(action.permission.action, resource, verdict)


def permit_key(call: Call, key_id: str, owner: str, tags: Tags, name: str = "") -> None:
    """Ask for a key that the action found; `name` is what it needs where that is not the action's own. NotPermitted, `Cold`."""
    if call.action is None or not call.action.of_key:
        return
    call.asked += 1
    if call.principal.kind in _OTHERWISE:
        return
    wanted = name or call.action.permission.action
    if owner != call.account_id:
        if not shared(call, key_id, owner, tags, wanted):
            raise KeyNotFound(key_id)
        return
    # The account itself is stopped by a key's policy alone, and most keys have the default one.
    root = call.principal.kind is PrincipalKind.ACCOUNT
    if root and (wanted in key_policies.RECOVERY or key_policy_of(call.warm, key_id, owner).silent):
        return
    resource = f"acs:kms:{call.region}:{owner}:key/{key_id}"
    _require(wanted, resource, _key_verdict(call, Wanted(wanted, resource, key_id, owner), tags))


def shared(call: Call, key_id: str, owner: str, tags: Tags, name: str = "") -> bool:
    """Tell whether another account's key may be used by this call: both its policy and the caller's own account allow it."""
    if call.action is None or call.principal.kind in _OTHERWISE:
        return False
    wanted = name or call.action.permission.action
    resource = f"acs:kms:{call.region}:{owner}:key/{key_id}"
    return wanted in key_policies.SHARED and _key_verdict(call, Wanted(wanted, resource, key_id, owner), tags).allowed


def _key_verdict(call: Call, wanted: Wanted, tags: Tags) -> Verdict:
    """Put the key's policy and the caller's RAM together; the root of an account has all rights of RAM."""
    policies = key_policy_of(call.warm, wanted.key_id, wanted.owner)
    root = call.principal.kind is PrincipalKind.ACCOUNT
    identity = ROOT if root else _identity_verdict(call, wanted.action, wanted.resource, tags)
    principals = frozenset({call.principal.policy_name})
    own = policies.judge(Question(wanted.action, wanted.resource, _context(call, policies, tags), principals))
    verdict = key_verdict(identity, own, same_account=call.account_id == wanted.owner)
    return _narrowed(call, verdict, wanted.action, wanted.resource, tags)  # what the key's policy grants too


def permit_item(call: Call, item: str) -> None:
    """Ask for something else of the account's that the action found, such as `instance/kst-…`. NotPermitted."""
    call.asked += 1
    _permit_also(call, f"acs:kms:{call.region}:{call.account_id}:{item}")


def permit_name(call: Call, item: str) -> None:
    """Ask for what a user or group is to be called from now on, such as `user/ann`: policies go by names. NotPermitted."""
    _permit_also(call, f"acs:ram::{call.account_id}:{item}")


def _permit_also(call: Call, resource: str) -> None:
    if call.action is None or call.principal.kind in _UNASKED:
        return
    wanted = call.action.permission.action
    _require(wanted, resource, _identity_verdict(call, wanted, resource, None))


def permitted(call: Call, action: Action) -> None:
    """Make sure, once an action ran, that one which must ask for its keys did: nothing it did is kept or told otherwise."""
    if action.of_key and not call.asked:
        message = f"{action.name} touched no key that it asked for"
        raise RuntimeError(message)


def _require(action: str, resource: str, verdict: Verdict) -> None:
    if not verdict.allowed:
        raise NotPermitted(action, resource, verdict)


def _identity_verdict(call: Call, action: str, resource: str, tags: Tags | None) -> Verdict:
    principal = call.principal
    kind = HolderKind.USER if principal.kind is PrincipalKind.USER else HolderKind.ROLE
    policies = grants_of(call.warm, kind, principal.identifier).policies
    return _narrowed(call, policies.judge(Question(action, resource, _context(call, policies, tags))), action, resource, tags)


def _narrowed(call: Call, verdict: Verdict, action: str, resource: str, tags: Tags | None) -> Verdict:
    """Give a verdict as far as the policy goes that the caller's session was begun with, if any."""
    if not call.principal.narrowed:
        return verdict
    session = _narrowing(call.principal.narrowed)
    return both(verdict, session.judge(Question(action, resource, _context(call, session, tags))))


@lru_cache(maxsize=_NARROWINGS)
def _narrowing(text: str) -> PolicySet:
    return PolicySet([("the session's own", read(text))])


def _filled(call: Call, template: str) -> str:
    text = template.replace("{region}", call.region).replace("{account}", call.account_id)
    if "{policies}" in text:
        system = call.arrival is not None and call.arrival.parameter("PolicyType") == "System"
        text = text.replace("{policies}", "system" if system else call.account_id)
    if "{" not in text:
        return text
    head, _, rest = text.partition("{")
    name, _, tail = rest.partition("}")
    given = call.arrival.parameter(name) if call.arrival is not None else ""
    if name == "UserName" and not given and call.principal.kind is PrincipalKind.USER:
        given = call.principal.name
    if head.endswith("/") and given.startswith("acs:"):
        given = given.rpartition("/")[2]  # what is named by its ARN is the same one to policies
    return f"{head}{given}{tail}"  # what a caller sends is put in last, and never read as a template or a pattern


def _context(call: Call, policies: PolicySet, tags: Tags | None) -> Mapping[str, str]:
    """Give the condition keys that the policies look at; one that the call does not have is left out."""
    if not policies.keys:
        return _NOTHING
    found = ((key, _of_tags(call, key, tags) if "/" in key else _of_call(call, key)) for key in policies.keys)
    return {key: value for key, value in found if value is not None}


def context_of_trust(call: Call, account_id: str) -> dict[str, str]:
    """Give the condition keys of a call that a trust policy may look at; `account_id` is the account that asks for the role."""
    found = {key: _of_call(call, key, account_id) for key in GLOBAL_KEYS}
    return {key: value for key, value in found.items() if value is not None}


def _of_call(call: Call, key: str, account_id: str = "") -> str | None:
    record = call.record
    if key == "acs:SourceIp":
        return record.client_ip
    if key == "acs:CurrentTime":
        return iso_z(call.now)
    if key == "acs:SecureTransport":
        return "true" if call.arrival is not None and call.arrival.secure else "false"
    if key in {"acs:SourceVpc", "acs:VpcSourceIp"}:
        vpc_id = networks.vpc_of(call.warm, account_id or call.account_id, call.region, record.client_ip)
        return (vpc_id if key == "acs:SourceVpc" else record.client_ip) if vpc_id else None
    return None


def _of_tags(call: Call, key: str, tags: Tags | None) -> str | None:
    kind, _, name = key.partition("/")
    if kind == "kms:tag":
        return tags().get(name) if tags is not None else None
    if kind == "acs:RequestTag" and call.arrival is not None and call.action is not None:
        return _request_tags({field.wire for field in call.action.plan}, call.arrival.parameters()).get(name)
    return None


def _request_tags(read: set[str], parameters: Mapping[str, str]) -> dict[str, str]:
    """Give the tags a request is to put on something, in the form that the action reads: `Tag.N.Key` or JSON.

    What it does not read counts for nothing; what is malformed it refuses itself.
    """
    with contextlib.suppress(InvalidParameter):
        if "Tags" in read:
            return tags_of_json(parameters.get("Tags", ""))
        if "Tag" in read:
            named = [(name, value) for name, value in parameters.items() if name.startswith("Tag.") and name.endswith(".Key")]
            return checked_tags("Tag", ((key, parameters.get(f"{name[:-4]}.Value", "")) for name, key in named))
    return {}
