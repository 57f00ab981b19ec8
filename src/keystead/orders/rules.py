"""Pure decisions on orders: what a quote becomes, what must be true of an order, what the customer may wish for the end, when
that is carried out, and what of an order comes back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from keystead.catalog.model import Catalogue, Configuration, Edition, Policies, PriceList, Schedule
from keystead.catalog.rules import period_of, price_list_at, price_list_named
from keystead.entitlements import rules as entitlements
from keystead.entitlements.model import Figures, Term
from keystead.faults import InvalidParameter, MissingParameter
from keystead.instances.model import Owned, Renewal, RenewalStatus
from keystead.ledger.model import Entry, Finding
from keystead.money import Money, rounded_half_up
from keystead.orders.faults import EditionNotDelivered, NotRefundable, OrderBroken, OrderStateInvalid
from keystead.orders.model import Order, OrderLine, OrderState, OrderType, Share
from keystead.pricing import rules as pricing
from keystead.pricing.model import OrderKind, Quote
from keystead.pricing.rules import earned_rate

MONTHS_A_YEAR: Final = 12
LAPSED: Final = "Expired"


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
    if (order.state is None) != (order.kind is OrderType.REFUND):
        return "its state and its kind do not agree"
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


def renewal_set(status: str, period: int | None, unit: str, policies: Policies) -> Renewal:
    """Read SetRenewal's RenewalStatus, RenewalPeriod and RenewalPeriodUnit (BssOpenApi page, read 2026-11-22).

    The period is needed for AutoRenewal and of no effect otherwise; its unit is M unless said, as clients leave it out.
    """
    if unit not in {"", "M", "Y"}:
        raise InvalidParameter("RenewalPeriodUnit", "It must be M or Y.")
    try:
        wished = RenewalStatus(status)
    except ValueError:
        listed = ", ".join(each.value for each in RenewalStatus)
        raise InvalidParameter("RenewalStatus", f"It must be one of {listed}.") from None
    if wished is not RenewalStatus.AUTO:
        return Renewal(wished)
    if period is None:
        raise MissingParameter("RenewalPeriod")
    months = period * (MONTHS_A_YEAR if unit == "Y" else 1)
    return Renewal(wished, period_of(policies.auto_renewal_months, "RenewalPeriod", months))


def configuration_of(owned: Owned, figures: Figures) -> Configuration:
    """Give an instance's configuration with some of its figures, as the catalogue speaks of it."""
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


class Offered(NamedTuple):
    """What an order would be for: its price and the term it would bring."""

    quote: Quote
    term: Term


def purchase_offer(catalogue: Catalogue, now: datetime, configuration: Configuration, months: int) -> Offered:
    """Price a purchase at `now`; PeriodNotSold for a term not on sale."""
    period_of(catalogue.policies.purchase_months, "Period", months)
    quote = pricing.quote(price_list_at(catalogue, now), configuration, months, OrderKind.NEW)
    return Offered(quote, entitlements.purchased(now, months))


def renewal_offer(catalogue: Catalogue, now: datetime, owned: Owned, after: Configuration, months: int) -> Offered:
    """Price a renewal at `now` by the list of `now`, and say which term it adds; TermReleased when retention is over."""
    quote = pricing.quote(price_list_at(catalogue, now), after, months, OrderKind.RENEWAL)
    after_expiry = catalogue.policies.renewal_after_expiry
    return Offered(quote, entitlements.renewed(owned.run, now, months, owned.instance.retention_days, after_expiry))


def attempt_to_plan(policies: Policies, renewal: Renewal, ends_at: datetime, now: datetime) -> datetime | None:
    """Give when automatic renewal is to be tried next, for an instance that wishes it; None if it does not, or never."""
    return next_attempt(policies.auto_renewal, ends_at, now) if renewal.status is RenewalStatus.AUTO else None


def attempt_due(schedule: Schedule, ends_at: datetime, now: datetime) -> bool:
    """Whether automatic renewal is to be tried at `now`, perhaps late, for a term that ends at `ends_at`.

    An attempt that a scheduler which was down has missed is made up for once, in retention too (ADR 12).
    """
    return any(attempt <= now for attempt in _attempts(schedule, ends_at))


def next_attempt(schedule: Schedule, ends_at: datetime, now: datetime) -> datetime | None:
    """Give the first attempt after `now`; None when there is none left."""
    return next((attempt for attempt in _attempts(schedule, ends_at) if attempt > now), None)


def _attempts(schedule: Schedule, ends_at: datetime) -> list[datetime]:
    """The attempts, in order; an end is a UTC+8 midnight, so the hours are that zone's."""
    return [ends_at + timedelta(days=day, hours=schedule.hour) for day in schedule.days]


def changes_of(order: Order) -> str:
    """Say what an order changes: `Spec from 1000 to 2000, KeyNum from 1000 to 1010`."""
    before = dict(order.original_parameters)
    changed = ((code, before[code], value) for code, value in order.parameters if before[code] != value)
    return ", ".join(f"{code} from {old} to {new}" for code, old, new in changed)


def payable_at(order: Order, now: datetime) -> None:
    """Raise OrderStateInvalid unless the order is unpaid and has not lapsed."""
    state = state_at(order, now)
    if state != OrderState.UNPAID.value:
        raise OrderStateInvalid(order.order_id, state)


def deliverable(catalogue: Catalogue, order: Order) -> None:
    """Raise EditionNotDelivered for an order of an edition that the deployment cannot deliver: before it is charged."""
    delivered(catalogue, _edition(order, price_list_named(catalogue, order.price_list_id)))


def delivered(catalogue: Catalogue, edition: Edition) -> None:
    """Raise EditionNotDelivered if the deployment cannot deliver an edition, quote it as it may."""
    if edition not in catalogue.delivered:
        raise EditionNotDelivered(edition.value)


def state_at(order: Order, now: datetime) -> str:
    """Say what an order is at `now`: its state, Refund, or Expired when it was not paid in time."""
    if order.state is None:
        return OrderType.REFUND.value
    if order.state is OrderState.UNPAID and order.expires_at is not None and now >= order.expires_at:
        return LAPSED
    return order.state.value


def share_of(order: Order, paid: Money, price_list: PriceList, now: datetime) -> Share:
    """Say what of an order comes back at `now`; `paid` is the cash taken for it, `price_list` the one it was made with.

    All of it before its term begins. Then what is used is its list price a day, times the days begun, less what a term as long
    as the whole months used would have had taken off (refund rules page, April 2025, read 2026-11-22); an upgrade never had
    anything taken off. Its days are the 24-hour slots begun: what is used can reach the price and not exceed it. ADR 13.
    """
    sold = entitlements.days_begun(order.term.ends_at - order.term.starts_at)
    days = min(sold, entitlements.days_begun(now - order.term.starts_at))
    used = paid
    if now < order.term.ends_at:
        full, rest = _rest_of_price(order, price_list, now)
        used = min(paid, order.list_amount.part(days * rest, sold * full, rounded_half_up))
    day_price = order.list_amount.part(1, max(sold, 1), rounded_half_up)
    return Share(order.order_id, paid, day_price, days, sold, used, paid - used)


def refund_lines(shares: Iterable[Share]) -> tuple[OrderLine, ...]:
    """Give the lines of a refund order, one for each order that is given back."""
    return tuple(
        OrderLine("", share.day_price, share.paid, share.used, share.back, related_order_id=share.order_id) for share in shares
    )


def on_top(renewal: Order, paid: Iterable[Order]) -> None:
    """Raise NotRefundable if something was bought on top of a renewal: `paid` are all orders that the instance stands on."""
    for order in paid:
        if order.kind is OrderType.RENEW and order.term.starts_at >= renewal.term.ends_at:
            raise NotRefundable(renewal.instance_id, f"the renewal {order.order_id} goes on from this one: cancel it first.")
        if order.kind is OrderType.UPGRADE and order.term.ends_at >= renewal.term.ends_at:
            raise NotRefundable(renewal.instance_id, f"the upgrade {order.order_id} was paid to the end of this renewal.")


def cancellation(renewal: Order, share: Share, order_id: str, now: datetime) -> Order:
    """Give the order that undoes a renewal which has not begun: a refund of one line."""
    lines = refund_lines([share])
    return msgspec.structs.replace(
        renewal,
        order_id=order_id,
        kind=OrderType.REFUND,
        state=None,
        months=0,
        lines=lines,
        list_amount=lines[0].list_amount,
        discount=lines[0].discount,
        payable=lines[0].payable,
        operator="",
        created_at=now,
        paid_at=None,
        original_parameters=renewal.parameters,
        related_order_id=renewal.order_id,
        expires_at=None,
    )


def _rest_of_price(order: Order, price_list: PriceList, now: datetime) -> tuple[int, int]:
    """The part of the list price that use so far costs, as denominator and numerator."""
    if order.kind is OrderType.UPGRADE:
        return 1, 1
    months = entitlements.months_within(order.term.starts_at, now)
    numerator, denominator = (1 - earned_rate(price_list, _edition(order, price_list), months)).as_integer_ratio()
    return denominator, numerator


def _edition(order: Order, price_list: PriceList) -> Edition:
    version = dict(order.parameters)["ProductVersion"]
    return next(offer.edition for offer in price_list.offers if offer.product_version == version)


class Books(NamedTuple):
    """What an audit compares orders with: charges in cash, uses of coupons and refunds, which instance an order entitles
    to something, all instances that ever were, and those that are gone.
    """

    charges: Iterable[Entry]
    refunds: Iterable[Entry]
    entitled: Mapping[str, str]
    delivered: set[str]
    gone: set[str]
    coupons: Iterable[Entry] = ()


def unanswered(orders: Iterable[Order], books: Books) -> list[Finding]:
    """Say where orders, charges, refunds, entitlements and instances do not answer to each other."""
    found: list[Finding] = []
    charges, used, refunds = (_by_order(entries) for entries in (books.charges, books.coupons, books.refunds))
    entitled, delivered = books.entitled, books.delivered
    known = {order.order_id: order for order in orders}
    for order in known.values():
        problems = [problem_of(order), _charge_problem(order, charges.get(order.order_id, []), used.get(order.order_id, []))]
        problems.append(_refund_problem(order, refunds.get(order.order_id, []), charges))
        if order.state is OrderState.PAID and entitled.get(order.order_id) != order.instance_id:
            problems.append("it is paid and entitles its instance to nothing")
        if order.state is not OrderState.PAID and order.order_id in entitled:
            problems.append("it is not paid and entitles")
        if order.state is OrderState.PAID and order.instance_id not in delivered:
            problems.append(f"its instance {order.instance_id} was never delivered")
        undone = known.get(order.related_order_id)
        cancels = undone is not None and undone.withdrawn_at is not None
        if order.kind is OrderType.REFUND and not cancels and order.instance_id not in books.gone:
            problems.append(f"its instance {order.instance_id} is still there")
        found.extend(Finding(order.order_id, problem) for problem in problems if problem)
    found.extend(Finding(order_id, "it is charged and there is no such order") for order_id in charges.keys() - known.keys())
    found.extend(Finding(order_id, "a coupon paid for it and there is no such order") for order_id in used.keys() - known.keys())
    found.extend(Finding(order_id, "it is refunded and there is no such order") for order_id in refunds.keys() - known.keys())
    found.extend(Finding(order_id, "it entitles and there is no such order") for order_id in entitled.keys() - known.keys())
    paid = [order for order in known.values() if order.state is OrderState.PAID]
    bought = Counter(order.instance_id for order in paid if order.kind is OrderType.NEW)
    found.extend(
        Finding(instance_id, f"it was bought by {bought[instance_id]} orders")
        for instance_id in sorted(delivered)
        if bought[instance_id] != 1
    )
    return found


def _by_order(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    by_order: dict[str, list[Entry]] = {}
    for entry in entries:
        by_order.setdefault(entry.order_id, []).append(entry)
    return by_order


def _refund_problem(order: Order, refunds: list[Entry], charges: Mapping[str, list[Entry]]) -> str:
    if order.kind is not OrderType.REFUND:
        return "it is no refund and money was given back by it" if refunds else ""
    if len(refunds) != 1 or refunds[0].amount != order.payable or refunds[0].account_id != order.account_id:
        return "it is a refund and its amount was not given back once"
    for line in order.lines:
        paid = Money.total((charge.amount for charge in charges.get(line.related_order_id, [])), order.payable.currency)
        if line.list_amount != paid:
            return f"it gives back of the order {line.related_order_id} and that was paid with another amount"
    return ""


def _charge_problem(order: Order, charges: list[Entry], used: list[Entry]) -> str:
    if order.state is not OrderState.PAID:
        return "it is not paid and was charged" if charges or used else ""
    if len(charges) != 1 or len(used) > 1:
        return f"it is paid and has {len(charges)} charges and {len(used)} coupons"
    paid = Money.total((entry.amount for entry in charges + used), order.payable.currency)
    if paid != order.payable or {entry.account_id for entry in charges + used} != {order.account_id}:
        return "its charge is of another amount or account"
    return ""
