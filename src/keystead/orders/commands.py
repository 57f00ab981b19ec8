"""What is done with orders: drafted and quoted, placed, paid and carried out, found, cancelled, audited.

The writing verbs expect the account's row lock to be held (`access.rows.lock_account`); what they raise undoes all they did.
An order is drafted, which only reads, then settled: charged and carried out. By API both happen in one call.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from keystead.catalog import rules as catalog
from keystead.catalog.model import Catalogue, Configuration, Policies
from keystead.clock import iso_z
from keystead.coupons import commands as coupons
from keystead.entitlements import rows as entitlement_rows
from keystead.hsm.port import KeyStore
from keystead.instances import commands as instances
from keystead.instances.model import Instance, Owned, Purchase, Renewed
from keystead.ledger import commands as ledger
from keystead.ledger.model import Finding
from keystead.notices import commands as notices
from keystead.notices.model import NoticeKind, Telling
from keystead.orders import drafts, rows, rules
from keystead.orders.faults import OrderNotFound
from keystead.orders.model import Asked, Buying, Order, OrderState, OrderType, Renewing, Search, Settled, Upgrading
from keystead.pricing import rules as pricing
from keystead.pricing.model import OrderKind, Quote
from keystead.store import Transaction
from keystead.store.events import record_event
from keystead.store.jobs import enqueue

LAPSE_JOB: Final = "lapse_order"
RENEW_JOB: Final = "renew_automatically"
_KINDS_TOLD: Final = {
    OrderType.NEW: NoticeKind.PURCHASED,
    OrderType.RENEW: NoticeKind.RENEWED,
    OrderType.UPGRADE: NoticeKind.UPGRADED,
}


def quote_modules(
    catalogue: Catalogue, now: datetime, parameters: tuple[tuple[str, str], ...], months: int, kind: OrderKind
) -> Quote:
    """Price modules as sent by the list of `now`; the catalogue's faults name what is not on sale."""
    price_list = catalog.price_list_at(catalogue, now)
    return pricing.quote(price_list, catalog.configured(catalogue, price_list, parameters), months, kind)


def quote_renewal(catalogue: Catalogue, now: datetime, owned: Owned, months: int) -> Quote:
    """Price a renewal of an instance as its last paid term has it, by the list of `now` and not that of its purchase."""
    kept = rules.configuration_of(owned, owned.last_figures)
    return pricing.quote(catalog.price_list_at(catalogue, now), kept, months, OrderKind.RENEWAL)


def quote_upgrade(tx: Transaction, catalogue: Catalogue, now: datetime, upgrading: Upgrading) -> Quote:
    """Price an upgrade for what is left of the term; what ordering it would raise is raised here too."""
    return drafts.upgrade_of(tx, catalogue, now, upgrading).quote


def configuration_of(owned: Owned) -> Configuration:
    """Give an instance's configuration as the catalogue speaks of it, and as a renewal goes on with it."""
    return rules.configuration_of(owned, owned.last_figures)


def buy(tx: Transaction, catalogue: Catalogue, keystore: KeyStore, now: datetime, buying: Buying) -> Order:
    """Place a purchase, pay it by coupon and balance and deliver the instance.

    The catalogue's faults name what is not on sale; BalanceTooLow if the money does not reach.
    """
    draft = drafts.purchase_of(catalogue, now, buying).order
    rules.deliverable(catalogue, draft)
    _pay(tx, now, draft)
    return _kept(tx, _delivered(tx, catalogue, keystore, now, draft))


def renew(tx: Transaction, catalogue: Catalogue, now: datetime, renewing: Renewing) -> Order:
    """Place a renewal, pay it from the balance and extend the instance, with other modules if such are named.

    InstanceNotFound once it is released, PeriodNotSold for a term not on sale, BalanceTooLow if the money does not reach;
    QuotaBelowUse if it would shrink below what is in use, OrderUnpaid if another order waits to be paid.
    """
    draft = drafts.renewal_of(tx, catalogue, now, renewing).order
    rules.deliverable(catalogue, draft)
    _pay(tx, now, draft)
    return _kept(tx, _extended(tx, catalogue, now, draft))


def upgrade(tx: Transaction, catalogue: Catalogue, now: datetime, upgrading: Upgrading) -> Order:
    """Place an upgrade, pay it for what is left of the term, and have its figures hold at once.

    ChangeRefused for a decrease or no change, InstanceStateInvalid for an expired instance, ChangePending or OrderUnpaid while
    another order stands in the way, BalanceTooLow if the money does not reach: nothing is charged then.
    """
    draft = drafts.upgrade_of(tx, catalogue, now, upgrading).order
    rules.deliverable(catalogue, draft)
    _pay(tx, now, draft)
    return _kept(tx, _upgraded(tx, catalogue, now, draft))


def place(tx: Transaction, catalogue: Catalogue, now: datetime, asked: Asked) -> Order:
    """Place an order without paying it: it keeps its price until it lapses, and nothing is delivered before `pay`."""
    match asked:
        case Buying():
            draft = drafts.purchase_of(catalogue, now, asked)
        case Renewing():
            draft = drafts.renewal_of(tx, catalogue, now, asked)
        case Upgrading():
            draft = drafts.upgrade_of(tx, catalogue, now, asked)
    rules.deliverable(catalogue, draft.order)
    expires_at = now + timedelta(days=catalogue.policies.unpaid_order_days)
    order = rules.added_up(msgspec.structs.replace(draft.order, expires_at=expires_at))
    rows.add(tx, order)
    enqueue(tx, LAPSE_JOB, order.order_id, order.account_id, expires_at)
    record_event(tx, "order_placed", order.order_id, order.account_id, now, payable=order.payable.plain())
    return order


def pay(tx: Transaction, catalogue: Catalogue, keystore: KeyStore, now: datetime, order: Order) -> Order:
    """Pay a placed order from the balance and carry it out; paying a paid one again gives it back unchanged.

    OrderStateInvalid if it was cancelled or has lapsed, BalanceTooLow if the money does not reach, QuotaBelowUse or
    InstanceStateInvalid if what it is for can no longer be done.
    """
    if order.state is OrderState.PAID:
        return order
    rules.payable_at(order, now)
    rules.deliverable(catalogue, order)
    _pay(tx, now, order)
    if order.kind is OrderType.NEW:
        paid = _delivered(tx, catalogue, keystore, now, order)
    elif order.kind is OrderType.RENEW:
        paid = _extended(tx, catalogue, now, order)
    else:
        paid = _upgraded(tx, catalogue, now, order)
    rows.settle(tx, rules.added_up(paid))
    return paid


def cancel(tx: Transaction, now: datetime, account_id: str, order_id: str) -> None:
    """Cancel an unpaid order; cancelling a cancelled one again changes nothing. OrderStateInvalid for any other."""
    order = order_of(tx, account_id, order_id)
    if order.state is OrderState.CANCELLED or rules.state_at(order, now) == rules.LAPSED:
        return
    rules.payable_at(order, now)
    rows.cancel(tx, order_id)
    record_event(tx, "order_cancelled", order_id, account_id, now)


def lapse(tx: Transaction, now: datetime, order_id: str) -> None:
    """Cancel an order that was not paid in time; nothing if it was paid or cancelled. It could not be paid since anyway."""
    order = rows.whoever(tx, order_id)
    if order is None or rules.state_at(order, now) != rules.LAPSED:
        return
    rows.cancel(tx, order_id)
    record_event(tx, "order_lapsed", order_id, order.account_id, now)


def order_of(tx: Transaction, account_id: str, order_id: str) -> Order:
    """Give an account's order; OrderNotFound if it has none of this id."""
    order = rows.of_account(tx, account_id, order_id)
    if order is None:
        raise OrderNotFound(order_id)
    return order


def unpaid_of(tx: Transaction, account_id: str) -> list[tuple[str, str, datetime]]:
    """Give an account's unpaid orders, oldest first: id, instance, and when each lapses."""
    return rows.unpaid_of(tx, account_id)


def found(tx: Transaction, account_id: str, search: Search) -> tuple[list[Order], int]:
    """Give one page of an account's orders, newest first, and how many there are in all."""
    return rows.found(tx, account_id, search)


def settled(tx: Transaction, account_id: str, since: datetime, before: datetime) -> list[Order]:
    """Give the account's orders that moved money from `since` up to, and not at, `before`, oldest first: bills are of these."""
    return rows.settled(tx, account_id, Settled(since, before))


def settled_page(tx: Transaction, account_id: str, which: Settled, first: int, size: int) -> tuple[list[Order], int]:
    """Give `size` of the account's orders that moved money, oldest first, from the one in place `first` on, and their number."""
    return rows.settled_page(tx, account_id, which, first, size)


def audit(tx: Transaction) -> list[Finding]:
    """Prove from the rows alone that the books hold and that money, orders, entitlements and instances answer to each other.

    Every paid order has exactly one charge, which with what a coupon paid is its amount, every charge an order, every order its
    entitlement and instance; every refund gave its amount back once, and its instance is gone.
    """
    books = rules.Books(
        charges=ledger.charges(tx),
        coupons=[entry for entry in ledger.coupon_entries(tx) if entry.order_id],
        refunds=ledger.refunds(tx),
        entitled=entitlement_rows.instances_by_order(tx),
        delivered=instances.every_id(tx),
        gone=instances.released_ids(tx),
    )
    return ledger.audit(tx) + coupons.audit(tx) + rules.unanswered(rows.every(tx), books)


def schedule_renewal(tx: Transaction, policies: Policies, instance: Instance, ends_at: datetime, now: datetime) -> None:
    """Ask for the next attempt at renewing an instance that wishes it; each failed attempt asks for the one after it."""
    due = rules.attempt_to_plan(policies, instance.renewal, ends_at, now)
    if due is not None:
        enqueue(tx, RENEW_JOB, instance.instance_id, instance.account_id, due)


def _pay(tx: Transaction, now: datetime, order: Order) -> None:
    """Take the price: what one coupon pays, the rest in cash. Cash comes first, so that a refusal has written nothing."""
    part = coupons.part_of(tx, now, order.account_id, order.product_code, order.payable)
    if part is None:
        ledger.charge(tx, now, order.account_id, order.order_id, order.payable)
        return
    memo = f"{part.amount.plain()} paid by coupon {part.coupon.grant.number}"
    ledger.charge(tx, now, order.account_id, order.order_id, order.payable - part.amount, memo)
    coupons.spend(tx, now, part, order.order_id)


def _delivered(tx: Transaction, catalogue: Catalogue, keystore: KeyStore, now: datetime, order: Order) -> Order:
    configuration = drafts.ordered(catalogue, order)
    purchase = Purchase(
        order_id=order.order_id,
        account_id=order.account_id,
        region=configuration.region,
        edition=configuration.edition.value,
        product_type=order.product_type,
        figures=rules.figures_of(configuration),
        months=order.months,
        renewal=order.renewal,
        retention_days=catalogue.policies.retention_days,
        instance_id=order.instance_id,
    )
    instance, term = instances.activate(tx, keystore, now, purchase)
    schedule_renewal(tx, catalogue.policies, instance, term.ends_at, now)
    return _told(tx, now, msgspec.structs.replace(order, state=OrderState.PAID, paid_at=now, term=term))


def _extended(tx: Transaction, catalogue: Catalogue, now: datetime, order: Order) -> Order:
    owned = instances.owned(tx, order.account_id, order.instance_id, now)
    after = drafts.ordered(catalogue, order)
    if order.expires_at is not None and order.parameters != order.original_parameters:
        drafts.fitting(tx, owned, after)  # placed a while ago: more may be in use by now
    figures = rules.figures_of(after)
    term = instances.renew(tx, now, owned, Renewed(order.order_id, order.months, figures), catalogue.policies)
    schedule_renewal(tx, catalogue.policies, owned.instance, term.ends_at, now)
    return _told(tx, now, msgspec.structs.replace(order, state=OrderState.PAID, paid_at=now, term=term))


def _upgraded(tx: Transaction, catalogue: Catalogue, now: datetime, order: Order) -> Order:
    owned = instances.owned(tx, order.account_id, order.instance_id, now)
    term = instances.upgrade(tx, now, owned, order.order_id, rules.figures_of(drafts.ordered(catalogue, order)))
    return _told(tx, now, msgspec.structs.replace(order, state=OrderState.PAID, paid_at=now, term=term))


def _kept(tx: Transaction, order: Order) -> Order:
    rows.add(tx, rules.added_up(order))
    return order


def _told(tx: Transaction, now: datetime, order: Order) -> Order:
    facts = {
        "order_id": order.order_id,
        "amount": f"{order.payable.plain()} {order.payable.currency}",
        "ends_at": iso_z(order.term.ends_at),
    }
    if order.kind is OrderType.UPGRADE:
        facts["changes"] = rules.changes_of(order)
    else:
        facts["months"] = str(order.months)
    telling = Telling(_KINDS_TOLD[order.kind], order.account_id, f"order/{order.order_id}", order.instance_id, facts)
    notices.tell(tx, now, telling)
    return order
