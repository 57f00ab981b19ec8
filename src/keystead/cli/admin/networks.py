"""`keystead admin vpc …`: the networks from which instances may be reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from keystead.cli.report import print_facts, print_json, print_table
from keystead.cli.target import Target, open_target

if TYPE_CHECKING:
    from keystead.networks.model import Vpc

vpc = App(name="vpc", help="VPCs. Once there is one, instances answer on their own addresses only to those they are bound to.")
_HERE = Target()


@vpc.command
def create(
    vpc_id: Annotated[str, Parameter(help="Its id, vpc-….")],
    /,
    *,
    owner: Annotated[str, Parameter(help="The name or id of the account it belongs to.")],
    region: Annotated[str, Parameter(help="Where it is, such as cn-hangzhou.")],
    cidr: Annotated[list[str], Parameter(help="A range of its addresses, such as 10.0.0.0/8; may be given again.", negative=())],
    vswitch: Annotated[
        list[str] | None, Parameter(help="A vSwitch and its zone, vsw-1:cn-hangzhou-k; may be given again.", negative=())
    ] = None,
    target: Target = _HERE,
) -> None:
    """Register a VPC: it can be bound, and its addresses are inside, from now on.

    With the first one, instances that were enabled in others stop answering on their own addresses: it says which are cut off.
    """
    from keystead.access import commands as access
    from keystead.catalog import rules as catalog
    from keystead.instances import commands as instances
    from keystead.networks import commands as networks
    from keystead.networks import rules
    from keystead.networks.model import Vpc

    with open_target(target) as opened:
        now = opened.clock.read().now
        zones = catalog.region_of(opened.catalogue, region).zones
        vswitches = tuple(rules.vswitch_of(text) for text in vswitch or ())
        with opened.store.write() as tx:
            owner_id = access.account_named(tx, owner).account_id
            made = rules.checked_vpc(Vpc(vpc_id, region, owner_id, tuple(cidr), vswitches, now), zones)
            networks.register(tx, made)
            cut_off = instances.cut_off(tx)
    if target.json:
        print_json(_facts(made) | {"cut_off": cut_off})
    else:
        warning = {"cut off": f"{' '.join(cut_off)}: enabled in VPCs that are not registered"}
        print_facts(_row(made) | (warning if cut_off else {}))


@vpc.command(name="list")
def list_vpcs(*, target: Target = _HERE) -> None:
    """Show every registered VPC."""
    from keystead.networks import commands as networks

    with open_target(target) as opened, opened.store.read() as tx:
        found = networks.vpcs(tx)
    _show(found, json=target.json)


@vpc.command
def delete(vpc_id: Annotated[str, Parameter(help="Its id.")], /, *, target: Target = _HERE) -> None:
    """Forget a VPC to which no instance is bound; the last one gone, no address is asked after any more."""
    from keystead.instances import commands as instances
    from keystead.networks import commands as networks

    with open_target(target) as opened, opened.store.write() as tx:
        instances.unregister_vpc(tx, vpc_id)
        found = networks.vpcs(tx)
    _show(found, json=target.json)


def _facts(vpc: Vpc) -> dict[str, object]:
    return {
        "vpc_id": vpc.vpc_id,
        "region": vpc.region,
        "owner": vpc.owner_id,
        "cidrs": list(vpc.cidrs),
        "vswitches": [{"vswitch_id": each.vswitch_id, "zone": each.zone_id} for each in vpc.vswitches],
    }


def _row(vpc: Vpc) -> dict[str, str]:
    switches = " ".join(f"{each.vswitch_id}:{each.zone_id}" for each in vpc.vswitches)
    return {
        "VPC": vpc.vpc_id,
        "region": vpc.region,
        "owner": vpc.owner_id,
        "ranges": " ".join(vpc.cidrs),
        "vSwitches": switches,
    }


def _show(found: Sequence[Vpc], *, json: bool) -> None:
    if json:
        print_json([_facts(each) for each in found])
    else:
        print_table(["VPC", "region", "owner", "ranges", "vSwitches"], [list(_row(each).values()) for each in found])
