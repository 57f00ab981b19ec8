"""Pure decisions on orders: what a quote becomes, what must be true of an order, what the customer may wish for the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from keystead.catalog.model import Configuration, Policies
from keystead.catalog.rules import period_of
from keystead.entitlements.model import Figures
from keystead.faults import InvalidParameter, MissingParameter
from keystead.instances.model import Renewal, RenewalStatus
from keystead.ledger.model import Entry, Finding
from keystead.money import Money
from keystead.orders.faults import OrderBroken
from keystead.orders.model import Order, OrderLine, OrderState, OrderType
from keystead.pricing.model import Quote


def lines_of(quote: Quote) -> tuple[OrderLine, ...]:
    """Give a quote's lines as an order keeps them."""
    return tuple(
        OrderLine(line.module_code.value, line.unit_price, line.list_amount, line.discount, line.payable) for line in quote.lines
    )


def figures_of(configuration: Configuration) -> Figures:
    """Give the purchased numbers of a configuration."""
    return Figures(
        qps=configuration.qps,
        key_num=configuration.key_num,
        secret_num=configuration.secret_num,
        access_num=configuration.access_num,
        log=configuration.log,
        log_storage_gb=configuration.log_storage_gb,
    )


def added_up(order: Order) -> Order:
    """Give the order back, or raise OrderBroken: asked when it is placed and again whenever it is loaded."""
    problem = problem_of(order)
    if problem:
        message = f"order {order.order_id}: {problem}"
        raise OrderBroken(message)
    return order


def problem_of(order: Order) -> str:
    """Say what is wrong with an order in itself; empty if nothing is."""
    currency = order.payable.currency
    if Money.total((line.list_amount for line in order.lines), currency) != order.list_amount:
        return "its list amount is not the sum of its lines"
    if Money.total((line.payable for line in order.lines), currency) != order.payable:
        return "its payable amount is not the sum of its lines"
    if order.list_amount - order.discount != order.payable or order.payable.minor < 0:
        return "its amounts do not agree"
    if (order.state is OrderState.PAID) != (order.paid_at is not None):
        return "its state and its time of payment do not agree"
    return ""


def renewal_wished(status: str, months: int | None, policies: Policies) -> Renewal:
    """Read CreateInstance's RenewalStatus and RenewPeriod; manual by default (BssOpenApi page, read 2026-11-22).

    A RenewPeriod beside a manual renewal must be a possible one, and is then of no effect: clients send it always.
    """
    if months is not None:
        period_of(policies.auto_renewal_months, "RenewPeriod", months)
    if status in {"", RenewalStatus.MANUAL.value}:
        return Renewal()
    if status != RenewalStatus.AUTO.value:
        raise InvalidParameter("RenewalStatus", "It must be AutoRenewal or ManualRenewal.")
    if months is None:
        raise MissingParameter("RenewPeriod")
    return Renewal(RenewalStatus.AUTO, months)


def unanswered(
    orders: Iterable[Order], charges: Iterable[Entry], entitled: Mapping[str, str], delivered: set[str]
) -> list[Finding]:
    """Say where orders, charges, entitlements and instances do not answer to each other.

    `entitled` maps an order to the instance it entitles to something; `delivered` are all instances there ever were.
    """
    found: list[Finding] = []
    by_order: dict[str, list[Entry]] = {}
    for charge in charges:
        by_order.setdefault(charge.order_id, []).append(charge)
    known = {order.order_id: order for order in orders}
    for order in known.values():
        problems = [problem_of(order), _charge_problem(order, by_order.get(order.order_id, []))]
        if order.state is OrderState.PAID and entitled.get(order.order_id) != order.instance_id:
            problems.append("it is paid and entitles its instance to nothing")
        if order.instance_id not in delivered:
            problems.append(f"its instance {order.instance_id} was never delivered")
        found.extend(Finding(order.order_id, problem) for problem in problems if problem)
    found.extend(Finding(order_id, "it is charged and there is no such order") for order_id in by_order.keys() - known.keys())
    found.extend(Finding(order_id, "it entitles and there is no such order") for order_id in entitled.keys() - known.keys())
    bought = Counter(order.instance_id for order in known.values() if order.kind is OrderType.NEW)
    found.extend(
        Finding(instance_id, f"it was bought by {bought[instance_id]} orders")
        for instance_id in sorted(delivered)
        if bought[instance_id] != 1
    )
    return found


def _charge_problem(order: Order, charges: list[Entry]) -> str:
    if order.state is not OrderState.PAID:
        return "it is not paid and was charged" if charges else ""
    if len(charges) != 1:
        return f"it is paid and has {len(charges)} charges"
    charge = charges[0]
    if charge.amount != order.payable or charge.account_id != order.account_id:
        return "its charge is of another amount or account"
    return ""
