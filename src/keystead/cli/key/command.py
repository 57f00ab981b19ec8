"""`keystead key impact`: what a key was used for, by whom and when last, and what depends on it: is it safe to delete?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from keystead.cli.report import print_facts, print_json, print_table
from keystead.cli.target import Target, open_target
from keystead.clock import iso_z
from keystead.faults import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from keystead.key_use.model import Used, Wear
    from keystead.keyring.model import Key
    from keystead.store import Transaction

key = App(name="key", help="What a key is good for.")
NOT_LOOKED_AT: Final = ("secrets",)
"""What may depend on a key and has no row in `_dependants` yet."""
_HERE = Target()


class KeyAbsent(NotFound):
    """The deployment has no such key."""


@key.command
def impact(
    name: Annotated[str, Parameter(help="The key's id, or its ARN.")],
    *,
    target: Target = _HERE,
) -> None:
    """Show the last use of a key by operation and principal, the data keys made, its encryptions, and what depends on it."""
    from keystead.key_use import commands as key_use
    from keystead.keyring import commands as keyring
    from keystead.usage import commands as usage

    key_id = name.rpartition("/")[2]
    with open_target(target) as service:
        instant = service.clock.read()
        usage.count(service.store, service.journal.path.parent, instant, service.settings.encryptions_warned)
        with service.store.read() as tx:
            found = keyring.known(tx, key_id)
            if found is None:
                raise KeyAbsent(f"there is no key {name}, or it is destroyed")
            uses, wear = key_use.uses(tx, key_id), key_use.wear_of_key(tx, key_id)
            depending = {kind: look(tx, found) for kind, look in _dependants().items()}
    document = _document(found, uses, wear, instant.now) | {"depending": depending, "not_looked_at": list(NOT_LOOKED_AT)}
    print_json(document) if target.json else _show(document)


def _dependants() -> Mapping[str, Callable[[Transaction, Key], list[str]]]:
    """Give how each kind of thing that depends on a key is found: a room that keeps such things adds its row."""
    from keystead.labels import commands as labels
    from keystead.labels.model import Home

    def aliases(tx: Transaction, found: Key) -> list[str]:
        return sorted(labels.names_of(tx, Home(found.place.account_id, found.place.region), found.key_id))

    return {"aliases": aliases}


def _document(found: Key, uses: list[Used], wear: list[Wear], now: datetime) -> dict[str, Any]:
    from keystead.key_use import rules
    from keystead.key_use.model import BOUND

    last = max((used.last_at for used in uses), default=None)
    return {
        "key_id": found.key_id,
        "account_id": found.place.account_id,
        "instance_id": found.place.instance_id,
        "state": found.state.value,
        "delete_at": iso_z(found.delete_at) if found.delete_at else "",
        "counted_at": iso_z(now),
        "last_used_at": iso_z(last) if last else "",
        "used_in_7_days": bool(rules.in_use(uses, now)),
        "data_keys_made": rules.data_keys(uses),
        "uses": [
            {
                "operation": used.use.operation,
                "principal": used.use.principal,
                "calls": used.calls,
                "last_at": iso_z(used.last_at),
            }
            for used in uses
        ],
        "encryptions": [
            {"version_id": each.version.version_id, "encryptions": each.sealed, "bound": BOUND, "part_used": round(each.part, 9)}
            for each in wear
        ],
    }


def _show(document: dict[str, Any]) -> None:
    facts = ("key_id", "account_id", "instance_id", "state", "delete_at", "last_used_at", "data_keys_made")
    told = {name.replace("_", " "): str(document[name]) for name in facts if document[name] != ""}
    told["last used at"] = document["last_used_at"] or "never, as far as is counted"
    told |= {kind: ", ".join(names) or "none" for kind, names in document["depending"].items()}
    told |= dict.fromkeys(document["not_looked_at"], "not looked at")
    print_facts(told)
    if document["uses"]:
        columns = ("operation", "principal", "calls", "last_at")
        print_table(columns, [[str(use[column]) for column in columns] for use in document["uses"]])
    if document["encryptions"]:
        columns = ("version_id", "encryptions", "bound", "part_used")
        print_table(columns, [[str(each[column]) for column in columns] for each in document["encryptions"]])
    if document["used_in_7_days"]:
        print("It was used in the last seven days.")
