"""`keystead admin top-up …`: money that customers pay in through the payment provider."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from keystead.cli.admin.accounts import AccountName, amount_of
from keystead.cli.report import print_facts, print_json, print_table
from keystead.cli.target import Target, open_target
from keystead.clock import iso_z
from keystead.faults import StateFault, Unavailable

if TYPE_CHECKING:
    from keystead.payments.model import TopUp
    from keystead.payments.port import CheckoutProvider
    from keystead.settings import Settings

top_up = App(name="top-up", help="Top-ups through the payment provider.")
WEBHOOK_SECONDS_MAX: Final = 30.0
_HERE = Target()
_OK: Final = 200


class NoProvider(StateFault):
    """Nobody takes top-ups here."""


class WebhookRefused(Unavailable):
    """The sandbox's event was not taken."""


def _provider(settings: Settings) -> CheckoutProvider:
    from keystead import app

    provider = app.payment_provider_of(settings)
    if provider is None:
        raise NoProvider("payment_provider is not set: name the server's settings file with --config")
    return provider


def _facts(found: TopUp, page: str = "") -> dict[str, str]:
    return {
        "top_up_id": found.top_up_id,
        "account_id": found.account_id,
        "amount": found.amount.plain(),
        "currency": found.amount.currency,
        "provider": found.provider,
        "status": "paid" if found.paid else "open",
        "started": iso_z(found.started_at),
        "transaction": found.transaction,
        "page": page,
    }


@top_up.command
def start(
    name: AccountName,
    amount: Annotated[str, Parameter(help="In USD, such as 250 or 99.90.")],
    /,
    *,
    target: Target = _HERE,
) -> None:
    """Start a top-up. Its money is credited when the provider says by the webhook that it was paid, and not before."""
    from keystead.access import commands as access
    from keystead.payments import commands as payments

    money = amount_of(amount)
    with open_target(target) as service:
        provider = _provider(service.settings)
        now = service.clock.read().now
        with service.store.write() as tx:
            account_id = access.account_named(tx, name).account_id
            made = payments.start(tx, now, account_id, money, provider.name)
    facts = _facts(made, provider.page_of(made))
    print_json(facts) if target.json else print_facts(facts)


@top_up.command
def pay(
    top_up_id: str,
    /,
    *,
    listen: Annotated[str, Parameter(help="HOST:PORT of the server's plain listener; that of its settings if left out.")] = "",
    target: Target = _HERE,
) -> None:
    """Have the sandbox pay a top-up: it signs the provider's event and delivers it to the running server's webhook."""
    from keystead.payments import commands as payments
    from keystead.payments.faults import SandboxOnly
    from keystead.payments.sandbox import Sandbox

    with open_target(target) as service:
        provider = _provider(service.settings)
        if not isinstance(provider, Sandbox):
            raise SandboxOnly
        with service.store.read() as tx:
            found = payments.of_id(tx, top_up_id, provider.name)
        address = listen or service.settings.listen
        status = provider.pay(found, service.clock.read().wall, lambda payload, header: _post(address, payload, header))
        if status != _OK:
            raise WebhookRefused(f"the webhook at {address} answered {status}; the server's log says why")
        with service.store.read() as tx:
            found = payments.of_id(tx, top_up_id, provider.name)
    print_json(_facts(found)) if target.json else print_facts(_facts(found))


@top_up.command(name="list")
def list_top_ups(name: AccountName, /, *, target: Target = _HERE) -> None:
    """Show an account's top-ups, newest first."""
    from keystead.access import commands as access
    from keystead.payments import commands as payments

    with open_target(target) as service, service.store.read() as tx:
        rows = [_facts(found) for found in payments.of_account(tx, access.account_named(tx, name).account_id)]
    if target.json:
        print_json(rows)
    else:
        shown = ["top_up_id", "status", "amount", "provider", "started", "transaction"]
        print_table([name.replace("_", " ") for name in shown], [[row[name] for name in shown] for row in rows])


def _post(address: str, payload: bytes, header: str) -> int:
    from keystead.api.payments.webhook import PATH
    from keystead.payments.port import SIGNATURE_HEADER

    host, _, port = address.rpartition(":")
    connection = HTTPConnection(host.strip("[]"), int(port), timeout=WEBHOOK_SECONDS_MAX)
    try:
        connection.request("POST", PATH, payload, {"Content-Type": "application/json", SIGNATURE_HEADER: header})
        return connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise WebhookRefused(
            f"the webhook at {address} does not answer ({type(error).__name__}): is the server running?"
        ) from None
    finally:
        connection.close()
