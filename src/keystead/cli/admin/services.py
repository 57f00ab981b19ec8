"""`keystead admin service …`: services of the deployment that encrypt for its accounts, such as an object store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from keystead.cli.report import print_facts, print_json, print_table
from keystead.cli.target import Target, open_target

if TYPE_CHECKING:
    from keystead.access.model import ServiceKey

service = App(name="service", help="Services that encrypt for accounts with free service keys.")
_HERE = Target()
ServiceName = Annotated[str, Parameter(help="2 to 32 lower-case letters, digits and -: oss has alias/acs/oss.")]


@service.command
def register(name: ServiceName, /, *, target: Target = _HERE) -> None:
    """Make a service, or give one that is there another access key. The secret is shown this once."""
    from keystead.access import commands as access

    with open_target(target) as opened:
        now = opened.clock.read().now
        with opened.store.write() as tx:
            key = access.register_service(tx, opened.keystore, now, name)
    facts = {"service": name, "access_key_id": key.access_key_id, "access_key_secret": key.secret}
    if target.json:
        print_json(facts)
    else:
        print_facts(facts)


@service.command(name="list")
def list_services(*, target: Target = _HERE) -> None:
    """Show every service with its access keys."""
    from keystead.access import commands as access

    with open_target(target) as opened, opened.store.read() as tx:
        keys = access.service_keys(tx)
    _show(keys, json=target.json)


@service.command
def disable(
    name: ServiceName,
    /,
    *,
    access_key: Annotated[str, Parameter(help="Only this one of its access keys.")] = "",
    target: Target = _HERE,
) -> None:
    """Have every worker refuse a service from now on; what it sealed stays, and opens once it is registered again."""
    from keystead.access import commands as access

    with open_target(target) as opened, opened.store.write() as tx:
        keys = access.disable_service(tx, name, access_key)
    _show(keys, json=target.json)


def _show(keys: Sequence[ServiceKey], *, json: bool) -> None:
    rows = [{"service": key.service, "access_key_id": key.access_key_id, "status": key.status.value} for key in keys]
    if json:
        print_json(rows)
    else:
        print_table(["service", "access key", "status"], [list(row.values()) for row in rows])
