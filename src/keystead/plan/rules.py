"""The future, purely: the scheduler's agenda done in memory, by the rules that the commands decide with.

Nothing is decided here that a command decides too; what is repeated is the order in which commands ask for work, because work of
one instant is done in the order it was asked for. tests/journeys/test_plan.py holds both to one another.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from keystead.catalog import rules as catalog
from keystead.catalog.model import Catalogue
from keystead.clock import iso_z
from keystead.coupons import rules as coupons
from keystead.coupons.model import MovementKind
from keystead.entitlements import rules as entitlements
from keystead.entitlements.model import Entitlement, Standing, Term
from keystead.faults import Fault
from keystead.instances import rules as instances
from keystead.instances.model import Instance, InstanceStatus, Owned, RenewalStatus
from keystead.ledger import rules as ledger
from keystead.money import Money
from keystead.notices import rules as notices
from keystead.notices.model import NoticeKind
from keystead.orders import rules as orders
from keystead.orders.faults import OrderUnpaid
from keystead.plan.model import Act, Facts, Happening, Holding, Kind, Notice, Timeline, Use, Waiting, Wish
from keystead.quotas import rules as quotas
from keystead.quotas.model import Quota, Resource

GROWTH_SPAN: Final = timedelta(days=30)
"""The month that growth is given by."""
LOGS_KEPT: Final = timedelta(days=180)
"""Logs are kept this long (KMS billing page, Log Service, read 2026-11-22): after it as much goes as comes."""
WISHED: Final = "kst-wished"
"""The id of an instance that was not bought yet."""


def of_account(catalogue: Catalogue, facts: Facts, until: datetime, growth: Use) -> Timeline:
    """Say what will happen to an account up to and at `until` if nobody does anything but use what grows by `growth`."""
    course = _Course(catalogue, facts)
    course.run(until)
    return course.timeline(facts, until, growth)


def of_wish(catalogue: Catalogue, wish: Wish, until: datetime, growth: Use) -> Timeline:
    """Say what a purchase leads to; what CreateInstance would refuse, BalanceTooLow included, is raised here too."""
    facts = Facts(account_id="", now=wish.start, balance=wish.balance, credit=Money(0, wish.balance.currency))
    course = _Course(catalogue, facts)
    course.buy(wish)
    course.run(until)
    return course.timeline(facts, until, growth)


class _Course:
    """The account as it changes while the agenda is done; `now` moves from one due instant to the next."""

    def __init__(self, catalogue: Catalogue, facts: Facts) -> None:
        self._catalogue = catalogue
        self._policies = catalogue.policies
        self._account_id = facts.account_id
        self._now = facts.now
        self._balance = facts.balance
        self._credit = facts.credit
        self._coupons = {each.grant.coupon_id: each for each in facts.coupons}
        self._changes = facts.changes
        self._alert = facts.alert
        self._holdings: dict[str, Holding] = {each.instance.instance_id: each for each in facts.holdings}
        self._waiting: dict[str, Waiting] = {each.order_id: each for each in facts.waiting}
        self._told = set(facts.told)
        self._asked: set[tuple[Act, str, datetime]] = set()
        self._agenda: list[tuple[datetime, int, Act, str]] = []
        self._happenings: list[Happening] = []
        self._notices: list[Notice] = []
        self._acts = {
            Act.CONNECT: self._connect,
            Act.EXPIRE: self._expire,
            Act.RELEASE: self._release,
            Act.PLAN_REMINDERS: self._plan_reminders,
            Act.REMIND: self._remind,
            Act.TELL_STOPPED: self._tell_stopped,
            Act.TELL_RELEASED: self._tell_released,
            Act.RENEW: self._renew,
            Act.LAPSE: self._lapse,
            Act.CHECK_BALANCE: self._check_balance,
            Act.REMIND_BALANCE: self._remind_balance,
        }
        for due in facts.agenda:
            self._ask(due.act, due.subject, due.at)

    def run(self, until: datetime) -> None:
        """Do all that falls due by `until`, and what that asks for: the earliest first, of one instant what was asked first."""
        while self._agenda and self._agenda[0][0] <= until:
            at, _, act, subject = heapq.heappop(self._agenda)
            self._now = max(self._now, at)
            self._acts[act](subject)

    def timeline(self, facts: Facts, until: datetime, growth: Use) -> Timeline:
        """Give what happened, with the instants at which growing use is first refused."""
        full = [each for holding in self._holdings.values() for each in _exhausted(holding, growth, facts.now, until)]
        charged = Money.total((each.change for each in self._happenings), self._balance.currency)
        return Timeline(
            since=facts.now,
            until=until,
            opening=facts.balance,
            charged=-charged,
            closing=self._balance,
            happenings=tuple(_merged(self._happenings, full, facts.balance)),
            notices=tuple(self._notices),
        )

    def buy(self, wish: Wish) -> None:
        """Do what a purchase does, in its order: charge, deliver, ask for the end and the first attempt at renewal, tell."""
        configuration = catalog.configured(self._catalogue, catalog.price_list_at(self._catalogue, self._now), wish.parameters)
        quote, term = orders.purchase_offer(self._catalogue, self._now, configuration, wish.months)
        orders.delivered(self._catalogue, configuration.edition)
        cash = self._charge(quote.payable)
        instance = Instance(
            instance_id=WISHED,
            account_id=self._account_id,
            region=configuration.region,
            edition=configuration.edition.value,
            product_type="",
            name=WISHED,
            status=InstanceStatus.UNINITIALIZED,
            renewal=wish.renewal,
            created_at=self._now,
            retention_days=self._policies.retention_days,
        )
        figures = orders.figures_of(configuration)
        self._holdings[WISHED] = Holding(instance, (Entitlement("", self._account_id, WISHED, term, figures, self._now),))
        self._happens(Kind.PURCHASED, WISHED, -cash, ends_at=iso_z(term.ends_at))
        self._ask_for_end(instance, term)
        self._tell(NoticeKind.PURCHASED, WISHED)

    def _renew(self, instance_id: str) -> None:
        owned = self._owned(instance_id)
        if owned is None or owned.standing is Standing.RELEASED:
            return
        renewal = owned.instance.renewal
        if renewal.status is not RenewalStatus.AUTO or renewal.months is None:
            return
        if not orders.attempt_due(self._policies.auto_renewal, owned.ends_at, self._now):
            self._ask_for_renewal(owned.instance, owned.ends_at)
            return
        kept = orders.configuration_of(owned, owned.last_figures)
        try:
            catalog.period_of(self._policies.renewal_months, "RenewPeriod", renewal.months)
            self._none_waits(instance_id)
            quote, term = orders.renewal_offer(self._catalogue, self._now, owned, kept, renewal.months)
            orders.delivered(self._catalogue, kept.edition)
            cash = self._charge(quote.payable)
        except Fault as fault:
            self._renewal_failed(owned, fault)
            return
        holding = self._holdings[instance_id]
        added = Entitlement("", self._account_id, instance_id, term, owned.last_figures, self._now)
        self._holdings[instance_id] = msgspec.structs.replace(holding, entitlements=(*holding.entitlements, added))
        self._ask_for_end(owned.instance, term)
        self._tell(NoticeKind.RENEWED, instance_id)
        self._happens(Kind.RENEWED, instance_id, -cash, ends_at=iso_z(term.ends_at))

    def _renewal_failed(self, owned: Owned, fault: Fault) -> None:
        again = orders.next_attempt(self._policies.auto_renewal, owned.ends_at, self._now)
        facts = {"reason": fault.sentence, "ends_at": iso_z(owned.ends_at), "next_attempt": iso_z(again) if again else ""}
        self._happens(Kind.RENEWAL_FAILED, owned.instance.instance_id, None, **facts)
        self._tell(NoticeKind.AUTO_RENEWAL_FAILED, owned.instance.instance_id)
        self._ask_for_renewal(owned.instance, owned.ends_at)

    def _none_waits(self, instance_id: str) -> None:
        for waiting in self._waiting.values():
            if waiting.instance_id == instance_id and self._now < waiting.expires_at:
                raise OrderUnpaid(instance_id, waiting.order_id)

    def _connect(self, instance_id: str) -> None:
        owned = self._owned(instance_id)
        if owned is not None and owned.instance.status is InstanceStatus.CONNECTING:
            self._change(owned.instance, status=InstanceStatus.CONNECTED)
            self._happens(Kind.CONNECTED, instance_id)

    def _expire(self, instance_id: str) -> None:
        owned = self._owned(instance_id)
        if owned is not None and owned.standing is not Standing.ACTIVE:
            self._happens(Kind.EXPIRED, instance_id, kept_until=iso_z(owned.releases_at))
            self._ask(Act.TELL_STOPPED, instance_id, self._now)

    def _release(self, instance_id: str) -> None:
        owned = self._owned(instance_id)
        if owned is not None and owned.standing is Standing.RELEASED:
            self._change(owned.instance, released_at=self._now)
            self._happens(Kind.RELEASED, instance_id)
            self._ask(Act.TELL_RELEASED, instance_id, self._now)

    def _plan_reminders(self, instance_id: str) -> None:
        owned = self._owned(instance_id)
        if owned is not None:
            for due in notices.reminders_to_plan(owned, self._policies):
                self._ask(Act.REMIND, instance_id, due)

    def _remind(self, instance_id: str) -> None:
        owned = self._owned(instance_id)
        days = None if owned is None else notices.reminder_to_send(owned, self._policies, self._now)
        if owned is None or days is None:
            return
        occasion = notices.expiry_occasion(owned, days)
        if occasion not in self._told:
            self._told.add(occasion)
            self._tell(NoticeKind.EXPIRING, instance_id)
            self._happens(Kind.REMINDED, instance_id, days=str(days), ends_at=iso_z(owned.ends_at))

    def _tell_stopped(self, instance_id: str) -> None:
        owned = self._owned(instance_id)
        if owned is not None and owned.standing is Standing.EXPIRED:
            self._tell(NoticeKind.STOPPED, instance_id)

    def _tell_released(self, instance_id: str) -> None:
        self._tell(NoticeKind.RELEASED, instance_id)

    def _lapse(self, order_id: str) -> None:
        waiting = self._waiting.get(order_id)
        if waiting is not None and waiting.expires_at <= self._now:
            del self._waiting[order_id]
            self._happens(Kind.LAPSED, order_id)

    def _check_balance(self, _number: str) -> None:
        turn = notices.turn_of(self._alert, self._changes, self._balance + self._credit)
        if self._alert is None or turn is notices.Turn.NONE:
            return
        fell = turn is notices.Turn.FELL
        self._alert = msgspec.structs.replace(self._alert, low_since=self._now if fell else None)
        if fell:
            self._warn(self._now)

    def _remind_balance(self, _account_id: str) -> None:
        again = notices.warned_again(self._alert, self._balance + self._credit, self._now, self._policies)
        if again and self._alert is not None and self._alert.low_since is not None:
            self._warn(self._alert.low_since)

    def _warn(self, low_since: datetime) -> None:
        occasion = notices.balance_occasion(low_since, notices.low_days(low_since, self._now))
        if occasion not in self._told:
            self._told.add(occasion)
            self._tell(NoticeKind.BALANCE_LOW, "")
            self._happens(Kind.BALANCE_LOW, self._account_id, balance=(self._balance + self._credit).plain())
        due = notices.next_warning(low_since, self._now, self._policies)
        if due is not None:
            self._ask(Act.REMIND_BALANCE, self._account_id, due)

    def _owned(self, instance_id: str) -> Owned | None:
        """The instance as it stands now; None once it is released."""
        holding = self._holdings.get(instance_id)
        if holding is None or holding.instance.released_at is not None:
            return None
        return instances.owned_at(holding.instance, holding.entitlements, self._now)

    def _change(self, instance: Instance, **changes: object) -> None:
        changed = msgspec.structs.replace(instance, **changes)
        self._holdings[instance.instance_id] = msgspec.structs.replace(self._holdings[instance.instance_id], instance=changed)

    def _charge(self, payable: Money) -> Money:
        """Take a price, a coupon's part off the coupon; gives what the balance lost."""
        part = coupons.paying(self._coupons.values(), self._catalogue.product.code, payable, self._now)
        cash = payable if part is None else payable - part.amount
        ledger.affordable(cash, self._balance + self._credit)
        if part is not None:
            step = coupons.next_step(part.coupon.last, MovementKind.USE, part.amount.minor, "")
            self._coupons[part.coupon.grant.coupon_id] = msgspec.structs.replace(part.coupon, last=step)
        if cash.minor:
            self._balance -= cash
            self._changes += 1
            self._ask(Act.CHECK_BALANCE, f"change {self._changes}", self._now)
        return cash

    def _ask_for_end(self, instance: Instance, term: Term) -> None:
        dues = instances.end_dues(term.ends_at, instance.retention_days)
        self._ask(Act.EXPIRE, instance.instance_id, dues.expires_at)
        self._ask(Act.PLAN_REMINDERS, instance.instance_id, dues.reminders_planned_at)
        self._ask(Act.RELEASE, instance.instance_id, dues.releases_at)
        self._ask_for_renewal(instance, term.ends_at)

    def _ask_for_renewal(self, instance: Instance, ends_at: datetime) -> None:
        due = orders.attempt_to_plan(self._policies, instance.renewal, ends_at, self._now)
        if due is not None:
            self._ask(Act.RENEW, instance.instance_id, due)

    def _ask(self, act: Act, subject: str, at: datetime) -> None:
        if (act, subject, at) not in self._asked:
            self._asked.add((act, subject, at))
            heapq.heappush(self._agenda, (at, len(self._asked), act, subject))

    def _happens(self, kind: Kind, subject: str, change: Money | None = None, **detail: str) -> None:
        moved = change or Money(0, self._balance.currency)
        self._happenings.append(Happening(self._now, kind, subject, moved, self._balance, detail))

    def _tell(self, kind: NoticeKind, instance_id: str) -> None:
        self._notices.append(Notice(self._now, kind, instance_id))


class _Full(NamedTuple):
    """When an instance first refuses more of something, of which so much is allowed by then."""

    at: datetime
    instance_id: str
    resource: str
    allowed: int


def _exhausted(holding: Holding, growth: Use, since: datetime, until: datetime) -> list[_Full]:
    """Give when each growing use is first refused: units come evenly while the instance is served."""
    found: list[_Full] = []
    for resource, a_month in (("keys", growth.keys), ("secrets", growth.secrets), ("log_gb", growth.log_gb)):
        full = _first_refused(holding, (resource, a_month), since, until)
        if full is not None:
            found.append(full)
    return found


def _first_refused(holding: Holding, grows: tuple[str, int], since: datetime, until: datetime) -> _Full | None:
    resource, a_month = grows
    if a_month <= 0:
        return None
    served = timedelta(0)
    for begin, end in _served(holding.entitlements, since, until):
        figures = entitlements.figures_at(holding.entitlements, begin)
        allowed = {"keys": figures.key_num, "secrets": figures.secret_num, "log_gb": figures.log_storage_gb}[resource]
        used = {"keys": holding.use.keys, "secrets": holding.use.secrets, "log_gb": holding.use.log_gb}[resource]
        come = served * a_month // GROWTH_SPAN
        unit = max(quotas.room(Quota(Resource.KEY, allowed, used)), come) + 1
        at = begin + (GROWTH_SPAN * unit / a_month - served)
        if resource == "log_gb" and (not figures.log or unit > LOGS_KEPT * a_month // GROWTH_SPAN):
            continue
        if at < end:
            return _Full(at, holding.instance.instance_id, resource, allowed)
        served += end - begin
    return None


def _served(held: Iterable[Entitlement], since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """The spans in which an instance is served, parted wherever its figures may change."""
    terms = [entitlement.term for entitlement in held]
    edges = sorted({since, until, *(edge for term in terms for edge in (term.starts_at, term.ends_at) if since < edge < until)})
    spans = pairwise(edges)
    return [(begin, end) for begin, end in spans if any(term.starts_at <= begin < term.ends_at for term in terms)]


def _merged(happenings: list[Happening], full: list[_Full], opening: Money) -> list[Happening]:
    """What happens, with the quotas that become full put in by time, behind what happens at the same instant."""
    nothing = Money(0, opening.currency)
    for each in full:
        before = [happening for happening in happenings if happening.at <= each.at]
        balance = before[-1].balance if before else opening
        detail = {"resource": each.resource, "allowed": str(each.allowed)}
        happening = Happening(each.at, Kind.QUOTA_EXHAUSTED, each.instance_id, nothing, balance, detail)
        happenings = [*before, happening, *happenings[len(before) :]]
    return happenings
