"""`keystead admin order …`: orders that are placed now and paid later (docs/adr/0014)."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from keystead.cli.admin.accounts import AccountName
from keystead.cli.report import print_facts, print_json, print_table
from keystead.cli.target import Target, open_target
from keystead.clock import iso_z
from keystead.faults import CallerFault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from keystead.catalog.model import Catalogue
    from keystead.gate.call import Service
    from keystead.orders.model import Asked, Order
    from keystead.store import Transaction

order = App(name="order", help="Orders of accounts: placed now, paid later.")
_HERE = Target()
_SHOWN: Final = 300
_WHOLE_YEAR: Final = timedelta(days=366)


class ModuleMalformed(CallerFault):
    """The text is not CODE=VALUE."""


class NothingAsked(CallerFault):
    """Neither a term to buy nor an instance to change is named."""


def _facts(found: Order, now: datetime) -> dict[str, str]:
    from keystead.orders import rules

    return {
        "order_id": found.order_id,
        "account_id": found.account_id,
        "type": found.kind.value,
        "status": rules.state_at(found, now),
        "instance_id": found.instance_id,
        "payable": found.payable.plain(),
        "currency": found.payable.currency,
        "placed": iso_z(found.created_at),
        "paid": iso_z(found.paid_at) if found.paid_at else "",
        "lapses": iso_z(found.expires_at) if found.expires_at else "",
    }


def _show(facts: dict[str, str], *, json: bool) -> None:
    print_json(facts) if json else print_facts(facts)


def _modules(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = [text.partition("=") for text in texts]
    for text, (code, equals, value) in zip(texts, pairs, strict=True):
        if not (code and equals and value):
            raise ModuleMalformed(f"{text!r} is not CODE=VALUE, such as Spec=2000")
    return tuple((code, value) for code, _, value in pairs)


def _asked(catalogue: Catalogue, account_id: str, instance: str, months: int | None, modules: tuple[str, ...]) -> Asked:
    from keystead.catalog import rules as catalog
    from keystead.orders.model import Buying, Renewing, Upgrading
    from keystead.orders.rules import renewal_wished

    parameters = _modules(modules)
    if instance and months is not None:
        return Renewing(account_id, "", instance, months, parameters)
    if instance and parameters:
        return Upgrading(account_id, "", instance, parameters)
    if instance or months is None:
        raise NothingAsked("name --months to buy, --instance and --months to renew, --instance and --module to upgrade")
    kind = catalog.product_type_of(catalogue, catalogue.product.code, "", "Subscription")
    return Buying(account_id, "", kind.code, parameters, months, renewal_wished("", None, catalogue.policies))


@contextmanager
def _held(target: Target, name: str) -> Iterator[tuple[Service, Transaction, datetime, str]]:
    """Open the deployment for a change of an account's orders: service, transaction, business time, the account locked."""
    from keystead.access import commands as access
    from keystead.access.rows import lock_account

    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() as tx:
            account_id = access.account_named(tx, name).account_id
            lock_account(tx, account_id)
            yield service, tx, now, account_id


@order.command
def place(
    name: AccountName,
    /,
    *,
    months: Annotated[int | None, Parameter(help="The term to buy, or to renew by.")] = None,
    instance: Annotated[str, Parameter(help="The instance to renew or, without --months, to upgrade.")] = "",
    module: Annotated[tuple[str, ...], Parameter(help="CODE=VALUE, such as Spec=2000; once for each module.")] = (),
    target: Target = _HERE,
) -> None:
    """Place an order without paying it. It keeps its price until it lapses; nothing is delivered before it is paid."""
    from keystead.orders import commands as orders

    with _held(target, name) as (service, tx, now, account_id):
        asked = _asked(service.catalogue, account_id, instance, months, module)
        facts = _facts(orders.place(tx, service.catalogue, now, asked), now)
    _show(facts, json=target.json)


@order.command
def pay(name: AccountName, order_id: str, /, *, target: Target = _HERE) -> None:
    """Pay a placed order from the account's coupons and balance and deliver it; paying it again changes nothing."""
    from keystead.orders import commands as orders

    with _held(target, name) as (service, tx, now, account_id):
        found = orders.order_of(tx, account_id, order_id)
        facts = _facts(orders.pay(tx, service.catalogue, service.keystore, now, found), now)
    _show(facts, json=target.json)


@order.command
def cancel(name: AccountName, order_id: str, /, *, target: Target = _HERE) -> None:
    """Cancel an order that is not paid; cancelling it again changes nothing."""
    from keystead.orders import commands as orders

    with _held(target, name) as (_, tx, now, account_id):
        orders.cancel(tx, now, account_id, order_id)
        facts = _facts(orders.order_of(tx, account_id, order_id), now)
    _show(facts, json=target.json)


@order.command(name="list")
def list_orders(name: AccountName, /, *, target: Target = _HERE) -> None:
    """Show an account's orders of a year, newest first, 300 at most."""
    from keystead.access import commands as access
    from keystead.orders import commands as orders
    from keystead.orders.model import Search

    with open_target(target) as service:
        now = service.clock.read().now
        search = Search(now - _WHOLE_YEAR, now + timedelta(seconds=1), None, None, 1, _SHOWN)
        with service.store.read() as tx:
            account_id = access.account_named(tx, name).account_id
            rows = [_facts(found, now) for found in orders.found(tx, account_id, search)[0]]
    if target.json:
        print_json(rows)
    else:
        shown = ["order_id", "type", "status", "instance_id", "payable", "placed", "paid", "lapses"]
        print_table([name.replace("_", " ") for name in shown], [[row[name] for name in shown] for row in rows])
