"""`keystead admin coupon …`: vouchers that pay for orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from keystead.cli.admin.accounts import AccountName, amount_of
from keystead.cli.report import print_facts, print_json, print_table
from keystead.cli.target import Target, open_target
from keystead.clock import iso_z, parse_iso_z
from keystead.faults import CallerFault
from keystead.ids import request_id

if TYPE_CHECKING:
    from keystead.coupons.model import Coupon

coupon = App(name="coupon", help="Coupons (vouchers) of accounts.")
_HERE = Target()


@Parameter(name="*")
@dataclass(frozen=True)
class Terms:
    """What a coupon is good for."""

    expires: Annotated[str, Parameter(help="First instant at which it is worth nothing, such as 2026-12-31T16:00:00Z.")] = ""
    effective: Annotated[str, Parameter(help="First instant at which it can be used; now if left out.")] = ""
    products: Annotated[str, Parameter(help="Codes of the products it pays for, by commas; all if left out.")] = ""
    description: Annotated[str, Parameter(help="Said to the customer.")] = ""


_PLAIN = Terms()


class TimeInvalid(CallerFault):
    """The text is not an instant."""


class ProductUnknown(CallerFault):
    """Nothing of this code is sold."""


def _instant(text: str) -> datetime | None:
    try:
        return parse_iso_z(text) if text else None
    except ValueError:
        raise TimeInvalid(f"{text!r} is not a UTC time like 2026-12-31T16:00:00Z") from None


def _facts(found: Coupon, now: datetime) -> dict[str, str]:
    from keystead.coupons import rules

    grant = found.grant
    return {
        "coupon_id": grant.coupon_id,
        "number": grant.number,
        "account_id": grant.account_id,
        "status": rules.state_of(found, now).value,
        "value": grant.nominal.plain(),
        "balance": rules.left_of(found, now).plain(),
        "currency": grant.nominal.currency,
        "effective": iso_z(grant.effective_at),
        "expires": iso_z(grant.expires_at) if grant.expires_at else "never",
        "products": ",".join(grant.products) or "all",
        "description": grant.description,
    }


def _show(facts: dict[str, str], *, json: bool) -> None:
    if json:
        print_json(facts)
    else:
        print_facts(facts)


@coupon.command
def grant(
    name: AccountName,
    amount: Annotated[str, Parameter(help="In USD, such as 250 or 99.90.")],
    /,
    *,
    terms: Terms = _PLAIN,
    key: Annotated[str, Parameter(help="The same key grants once only, however often the command runs.")] = "",
    target: Target = _HERE,
) -> None:
    """Grant a coupon: it pays for the account's next orders by itself, before the balance, and never comes back as money."""
    from keystead.access import commands as access
    from keystead.access.rows import lock_account
    from keystead.coupons import commands as coupons
    from keystead.coupons.model import Grant

    money, ends, begins = amount_of(amount), _instant(terms.expires), _instant(terms.effective)
    codes = tuple(code.strip() for code in terms.products.split(",") if code.strip())
    with open_target(target) as service:
        unknown = sorted(set(codes) - {service.catalogue.product.code})
        if unknown:
            raise ProductUnknown(f"nothing is sold under the code {unknown[0]!r}")
        now = service.clock.read().now
        with service.store.write() as tx:
            account_id = access.account_named(tx, name).account_id
            lock_account(tx, account_id)
            asked = Grant("", account_id, "", money, now, begins or now, ends, codes, terms.description, key or request_id())
            made = coupons.grant(tx, now, asked)
    _show(_facts(made, now), json=target.json)


@coupon.command
def revoke(coupon_id: str, /, *, target: Target = _HERE) -> None:
    """Take back what is left of a coupon. What it has paid for stays paid; revoking it again changes nothing."""
    from keystead.access.rows import lock_account
    from keystead.coupons import commands as coupons

    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() as tx:
            lock_account(tx, coupons.whoever(tx, coupon_id).grant.account_id)
            found = coupons.revoke(tx, now, coupon_id)
    _show(_facts(found, now), json=target.json)


@coupon.command(name="list")
def list_coupons(name: AccountName, /, *, target: Target = _HERE) -> None:
    """Show an account's coupons, newest first."""
    from keystead.access import commands as access
    from keystead.coupons import commands as coupons
    from keystead.coupons.model import Search

    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.read() as tx:
            account_id = access.account_named(tx, name).account_id
            rows = [_facts(found, now) for found in coupons.found(tx, now, account_id, Search())]
    if target.json:
        print_json(rows)
    else:
        shown = ["coupon_id", "number", "status", "value", "balance", "effective", "expires", "products"]
        print_table([name.replace("_", " ") for name in shown], [[row[name] for name in shown] for row in rows])
