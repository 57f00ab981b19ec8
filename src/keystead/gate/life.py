"""A request's life, top to bottom. Each step is a function named in the list; faults leave it through one door.

 1 fresh      the worker's cache is not older than its bound
 2 clock      business and wall time are read, once
 3 record     the log record is begun; it is written whatever happens
 4 identify   product and action are found
 5 prove      signature, date, access key
 6 bind       parameters become the request struct
 7 run        the action, in the transaction its effect asks for
 8 render     the answer becomes bytes
 9 close      the record gets its outcome
10 durable    (rsgi.py) the answer waits until its record is on disk
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from keystead.access import commands as access
from keystead.access.faults import AccessKeyInactive, AccessKeyNotFound, NotPermitted
from keystead.access_log.model import Record
from keystead.clock import Instant, SystemClock, elapsed
from keystead.faults import Fault, Unavailable
from keystead.gate import signature
from keystead.gate.arrival import Arrival, region_of
from keystead.gate.call import Call, Principal, Service
from keystead.gate.dispatch import Running, run
from keystead.gate.parameters import bind
from keystead.gate.registry import PRODUCTS, Action, Effect, Product
from keystead.gate.render import (
    AccessKeyDisabled,
    AccessKeyUnknown,
    Answer,
    MethodRefused,
    TokenUnknown,
    UnknownAction,
    UnknownVersion,
    render,
    render_fault,
    row_of,
)
from keystead.ids import request_id
from keystead.store.changes import Cold

log = logging.getLogger("keystead.gate")


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The answer, its record, and whether the record is durable already (a change is recorded in its own commit)."""

    answer: Answer
    record: Record
    recorded: bool


Hook = Callable[[Service, Instant, Arrival], tuple[int, str]]
"""Answers a path that is no product's, such as a webhook: HTTP status and a line of text. It may block."""


def live_hook(service: Service, hook: Hook, arrival: Arrival) -> tuple[int, str]:
    """Have a hook answer, at the time it is. Raises nothing; what fails inside is 503, so that the caller tries again."""
    try:
        service.warm.check()
        return hook(service, service.clock.read(), arrival)
    except Exception:
        log.exception("%s failed", arrival.path)
        return 503, "try again later"


def live(service: Service, arrival: Arrival) -> Outcome:
    """Take a request from arrival to answer. Raises nothing but `Cold`: then run it again where it may block.

    What its action found `Cold` goes on from there (step 7): the cache was fresh when it came, who called is settled.
    """
    if arrival.begun is not None:
        begun, arrival.begun = arrival.begun, None  # they hold each other, and the collector looks at neither
        return _go_on(begun)
    try:
        service.warm.check()  # 1
        instant = service.clock.read()  # 2
    except Cold:
        raise
    except Exception:
        log.exception("the store does not answer, not even what time it is")
        return refuse_unread(Unavailable(), arrival)
    record = _begin_record(arrival, instant)  # 3
    call = Call(service, instant, record)
    product: Product | None = None
    try:
        product, action = _identify(arrival)  # 4
        record.product, record.api_name = product.code, action.name
        if action.effect is not Effect.COMPUTE and service.warm.inline:
            raise Cold  # noqa: TRY301 - leaves through the clause for Cold below
        proof = _prove(call, arrival)  # 5
        if call.principal.service and not action.for_services:
            raise NotPermitted  # noqa: TRY301 - leaves through the one door
        request = bind(action.request, action.plan, arrival.parameters())  # 6
    except Cold:
        raise
    except Exception as fault:  # noqa: BLE001 - the one door out: every fault gets its row, the unknown one a bare 500
        return _closed(call, _refuse(product, fault, arrival, record))
    return _go_on(Running(call, action, request, arrival, proof))


def _go_on(running: Running) -> Outcome:
    call, action, arrival = running.call, running.action, running.arrival
    recorded = False
    try:
        response = run(running)  # 7
        response.request_id = call.request_id
        answer = render(response, arrival, action.name)  # 8
        recorded = action.effect is Effect.WRITE
    except Cold:
        arrival.begun = running
        raise
    except Exception as fault:  # noqa: BLE001 - as above
        answer = _refuse(action.product, fault, arrival, call.record)
    return _closed(call, answer, recorded=recorded)


def refuse_unread(fault: Exception, arrival: Arrival) -> Outcome:
    """Refuse a request of which nothing more is known than that it came: its body is too large, or the store is away."""
    wall = SystemClock().read().wall.isoformat()  # business time may be in the store
    record = Record(time=wall, request_id=request_id(), client_ip=arrival.source)
    answer = _refuse(None, fault, arrival, record)
    record.status_code = answer.status
    return Outcome(answer, record, recorded=False)


def _begin_record(arrival: Arrival, instant: Instant) -> Record:
    wall = instant.wall.isoformat()
    return Record(
        time=wall,
        business_time=wall if instant.now is instant.wall else instant.now.isoformat(),
        request_id=request_id(instant.wall),
        client_ip=arrival.source,
        useragent=arrival.headers.get("user-agent", "")[:200],
    )


def _identify(arrival: Arrival) -> tuple[Product, Action]:
    """In ACS3 the signed headers name action and version; in RPC the signed parameters do, whatever the headers say."""
    if arrival.headers.get("authorization") and "x-acs-action" in arrival.headers:  # as signature.read_proof tells them apart
        name, version = arrival.headers["x-acs-action"], arrival.headers.get("x-acs-version", "")
    else:
        name, version = arrival.parameter("Action"), arrival.parameter("Version")
    product = PRODUCTS.get(version)
    if product is None:
        known = ", ".join(f"{found.code} {found.version}" for found in PRODUCTS.values())
        message = f'The specified parameter "Version" is not valid. Served here are {known}.'
        raise UnknownVersion(message)
    action = product.actions.get(name)
    if action is None:
        message = "Specified api is not found, please check your url and method."
        raise UnknownAction(message)
    if arrival.method not in action.methods:
        raise MethodRefused
    return product, action


def _prove(call: Call, arrival: Arrival) -> signature.Proof:
    record = call.record
    proof = signature.read_proof(arrival)
    record.access_key_id = proof.access_key_id[:128]
    signature.check_date(proof, call.instant.wall)
    try:
        credential = access.credential_of(call.warm, call.service.keystore, proof.access_key_id)
    except AccessKeyNotFound:
        raise AccessKeyUnknown from None
    except AccessKeyInactive:
        raise AccessKeyDisabled from None
    if proof.security_token:
        raise TokenUnknown
    signature.check_signature(proof, credential.secret)
    call.principal = Principal(credential.account_id, proof.access_key_id, credential.service)
    call.region = region_of(arrival, call.service.settings.default_region)
    record.account_id, record.region_id = credential.account_id, call.region
    return proof


def _refuse(product: Product | None, fault: Exception, arrival: Arrival, record: Record) -> Answer:
    row = row_of(product, fault)
    record.error_code = row.code
    if isinstance(fault, signature.SignatureMismatch):
        record.error_message = "Specified signature is not matched with our calculation."
    elif isinstance(fault, Fault):
        record.error_message = (row.message or fault.sentence)[:500]
    else:
        record.error_message = "Internal Failure."
        log.error("request %s failed: %s", record.request_id, type(fault).__name__, exc_info=fault)
    return render_fault(row, fault, product, arrival, record.request_id)


def _closed(call: Call, answer: Answer, *, recorded: bool = False) -> Outcome:
    record = call.record
    record.status_code = answer.status
    record.duration = round((elapsed() - call.instant.monotonic) * 1000, 3)  # 9
    return Outcome(answer, record, recorded)
