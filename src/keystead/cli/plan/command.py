"""`keystead plan simulate`: the timeline of charges, renewals, notices, stops and releases to come, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from keystead.cli.report import print_json, print_table
from keystead.cli.target import Target, open_target
from keystead.clock import SystemClock, business_midnight, iso_z, parse_iso_z
from keystead.faults import CallerFault

if TYPE_CHECKING:
    from keystead.catalog.model import Policies
    from keystead.instances.model import Renewal
    from keystead.plan.model import Happening, Notice, Timeline, Use, Wish

plan = App(name="plan", help="What will happen.")
LOOKED_AHEAD: Final = timedelta(days=365)
LOOKED_AHEAD_MAX: Final = timedelta(days=3660)
_HERE = Target()


class PlanInvalid(CallerFault):
    """What is asked of a plan cannot be planned; the sentence says why."""


@Parameter(name="*")
@dataclass(frozen=True)
class Wished:
    """The instance that is thought of: what is not said has the edition's default."""

    version: Annotated[str, Parameter(help="ProductVersion: 3 software, 1 hardware.")] = "3"
    region: Annotated[str, Parameter(help="Where.")] = "ap-southeast-1"
    spec: Annotated[int | None, Parameter(help="Requests a second.")] = None
    key_num: Annotated[int | None, Parameter(help="Key versions.")] = None
    secret_num: Annotated[int | None, Parameter(help="Secrets.")] = None
    vpc_num: Annotated[int | None, Parameter(help="VPCs and accounts together.")] = None
    log_storage: Annotated[int | None, Parameter(help="GB of logs; 0 or none leaves the log service off.")] = None
    months: Annotated[int, Parameter(help="Term of the purchase.")] = 1
    renew: Annotated[str, Parameter(help="AutoRenewal, ManualRenewal or NotRenewal.")] = "ManualRenewal"
    renew_months: Annotated[int, Parameter(help="Months of each automatic renewal.")] = 1
    start: Annotated[str, Parameter(help="When it is bought, such as 2026-01-01T00:00:00Z; now by default.")] = ""
    balance: Annotated[str, Parameter(help="What the account holds then.")] = "10000.00"

    def wish(self, policies: Policies) -> Wish:
        """Read it; the sentence of a fault names what is wrong."""
        from keystead.ledger.commands import CURRENCY
        from keystead.money import Money
        from keystead.plan.model import Wish as Asked

        codes = {"Region": self.region, "ProductVersion": self.version}
        figures = {"Spec": self.spec, "KeyNum": self.key_num, "SecretNum": self.secret_num, "VpcNum": self.vpc_num}
        codes |= {code: str(figure) for code, figure in figures.items() if figure is not None}
        if self.log_storage:
            codes |= {"Log": "1", "LogStorage": str(self.log_storage)}
        try:
            balance = Money.parse(self.balance, CURRENCY)
        except ValueError as error:
            raise PlanInvalid(str(error)) from None
        if balance.minor < 0:
            raise PlanInvalid("The balance cannot be below zero.")
        start = _instant(self.start) if self.start else SystemClock().read().now
        return Asked(tuple(codes.items()), self.months, self._renewal(policies), start, balance)

    def _renewal(self, policies: Policies) -> Renewal:
        from keystead.orders.rules import renewal_set

        return renewal_set(self.renew, self.renew_months, "M", policies)


@Parameter(name="*")
@dataclass(frozen=True)
class Growing:
    """How much more of each quota is in use after 30 days."""

    keys_a_month: Annotated[int, Parameter(help="Key versions made in 30 days.")] = 0
    secrets_a_month: Annotated[int, Parameter(help="Secrets made in 30 days.")] = 0
    log_gb_a_month: Annotated[int, Parameter(help="GB of logs written in 30 days.")] = 0

    def use(self) -> Use:
        """Read it; PlanInvalid for what shrinks."""
        from keystead.plan.model import Use as Asked

        if min(self.keys_a_month, self.secrets_a_month, self.log_gb_a_month) < 0:
            raise PlanInvalid("What is in use can only grow.")
        return Asked(self.keys_a_month, self.secrets_a_month, self.log_gb_a_month)


_WISHED = Wished()
_GROWING = Growing()


@plan.command
def simulate(
    *,
    account: Annotated[str, Parameter(help="An account of the deployment, by name or id; without it, a wish is planned.")] = "",
    until: Annotated[str, Parameter(help="2026-12-31 (UTC+8, that day included) or an instant; a year ahead by default.")] = "",
    wished: Wished = _WISHED,
    growing: Growing = _GROWING,
    target: Target = _HERE,
) -> None:
    """Show what an account, or an instance not bought yet, will live through if nobody does anything."""
    from keystead.catalog.commands import load_catalogue
    from keystead.plan import rules

    if account and wished != _WISHED:
        raise PlanInvalid("An account is planned as it stands: name either the account or a configuration.")
    if account:
        timeline = _of_account(account, until, growing, target)
    else:
        catalogue = load_catalogue()
        wish = wished.wish(catalogue.policies)
        timeline = rules.of_wish(catalogue, wish, _end(until, wish.start), growing.use())
    if target.json:
        print_json(_document(timeline))
    else:
        _show(timeline)


def _of_account(account: str, until: str, growing: Growing, target: Target) -> Timeline:
    from keystead.access import commands as access
    from keystead.plan import commands

    with open_target(target) as service, service.store.read() as tx:
        now = service.clock.read().now
        known = access.account_named(tx, account)
        asked = (_end(until, now), growing.use())
        return commands.of_account(tx, service.catalogue, now, known.account_id, asked)


def _end(text: str, since: datetime) -> datetime:
    until = _instant(text) if text else since + LOOKED_AHEAD
    if not since <= until <= since + LOOKED_AHEAD_MAX:
        raise PlanInvalid(f"A plan ends within {LOOKED_AHEAD_MAX.days} days of its start, {iso_z(since)}; not at {iso_z(until)}.")
    return until


def _instant(text: str) -> datetime:
    try:
        return parse_iso_z(text) if "T" in text else business_midnight(date.fromisoformat(text) + timedelta(days=1))
    except (ValueError, OverflowError):
        raise PlanInvalid(f"{text!r} is neither a date such as 2026-12-31 nor an instant such as 2026-12-31T00:00:00Z.") from None


def _show(timeline: Timeline) -> None:
    told = [(each.at, each.instance_id, each.kind.value) for each in timeline.notices]
    rows = [list(row) for row in _rows(timeline.happenings, told)]
    if rows:
        print_table(["when", "what", "of", "amount", "balance", "told", "details"], rows)
    unit = timeline.opening.currency
    print(
        f"{iso_z(timeline.since)} to {iso_z(timeline.until)}: {timeline.charged.plain()} {unit} charged,"
        f" the balance goes from {timeline.opening.plain()} to {timeline.closing.plain()}"
    )


def _rows(happenings: tuple[Happening, ...], told: list[tuple[datetime, str, str]]) -> Iterator[tuple[str, ...]]:
    for each in happenings:
        amount = each.change.plain() if each.change.minor else ""
        detail = " ".join(f"{name}={value}" for name, value in each.detail.items())
        notices = ", ".join(kind for at, of, kind in told if (at, of) == (each.at, each.subject))
        yield iso_z(each.at), each.kind.value, each.subject, amount, each.balance.plain(), notices, detail


def _document(timeline: Timeline) -> dict[str, Any]:
    return {
        "since": iso_z(timeline.since),
        "until": iso_z(timeline.until),
        "currency": timeline.opening.currency,
        "opening_balance": timeline.opening.plain(),
        "charged": timeline.charged.plain(),
        "closing_balance": timeline.closing.plain(),
        "events": [_event(each) for each in timeline.happenings],
        "notices": [_notice(each) for each in timeline.notices],
    }


def _event(each: Happening) -> dict[str, Any]:
    return {
        "at": iso_z(each.at),
        "kind": each.kind.value,
        "subject": each.subject,
        "amount": each.change.plain(),
        "balance": each.balance.plain(),
        "detail": each.detail,
    }


def _notice(each: Notice) -> dict[str, str]:
    return {"at": iso_z(each.at), "kind": each.kind.value, "instance_id": each.instance_id}
