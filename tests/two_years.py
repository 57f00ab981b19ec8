"""Twenty accounts for two years of a manual clock, doing anything in any order; what must hold is asked after every step.

A small model of each account is kept beside it: cents by the price list's amounts, written down here by hand.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from keystead.access.rows import lock_account
from keystead.bills import commands as bills
from keystead.clock import parse_iso_z
from keystead.entitlements import rows as entitlement_rows
from keystead.instances.model import Renewal
from keystead.ledger import commands as ledger
from keystead.money import Money
from keystead.notices import commands as notices
from keystead.notices.model import NoticeKind
from keystead.orders import commands as orders
from keystead.orders import rows as order_rows
from keystead.orders.model import Buying, OrderState, OrderType, Renewing
from tests.accounts import MONTH_SECONDS, RETENTION, SOLD_AS, Account, Figures, Held, Term, half_up, modules, monthly_cents, slots
from tests.world import World

ACCOUNTS = 20
TWO_YEARS = timedelta(days=730)
figures_bought = st.tuples(
    st.sampled_from([1000, 2000]), st.sampled_from([1000, 1010, 1500]), st.sampled_from([0, 100]), st.sampled_from([1, 2])
)
WHO = st.integers(0, ACCOUNTS - 1)
WHICH = st.integers(0, 9)


class TwoYears(RuleBasedStateMachine):
    """Anything in any order; `worlds` is set by the test."""

    worlds: Callable[[], AbstractContextManager[World]]
    steps: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        """Twenty accounts with different means."""
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.world = self.stack.enter_context(type(self).worlds())
        self.begun = self.world.now
        self.accounts = [self._account(number) for number in range(ACCOUNTS)]
        self.numbered = 0
        for number in range(0, ACCOUNTS, 4):  # else most of a short life is spent on finding nothing to do
            self.purchase(number, (1000, 1000, 0, 1), 1 + number % 3, number // 4 % 3)
            self.connect(number, 0)
            self.make_key(number, 0)
        self.place(1, 0, (1000, 1000, 0, 1), "buy")
        self.pay_or_cancel(0, cancel=False)

    def _account(self, number: int) -> Account:
        cents = 150_000 + number * 100_000
        return Account(self.world.tenant(balance=Money(cents, "USD").plain()), cents)

    def teardown(self) -> None:
        """Let the rest of the two years pass, with all that falls due."""
        try:
            self._pass(self.begun + TWO_YEARS - self.now)
            self.what_must_hold()
        finally:
            self.stack.close()

    @property
    def now(self) -> datetime:
        """Business time."""
        return self.world.now

    @rule(who=WHO, figures=figures_bought, months=st.sampled_from([1, 1, 2, 6]), auto=st.sampled_from([0, 1, 2]))
    def purchase(self, who: int, figures: Figures, months: int, auto: int) -> None:
        """Bought if the balance reaches, else nothing is left behind."""
        account = self.accounts[who]
        if len(account.held) >= 4:
            return
        wish = {"RenewalStatus": "AutoRenewal", "RenewPeriod": auto} if auto else {}
        flat: dict[str, object] = {"ProductCode": "kms", "ProductType": "kms_ddi_public_intl", "SubscriptionType": "Subscription"}
        for number, (code, value) in enumerate(modules(figures), 1):
            flat |= {f"Parameter__{number}__Code": code, f"Parameter__{number}__Value": value}
        reply = account.tenant.bss("CreateInstance", Period=months, **flat, **wish)
        price = monthly_cents(figures) * months
        self._counted("purchase", reply.body["Success"] is True, account.cents >= price, reply.body)
        if reply.body["Success"]:
            account.cents -= price
            held = Held(str(reply.body["Data"]["InstanceId"]), figures, [], auto)
            account.held.append(held)
            self._add_term(held, price)

    @rule(who=WHO, which=WHICH, months=st.sampled_from([1, 2, 3]))
    def renew(self, who: int, which: int, months: int) -> None:
        """Renewed until retention is over, unless an order waits or the balance does not reach."""
        account, held = self._pick(who, which)
        if held is None:
            return
        price = monthly_cents(held.figures) * months
        reply = account.tenant.bss("RenewInstance", ProductCode="kms", InstanceId=held.instance_id, RenewPeriod=months)
        may = not held.gone(self.now) and not held.waits(self.now) and account.cents >= price
        self._counted("renew", reply.body["Success"] is True, may, reply.body)
        if may:
            account.cents -= price
            self._add_term(held, price)

    @rule(who=WHO, which=WHICH, more=st.sampled_from([(1, 0, 0, 0), (0, 10, 0, 0), (0, 0, 100, 0), (0, 0, 0, 3), (0, 0, 0, 0)]))
    def upgrade(self, who: int, which: int, more: Figures) -> None:
        """Charged (new - old) / 30 / 24 x unused hours, half up; nothing changed is refused."""
        account, held = self._pick(who, which)
        if held is None:
            return
        spec, keys, secrets, vpcs = held.figures
        grown = (
            {1000: 2000, 2000: 4000, 4000: 4000}[spec] if more[0] else spec,
            keys + more[1],
            secrets + more[2],
            vpcs + more[3],
        )
        flat = {
            f"Parameter__{number}__{part}": text
            for number, pair in enumerate(modules(grown), 1)
            for part, text in zip(("Code", "Value"), pair, strict=True)
        }
        reply = account.tenant.bss(
            "ModifyInstance", ProductCode="kms", InstanceId=held.instance_id, ModifyType="Upgrade", **SOLD_AS, **flat
        )
        left = max(0, (held.end - self.now) // timedelta(seconds=1))
        price = half_up((monthly_cents(grown) - monthly_cents(held.figures)) * left, MONTH_SECONDS)
        serves = self.now < held.end and not held.given_back
        may = serves and grown != held.figures and not held.waits(self.now) and account.cents >= price
        self._counted("upgrade", reply.body["Success"] is True, may, reply.body)
        if may:
            account.cents -= price
            held.figures = grown
            self._add_term(held, price)

    @rule(who=WHO, which=WHICH, months=st.sampled_from([-1, 0, 1, 3]))
    def set_renewal(self, who: int, which: int, months: int) -> None:
        """NotRenewal, ManualRenewal or AutoRenewal, the last only before the end."""
        account, held = self._pick(who, which)
        if held is None:
            return
        status = "AutoRenewal" if months > 0 else "ManualRenewal" if months == 0 else "NotRenewal"
        wish: dict[str, object] = {"RenewalPeriod": months, "RenewalPeriodUnit": "M"} if months > 0 else {}
        reply = account.tenant.bss("SetRenewal", ProductCode="kms", InstanceIDs=held.instance_id, RenewalStatus=status, **wish)
        may = not held.gone(self.now) and (months <= 0 or self.now < held.end)
        self._counted("set_renewal", reply.body["Success"] is True, may, reply.body)
        if may:
            held.renewal_months = max(months, 0)

    @rule(who=WHO, which=WHICH)
    def refund(self, who: int, which: int) -> None:
        """What comes back: of each order still running, the price less its 24-hour slots begun; all of one not begun."""
        account, held = self._pick(who, which)
        if held is None:
            return
        reply = account.tenant.bss(
            "RefundInstance",
            ProductCode="kms",
            InstanceId=held.instance_id,
            ImmediatelyRelease="1",
            ClientToken=f"refund-{self.numbered}",
        )
        self.numbered += 1
        back = 0
        for term in held.terms:
            if self.now < term.ends:
                sold = slots(term.ends - term.begins)
                back += term.cents - half_up(term.cents * min(sold, slots(self.now - term.begins)), sold)
        may = not held.given_back and self.now < held.end and not held.waits(self.now) and back > 0
        self._counted("refund", reply.body["Success"] is True, may, reply.body)
        if may:
            account.cents += back
            held.given_back = True

    @rule(who=WHO, which=WHICH, figures=figures_bought, kind=st.sampled_from(["buy", "renew"]))
    def place(self, who: int, which: int, figures: Figures, kind: str) -> None:
        """An order that waits for its money, seven days."""
        account, held = self._pick(who, which)
        tenant = account.tenant
        catalogue = self.world.service.catalogue
        if kind == "renew" and (held is None or held.gone(self.now) or held.waits(self.now)):
            return
        with self.world.service.store.write() as tx:
            lock_account(tx, tenant.account_id)
            if kind == "renew" and held is not None:
                asked: Any = Renewing(tenant.account_id, "", held.instance_id, 1)
            else:
                held = None
                asked = Buying(tenant.account_id, "", "kms_ddi_public_intl", modules(figures), 1, Renewal())
            order = orders.place(tx, catalogue, self.now, asked)
        priced = held.figures if held is not None else figures
        assert order.payable.minor == monthly_cents(priced)
        until = self.now + timedelta(days=7)
        if held is not None:
            held.waiting_until = until
        account.unpaid.append((order.order_id, held, priced, order.payable.minor, until))
        type(self).steps["place: done"] += 1

    @precondition(lambda self: any(account.unpaid for account in self.accounts))
    @rule(which=WHICH, cancel=st.booleans())
    def pay_or_cancel(self, which: int, cancel: bool) -> None:  # noqa: FBT001 - hypothesis names it
        """A placed order is paid and carried out, or cancelled, or has lapsed; it is never carried out twice."""
        owing = [account for account in self.accounts if account.unpaid]
        account = owing[which % len(owing)]
        order_id, held, figures, price, until = account.unpaid.pop(0)
        tenant = account.tenant
        with self.world.service.store.write() as tx:
            lock_account(tx, tenant.account_id)
            order = orders.order_of(tx, tenant.account_id, order_id)
            if cancel or self.now >= until or account.cents < price or (held is not None and held.gone(self.now)):
                if self.now < until:
                    orders.cancel(tx, self.now, tenant.account_id, order_id)
                if held is not None:
                    held.waiting_until = None
                type(self).steps["cancel or lapse: done"] += 1
                return
            paid = orders.pay(tx, self.world.service.catalogue, self.world.service.keystore, self.now, order)
            assert orders.pay(tx, self.world.service.catalogue, self.world.service.keystore, self.now, paid) == paid
        account.cents -= price
        if held is None:
            held = Held(order.instance_id, figures, [])
            account.held.append(held)
        held.waiting_until = None
        self._add_term(held, price)
        type(self).steps["pay: done"] += 1

    @rule(who=WHO, cents=st.integers(1, 400_000))
    def top_up(self, who: int, cents: int) -> None:
        """Money comes in; the same key again brings none."""
        account = self.accounts[who]
        self.numbered += 1
        with self.world.service.store.write() as tx:
            lock_account(tx, account.tenant.account_id)
            for _ in range(2):
                ledger.credit(tx, self.now, account.tenant.account_id, Money(cents, "USD"), f"top-up {self.numbered}")
        account.cents += cents
        type(self).steps["top_up: done"] += 1

    @rule(who=WHO, which=WHICH)
    def connect(self, who: int, which: int) -> None:
        """Enabled once, while it is served."""
        account, held = self._pick(who, which)
        if held is None:
            return
        reply = account.tenant.kms(
            "ConnectKmsInstance",
            KmsInstanceId=held.instance_id,
            VpcId="vpc-1",
            ZoneIds="ap-southeast-1a,ap-southeast-1b",
            VSwitchIds="vsw-1",
            KMProvider="Aliyun",
        )
        may = not held.connected and not held.given_back and self.now < held.end
        self._counted("connect", reply.status == 200, may, reply.body)
        if may:
            self.world.settle()
            held.connected = True

    @rule(who=WHO, which=WHICH)
    def make_key(self, who: int, which: int) -> None:
        """A key can be made while the instance is enabled and served."""
        account, held = self._pick(who, which)
        if held is None:
            return
        reply = account.tenant.kms("CreateKey", DKMSInstanceId=held.instance_id)
        may = held.connected and not held.given_back and self.now < held.end
        self._counted("make_key", reply.status == 200, may, reply.body)
        if may:
            held.key_id = str(reply.body["KeyMetadata"]["KeyId"])

    @rule(hours=st.one_of(st.integers(1, 24 * 40), st.integers(24 * 5, 24 * 12)), seconds=st.integers(0, 3599))
    def advance(self, hours: int, seconds: int) -> None:
        """Time passes, to two years in all."""
        left = self.begun + TWO_YEARS - self.now
        self._pass(min(left, timedelta(hours=hours, seconds=seconds)))
        type(self).steps["advance: done"] += 1

    @invariant()
    def what_must_hold(self) -> None:
        """Books, balances, use by standing alone, one charge a cycle, no refund above what was paid, no notice twice."""
        with self.world.service.store.read() as tx:
            assert bills.audit(tx) == []
            for account in self.accounts:
                assert ledger.balance(tx, account.tenant.account_id).minor == account.cents
            kept = order_rows.every(tx)
        paid: Counter[str] = Counter()
        cycles: Counter[tuple[str, datetime]] = Counter()
        for order in kept:
            if order.kind is OrderType.REFUND:
                paid[order.instance_id] -= order.payable.minor
            elif order.state is OrderState.PAID:
                paid[order.instance_id] += order.payable.minor
                if order.kind is OrderType.RENEW:
                    cycles[order.instance_id, order.term.starts_at] += 1
        assert min(paid.values(), default=0) >= 0
        assert max(cycles.values(), default=1) == 1
        type(self).steps["invariants held"] += 1

    def _pass(self, by: timedelta) -> None:
        """Move the clock, take automatic renewals into the model, look at use and notices."""
        happened = self.world.advance(seconds=by.total_seconds())
        known = {held.instance_id: (account, held) for account in self.accounts for held in account.held}
        for event in happened:
            if event.kind == "auto_renewed":
                account, held = known[event.subject]
                price = monthly_cents(held.figures) * held.renewal_months
                assert price > 0
                assert event.detail["payable"] == Money(price, "USD").plain()
                account.cents -= price
                self._add_term(held, price)
            elif event.kind == "instance_released":
                assert event.at == known[event.subject][1].end + RETENTION
            elif event.kind == "instance_expired":
                assert event.at == known[event.subject][1].end
            type(self).steps[f"event {event.kind}"] += 1
        self._look_at_use()
        self._look_at_notices()

    def _look_at_use(self) -> None:
        """Served before the end, refused at it, gone after retention: whatever else was done."""
        for account in self.accounts:
            for held in account.held:
                shown = account.tenant.kms("GetKmsInstance", KmsInstanceId=held.instance_id)
                assert (shown.status == 200) == (not held.gone(self.now)), shown.body
                if held.key_id:
                    sealed = account.tenant.kms("Encrypt", KeyId=held.key_id, Plaintext="aGVsbG8=")
                    serves = self.now < held.end and not held.given_back
                    assert (sealed.status == 200) == serves, (sealed.body, held)
                    type(self).steps[f"encrypt: {'done' if serves else 'refused'}"] += 1

    def _look_at_notices(self) -> None:
        """Of one end three reminders at most, each before it and on a day of its own; a stop is told once an end."""
        with self.world.service.store.read() as tx:
            for account in self.accounts:
                told: dict[tuple[NoticeKind, str, str], list[datetime]] = defaultdict(list)
                for message in notices.messages(tx, account.tenant.account_id, 100_000):
                    facts = message.telling.facts
                    end = facts.get("ends_at") or facts.get("stopped_at") or ""
                    told[message.telling.kind, message.telling.instance_id, end].append(message.created_at)
                for (kind, _, end), instants in told.items():
                    if kind is NoticeKind.EXPIRING:
                        assert len(instants) <= 3
                        assert len({at.date() for at in instants}) == len(instants)
                        assert all(at < parse_iso_z(end) for at in instants)
                    if kind in {NoticeKind.STOPPED, NoticeKind.RELEASED}:
                        assert len(instants) == 1

    def _pick(self, who: int, which: int) -> tuple[Account, Held | None]:
        account = self.accounts[who]
        if not account.held:
            account = next((other for other in self.accounts[who:] + self.accounts[:who] if other.held), account)
        return account, account.held[which % len(account.held)] if account.held else None

    def _add_term(self, held: Held, cents: int) -> None:
        """Take the term of the newest order over from the entitlements: the machine knows money by itself, the calendar not."""
        with self.world.service.store.read() as tx:
            term = entitlement_rows.of_instance(tx, held.instance_id)[len(held.terms)].term
        held.terms.append(Term(term.starts_at, term.ends_at, cents))

    def _counted(self, what: str, done: bool, may: bool, body: object) -> None:  # noqa: FBT001 - two answers to one question
        assert done == may, (what, body)
        type(self).steps[f"{what}: {'done' if done else 'refused'}"] += 1
