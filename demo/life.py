"""The life of an instance: bought, used, renewed, expired, restored, released; changed and given back."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

from demo.cast import Customer, Server, Story, advance, refusal


def buy_and_use(story: Story, customer: Customer) -> tuple[str, str, str]:
    """Purchase to quota."""
    story.tell("topped up", customer.balance() == "10000.00", f"balance {customer.balance()} USD")
    token = uuid.uuid4().hex
    bought = customer.buy(token)
    again = customer.buy(token)
    instance_id = str(bought.data.instance_id)
    story.tell("bought a software instance for a month", bought.success, f"{instance_id}, order {bought.data.order_id}")
    same = again.data.order_id == bought.data.order_id
    story.tell("the same client token buys nothing twice", same, f"balance {customer.balance()} USD")
    story.tell("500.00 was charged", customer.balance() == "9500.00")
    end = customer.instance(instance_id).end_date
    story.tell("it ends at midnight UTC+8 after 2026-02-01", end == "2026-02-01T16:00:00Z", end)
    status = customer.connect(instance_id)
    story.tell("connected in two zones", status == "Connected", status)
    key_id = customer.create_key(instance_id)
    blob = customer.encrypt(key_id, "aGVsbG8gS2V5c3RlYWQ=")
    story.tell("made a key and encrypted", bool(blob), f"{key_id}, {len(blob)} characters of ciphertext")
    story.tell("decrypted", customer.decrypt(blob) == "aGVsbG8gS2V5c3RlYWQ=")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: customer.create_key(instance_id), range(999)))
    story.tell("used the whole key quota", customer.key_quota(instance_id) == "1000 of 1000", customer.key_quota(instance_id))
    code = refusal(customer.create_key, instance_id)
    story.tell("one more key is refused", code == "400 Rejected.LimitExceeded", code)
    story.tell("and nothing was made", customer.key_quota(instance_id) == "1000 of 1000")
    return instance_id, key_id, blob


def expire_and_release(story: Story, server: Server, customer: Customer, instance_id: str, blob: str) -> None:
    """Renewal, expiry, retention, release."""
    renewed = customer.renew(instance_id)
    end = customer.instance(instance_id).end_date
    held = renewed.success and end == "2026-03-01T16:00:00Z"
    story.tell("renewed a month before the end: the end moves on from the old end", held, f"{end}, {customer.balance()} USD")
    happened = advance(server, "59d15h")
    story.tell("59 days and 15 hours later it still serves", customer.decrypt(blob), f"2026-03-01T15:00Z; {happened}")
    happened = advance(server, "1h")
    code = refusal(customer.decrypt, blob)
    story.tell("at the first instant of expiry use is refused", code == "409 Rejected.Unavailable", f"{code}; {happened}")
    story.tell("descriptions still answer", customer.instance(instance_id).instance_id == instance_id)
    advance(server, "10d")
    renewed = customer.renew(instance_id)
    held = renewed.success and customer.decrypt(blob) == "aGVsbG8gS2V5c3RlYWQ="
    end = customer.instance(instance_id).end_date
    story.tell("renewed on the 11th day of retention: everything works again", held, f"until {end}, {customer.balance()} USD")
    happened = advance(server, "46d23h")
    held = refusal(customer.decrypt, blob) == "409 Rejected.Unavailable"
    story.tell("expired again, 14 days and 23 hours into retention: still there, still refused", held, happened)
    happened = advance(server, "1h")
    code = refusal(customer.decrypt, blob)
    story.tell("on day 16 it is released: the key is gone", code == "404 Forbidden.KeyNotFound", f"{code}; {happened}")
    code = refusal(lambda: customer.instance(instance_id))
    story.tell("and so is the instance", code.startswith("404"), code)
    renewed = customer.renew(instance_id)
    story.tell("which no renewal brings back", not renewed.success, f"{renewed.code}; {customer.balance()} USD")
    found = server.operator("doctor")
    story.tell("the books balance", found["well"], f"{len(found['checks'])} checks")


def change_and_give_back(story: Story, server: Server, customer: Customer) -> None:
    """Upgrades, automatic renewal, refund. Bought 2026-04-28 00:00 UTC+8 for exactly 31 days, to 05-29 00:00 UTC+8."""
    instance_id = str(customer.buy(uuid.uuid4().hex).data.instance_id)
    advance(server, "1d")
    price, made = customer.upgrade(instance_id, "Spec", "2000")
    held = made.success and price == 100 and customer.balance() == "9400.00"
    story.tell("upgraded to 2,000 QPS with 30 days left", held, f"100.00 x 30 / 30 = {price:.2f}, {customer.balance()} USD")
    _, made = customer.upgrade(instance_id, "Spec", "1000")
    story.tell("a decrease is refused", not made.success and customer.balance() == "9400.00", f"{made.code}: {made.message}")
    advance(server, "15d")
    price, made = customer.upgrade(instance_id, "KeyNum", "2000")
    held = made.success and price == 450 and customer.key_quota(instance_id) == "0 of 2000"
    story.tell("1,000 keys more with 15 days left, at once", held, f"900.00 x 15 / 30 = {price:.2f}, {customer.balance()} USD")
    wished = customer.renew_automatically(instance_id)
    happened = advance(server, "6d7h59m")
    story.tell("automatic renewal wished; nothing comes before 08:00 of the ninth day before", wished.success, happened)
    happened = advance(server, "1m")
    held = customer.balance() == "7450.00" and customer.instance(instance_id).end_date == "2026-06-28T16:00:00Z"
    story.tell("it renewed by itself: 500 + 100 + 900 = 1500.00", held, f"{happened}; {customer.balance()} USD")
    amount, given = customer.refund(instance_id)
    rows = customer.order_rows(given.data.order_id)
    backs = " + ".join(str(row.pretax_amount) for row in rows)
    story.tell("given back: the renewal whole, the rest by days", sorted(backs) and amount == 1895.70, f"{backs} = {amount:.2f}")
    # 500 - 500 x 23 / 31 = 129.03; 100 - 100 x 22 / 30 = 26.67; 450 - 450 x 7 / 15 = 240.00
    held = {row.pretax_amount for row in rows} == {"1500.00", "240.00", "26.67", "129.03"}
    story.tell("each order by the days begun of those it bought", held and customer.balance() == "9345.70", customer.balance())
    code = refusal(lambda: customer.instance(instance_id))
    story.tell("and the instance is gone at once", code.startswith("404"), code)
    found = server.operator("doctor")
    story.tell("the books still balance", found["well"], f"{len(found['checks'])} checks")
