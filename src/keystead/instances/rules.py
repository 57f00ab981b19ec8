"""Pure decisions on instances: may it be enabled, there, now."""

from __future__ import annotations

import re
from collections.abc import Sequence

from keystead.faults import InvalidParameter
from keystead.instances.faults import InstanceStateInvalid
from keystead.instances.model import Instance, InstanceStatus, Network

ZONES_MAX = 3
PROVIDER = "Aliyun"
_VPC = re.compile(r"vpc-[0-9A-Za-z-]{1,60}")
_VSWITCH = re.compile(r"vsw-[0-9A-Za-z-]{1,60}")


def network_of(vpc_id: str, zone_ids: str, vswitch_ids: str, zones: Sequence[str]) -> Network:
    """Read the network parameters of ConnectKmsInstance (comma lists) against the zones the region has.

    Two zones, or three where the region has three; exactly one where it has one (KMS billing page, read 2026-11-22).
    InvalidParameter names what will not do.
    """
    if not _VPC.fullmatch(vpc_id):
        raise InvalidParameter("VpcId", "It must be the id of a VPC, vpc-….")
    chosen = tuple(zone_ids.split(","))
    unknown = [zone for zone in chosen if zone not in zones]
    if unknown:
        raise InvalidParameter("ZoneIds", f"{unknown[0]!r} is not one of {', '.join(zones)}.")
    if len(set(chosen)) != len(chosen):
        raise InvalidParameter("ZoneIds", "A zone is named twice.")
    least, most = min(2, len(zones)), min(ZONES_MAX, len(zones))
    if not least <= len(chosen) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise InvalidParameter("ZoneIds", f"An instance in this region is deployed in {wanted} zone(s), not {len(chosen)}.")
    switches = tuple(vswitch_ids.split(","))
    if not all(_VSWITCH.fullmatch(switch) for switch in switches) or len(set(switches)) != len(switches):
        raise InvalidParameter("VSwitchIds", "It must be a comma-separated list of different vSwitch ids, vsw-….")
    if len(switches) > len(chosen):
        raise InvalidParameter("VSwitchIds", "There are more vSwitches than zones.")
    return Network(vpc_id, chosen, switches)


def provider_served(provider: str) -> None:
    """Raise InvalidParameter unless the provider is the only one there is (ConnectKmsInstance page, read 2026-11-22)."""
    if provider != PROVIDER:
        raise InvalidParameter("KMProvider", f"It must be {PROVIDER}.")


def connectable(instance: Instance, *, expired: bool) -> None:
    """Raise InstanceStateInvalid unless the instance has never been enabled and its term runs."""
    if expired:
        raise InstanceStateInvalid(instance.instance_id, "Expired")
    if instance.status is not InstanceStatus.UNINITIALIZED:
        raise InstanceStateInvalid(instance.instance_id, instance.status.value)


def usable(instance: Instance) -> None:
    """Raise InstanceStateInvalid unless the instance is enabled: only then can keys be made in it."""
    if instance.status is not InstanceStatus.CONNECTED:
        raise InstanceStateInvalid(instance.instance_id, instance.status.value)
