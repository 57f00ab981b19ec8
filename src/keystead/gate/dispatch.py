"""Running an action: its transaction, the claims of nonce and client token, the record of a change, one commit."""

from __future__ import annotations

import contextlib
import hashlib

import msgspec

from keystead.access import rows as access_rows
from keystead.access_log import rows as access_log_rows
from keystead.access_log.model import encoded
from keystead.clock import to_ms
from keystead.faults import CallerFault, Fault, InvalidParameter
from keystead.gate.arrival import Arrival
from keystead.gate.call import Call
from keystead.gate.parameters import Request, Response
from keystead.gate.permission import permitted
from keystead.gate.registry import Action, Effect
from keystead.gate.signature import NonceUsed, Proof
from keystead.store import Conflict, Transaction
from keystead.store.claims import Claimed, claim_nonce, claim_token, earlier_answer

CLIENT_TOKEN_CHARS_MAX = 64
CONFLICT_TRIES_MAX = 5


class TokenMismatch(CallerFault):
    """The client token was used before for something else."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The request uses the same client token as a previous, but non-identical request.")


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
        with action.ahead(call, running.request) if action.ahead else contextlib.nullcontext():
            return _run_writing(running)
    if not running.arrival.nonce_taken:
        call.service.nonces.claim(running.proof.access_key_id, running.proof.nonce, call.instant.wall)
        running.arrival.nonce_taken = True
    if action.effect is Effect.COMPUTE:
        return _handled(running)
    with action.ahead(call, running.request) if action.ahead else contextlib.nullcontext(), call.service.store.read() as tx:
        call.tx = tx
        return _handled(running)


def _handled(running: Running) -> Response:
    response = running.action.handler(running.call, running.request)
    permitted(running.call, running.action)
    return response


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
