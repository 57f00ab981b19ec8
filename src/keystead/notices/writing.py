"""The words of a message: from what is told and what is known of it to subject, text and HTML.

`templates/<kind>.txt` says it: the subject in the first line, paragraphs behind it. `letter.txt` and `letter.html` frame the same
words, facts and steps, so that the two forms say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from keystead.clock import parse_iso_z
from keystead.notices import rules
from keystead.notices.model import Message, NoticeKind, ShownInstance, Written

_RENEWABLE = frozenset({NoticeKind.EXPIRING, NoticeKind.STOPPED, NoticeKind.AUTO_RENEWAL_FAILED})
_LABELS = {
    "owner": "Owner",
    "days_left": "Days left",
    "client_key_id": "Client key",
    "access_point": "Access point",
    "expires_at": "Expires at",
    "stopped_at": "Stopped at",
    "released_at": "Destroyed at",
    "expiry_date": "Expiry date",
    "ends_at": "Stops at",
    "releases_at": "Is destroyed at",
    "key_id": "Key",
    "version_id": "Version",
    "sealed": "Encryptions",
    "level": "Reached",
    "used": "In use",
    "allowed": "Purchased",
    "last_used_at": "Last used at",
    "delete_at": "Is deleted at",
    "operations": "Used for",
    "order_id": "Order",
    "amount": "Paid",
    "months": "Months",
    "changes": "Changes",
    "refund": "Paid back",
    "reason": "Reason",
    "next_try": "Next try",
    "available": "Available credit",
    "threshold": "Alert threshold",
    "coupon": "Coupon",
    "value": "Value",
    "usable_from": "Usable from",
    "usable_until": "Usable until",
    "pays_for": "Pays for",
    "top_up": "Top-up",
    "received": "Received",
    "transaction": "Transaction",
}
_INSTANTS = frozenset(
    {
        "expires_at",
        "stopped_at",
        "released_at",
        "ends_at",
        "releases_at",
        "delete_at",
        "last_used_at",
        "next_try",
        "usable_from",
        "usable_until",
    }
)


def written(message: Message, shown: ShownInstance | None, console: str) -> Written:
    """Write a message; UndefinedError if its telling lacks a fact that the words of its kind need."""
    kind = message.telling.kind
    if kind is NoticeKind.SHARED_INSTANCE and shown is not None:
        shown = msgspec.structs.replace(shown, price="")  # what a renewal costs is its owner's business
    facts = _facts(message)
    words = _templates().get_template(f"{kind.value}.txt").render(fact=facts, instance=shown).strip()
    subject, _, body = words.partition("\n")
    parts = {
        "subject": " ".join(subject.split()),
        "paragraphs": [" ".join(paragraph.split()) for paragraph in body.strip().split("\n\n")],
        "table": _table(facts, shown),
        "renew": shown if kind in _RENEWABLE and shown is not None and shown.price else None,
        "console": console,
    }
    text, html = (_templates().get_template(f"letter.{form}").render(**parts) for form in ("txt", "html"))
    return Written(str(parts["subject"]), text, html)


def _facts(message: Message) -> dict[str, str]:
    told: Mapping[str, str] = message.telling.facts
    facts = {name: rules.moment(parse_iso_z(text)) if name in _INSTANTS and text else text for name, text in told.items()}
    if told.get("ends_at"):
        ends_at = parse_iso_z(told["ends_at"])
        facts["expiry_date"] = rules.expiry_date(ends_at)
        facts["days_left"] = str(rules.days_left(ends_at, message.created_at))
    return facts


def _table(facts: Mapping[str, str], shown: ShownInstance | None) -> list[tuple[str, str]]:
    table: list[tuple[str, str]] = []
    if shown is not None:
        table += [("Product", shown.product), ("Instance", shown.instance_id), ("Name", shown.name), ("Region", shown.region)]
    table += [(label, facts[name]) for name, label in _LABELS.items() if facts.get(name)]
    if shown is not None and shown.price:
        table += [("Renewal price", shown.price), ("At the end", shown.renewal)]
    return table


@cache
def _templates() -> Environment:
    options: dict[str, Any] = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    return Environment(loader=PackageLoader("keystead.notices"), autoescape=select_autoescape(["html"]), **options)
