"""`keystead admin account …` and `keystead admin access-key …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from keystead.cli.report import print_facts, print_json
from keystead.cli.target import Target, open_target
from keystead.faults import CallerFault
from keystead.ids import request_id

if TYPE_CHECKING:
    from keystead.money import Money


class AmountInvalid(CallerFault):
    """The text is not an amount of money."""


account = App(name="account", help="Accounts and their money.")
access_key = App(name="access-key", help="The keys callers sign with.")
_HERE = Target()
AccountName = Annotated[str, Parameter(help="The account's name or id.")]


def amount_of(text: str) -> Money:
    """Read an amount of the ledger's currency; AmountInvalid for anything else."""
    from keystead.ledger.commands import CURRENCY
    from keystead.money import Money

    try:
        return Money.parse(text, CURRENCY)
    except ValueError as error:
        raise AmountInvalid(str(error)) from None


def _show(facts: dict[str, str], *, json: bool) -> None:
    if json:
        print_json(facts)
    else:
        print_facts(facts)


@account.command
def create(
    name: Annotated[str, Parameter(help="1 to 64 letters, digits and . _ - @, unique in the deployment.")],
    /,
    *,
    email: Annotated[str, Parameter(help="Where notices go.")] = "",
    target: Target = _HERE,
) -> None:
    """Make an account and its first access key. The secret is shown this once."""
    from keystead.access import commands as access

    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() as tx:
            made = access.create_account(tx, now, name, email)
            key = access.create_access_key(tx, service.keystore, now, made.account_id)
    facts = {"account_id": made.account_id, "access_key_id": key.access_key_id, "access_key_secret": key.secret}
    _show(facts, json=target.json)


@account.command
def credit(
    name: AccountName,
    amount: Annotated[str, Parameter(help="In USD, such as 250 or 99.90.")],
    /,
    *,
    memo: Annotated[str, Parameter(help="Said in the account's history.")] = "credited by the operator",
    key: Annotated[str, Parameter(help="The same key credits once only, however often the command runs.")] = "",
    target: Target = _HERE,
) -> None:
    """Add money to an account."""
    from keystead.access import commands as access
    from keystead.access.rows import lock_account
    from keystead.ledger import commands as ledger

    money = amount_of(amount)
    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() as tx:
            found = access.account_named(tx, name)
            lock_account(tx, found.account_id)
            entry = ledger.credit(tx, now, found.account_id, money, key or request_id(), memo)
            balance = ledger.balance(tx, found.account_id)
    facts = {
        "account_id": found.account_id,
        "transaction": entry.number,
        "balance": balance.plain(),
        "currency": balance.currency,
    }
    _show(facts, json=target.json)


@account.command
def alert(
    name: AccountName,
    amount: Annotated[str, Parameter(help="In USD, such as 250; 0 turns the alert off.")],
    /,
    *,
    target: Target = _HERE,
) -> None:
    """Warn an account, from the next change on, when its balance is below an amount; then once a day for at most five days."""
    from keystead.access import commands as access
    from keystead.access.rows import lock_account
    from keystead.ledger import commands as ledger
    from keystead.notices import commands as notices

    money = amount_of(amount)
    if money.minor < 0:
        raise AmountInvalid("an alert's threshold is not below zero")
    with open_target(target) as service, service.store.write() as tx:
        found = access.account_named(tx, name)
        lock_account(tx, found.account_id)
        notices.set_alert(tx, found.account_id, money)
        balance = ledger.balance(tx, found.account_id)
    _show(
        {
            "account_id": found.account_id,
            "alert_below": money.plain() if money.minor else "off",
            "balance": balance.plain(),
            "currency": balance.currency,
        },
        json=target.json,
    )


@account.command
def credit_limit(
    name: AccountName,
    amount: Annotated[str, Parameter(help="In USD, such as 500; 0 for none.")],
    /,
    *,
    memo: Annotated[str, Parameter(help="Why, for the books.")] = "set by the operator",
    target: Target = _HERE,
) -> None:
    """Let an account's balance go so far below zero: it may buy with balance and limit together."""
    from keystead.access import commands as access
    from keystead.access.rows import lock_account
    from keystead.ledger import commands as ledger

    money = amount_of(amount)
    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() as tx:
            found = access.account_named(tx, name)
            lock_account(tx, found.account_id)
            limit = ledger.set_credit_limit(tx, now, found.account_id, money, memo).limit
            balance, available = ledger.balance(tx, found.account_id), ledger.available(tx, found.account_id)
    _show(
        {
            "account_id": found.account_id,
            "credit_limit": limit.plain(),
            "balance": balance.plain(),
            "available": available.plain(),
            "currency": limit.currency,
        },
        json=target.json,
    )


@account.command(name="list")
def list_accounts(*, target: Target = _HERE) -> None:
    """Show every account with its balance and access keys."""
    from keystead.access import commands as access
    from keystead.cli.report import print_table
    from keystead.ledger import commands as ledger

    with open_target(target) as service, service.store.read() as tx:
        rows = [
            {
                "account_id": found.account_id,
                "name": found.name,
                "balance": ledger.balance(tx, found.account_id).plain(),
                "access_keys": [f"{key.access_key_id} {key.status.value}" for key in access.access_keys(tx, found.account_id)],
            }
            for found in access.accounts(tx)
        ]
    if target.json:
        print_json(rows)
    else:
        texts = [[v if isinstance(v, str) else "\n".join(v) for v in row.values()] for row in rows]
        print_table(["account", "name", "balance", "access keys"], texts)


@access_key.command(name="create")
def create_access_key(name: AccountName, /, *, target: Target = _HERE) -> None:
    """Make another access key for an account. The secret is shown this once."""
    from keystead.access import commands as access

    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() as tx:
            found = access.account_named(tx, name)
            key = access.create_access_key(tx, service.keystore, now, found.account_id)
    facts = {"account_id": found.account_id, "access_key_id": key.access_key_id, "access_key_secret": key.secret}
    _show(facts, json=target.json)


@access_key.command
def disable(access_key_id: str, /, *, target: Target = _HERE) -> None:
    """Have every worker refuse an access key from now on."""
    from keystead.access import commands as access

    with open_target(target) as service, service.store.write() as tx:
        key = access.disable_access_key(tx, access_key_id)
    facts = {"account_id": key.account_id, "access_key_id": key.access_key_id, "status": key.status.value}
    _show(facts, json=target.json)
