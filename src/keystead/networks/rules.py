"""Pure decisions on networks: what a VPC is, which VPCs may be bound, where a call really came from.

UpdateKmsInstanceBindVpc and ConnectKmsInstance pages and the page on several VPCs, read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import msgspec

from keystead.faults import InvalidParameter
from keystead.networks.faults import VpcMalformed
from keystead.networks.model import BoundVpc, Network, Ownership, Sharing, Vpc, VSwitch

CIDRS_MAX: Final = 50
VSWITCHES_MAX: Final = 100
BOUND_MAX: Final = 1000
FORWARDED_MAX: Final = 20
"""How many addresses of X-Forwarded-For are looked at, from the right."""
_VPC: Final = re.compile(r"vpc-[0-9A-Za-z-]{1,60}", re.ASCII).fullmatch
_VSWITCH: Final = re.compile(r"vsw-[0-9A-Za-z-]{1,60}", re.ASCII).fullmatch
_OWNER: Final = re.compile(r"[0-9]{1,20}", re.ASCII).fullmatch


class _Bound(msgspec.Struct, rename={"vpc_id": "VpcId", "vswitch_id": "VSwitchId", "region": "RegionId", "owner": "VpcOwnerId"}):
    vpc_id: str
    vswitch_id: str
    region: str = ""
    owner: str | int | None = None


_BOUND: Final = msgspec.json.Decoder(list[_Bound])


def vpc_shaped(text: str) -> bool:
    """Whether a text can be the id of a VPC."""
    return _VPC(text) is not None


def vswitch_shaped(text: str) -> bool:
    """Whether a text can be the id of a vSwitch."""
    return _VSWITCH(text) is not None


def checked_vpc(vpc: Vpc, zones: Sequence[str]) -> Vpc:
    """Give a VPC that is to be registered, its ranges as they are written best; VpcMalformed."""
    if not vpc_shaped(vpc.vpc_id):
        raise VpcMalformed(f"{vpc.vpc_id!r} is not the id of a VPC, vpc-….")
    if not 1 <= len(vpc.cidrs) <= CIDRS_MAX or len(vpc.vswitches) > VSWITCHES_MAX:
        raise VpcMalformed(f"A VPC has 1 to {CIDRS_MAX} ranges and {VSWITCHES_MAX} vSwitches at most.")
    for vswitch in vpc.vswitches:
        if not vswitch_shaped(vswitch.vswitch_id):
            raise VpcMalformed(f"{vswitch.vswitch_id!r} is not the id of a vSwitch, vsw-….")
        if vswitch.zone_id not in zones:
            raise VpcMalformed(f"The zone {vswitch.zone_id!r} is not one of {', '.join(zones)}.")
    if len({vswitch.vswitch_id for vswitch in vpc.vswitches}) != len(vpc.vswitches):
        raise VpcMalformed("A vSwitch is named twice.")
    try:
        cidrs = tuple(dict.fromkeys(str(network_of(text)) for text in vpc.cidrs))
    except ValueError as error:
        raise VpcMalformed(f"{error}.") from None
    return msgspec.structs.replace(vpc, cidrs=cidrs)


def vswitch_of(text: str) -> VSwitch:
    """Read `vsw-1:cn-hangzhou-k`; VpcMalformed."""
    vswitch_id, colon, zone_id = text.partition(":")
    if not colon:
        raise VpcMalformed(f"{text!r} must read <vSwitch>:<zone>.")
    return VSwitch(vswitch_id, zone_id)


def bound_of(text: str, region: str, account_id: str) -> tuple[BoundVpc, ...]:
    """Read BindVpcs, a JSON list of VpcId, VSwitchId, RegionId, VpcOwnerId (a number or a text): each VPC once, in the region.

    Without RegionId the instance's is meant, without VpcOwnerId the caller. InvalidParameter.
    """
    try:
        found = _BOUND.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise _unbound('It must be a JSON list of {"VpcId":"…","VSwitchId":"…","RegionId":"…","VpcOwnerId":"…"}.') from None
    bound = []
    for each in found:
        owner = str(account_id if each.owner in {None, ""} else each.owner)
        if not vpc_shaped(each.vpc_id) or not vswitch_shaped(each.vswitch_id) or not _OWNER(owner):
            raise _unbound("A VpcId reads vpc-…, a VSwitchId vsw-…, and a VpcOwnerId is the id of an account.")
        if (each.region or region) != region:
            raise _unbound(f"{each.vpc_id} is not in the region of the instance, {region}.")
        bound.append(BoundVpc(each.vpc_id, each.vswitch_id, region, owner))
    if len({each.vpc_id for each in bound}) != len(bound) or len(bound) > BOUND_MAX:
        raise _unbound(f"It names {BOUND_MAX} VPCs at most, each once.")
    return tuple(bound)


def bindable(bound: BoundVpc, vpc: Vpc | None) -> None:
    """Raise InvalidParameter unless the VPC is registered as it is named; another account's looks as if it were not there."""
    if vpc is None or vpc.place != bound.place:
        raise _unbound(f"{bound.vpc_id} is not a VPC of account {bound.owner_id} in {bound.region}.")
    if bound.vswitch_id not in {vswitch.vswitch_id for vswitch in vpc.vswitches}:
        raise _unbound(f"{bound.vswitch_id} is not a vSwitch of {bound.vpc_id}.")


def connectable(place: str, zone_ids: Sequence[str], vswitch_ids: Sequence[str], vpc: Vpc | None) -> None:
    """Raise InvalidParameter unless an instance can be enabled in a registered VPC; `place` is what its owner named."""
    if vpc is None or vpc.place != place:
        raise InvalidParameter("VpcId", "It is not a VPC of this account in the region of the instance.")
    zones = {vswitch.vswitch_id: vswitch.zone_id for vswitch in vpc.vswitches}
    for vswitch_id in vswitch_ids:
        if vswitch_id not in zones:
            raise InvalidParameter("VSwitchIds", f"{vswitch_id} is not a vSwitch of {vpc.vpc_id}.")
        if zones[vswitch_id] not in zone_ids:
            raise InvalidParameter("ZoneIds", f"{vswitch_id} is in {zones[vswitch_id]}, which is not among them.")


def accesses(vpc_id: str, bound: Iterable[BoundVpc], account_ids: Iterable[str]) -> int:
    """Count what is in use of the access quantity: different VPCs, the one of enabling among them, and accounts."""
    return len({vpc_id, *(each.vpc_id for each in bound)} - {""}) + len(set(account_ids))


def managed(sharing: Sharing, account_id: str) -> bool:
    """Whether an account manages what others have in an instance: it owns it, in joint ownership with somebody."""
    return sharing.ownership is Ownership.JOINT and sharing.owner_id == account_id and bool(sharing.shares)


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read ranges; ValueError for what is none."""
    return tuple(network_of(text) for text in texts)


def network_of(text: str, *, strict: bool = True) -> Network:
    """Read an address or a range such as 10.0.0.0/8; host bits only unless `strict`. ValueError for anything else.

    So is a netmask, and v4 in v6 clothes: addresses are undressed before they are looked for, and would never be found in it.
    """
    network = ip_network(text, strict=strict)
    _, slash, bits = text.partition("/")
    if slash and not bits.isdigit():
        message = f"{text!r} has a mask: a range reads 10.0.0.0/8"
        raise ValueError(message)
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        message = f"{text!r} is of IPv4: it is written as such, 10.0.0.0/8"
        raise ValueError(message)
    return network


def host_of(endpoint: str) -> str:
    """Give the address of an endpoint, `192.0.2.1:5000` or `[2001:db8::1]:5000`, without port and brackets; a v4 one as such."""
    host = endpoint.rpartition(":")[0]
    return str(address_of(host) or "") if host.startswith("[") else host


def source_of(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Give where a call came from: the peer, unless that is a trusted proxy; then the rightmost address that is not one.

    `forwarded` are the X-Forwarded-For headers in the order they came. What a trusted proxy wrote that is no address gives an
    empty source, which is inside nothing.
    """
    if not forwarded or not _inside(peer, trusted):
        return peer
    hops = [hop.strip() for hop in ",".join(forwarded).rsplit(",", FORWARDED_MAX)[-FORWARDED_MAX:]]
    for hop in reversed(hops):
        address = address_of(hop) or address_of(host_of(hop))  # some proxies write the port too
        if address is None:
            return ""
        if not any(address in network for network in trusted):
            break
    return str(address)


@lru_cache(maxsize=4096)
def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, an IPv6 one perhaps in brackets; a v4 address in v6 clothes is the v4 one. None for anything else."""
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _inside(source: str, networks: Iterable[Network]) -> bool:
    address = address_of(source)
    return address is not None and any(address in network for network in networks)


def _unbound(reason: str) -> InvalidParameter:
    return InvalidParameter("BindVpcs", reason)
