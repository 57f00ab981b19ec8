"""Giving back an instance, or a renewal of it that has not begun: what comes back, and doing it.

The writing verbs expect the account's row lock to be held (`access.rows.lock_account`); what they raise undoes all they did.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from keystead import ids
from keystead.catalog import rules as catalog
from keystead.catalog.model import Catalogue
from keystead.clock import iso_z
from keystead.entitlements.model import Term
from keystead.instances import commands as instances
from keystead.instances import rules as instance_rules
from keystead.instances.model import Owned
from keystead.ledger import commands as ledger
from keystead.money import Money
from keystead.notices import commands as notices
from keystead.notices.model import NoticeKind, Telling
from keystead.orders import commands as orders
from keystead.orders import drafts, rows, rules
from keystead.orders.faults import NotRefundable, OrderStateInvalid
from keystead.orders.model import Order, OrderType, Share
from keystead.store import Transaction

NOTHING: Final = "the refundable amount is 0.00."


def inquire(tx: Transaction, catalogue: Catalogue, now: datetime, account_id: str, instance_id: str) -> list[Share]:
    """Say what would come back for an instance at `now`, order by order, renewals that have not begun first.

    InstanceNotFound once it is gone; InstanceStateInvalid unless its term runs and it is Disabled or Enabled; OrderUnpaid while
    an order on it waits; NotRefundable if nothing would come back and the policy refuses that.
    """
    return _shares(tx, catalogue, now, instances.owned(tx, account_id, instance_id, now))


def refund(tx: Transaction, catalogue: Catalogue, now: datetime, account_id: str, instance_id: str) -> Order:
    """Give an instance back for good: one order with a line for each it undoes, the money at once, the instance destroyed.

    What it raises is what `inquire` raises; the amount is reckoned anew, at this moment.
    """
    owned = instances.owned(tx, account_id, instance_id, now)
    order = rules.added_up(_order(tx, catalogue, now, owned, _shares(tx, catalogue, now, owned)))
    rows.add(tx, order)
    ledger.refund(tx, now, account_id, order.order_id, order.payable)
    instances.give_back(tx, now, owned)
    _tell(tx, now, NoticeKind.REFUNDED, order, {"released_at": iso_z(now)})
    return order


def cancel_renewal(tx: Transaction, catalogue: Catalogue, now: datetime, renewal: Order) -> Order:
    """Give a paid renewal back whole before it begins: the money at once, and the instance ends where it would have ended.

    OrderStateInvalid once it has begun or was cancelled, NotRefundable while something was bought on top of it: a later renewal,
    which is cancelled first, or an upgrade to the end it brought; OrderUnpaid while an order on the instance waits. ADR 41.
    """
    if renewal.withdrawn_at is not None or renewal.kind is not OrderType.RENEW or now >= renewal.term.starts_at:
        raise OrderStateInvalid(renewal.order_id, rules.state_at(renewal, now))
    owned = instances.owned(tx, renewal.account_id, renewal.instance_id, now)
    drafts.none_unpaid(tx, renewal.instance_id, now)
    rules.on_top(renewal, rows.paid_for(tx, renewal.instance_id))
    price_list = catalog.price_list_named(catalogue, renewal.price_list_id)
    share = rules.share_of(renewal, ledger.charged(tx, renewal.order_id), price_list, now)
    order = rules.added_up(rules.cancellation(renewal, share, ids.order_id(), now))
    rows.add(tx, order)
    rows.withdraw(tx, renewal.order_id, now)
    ledger.refund(tx, now, renewal.account_id, order.order_id, order.payable)
    ends_at = instances.withdraw(tx, now, owned, renewal.order_id)
    orders.schedule_renewal(tx, catalogue.policies, owned.instance, ends_at, now)
    _tell(tx, now, NoticeKind.RENEWAL_CANCELLED, order, {"ends_at": iso_z(ends_at)})
    return order


def total(shares: list[Share]) -> Money:
    """Give the sum of what comes back."""
    return Money.total((share.back for share in shares), ledger.CURRENCY)


def _tell(tx: Transaction, now: datetime, kind: NoticeKind, order: Order, facts: dict[str, str]) -> None:
    paid_back = {"order_id": order.order_id, "refund": f"{order.payable.plain()} {order.payable.currency}"}
    telling = Telling(kind, order.account_id, f"order/{order.order_id}", order.instance_id, paid_back | facts)
    notices.tell(tx, now, telling)


def _shares(tx: Transaction, catalogue: Catalogue, now: datetime, owned: Owned) -> list[Share]:
    instance_id = owned.instance.instance_id
    instance_rules.refundable(owned)
    drafts.none_unpaid(tx, instance_id, now)
    shares = [
        rules.share_of(order, ledger.charged(tx, order.order_id), catalog.price_list_named(catalogue, order.price_list_id), now)
        for order in rows.paid_for(tx, instance_id)
        if now < order.term.ends_at
    ]
    if total(shares).minor == 0 and catalogue.policies.refund_of_nothing == "refuse":
        raise NotRefundable(instance_id, NOTHING)
    return shares


def _order(tx: Transaction, catalogue: Catalogue, now: datetime, owned: Owned, shares: list[Share]) -> Order:
    instance = owned.instance
    bought = next(order for order in rows.paid_for(tx, instance.instance_id) if order.kind is OrderType.NEW)
    price_list = catalog.price_list_named(catalogue, bought.price_list_id)  # today's may no longer have the edition
    configuration = rules.configuration_of(owned, owned.figures)
    parameters = tuple((module.value, value) for module, value in catalog.parameters_of(price_list, configuration))
    lines = rules.refund_lines(shares)
    return Order(
        order_id=ids.order_id(),
        account_id=instance.account_id,
        kind=OrderType.REFUND,
        state=None,
        instance_id=instance.instance_id,
        region=instance.region,
        product_code=catalogue.product.code,
        product_type=instance.product_type,
        price_list_id=price_list.id,
        months=0,
        parameters=parameters,
        lines=lines,
        list_amount=Money.total((line.list_amount for line in lines), ledger.CURRENCY),
        discount=Money.total((line.discount for line in lines), ledger.CURRENCY),
        payable=total(shares),
        term=Term(now, owned.ends_at),
        operator="",
        created_at=now,
        paid_at=None,
        original_parameters=parameters,
        related_order_id=bought.order_id,
    )
