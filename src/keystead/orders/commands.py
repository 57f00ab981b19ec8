"""What is done with orders: priced, placed and paid, found, audited.

`buy` and `renew` expect the account's row lock to be held (`access.rows.lock_account`); what they raise undoes all they did.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from keystead import ids
from keystead.catalog import rules as catalog
from keystead.catalog.model import Catalogue, Configuration, Edition
from keystead.clock import iso_z
from keystead.entitlements import rows as entitlement_rows
from keystead.entitlements.model import Term
from keystead.hsm.port import KeyStore
from keystead.instances import commands as instances
from keystead.instances.model import Instance, Owned, Purchase
from keystead.ledger import commands as ledger
from keystead.ledger.model import Finding
from keystead.notices import commands as notices
from keystead.notices.model import NoticeKind, Telling
from keystead.orders import rows, rules
from keystead.orders.faults import OrderNotFound
from keystead.orders.model import Buying, Order, OrderState, OrderType, Renewing, Search
from keystead.pricing import rules as pricing
from keystead.pricing.model import OrderKind, Quote
from keystead.store import Transaction


def quote_modules(
    catalogue: Catalogue, now: datetime, parameters: tuple[tuple[str, str], ...], months: int, kind: OrderKind
) -> Quote:
    """Price modules as sent by the list of `now`; the catalogue's faults name what is not on sale."""
    price_list = catalog.price_list_at(catalogue, now)
    return pricing.quote(price_list, catalog.configured(catalogue, price_list, parameters), months, kind)


def quote_renewal(catalogue: Catalogue, now: datetime, owned: Owned, months: int) -> Quote:
    """Price a renewal of an instance as it is configured, by the list of `now` and not that of its purchase."""
    return pricing.quote(catalog.price_list_at(catalogue, now), configuration_of(owned), months, OrderKind.RENEWAL)


def configuration_of(owned: Owned) -> Configuration:
    """Give an instance's configuration as the catalogue speaks of it."""
    figures = owned.figures
    return Configuration(
        edition=Edition(owned.instance.edition),
        region=owned.instance.region,
        qps=figures.qps,
        key_num=figures.key_num,
        secret_num=figures.secret_num,
        access_num=figures.access_num,
        log=figures.log,
        log_storage_gb=figures.log_storage_gb,
    )


def buy(tx: Transaction, catalogue: Catalogue, keystore: KeyStore, now: datetime, buying: Buying) -> Order:
    """Place a purchase, pay it from the balance and deliver the instance.

    The catalogue's faults name what is not on sale; BalanceTooLow if the money does not reach.
    """
    months = catalog.period_of(catalogue.policies.purchase_months, "Period", buying.months)
    price_list = catalog.price_list_at(catalogue, now)
    configuration = catalog.configured(catalogue, price_list, buying.parameters)
    quote = pricing.quote(price_list, configuration, months, OrderKind.NEW)
    order_id = ids.order_id()
    ledger.charge(tx, now, buying.account_id, order_id, quote.payable)
    purchase = Purchase(
        order_id=order_id,
        account_id=buying.account_id,
        region=configuration.region,
        edition=configuration.edition.value,
        product_type=buying.product_type,
        figures=rules.figures_of(configuration),
        months=months,
        renewal=buying.renewal,
        retention_days=catalogue.policies.retention_days,
    )
    instance, term = instances.activate(tx, keystore, now, purchase)
    carried_out = _CarriedOut(OrderType.NEW, order_id, buying.operator, instance, term)
    return _keep(tx, catalogue, now, carried_out, quote, configuration)


def renew(tx: Transaction, catalogue: Catalogue, now: datetime, renewing: Renewing) -> Order:
    """Place a renewal, pay it from the balance and extend the instance as it is configured.

    InstanceNotFound once it is released, PeriodNotSold for a term not on sale, BalanceTooLow if the money does not reach.
    """
    months = catalog.period_of(catalogue.policies.renewal_months, "RenewPeriod", renewing.months)
    owned = instances.owned(tx, renewing.account_id, renewing.instance_id, now)
    quote = quote_renewal(catalogue, now, owned, months)
    order_id = ids.order_id()
    ledger.charge(tx, now, renewing.account_id, order_id, quote.payable)
    term = instances.renew(tx, now, owned, order_id, months, catalogue.policies)
    carried_out = _CarriedOut(OrderType.RENEW, order_id, renewing.operator, owned.instance, term)
    return _keep(tx, catalogue, now, carried_out, quote, configuration_of(owned))


def order_of(tx: Transaction, account_id: str, order_id: str) -> Order:
    """Give an account's order; OrderNotFound if it has none of this id."""
    order = rows.of_account(tx, account_id, order_id)
    if order is None:
        raise OrderNotFound(order_id)
    return order


def found(tx: Transaction, account_id: str, search: Search) -> tuple[list[Order], int]:
    """Give one page of an account's orders, newest first, and how many there are in all."""
    return rows.found(tx, account_id, search)


def settled(tx: Transaction, account_id: str, since: datetime, before: datetime) -> list[Order]:
    """Give the account's orders that moved money from `since` up to, and not at, `before`, oldest first: bills are of these."""
    return rows.settled(tx, account_id, since, before)


def audit(tx: Transaction) -> list[Finding]:
    """Prove from the rows alone that the books hold and that money, orders, entitlements and instances answer to each other.

    Every paid order has exactly one charge of its amount, every charge an order, every order its entitlement and instance.
    """
    found_in_books = ledger.audit(tx)
    return found_in_books + rules.unanswered(
        rows.every(tx), ledger.charges(tx), entitlement_rows.instances_by_order(tx), instances.every_id(tx)
    )


class _CarriedOut(NamedTuple):
    """What an order did: its id is older than its row, because the charge and the entitlement bear it already."""

    kind: OrderType
    order_id: str
    operator: str
    instance: Instance
    term: Term


def _keep(
    tx: Transaction, catalogue: Catalogue, now: datetime, done: _CarriedOut, quote: Quote, configuration: Configuration
) -> Order:
    parameters = catalog.parameters_of(catalog.price_list_at(catalogue, now), configuration)
    order = rules.added_up(
        Order(
            order_id=done.order_id,
            account_id=done.instance.account_id,
            kind=done.kind,
            state=OrderState.PAID,
            instance_id=done.instance.instance_id,
            region=done.instance.region,
            product_code=catalogue.product.code,
            product_type=done.instance.product_type,
            price_list_id=quote.price_list_id,
            months=quote.months,
            parameters=tuple((module.value, value) for module, value in parameters),
            lines=rules.lines_of(quote),
            list_amount=quote.list_amount,
            discount=quote.discount,
            payable=quote.payable,
            term=done.term,
            operator=done.operator,
            created_at=now,
            paid_at=now,
        )
    )
    rows.add(tx, order)
    _tell(tx, now, order)
    return order


def _tell(tx: Transaction, now: datetime, order: Order) -> None:
    kind = {OrderType.NEW: NoticeKind.PURCHASED, OrderType.RENEW: NoticeKind.RENEWED}[order.kind]
    facts = {
        "order_id": order.order_id,
        "amount": f"{order.payable.plain()} {order.payable.currency}",
        "months": str(order.months),
        "ends_at": iso_z(order.term.ends_at),
    }
    notices.tell(tx, now, Telling(kind, order.account_id, f"order/{order.order_id}", order.instance_id, facts))
