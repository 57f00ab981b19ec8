"""Whether an event is the provider's, and what it says."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.money import Money
from keystead.payments import rules
from keystead.payments.faults import EventMalformed, PaymentMismatch, SignatureInvalid
from keystead.payments.model import PaymentEvent, TopUp
from keystead.payments.port import CheckoutProvider
from keystead.payments.sandbox import Sandbox

WALL = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = 1_767_225_600
SECRET = "whsec_test"
FIVE = timedelta(minutes=5)
TOP_UP = TopUp("top-1", "1000000000000001", Money(2_550, "USD"), "sandbox", WALL)


def test_the_mac_is_that_of_openssl() -> None:
    """`printf '1767225600.{}' | openssl dgst -sha256 -hmac whsec_test`, made on a shell on 2026-11-23."""
    expected = "4a942ef9477fb7b15b98664cf7ff2c2543984c1fa6bdf3520b48dcb25bcd1fe4"
    assert rules.signature_of(b"{}", SECRET, STAMP) == f"t=1767225600,v1={expected}"
    rules.signed(b"{}", f"t=1767225600,v1={expected}", [SECRET], WALL, FIVE)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_only_the_signed_payload_is_believed(payload: bytes, other: bytes) -> None:
    """A signature is good for its payload and for no other."""
    header = rules.signature_of(payload, SECRET, STAMP)
    rules.signed(payload, header, [SECRET], WALL, FIVE)
    if other != payload:
        with pytest.raises(SignatureInvalid):
            rules.signed(other, header, [SECRET], WALL, FIVE)


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_within_the_tolerance(seconds: int) -> None:
    """Five minutes before and after count."""
    rules.signed(b"{}", rules.signature_of(b"{}", SECRET, STAMP + seconds), [SECRET], WALL, FIVE)


@pytest.mark.parametrize("seconds", [-301, 301, -86_400])
def test_beyond_the_tolerance(seconds: int) -> None:
    """A second more, and it is an old delivery played back."""
    with pytest.raises(SignatureInvalid, match="300 s"):
        rules.signed(b"{}", rules.signature_of(b"{}", SECRET, STAMP + seconds), [SECRET], WALL, FIVE)


GOOD = rules.signature_of(b"{}", SECRET, STAMP)
MAC = GOOD.partition("v1=")[2]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1767225600",
        f"v1={MAC}",
        f"t=x,v1={MAC}",
        f"t=1767225600,t=1767225600,v1={MAC}",
        f"t=1767225600,v0={MAC}",
        f"t=1767225600,v1={MAC[:-1]}",
        "t=1767225600,v1=",
        f"t=-1,v1={MAC}",
        f"t=\uff11,v1={MAC}",
        f"t=1767225601,v1={MAC}",
        "t=1,v1=é",
    ],
)
def test_other_headers(header: str) -> None:
    """Missing, doubled, cut or of another scheme or time."""
    with pytest.raises(SignatureInvalid):
        rules.signed(b"{}", header, [SECRET], WALL, FIVE)


def test_secrets_and_signatures_may_be_several_while_one_replaces_another() -> None:
    """Any of ours with any of theirs; an empty line is no secret."""
    rules.signed(b"{}", f"t=1767225600,v1=00,v1={MAC}", ["new", SECRET], WALL, FIVE)
    empty = rules.signature_of(b"{}", "", STAMP)
    for known in ([""], ["other"], []):
        with pytest.raises(SignatureInvalid):
            rules.signed(b"{}", empty, known, WALL, FIVE)


def event(kind: str = "checkout.session.completed", **session: object) -> bytes:
    """An event as delivered."""
    paid: dict[str, Any] = {"payment_status": "paid", "client_reference_id": "top-1", "amount_total": 2_550, "currency": "usd"}
    return json.dumps({"id": "evt_1", "type": kind, "created": STAMP, "data": {"object": paid | session}}).encode()


def test_an_event_that_pays() -> None:
    """Amount in hundredths, the currency in upper case, our id as its client reference."""
    found = rules.event_of(event(payment_intent="pi_1"))
    assert found == PaymentEvent("evt_1", "checkout.session.completed", True, "top-1", 2_550, "USD", "pi_1")  # noqa: FBT003
    rules.is_payment_of(found, TOP_UP)


@pytest.mark.parametrize(
    "payload",
    [event("charge.refunded"), event(payment_status="unpaid"), event(payment_status="no_payment_required"), event("ping", x=[])],
)
def test_events_that_do_not_pay(payload: bytes) -> None:
    """Other types, and sessions completed without money."""
    assert not rules.event_of(payload).pays


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{",
        b'{"id":1,"type":"x","data":{}}',
        b'{"id":"","type":"x","data":{}}',
        b"\xff",
        event(amount_total=None),
        event(amount_total="25"),
        event(amount_total=25.5),
        event(currency=None),
        event(client_reference_id=7),
        b'{"id":"evt_1","type":"checkout.session.completed","data":{}}',
        b'{"id":"a b","type":"x","data":{}}',
    ],
)
def test_events_that_cannot_be_read(payload: bytes) -> None:
    """No JSON, no event, an id that is none, an amount that is no whole number of hundredths."""
    with pytest.raises(EventMalformed):
        rules.event_of(payload)


@pytest.mark.parametrize(("minor", "currency"), [(2_549, "USD"), (2_551, "USD"), (2_550, "EUR"), (-2_550, "USD"), (0, "USD")])
def test_what_was_paid_must_be_what_was_asked_for(minor: int, currency: str) -> None:
    """A cent less, a cent more, another currency."""
    with pytest.raises(PaymentMismatch, match=r"25\.50 USD"):
        rules.is_payment_of(PaymentEvent("e", "k", True, "top-1", minor, currency), TOP_UP)  # noqa: FBT003


def test_the_sandbox_is_read_as_the_real_adapter_reads() -> None:
    """What the sandbox sends, an adapter that knows only the secret believes; paying again is the same event."""
    sandbox, real = Sandbox(SECRET, FIVE), CheckoutProvider("stripe", [SECRET], "https://pay.example/x?a=1", FIVE)
    payload, header = sandbox.event_for(TOP_UP, WALL)
    assert real.read(payload, header, WALL) == sandbox.read(payload, header, WALL)
    assert real.read(payload, header, WALL).event_id == "evt_top-1"
    assert sandbox.event_for(TOP_UP, WALL + FIVE)[0] != payload  # `created` differs, the id does not
    assert real.page_of(TOP_UP) == "https://pay.example/x?a=1&client_reference_id=top-1"
    assert sandbox.page_of(TOP_UP) == ""
    assert SECRET not in repr(real) + repr(sandbox)
