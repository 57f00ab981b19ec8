"""June 2026 of an account: a coupon, three instances, an upgrade, a refund, a plan that comes true, letters, the bill.

From 2026-06-01 00:00 UTC+8. The figures are reckoned by hand; the documented formulas are printed beside them.
"""

from __future__ import annotations

import csv
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo.cast import Customer, Server, Story, events
from demo.letters import Box

NAME = "demo-three"
JUNE = ("2026-05-31T16:00:00Z", "2026-06-30T15:59:59Z")
END = "2026-07-01T16:00:00Z"  # 2026-07-02 00:00 UTC+8: midnight after a month from 1 June
REMINDERS = ["2026-06-25T02:00:00Z", "2026-06-29T02:00:00Z", "2026-07-01T02:00:00Z"]  # 7, 3 and 1 days before, 10:00 UTC+8
PLANNED = {"auto_renewed", "expiry_reminded", "instance_expired"}
Seen = list[tuple[str, str, str]]


def live_through(story: Story, server: Server, box: Box, folder: Path) -> None:
    """The whole of it."""
    server.operator("admin", "clock", "advance", "11d16h")
    customer = Customer(server, NAME, "2000.00", "three@example.com")
    kept, renewed, given = _buy(story, server, customer)
    _change(story, server, customer, kept, given)
    _plan(story, server, customer, kept, renewed)
    _letters(story, box)
    _bill(story, server, customer, folder)
    found = server.operator("doctor", "--ledger")
    story.tell("orders, transactions, coupons, bills and balances agree", found["well"])


def _buy(story: Story, server: Server, customer: Customer) -> tuple[str, str, str]:
    coupon = server.operator("admin", "coupon", "grant", NAME, "100", "--products", "kms", "--description", "welcome")
    story.tell("a coupon was granted", customer.coupon_balance() == "100.00", f"{coupon['number']}, {coupon['value']} USD")
    given = str(customer.buy(uuid.uuid4().hex).data.instance_id)
    held = customer.balance() == "1600.00" and customer.coupon_balance() == "0.00"
    story.tell("it pays a part of the first order by itself", held, f"500.00 - 100.00 = 400.00 in cash, {customer.balance()} USD")
    kept, renewed = (str(customer.buy(uuid.uuid4().hex).data.instance_id) for _ in range(2))
    wished = customer.renew_automatically(renewed)
    held = wished.success and customer.balance() == "600.00"
    story.tell("two more, of which one is to renew itself", held, f"1600.00 - 2 x 500.00 = {customer.balance()} USD")
    for instance_id in (kept, renewed, given):
        customer.connect(instance_id)
    return kept, renewed, given


def _change(story: Story, server: Server, customer: Customer, kept: str, given: str) -> None:
    server.operator("admin", "clock", "advance", "16d")
    price, made = customer.upgrade(kept, "Spec", "2000")
    held = made.success and price == 50 and customer.balance() == "550.00"
    story.tell("upgraded to 2,000 QPS with 15 days left", held, f"100.00 x 15 / 30 = {price:.2f}, {customer.balance()} USD")
    amount, refunded = customer.refund(given)
    held = refunded.success and amount == 141.94 and customer.balance() == "691.94"
    formula = "cash - list price x days used / days = 400.00 - 500.00 x 16 / 31 = 400.00 - 258.06"
    story.tell("the one bought with the coupon is given back after 16 of its 31 days", held, f"{formula} = {amount:.2f}")
    left = customer.coupon_balance()
    story.tell("the coupon does not come back", left == "0.00", f"{left} on it, {customer.balance()} USD in cash")


def _plan(story: Story, server: Server, customer: Customer, kept: str, renewed: str) -> None:
    plan = server.operator("plan", "simulate", "--account", NAME, "--until", END)
    foretold = _seen(plan["events"], {kept, renewed})
    wanted = sorted(
        [
            ("2026-06-23T00:00:00Z", "auto_renewed", renewed),
            *((at, "expiry_reminded", kept) for at in REMINDERS),
            (END, "instance_expired", kept),
        ]
    )
    figures = f"{len(foretold)} events, charged {plan['charged']}, closing {plan['closing_balance']} USD"
    held = foretold == wanted and (plan["charged"], plan["closing_balance"]) == ("500.00", "191.94")
    story.tell("a plan foretells the fortnight", held, figures)
    for at, kind, instance_id in foretold:
        print(f"       {at}  {kind:<17} {instance_id}")
    happened = _seen(events(server, "15d"), {kept, renewed})
    held = happened == foretold and customer.balance() == plan["closing_balance"]
    story.tell("15 days later all of it has come true, to the second", held, f"{len(happened)} events, {customer.balance()} USD")
    ends = [str(customer.instance(instance_id).end_date) for instance_id in (kept, renewed)]
    story.tell("one stopped, the other goes on by itself", ends == [END, "2026-08-01T16:00:00Z"], " and ".join(ends))


def _seen(told: list[Any], instances: set[str]) -> Seen:
    rows = ((row["at"], row["kind"], row["subject"]) for row in told)
    return sorted(row for row in rows if row[1] in PLANNED and row[2] in instances)


def _letters(story: Story, box: Box) -> None:
    # Three purchases, one upgrade, refund, renewal and stop, three reminders, the coupon.
    box.wait(lambda subjects: len(subjects) >= 11)
    for subject in box.subjects:
        print(f"       {subject}")
    story.tell("every letter reached the mail server", len(box.subjects) == 11, f"{len(box.subjects)} letters")


def _bill(story: Story, server: Server, customer: Customer, folder: Path) -> None:
    file = folder / "bill.csv"
    told = server.operator("bill", "export", NAME, "--month", "2026-06", "--format", "csv", "--out", str(file))
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    cash = sum((Decimal(row["PaymentAmount"]) for row in rows), Decimal(0))
    coupons = sum((Decimal(row["DeductedByCashCoupons"]) for row in rows), Decimal(0))
    moved = customer.transactions(*JUNE)
    spent = sum((Decimal(row.amount) for row in moved if row.transaction_type == "Consumption"), Decimal(0))
    back = sum((Decimal(row.amount) for row in moved if row.transaction_type == "Refund"), Decimal(0))
    # 400 + 500 + 500 + 50 + 500 = 1950.00, less 141.94
    held = cash == spent - back == Decimal("1808.06") and coupons == 100 and len(rows) == 6
    figures = f"{told['rows']} rows, {spent} - {back} = {cash} in cash, {coupons} by coupon"
    story.tell("the month's bill sums to its transactions", held, figures)
    document = folder / "bill.pdf"
    server.operator("bill", "export", NAME, "--month", "2026-06", "--format", "pdf", "--out", str(document))
    content = document.read_bytes()
    story.tell("and as a statement", content.startswith(b"%PDF-") and b"%%EOF" in content[-64:], f"PDF, {len(content):,} bytes")
