"""Top-ups and the provider's webhook on both databases: credited once, whoever delivers what how often."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from keystead import app
from keystead.api.payments.webhook import PATH, Webhook
from keystead.bills import commands as bills
from keystead.clock import Instant, SystemClock, to_ms
from keystead.gate.arrival import Arrival
from keystead.gate.life import live_hook
from keystead.ledger.faults import CreditInvalid
from keystead.money import Money
from keystead.notices import commands as notices
from keystead.notices.model import NoticeKind
from keystead.payments import commands as payments
from keystead.payments import rows, rules
from keystead.payments.model import PaymentEvent, TopUp
from keystead.payments.sandbox import Sandbox
from keystead.settings import Settings, SettingsError
from tests.world import Tenant, World

SECRET = "whsec_canary_91af"


class Stage(NamedTuple):
    """A world, a tenant without money, the sandbox and its webhook."""

    world: World
    tenant: Tenant
    sandbox: Sandbox
    webhook: Webhook

    def start(self, minor: int = 2_550) -> TopUp:
        """Start a top-up of so many cents."""
        now = self.world.now
        with self.world.service.store.write() as tx:
            return payments.start(tx, now, self.tenant.account_id, Money(minor, "USD"), "sandbox")

    def deliver(self, payload: bytes, header: str, method: str = "POST") -> tuple[int, str]:
        """Deliver an event to the webhook as the gate does."""
        arrival = Arrival(method, (PATH, ""), {"stripe-signature": header}, payload, "127.0.0.1")
        return live_hook(self.world.service, self.webhook, arrival)

    def post(self, payload: bytes, header: str) -> int:
        """Deliver; gives the status alone."""
        return self.deliver(payload, header)[0]

    def changed(self, top_up: TopUp, **session: object) -> tuple[bytes, str]:
        """The event that pays a top-up, with something else in its session or (event=…) itself, signed anew."""
        wall = SystemClock().read().wall
        event: dict[str, Any] = json.loads(self.sandbox.event_for(top_up, wall)[0])
        event |= session.pop("event", {})  # type: ignore[call-overload]
        event["data"]["object"] |= session
        payload = json.dumps(event).encode()
        return payload, rules.signature_of(payload, SECRET, to_ms(wall) // 1000)

    @property
    def balance(self) -> str:
        """What the tenant can spend."""
        return str(self.tenant.bss("QueryAccountBalance").body["Data"]["AvailableAmount"])


@pytest.fixture
def stage(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """Set it; the books hold at the end."""
    world = World(database_url, tmp_path / "var")
    sandbox = Sandbox(SECRET, timedelta(minutes=5))
    yield Stage(world, world.tenant("0"), sandbox, Webhook(sandbox))
    world.close()


def test_paid_and_credited(stage: Stage) -> None:
    """Nothing before, 25.50 after; the account statement says through whom."""
    top_up = stage.start()
    assert (stage.balance, top_up.paid) == ("0.00", False)
    assert stage.sandbox.pay(top_up, SystemClock().read().wall, stage.post) == 200
    assert stage.balance == "25.50"
    with stage.world.service.store.read() as tx:
        (found,) = payments.of_account(tx, stage.tenant.account_id)
    assert found.paid
    (row,) = stage.tenant.bss("QueryAccountTransactions").body["Data"]["AccountTransactionsList"]["AccountTransactionsList"]
    told = (row["TransactionType"], row["TransactionFlow"], row["TransactionChannel"], row["TransactionNumber"], row["Remarks"])
    assert told == ("Payment", "Income", "CreditCard", found.transaction, "paid through sandbox")
    assert row["TransactionChannelSN"] == f"sandbox:{top_up.top_up_id}"


def test_a_replay_is_answered_200_and_credits_nothing(stage: Stage) -> None:
    """The same event three times, and another event of the same payment."""
    top_up = stage.start()
    event = stage.sandbox.event_for(top_up, SystemClock().read().wall)
    assert [stage.deliver(*event) for _ in range(3)] == [(200, "credited"), (200, "repeated"), (200, "repeated")]
    other = stage.changed(top_up, event={"id": "evt_other", "type": "checkout.session.async_payment_succeeded"})
    assert [stage.deliver(*other) for _ in range(2)] == [(200, "repeated"), (200, "repeated")]
    assert stage.balance == "25.50"


def test_a_wrong_signature_is_400_and_nothing_is_read(stage: Stage) -> None:
    """Another secret, another payload, no header, an old time."""
    top_up, wall = stage.start(), SystemClock().read().wall
    payload, header = stage.sandbox.event_for(top_up, wall)
    foreign = Sandbox("whsec_other", timedelta(minutes=5)).event_for(top_up, wall)
    old = stage.sandbox.event_for(top_up, wall - timedelta(minutes=6))
    for refused in (foreign, (payload + b" ", header), (payload, ""), old):
        status, sentence = stage.deliver(*refused)
        assert (status, "signature" in sentence) == (400, True)
    assert stage.deliver(payload, header, method="GET")[0] == 405
    assert stage.balance == "0.00"
    with stage.world.service.store.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM payment_event")).scalar_one() == 0


def test_unknown_account_amount_and_currency(stage: Stage) -> None:
    """A reference that nobody started is 404; a cent less, another currency, no amount are 400; then the right one is taken."""
    top_up = stage.start()
    for changes, status in (
        ({"client_reference_id": "top-unknown"}, 404),
        ({"client_reference_id": None}, 404),
        ({"client_reference_id": stage.tenant.account_id}, 404),
        ({"amount_total": 2_549}, 400),
        ({"currency": "eur"}, 400),
        ({"amount_total": None}, 400),
    ):
        assert stage.deliver(*stage.changed(top_up, **changes))[0] == status, changes
    assert stage.balance == "0.00"
    assert stage.deliver(*stage.changed(top_up))[0] == 200
    assert stage.balance == "25.50"


def test_a_top_up_of_another_provider_is_unknown(stage: Stage) -> None:
    """Started when the provider was another one."""
    with stage.world.service.store.write() as tx:
        top_up = payments.start(tx, stage.world.now, stage.tenant.account_id, Money(100, "USD"), "stripe")
    assert stage.deliver(*stage.changed(top_up))[0] == 404


def test_events_of_no_money_are_taken_and_ignored(stage: Stage) -> None:
    """Completed and not paid yet; then the money comes by an event of its own."""
    top_up = stage.start()
    assert stage.deliver(*stage.changed(top_up, payment_status="unpaid", event={"id": "evt_1"})) == (200, "ignored")
    assert stage.deliver(*stage.changed(top_up, event={"id": "evt_2", "type": "customer.created"})) == (200, "ignored")
    later = stage.changed(top_up, event={"id": "evt_3", "type": "checkout.session.async_payment_succeeded"})
    assert stage.deliver(*later) == (200, "credited")
    assert stage.balance == "25.50"


def test_two_deliveries_at_once_credit_once(stage: Stage) -> None:
    """The same event and another of the same payment, four threads each: one credit, eight times 200."""
    top_up = stage.start()
    one = stage.changed(top_up)
    two = stage.changed(top_up, event={"id": "evt_two"})
    gate, outcomes = threading.Barrier(8), []

    def deliver(event: tuple[bytes, str]) -> None:
        gate.wait()
        outcomes.append(stage.deliver(*event))

    threads = [threading.Thread(target=deliver, args=(event,)) for event in (one, two) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(text for _, text in outcomes) == ["credited", *["repeated"] * 7]
    assert {status for status, _ in outcomes} == {200}
    assert stage.balance == "25.50"


def test_the_schema_takes_an_event_once_and_credits_a_top_up_once(stage: Stage) -> None:
    """The same event a second time, and a second event that credits."""
    top_up = stage.start()
    assert stage.deliver(*stage.changed(top_up))[0] == 200
    with stage.world.service.store.read() as tx:
        paid = payments.of_id(tx, top_up.top_up_id, "sandbox")
    same = PaymentEvent(f"evt_{top_up.top_up_id}", "k", pays=False)
    for event, credited in ((same, None), (msgspec.structs.replace(same, event_id="evt_9"), paid)):
        with pytest.raises(IntegrityError), stage.world.service.store.write() as tx:
            rows.add_event(tx, "sandbox", event, stage.world.now, credited)


def test_an_amount_of_nothing_is_not_started(stage: Stage) -> None:
    """Zero and below."""
    for minor in (0, -1):
        with pytest.raises(CreditInvalid):
            stage.start(minor)


def test_what_fails_inside_is_503_and_no_secret_is_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """A provider that breaks; refusals and successes name neither secret nor signature nor payload."""
    top_up = stage.start()
    payload, header = stage.changed(top_up)
    with caplog.at_level(logging.DEBUG, "keystead"):
        assert stage.deliver(payload, header)[0] == 200
        assert stage.deliver(payload, header.replace("v1=", "v1=0"))[0] == 400

        def broken(_service: object, _instant: Instant, _arrival: Arrival) -> tuple[int, str]:
            raise ZeroDivisionError

        arrival = Arrival("POST", (PATH, ""), {"stripe-signature": header}, payload, "127.0.0.1")
        assert live_hook(stage.world.service, broken, arrival)[0] == 503
    assert "credited" in caplog.text
    for secret in (SECRET, header.partition("v1=")[2], payload.decode()):
        assert secret not in caplog.text


def test_settings_that_do_not_go_together(tmp_path: Path) -> None:
    """No provider, no hook; a provider without a secret stops the start; several lines are several secrets."""
    assert app.hooks_of(Settings(data=str(tmp_path))) == {}
    empty = tmp_path / "empty"
    empty.write_text("\n \n")
    for chosen in (
        {"payment_provider": "stripe"},
        {"payment_provider": "stripe", "payment_secret_file": str(tmp_path / "none")},
        {"payment_provider": "stripe", "payment_secret_file": str(empty)},
        {"payment_provider": "sandbox"},
    ):
        with pytest.raises(SettingsError, match="payment_secret_file"):
            app.payment_provider_of(msgspec.convert({"data": str(tmp_path), **chosen}, Settings))
    secret = tmp_path / "secret"
    secret.write_text(f"whsec_new\n{SECRET}\n")
    chosen = {"payment_provider": "stripe", "payment_secret_file": str(secret), "data": str(tmp_path)}
    settings = msgspec.convert(chosen, Settings)
    assert list(app.hooks_of(settings)) == [PATH]
    provider = app.payment_provider_of(settings)
    assert provider is not None
    wall = SystemClock().read().wall
    stamp = to_ms(wall) // 1000
    payload = b'{"id":"evt_1","type":"ping","data":{}}'
    for known in ("whsec_new", SECRET):
        assert provider.read(payload, rules.signature_of(payload, known, stamp), wall).kind == "ping"


@pytest.mark.parametrize(
    ("spoil", "mend", "word"),
    [
        ("UPDATE top_up SET amount_minor = 2551", "UPDATE top_up SET amount_minor = 2550", "the ledger says otherwise"),
        (
            "UPDATE payment_event SET transaction_number = NULL",
            "UPDATE payment_event SET transaction_number = (SELECT number FROM ledger_transaction)",
            "no top-up was paid by it",
        ),
    ],
)
def test_an_audit_finds(stage: Stage, spoil: str, mend: str, word: str) -> None:
    """A payment of another amount than its top-up's, and one that no event told of."""
    assert stage.deliver(*stage.changed(stage.start()))[0] == 200
    for statement, expected in ((spoil, True), (mend, False)):
        with stage.world.service.store.write() as tx:
            tx.execute(text(statement))
        with stage.world.service.store.read() as tx:
            assert (word in " ".join(finding.problem for finding in bills.audit(tx))) is expected


def test_a_received_top_up_is_told_once(stage: Stage) -> None:
    """Paid twice, told once, under Account, with the amount and what can be spent: 25.50 of nothing before."""
    top_up = stage.start()
    for _ in range(2):
        assert stage.sandbox.pay(top_up, SystemClock().read().wall, stage.post) == 200
    stage.world.advance(hours=1)  # a job composes it
    with stage.world.service.store.read() as tx:
        (told,) = [message.telling for message in notices.messages(tx, stage.tenant.account_id)]
    assert told.kind is NoticeKind.TOP_UP_RECEIVED
    assert (told.facts["received"], told.facts["available"]) == ("25.50 USD", "25.50 USD")
