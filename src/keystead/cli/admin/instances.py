"""`keystead admin instance …`: what the operator allows an instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from keystead.cli.report import print_facts, print_json
from keystead.cli.target import Target, open_target

if TYPE_CHECKING:
    from keystead.networks.model import Sharing

instance = App(name="instance", help="Instances.")
_HERE = Target()


InstanceId = Annotated[str, Parameter(help="The instance's id, such as kst-….")]
AccountName = Annotated[str, Parameter(help="The name or id of another account.")]


@instance.command
def share(
    instance_id: InstanceId,
    account: AccountName,
    /,
    *,
    ownership: Annotated[
        Literal["joint", "independent"] | None,
        Parameter(help="Chosen with the first account: whether the owner manages the others' keys. Joint unless said."),
    ] = None,
    target: Target = _HERE,
) -> None:
    """Let another account make and use keys in an instance; it takes one of the access quantity."""
    from keystead.access import commands as access
    from keystead.instances import sharing
    from keystead.networks.model import Ownership

    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() as tx:
            account_id = access.account_named(tx, account).account_id
            found = sharing.share(tx, now, instance_id, account_id, Ownership(ownership) if ownership else None)
    _show_sharing(instance_id, found, json=target.json)


@instance.command
def unshare(instance_id: InstanceId, account: AccountName, /, *, target: Target = _HERE) -> None:
    """Take an instance back from an account that has no keys in it; what it took of the access quantity is free."""
    from keystead.access import commands as access
    from keystead.instances import sharing

    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() as tx:
            found = sharing.unshare(tx, now, instance_id, access.account_named(tx, account).account_id)
    _show_sharing(instance_id, found, json=target.json)


@instance.command
def independent(instance_id: InstanceId, /, *, target: Target = _HERE) -> None:
    """Have the other accounts' keys in a shared instance be theirs alone. There is no way back."""
    from keystead.instances import sharing

    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() as tx:
            found = sharing.make_independent(tx, now, instance_id)
    _show_sharing(instance_id, found, json=target.json)


@instance.command
def specs(
    instance_id: InstanceId,
    /,
    *,
    beyond_cloud: Annotated[
        bool | None, Parameter(help="Allow key specs that the cloud lacks, or forbid them again. Without it, only show.")
    ] = None,
    target: Target = _HERE,
) -> None:
    """Show and set which key specs CreateKey takes in an instance; keys that were made go on."""
    from keystead.instances import commands as instances
    from keystead.keyring.specs import offered_names

    with open_target(target) as service:
        now = service.clock.read().now
        with service.store.write() as tx:
            found = instances.set_specs_beyond(tx, now, instance_id, allowed=beyond_cloud)
    names = offered_names(beyond=found.specs_beyond)
    if target.json:
        print_json({"instance_id": instance_id, "beyond_cloud": found.specs_beyond, "key_specs": names})
    else:
        state = "on" if found.specs_beyond else "off"
        print_facts({"instance_id": instance_id, "beyond_cloud": state, "key_specs": " ".join(names)})


def _show_sharing(instance_id: str, found: Sharing, *, json: bool) -> None:
    accounts = [share.account_id for share in found.shares]
    ownership = found.ownership.value if found.ownership else ""
    if json:
        print_json({"instance_id": instance_id, "ownership": ownership, "accounts": accounts})
    else:
        print_facts({"instance": instance_id, "ownership": ownership, "shared with": " ".join(accounts) or "nobody"})
