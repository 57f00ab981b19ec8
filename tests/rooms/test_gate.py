"""A request's life: which fault is answered when several apply, what is claimed, what is kept of a refused change."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from keystead.access import commands as access
from keystead.access_log import rows as access_log_rows
from keystead.faults import StateFault
from keystead.gate.arrival import Arrival
from keystead.gate.call import Call
from keystead.gate.registry import FaultRow
from keystead.gate.render import GATEWAY_FAULTS
from keystead.instances.model import InstanceStanding
from keystead.quotas.model import Work
from keystead.store import Cold
from keystead.store.claims import request_nonce
from tests.gateway import Answered, Asked, Caller, Gateway


class Busy(StateFault):
    """A refusal of the test's product."""


@pytest.fixture
def gateway(database_url: str, tmp_path: Path) -> Iterator[Gateway]:
    """A gate on each database."""
    opened = Gateway(database_url, tmp_path, (FaultRow(Busy, "Rejected.Busy", 409),))
    yield opened
    opened.close()


@pytest.fixture
def caller(gateway: Gateway) -> Caller:
    """An access key."""
    return gateway.caller()


def count(gateway: Gateway, table: object) -> int:
    """How many rows."""
    with gateway.service.store.read() as tx:
        return int(tx.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.mark.parametrize("action", ["Compute", "Read", "Write"])
def test_a_good_request_is_answered_and_recorded(gateway: Gateway, caller: Caller, action: str) -> None:
    """200, the request id in body, header and record; the record knows who called what; only a change is recorded already."""
    reply = gateway.call(caller, action)
    record = reply.outcome.record
    assert (reply.status, reply.body["Text"]) == (200, "k")
    assert reply.body["RequestId"] == reply.headers["x-acs-request-id"] == record.request_id
    assert (record.account_id, record.access_key_id) == (caller.account_id, caller.access_key_id)
    assert (record.product, record.api_name, record.status_code, record.error_code) == ("test", action, 200, "")
    assert record.region_id == "here-1"
    assert record.time == gateway.clock.wall.isoformat()
    assert reply.outcome.recorded is (action == "Write")
    with gateway.service.store.read() as tx:
        kept = access_log_rows.of_request(tx, record.request_id)
    assert [json.loads(text)["api_name"] for text in kept] == ([action] if action == "Write" else [])


@pytest.mark.parametrize("action", ["Compute", "Read", "Write"])
def test_both_schemes_reach_every_action(gateway: Gateway, caller: Caller, action: str) -> None:
    """RPC 1.0 as ACS3."""
    assert gateway.deliver(gateway.rpc(caller, action, {"KeyId": "k"})).status == 200


# ---------------------------------------------------------------- who names the action


@pytest.mark.parametrize("authorization", [None, ""], ids=["no Authorization", "an empty one"])
def test_an_unsigned_header_never_chooses_the_action(gateway: Gateway, caller: Caller, authorization: str | None) -> None:
    """RPC signs no header: a signed Read must not become a Write by an x-acs-action (and Authorization) added on the way."""
    added = {"x-acs-action": "Write", "x-acs-version": "2000-01-01"}
    if authorization is not None:
        added["authorization"] = authorization
    reply = gateway.deliver(gateway.rpc(caller, "Read", {"KeyId": "k"}, added))
    assert reply.outcome.record.api_name == "Read"
    assert reply.status == 200


# ---------------------------------------------------------------- which fault is answered


@dataclass
class Draft:
    """A good request, before something is made wrong with it."""

    gateway: Gateway
    signer: Caller
    action: str = "Compute"
    method: str = "POST"
    parameters: dict[str, str] = field(default_factory=lambda: {"KeyId": "k", "Number": "1"})
    headers: dict[str, str] = field(default_factory=dict)

    def disable(self) -> None:
        """Sign with a key that has just been disabled."""
        self.signer = self.gateway.caller(uuid.uuid4().hex)
        with self.gateway.service.store.write() as tx:
            access.disable_access_key(tx, self.signer.access_key_id)

    def use_up(self) -> None:
        """Take a nonce that a good request had."""
        self.headers["x_acs_signature_nonce"] = uuid.uuid4().hex
        self.gateway.deliver(self.gateway.acs3(self.signer, "Compute", {"KeyId": "k"}, **self.headers))

    def expire(self) -> None:
        """Be 16 minutes late."""
        self.headers["x_acs_date"] = (self.gateway.clock.wall - timedelta(minutes=16)).strftime("%Y-%m-%dT%H:%M:%SZ")


SPOILERS: dict[str, Callable[[Draft], object]] = {
    "SignatureNonceUsed": Draft.use_up,  # first: it needs the caller still in order
    "UnsupportedHTTPMethod": lambda draft: setattr(draft, "method", "DELETE"),
    "InvalidVersion": lambda draft: draft.headers.update(x_acs_version="1999-01-01"),
    "InvalidAction.NotFound": lambda draft: setattr(draft, "action", "Nothing"),
    "IncompleteSignature": lambda draft: draft.headers.update(x_acs_signature_nonce="n" * 129),
    "InvalidTimeStamp.Format": lambda draft: draft.headers.update(x_acs_date="today"),
    "InvalidTimeStamp.Expired": Draft.expire,
    "InvalidAccessKeyId.NotFound": lambda draft: setattr(draft.signer, "access_key_id", "LTAI5tnobodynobodynobody"),
    "Forbidden.AccessKey": Draft.disable,
    "InvalidSecurityToken.Malformed": lambda draft: draft.headers.update(x_acs_security_token="T"),
    "SignatureDoesNotMatch": lambda draft: setattr(draft.signer, "secret", "wrong"),
    "MissingParameter": lambda draft: draft.parameters.pop("KeyId"),
    "InvalidParameter": lambda draft: draft.parameters.update(Number="x"),
}


def spoiled(gateway: Gateway, caller: Caller, *codes: str) -> Arrival:
    """A request with one or two things wrong, each chosen by its gateway code."""
    draft = Draft(gateway, replace(caller))
    for code, spoil in SPOILERS.items():
        if code in codes:
            spoil(draft)
    arrival = gateway.acs3(draft.signer, draft.action, draft.parameters, **draft.headers)
    arrival.method = draft.method
    return arrival


# Written out from the cloud's common error codes (KMS page, read 2026-11-22), in the order in which they are looked for.
PRECEDENCE = [
    ("UnsupportedHTTPMethod", 403),
    ("InvalidVersion", 400),
    ("InvalidAction.NotFound", 404),
    ("IncompleteSignature", 400),
    ("InvalidTimeStamp.Format", 400),
    ("InvalidTimeStamp.Expired", 400),
    ("InvalidAccessKeyId.NotFound", 404),
    ("Forbidden.AccessKey", 403),
    ("InvalidSecurityToken.Malformed", 400),
    ("SignatureDoesNotMatch", 400),
    ("MissingParameter", 400),
    ("InvalidParameter", 400),
    ("SignatureNonceUsed", 400),
]
# Two that cannot be wrong of one request: a version or an action nobody knows has no methods; a date is of no form or expired; a
# key that is disabled is not unknown; a nonce is too long or used.
APART = [
    {"UnsupportedHTTPMethod", "InvalidVersion"},
    {"UnsupportedHTTPMethod", "InvalidAction.NotFound"},
    {"InvalidTimeStamp.Format", "InvalidTimeStamp.Expired"},
    {"InvalidAccessKeyId.NotFound", "Forbidden.AccessKey"},
    {"IncompleteSignature", "SignatureNonceUsed"},
]
PAIRS = [
    (first, second)
    for at, (first, _) in enumerate(PRECEDENCE)
    for second, _ in PRECEDENCE[at + 1 :]
    if {first, second} not in APART
]


@pytest.mark.parametrize(("code", "status"), PRECEDENCE)
def test_each_wrong_thing_has_its_code(gateway: Gateway, caller: Caller, code: str, status: int) -> None:
    """Alone, each is answered with its own code and status, and recorded."""
    reply = gateway.deliver(spoiled(gateway, caller, code))
    assert (reply.code, reply.status) == (code, status)
    assert reply.outcome.record.error_code == code
    assert reply.outcome.record.status_code == status
    assert not reply.outcome.recorded


def test_of_two_wrong_things_the_earlier_is_answered(sqlite_url: str, tmp_path: Path) -> None:
    """Every pair that one request can have, not only neighbours: the order of the table is the order of the looking."""
    gateway = Gateway(sqlite_url, tmp_path)
    try:
        for number, (first, second) in enumerate(PAIRS):
            caller = gateway.caller(f"pair{number}")
            reply = gateway.deliver(spoiled(gateway, caller, first, second))
            assert reply.code == first, (first, second, reply.text)
    finally:
        gateway.close()


def test_the_table_stands_in_that_order() -> None:
    """GATEWAY_FAULTS lists them as they are looked for; what stands in it beyond is reached elsewhere in this file."""
    order = list(dict.fromkeys(row.code for row in GATEWAY_FAULTS if row.fault.__name__ != "SignaturePartMissing"))
    codes = [code for code, _ in PRECEDENCE]
    assert [code for code in order if code in codes] == codes
    assert set(order) - set(codes) == {
        "RequestEntityTooLarge",
        "MissingSecurityToken",  # of sessions only: test_ram.py
        "InvalidSecurityToken.Expired",
        "IdempotentParameterMismatch",
        "DryRunOperationError",
        "Rejected.Throttling",
        "Forbidden.NoPermission",  # this and the next in test_client_key_json.py
        "UnsupportedOperation",
        "SerivceUnavailableTemporary",
    }


def test_a_missing_part_of_an_rpc_signature(gateway: Gateway, caller: Caller) -> None:
    """Told by its name, before a date out of the window."""
    arrival = gateway.rpc(caller, "Compute", {"KeyId": "k"})
    arrival.query = [pair for pair in arrival.query if pair[0] not in {"Signature", "Timestamp"}] + [
        ("Timestamp", "2001-01-01T00:00:00Z")
    ]
    reply = gateway.deliver(arrival)
    assert (reply.code, reply.status) == ("MissingParameter", 400)
    assert '"Signature"' in reply.body["Message"]


def test_dry_run_and_throttling(gateway: Gateway, caller: Caller) -> None:
    """DryRunOperationError 400 by the cloud's habit; Rejected.Throttling 429 with x-acs-retry-after."""

    def dry_run(call: Call, _asked: Asked) -> Answered:
        call.dry_run_gate(True)  # noqa: FBT003 - as the wire gives it
        return Answered()

    gateway.act = dry_run
    assert (gateway.call(caller, "Compute").code, gateway.call(caller, "Write").status) == ("DryRunOperationError", 400)

    def act(call: Call, _asked: Asked) -> Answered:
        ends = call.now + timedelta(days=30)
        standing = InstanceStanding("kst-1", "1", "here-1", "software", ends, ends, ((0, 1000),), connected=True)
        for _ in range(200):  # more than the 50 ms that a bucket of 1,000 a second holds
            call.admit("1", Work.SYMMETRIC, standing)
        return Answered()

    gateway.act = act
    reply = gateway.call(caller, "Compute")
    assert (reply.code, reply.status) == ("Rejected.Throttling", 429)
    assert (reply.headers["x-acs-retry-after"], reply.headers["retry-after"]) == ("50", "1")


# ---------------------------------------------------------------- nonces


@pytest.mark.parametrize("action", ["Compute", "Read", "Write"])
@pytest.mark.parametrize("scheme", ["acs3", "rpc"])
def test_a_request_cannot_be_sent_twice(gateway: Gateway, caller: Caller, action: str, scheme: str) -> None:
    """The very same bytes: SignatureNonceUsed, and the action does not run again."""
    ran: list[str] = []

    def act(_call: Call, asked: Asked) -> Answered:
        ran.append(asked.key_id)
        return Answered()

    gateway.act = act
    first = getattr(gateway, scheme)(caller, action, {"KeyId": "k"})
    again = Arrival(first.method, ("/", ""), first.headers, b"", "127.0.0.1")
    again.query = list(first.query)
    assert gateway.deliver(first).status == 200
    assert gateway.deliver(again).code == "SignatureNonceUsed"
    assert ran == ["k"]


def test_a_refused_change_is_no_coupon_for_later(gateway: Gateway, caller: Caller) -> None:
    """The work is rolled back, the nonce is kept: replayed once the reason is gone, the request is still refused."""

    def act(call: Call, _asked: Asked) -> Answered:
        access.create_account(call.tx, call.now, "left-behind")
        call.tx.changed("kind", "key")
        raise Busy("not now")

    gateway.act = act
    first = gateway.acs3(caller, "Write", {"KeyId": "k"})
    again = Arrival(first.method, ("/", "KeyId=k"), first.headers, b"", "127.0.0.1")
    reply = gateway.deliver(first)
    assert (reply.code, reply.status, reply.body["Message"]) == ("Rejected.Busy", 409, "not now")
    assert count(gateway, request_nonce) == 1
    assert count(gateway, access_log_rows.access_record) == 0
    with gateway.service.store.read() as tx:
        assert [account.name for account in access.accounts(tx)] == ["caller"]
    gateway.act = lambda _call, _asked: Answered()
    assert gateway.deliver(again).code == "SignatureNonceUsed"


def test_a_crashed_change_leaves_nothing(gateway: Gateway, caller: Caller) -> None:
    """What is not a refusal takes all with it, the nonce too; the answer says nothing of it, the record neither."""

    def act(call: Call, _asked: Asked) -> Answered:
        access.create_account(call.tx, call.now, "left-behind")
        message = "secret detail"
        raise ZeroDivisionError(message)

    gateway.act = act
    reply = gateway.call(caller, "Write")
    assert (reply.code, reply.status) == ("InternalFailure", 500)
    assert "secret detail" not in reply.text + reply.outcome.record.error_message
    assert count(gateway, request_nonce) == 0
    with gateway.service.store.read() as tx:
        assert [account.name for account in access.accounts(tx)] == ["caller"]


def test_a_cold_computing_request_is_run_again_with_its_nonce(gateway: Gateway, caller: Caller) -> None:
    """Inline, what is not warm raises Cold; run again off the loop, the same arrival is not taken for a replay."""
    gateway.service.warm.forbid_blocking_here()
    arrival = gateway.acs3(caller, "Compute", {"KeyId": "k"})
    with pytest.raises(Cold):
        gateway.deliver(arrival)
    gateway.service.warm._inline_thread = None  # noqa: SLF001 - the thread pool, without a thread
    assert gateway.deliver(arrival).status == 200
    gateway.service.warm.forbid_blocking_here()
    gateway.act = lambda call, _asked: Answered(text=call.warm.get("kind", "key", lambda _tx: "found"))
    arrival = gateway.acs3(caller, "Compute", {"KeyId": "k"})
    with pytest.raises(Cold):
        gateway.deliver(arrival)  # the nonce is claimed by now
    gateway.service.warm._inline_thread = None  # noqa: SLF001
    assert gateway.deliver(arrival).body["Text"] == "found"


@pytest.mark.parametrize("action", ["Read", "Write"])
def test_what_needs_a_transaction_never_runs_on_the_loop(gateway: Gateway, caller: Caller, action: str) -> None:
    """However warm everything is."""
    gateway.call(caller, "Compute")
    gateway.service.warm.forbid_blocking_here()
    with pytest.raises(Cold):
        gateway.call(caller, action)


# ---------------------------------------------------------------- client tokens


def test_a_client_token_gives_the_same_answer_once_more(gateway: Gateway, caller: Caller) -> None:
    """The same token with the same content: the first answer, under a request id of its own; the action does not run again."""
    ran: list[str] = []

    def act(_call: Call, asked: Asked) -> Answered:
        ran.append(asked.key_id)
        return Answered(text=f"run {len(ran)}", words=["a"])

    gateway.act = act
    first = gateway.call(caller, "Write", ClientToken="t")
    again = gateway.call(caller, "Write", ClientToken="t")
    assert again.body == {**first.body, "RequestId": again.body["RequestId"]}
    assert again.body["RequestId"] != first.body["RequestId"]
    assert ran == ["k"]
    assert gateway.call(caller, "Write", ClientToken="u").body["Text"] == "run 2"
    assert gateway.call(gateway.caller("other"), "Write", ClientToken="t").body["Text"] == "run 3"


def test_a_client_token_for_something_else_is_refused(gateway: Gateway, caller: Caller) -> None:
    """IdempotentParameterMismatch, 400."""
    gateway.call(caller, "Write", ClientToken="t")
    reply = gateway.call(caller, "Write", ClientToken="t", Number="2")
    assert (reply.code, reply.status) == ("IdempotentParameterMismatch", 400)


def test_a_refused_token_may_be_used_again(gateway: Gateway, caller: Caller) -> None:
    """A purchase refused for want of money is tried again with its token after a top-up, as clients do."""

    def act(_call: Call, _asked: Asked) -> Answered:
        raise Busy("not now")

    gateway.act = act
    assert gateway.call(caller, "Write", ClientToken="t").code == "Rejected.Busy"
    gateway.act = lambda _call, _asked: Answered(text="now")
    assert gateway.call(caller, "Write", ClientToken="t").body["Text"] == "now"


@pytest.mark.parametrize("token", ["t" * 65, "é"])
def test_a_client_token_has_a_form(gateway: Gateway, caller: Caller, token: str) -> None:
    """64 ASCII characters at most (BssOpenApi CreateInstance page, read 2026-11-22)."""
    assert gateway.call(caller, "Write", ClientToken="t" * 64).status == 200
    assert gateway.call(caller, "Write", ClientToken=token).code == "InvalidParameter"
