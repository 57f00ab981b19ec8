"""A request's life, top to bottom. Each step is a function named in the list; faults leave it through one door.

 1 fresh      the worker's cache is not older than its bound
 2 clock      business and wall time are read, once
 3 record     the log record is begun; it is written whatever happens
 4 identify   product and action are found
 5 prove      signature, date, access key
 6 bind       parameters become the request struct; what is known of what the caller may is asked
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
from keystead.access.faults import AccessKeyInactive, AccessKeyNotFound, NotForServices
from keystead.access_log.model import Record
from keystead.access_points import commands as access_points
from keystead.access_points.faults import ClientKeyUnknown, NotGranted
from keystead.clock import Instant, SystemClock, elapsed
from keystead.faults import Fault, Unavailable
from keystead.gate import signature
from keystead.gate.arrival import Arrival, region_of
from keystead.gate.call import Call, Principal, Service
from keystead.gate.dedicated import hosts
from keystead.gate.dedicated import wire as dedicated
from keystead.gate.dispatch import Running, permit, run
from keystead.gate.parameters import bind
from keystead.gate.registry import PRODUCTS, Action, Effect, Product
from keystead.gate.render import (
    AccessKeyDisabled,
    AccessKeyUnknown,
    Answer,
    MethodRefused,
    TokenMissing,
    TokenUnknown,
    UnknownAction,
    UnknownVersion,
    render,
    render_fault,
    row_of,
)
from keystead.identity import sessions
from keystead.identity.faults import NoSuchEntity, TokenMalformed
from keystead.identity.grants import grants_of
from keystead.identity.model import HolderKind, PrincipalKind
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
        product, action = dedicated.identify(arrival) if arrival.dedicated else _identify(arrival)  # 4
        record.product, record.api_name = product.code, action.name
        if action.effect is not Effect.COMPUTE and service.warm.inline:
            raise Cold  # noqa: TRY301 - leaves through the clause for Cold below
        if arrival.dedicated:
            proof, request = dedicated.prove(call, arrival), dedicated.bind(action, arrival)  # 5, 6
        else:
            proof = _prove(call, arrival, action)  # 5
            if call.principal.service and not action.for_services:
                raise NotForServices  # noqa: TRY301 - leaves through the one door
            request = bind(action.request, action.plan, arrival.parameters())  # 6
            permit(call, action)
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
        answer = dedicated.render(response, call) if arrival.dedicated else render(response, arrival, action.name)  # 8
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
    headers = arrival.headers
    if headers.get("authorization") and "x-acs-action" in headers:  # as signature.read_proof tells them apart
        name, version = headers["x-acs-action"], headers.get("x-acs-version", "")
    else:
        name, version = arrival.parameter("Action"), arrival.parameter("Version")
        if not name and _anonymous(headers.get("x-acs-version", ""), headers.get("x-acs-action", "")):
            name, version = headers["x-acs-action"], headers["x-acs-version"]
    product = PRODUCTS.get(version) if version != dedicated.VERSION else None
    if product is None:
        served = [found for found in PRODUCTS.values() if found.version != dedicated.VERSION]
        known = ", ".join(f"{found.code} {found.version}" for found in served)
        message = f'The specified parameter "Version" is not valid. Served here are {known}.'
        raise UnknownVersion(message)
    action = product.actions.get(name)
    if action is None:
        message = "Specified api is not found, please check your url and method."
        raise UnknownAction(message)
    if arrival.method not in action.methods:
        raise MethodRefused
    return product, action


def _anonymous(version: str, name: str) -> bool:
    """Whether an unsigned header may name the action: there is nothing to sign for it."""
    action = PRODUCTS[version].actions.get(name) if version in PRODUCTS else None
    return action is not None and not action.permission.signed


def _prove(call: Call, arrival: Arrival, action: Action) -> signature.Proof:
    record = call.record
    if not action.permission.signed:
        call.arrival, arrival.nonce_taken = arrival, True
        call.region = region_of(arrival, call.service.settings.default_region)
        return signature.unsigned(call.instant.wall)
    proof = signature.read_proof(arrival)
    record.access_key_id = proof.access_key_id[:128]
    signature.check_date(proof, call.instant.wall)
    call.arrival = arrival
    if proof.algorithm == signature.RSA:
        _prove_application(call, arrival, proof)
        hosts.enter(call, arrival.host, action)
        return proof
    call.principal = _session(call, proof) if proof.access_key_id.startswith(sessions.PREFIX) else _key_holder(call, proof)
    call.region = region_of(arrival, call.service.settings.default_region)
    record.account_id = call.account_id
    hosts.enter(call, arrival.host, action)
    record.region_id = call.region
    return proof


def _key_holder(call: Call, proof: signature.Proof) -> Principal:
    """The account, or one of its users, by an access key that is kept."""
    try:
        credential = access.credential_of(call.warm, call.service.keystore, proof.access_key_id)
    except AccessKeyNotFound:
        raise AccessKeyUnknown from None
    except AccessKeyInactive:
        raise AccessKeyDisabled from None
    if proof.security_token:
        raise TokenUnknown
    signature.check_signature(proof, credential.secret)
    if credential.service:
        return Principal("", proof.access_key_id, PrincipalKind.SERVICE, name=credential.service)
    if not credential.user_id:
        return Principal(credential.account_id, proof.access_key_id)
    user = grants_of(call.warm, HolderKind.USER, credential.user_id)
    return Principal(credential.account_id, proof.access_key_id, PrincipalKind.USER, user.identifier, user.name)


def _session(call: Call, proof: signature.Proof) -> Principal:
    """A role's session, by what its token holds; it ends with its role."""
    if not proof.security_token:
        raise TokenMissing
    try:
        session = sessions.session_of(call.service.keystore, proof.access_key_id, proof.security_token, call.instant.wall)
        signature.check_signature(proof, session.secret)
        role = grants_of(call.warm, HolderKind.ROLE, session.role_id)
    except (TokenMalformed, NoSuchEntity):
        raise TokenUnknown from None
    return Principal(
        session.account_id,
        proof.access_key_id,
        PrincipalKind.ROLE,
        role.identifier,
        role.name,
        session=session.name,
        narrowed=session.policy,
        source_identity=session.source_identity,
    )


def _prove_application(call: Call, arrival: Arrival, proof: signature.Proof) -> None:
    """S3 to S5 of a request that a client key signed."""
    try:
        credential = access_points.credential_of(call.warm, proof.access_key_id, call.instant)
        signature.check_key_signature(proof, credential.public_key)
        dedicated.enter(call, arrival, credential.key)
    except ClientKeyUnknown:
        raise AccessKeyUnknown from None
    if region_of(arrival, call.region) != call.region:
        raise NotGranted


def _refuse(product: Product | None, fault: Exception, arrival: Arrival, record: Record) -> Answer:
    row = row_of(PRODUCTS[dedicated.VERSION] if arrival.dedicated else product, fault)
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
