"""Orders before they are settled: what was asked for, judged against instance and catalogue, and priced. Nothing is written.

A draft bears its id and, for a purchase, that of the instance to come: the charge and the entitlement will name them.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from keystead import ids
from keystead.catalog import rules as catalog
from keystead.catalog.model import Catalogue, Configuration
from keystead.entitlements import rules as entitlements
from keystead.entitlements.model import Term
from keystead.instances import commands as instances
from keystead.instances import rules as instance_rules
from keystead.instances.model import Owned, Renewal
from keystead.orders import rows, rules
from keystead.orders.faults import ChangePending, OrderUnpaid
from keystead.orders.model import Buying, Order, OrderState, OrderType, Renewing, Upgrading
from keystead.pricing import rules as pricing
from keystead.pricing.model import Quote
from keystead.quotas import commands as quotas
from keystead.store import Transaction


class Draft(NamedTuple):
    """An order not settled, and the quote it is made of."""

    order: Order
    quote: Quote


def ordered(catalogue: Catalogue, order: Order) -> Configuration:
    """Give the configuration an order is for, read by the list it was made with."""
    return catalog.configuration_written(catalog.price_list_named(catalogue, order.price_list_id), order.parameters)


def purchase_of(catalogue: Catalogue, now: datetime, buying: Buying) -> Draft:
    """Draft a purchase; the catalogue's faults name what is not on sale."""
    catalog.period_of(catalogue.policies.purchase_months, "Period", buying.months)
    price_list = catalog.price_list_at(catalogue, now)
    configuration = catalog.configured(catalogue, price_list, buying.parameters)
    target = _Target(
        buying.account_id,
        buying.operator,
        ids.instance_id(configuration.region, now),
        configuration.region,
        buying.product_type,
        buying.renewal,
    )
    offered = rules.purchase_offer(catalogue, now, configuration, buying.months)
    return _draft(catalogue, now, target, offered.quote, _Change(OrderType.NEW, None, configuration, offered.term))


def renewal_of(tx: Transaction, catalogue: Catalogue, now: datetime, renewing: Renewing) -> Draft:
    """Draft a renewal of an instance as its last paid term has it, but for the modules named.

    OrderUnpaid if another order waits, QuotaBelowUse if it would shrink below what is in use now.
    """
    months = catalog.period_of(catalogue.policies.renewal_months, "RenewPeriod", renewing.months)
    owned = instances.owned(tx, renewing.account_id, renewing.instance_id, now)
    none_unpaid(tx, renewing.instance_id, now)
    price_list = catalog.price_list_at(catalogue, now)
    before = rules.configuration_of(owned, owned.last_figures)
    after = catalog.changed(catalogue, price_list, before, renewing.parameters) if renewing.parameters else before
    if after != before:
        fitting(tx, owned, after)
    offered = rules.renewal_offer(catalogue, now, owned, after, months)
    change = _Change(OrderType.RENEW, before, after, offered.term)
    return _draft(catalogue, now, _target(owned, renewing.operator), offered.quote, change)


def upgrade_of(tx: Transaction, catalogue: Catalogue, now: datetime, upgrading: Upgrading) -> Draft:
    """Draft an upgrade, priced for what is left of the last paid term.

    InstanceStateInvalid unless the term runs, OrderUnpaid or ChangePending while another order stands in the way, ChangeRefused
    for a decrease or no change.
    """
    owned = instances.owned(tx, upgrading.account_id, upgrading.instance_id, now)
    instance_rules.changeable(owned)
    none_unpaid(tx, upgrading.instance_id, now)
    if owned.change_pending:
        raise ChangePending(upgrading.instance_id)
    price_list = catalog.price_list_at(catalogue, now)
    before = rules.configuration_of(owned, owned.figures)
    after = catalog.changed(catalogue, price_list, before, upgrading.parameters)
    catalog.risen(before, after)
    quote = pricing.upgrade_quote(price_list, before, after, owned.ends_at - now, catalogue.policies.upgrade_fee)
    change = _Change(OrderType.UPGRADE, before, after, entitlements.upgraded(owned.ends_at, now))
    return _draft(catalogue, now, _target(owned, upgrading.operator), quote, change)


def fitting(tx: Transaction, owned: Owned, after: Configuration) -> None:
    """Raise QuotaBelowUse if a configuration is less than what an instance has in use now."""
    quotas.require_fitting(tx, owned.instance.instance_id, instances.accesses_used(tx, owned.instance), rules.figures_of(after))


def none_unpaid(tx: Transaction, instance_id: str, now: datetime) -> None:
    """Raise OrderUnpaid if an order on the instance waits to be paid."""
    unpaid = rows.unpaid_on(tx, instance_id, now)
    if unpaid:
        raise OrderUnpaid(instance_id, unpaid)


class _Target(NamedTuple):
    """Whose instance an order is for, and who places it."""

    account_id: str
    operator: str
    instance_id: str
    region: str
    product_type: str
    renewal: Renewal


class _Change(NamedTuple):
    """What an order does: from which configuration, if there was one, to which, for what term."""

    kind: OrderType
    before: Configuration | None
    after: Configuration
    term: Term


def _target(owned: Owned, operator: str) -> _Target:
    instance = owned.instance
    return _Target(instance.account_id, operator, instance.instance_id, instance.region, instance.product_type, instance.renewal)


def _draft(catalogue: Catalogue, now: datetime, target: _Target, quote: Quote, change: _Change) -> Draft:
    price_list = catalog.price_list_named(catalogue, quote.price_list_id)
    before = () if change.before is None else catalog.parameters_of(price_list, change.before)
    order = Order(
        order_id=ids.order_id(),
        account_id=target.account_id,
        kind=change.kind,
        state=OrderState.UNPAID,
        instance_id=target.instance_id,
        region=target.region,
        product_code=catalogue.product.code,
        product_type=target.product_type,
        price_list_id=quote.price_list_id,
        months=quote.months,
        parameters=tuple((module.value, value) for module, value in catalog.parameters_of(price_list, change.after)),
        lines=rules.lines_of(quote),
        list_amount=quote.list_amount,
        discount=quote.discount,
        payable=quote.payable,
        term=change.term,
        operator=target.operator,
        created_at=now,
        paid_at=None,
        original_parameters=tuple((module.value, value) for module, value in before),
        renewal=target.renewal,
    )
    return Draft(order, quote)
