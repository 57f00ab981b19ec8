"""`keystead admin messages` and `keystead admin outbox`: what customers were told, and the mail that has not gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from keystead.cli.report import print_json, print_table
from keystead.cli.target import Target, open_target
from keystead.clock import iso_z
from keystead.faults import CallerFault

if TYPE_CHECKING:
    from keystead.notices.model import Message

_HERE = Target()
SHOWN_MAX = 1000


class SwitchesContradict(CallerFault):
    """Dead letters are either tried again or dropped."""


def messages(
    name: Annotated[str, Parameter(help="The account's name or id.")],
    /,
    *,
    read: Annotated[str, Parameter(help="Show this message whole, and mark it as read.")] = "",
    limit: Annotated[int, Parameter(help="How many, newest first.")] = 50,
    target: Target = _HERE,
) -> None:
    """Show an account's messages, newest first."""
    from keystead.access import commands as access
    from keystead.access.rows import lock_account
    from keystead.notices import commands as notices

    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() if read else service.store.read() as tx:
            account = access.account_named(tx, name)
            if read:
                lock_account(tx, account.account_id)
                found = [notices.read(tx, now, account.account_id, read)]
            else:
                found = notices.messages(tx, account.account_id, max(0, min(limit, SHOWN_MAX)))
    if target.json:
        facts = [_message_facts(message, whole=bool(read)) for message in found]
        print_json(facts[0] if read else facts)
    elif read:
        print(found[0].words.text)
    elif found:
        rows = [
            [iso_z(each.created_at), each.message_id, each.telling.kind.category.value, each.words.subject, _read(each)]
            for each in found
        ]
        print_table(["at", "message", "category", "subject", "read"], rows)
    else:
        print("no messages")


def outbox(
    *,
    retry: Annotated[bool, Parameter(negative=(), help="Try the dead letters again.")] = False,
    forget: Annotated[bool, Parameter(negative=(), help="Drop the dead letters.")] = False,
    target: Target = _HERE,
) -> None:
    """Show the mail that has not gone, oldest first; dead letters were tried too often and are no longer."""
    from keystead.store import outbox as letters

    if retry and forget:
        raise SwitchesContradict("--retry and --forget contradict each other")
    with open_target(target) as service:
        if retry or forget:
            with service.store.write() as tx:
                letters.revive(tx) if retry else letters.forget_dead(tx)
        with service.store.read() as tx:
            found = letters.unsent(tx, SHOWN_MAX)
    if target.json:
        print_json([letter._asdict() for letter in found])
    elif found:
        rows = [
            [
                each.message_id,
                each.recipient,
                each.subject,
                "dead" if each.dead else "waiting",
                str(each.attempts),
                each.last_error,
            ]
            for each in found
        ]
        print_table(["message", "to", "subject", "state", "tries", "last error"], rows)
    else:
        print("nothing waits to be mailed")


def _read(message: Message) -> str:
    return "" if message.read_at is None else iso_z(message.read_at)


def _message_facts(message: Message, *, whole: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "message_id": message.message_id,
        "at": iso_z(message.created_at),
        "category": message.telling.kind.category.value,
        "kind": message.telling.kind.value,
        "instance_id": message.telling.instance_id,
        "subject": message.words.subject,
        "read_at": _read(message),
    }
    return facts | {"text": message.words.text, "html": message.words.html} if whole else facts
