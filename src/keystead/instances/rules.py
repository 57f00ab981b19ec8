"""Pure decisions on instances: may it be enabled, there, now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from keystead.clock import to_ms
from keystead.entitlements import rules as entitlements
from keystead.entitlements.model import Entitlement, Standing
from keystead.faults import InvalidParameter
from keystead.instances.faults import InstanceProtected, InstanceStateInvalid
from keystead.instances.model import Instance, InstanceStanding, InstanceStatus, Network, Owned
from keystead.networks import rules as networks
from keystead.networks.model import BoundVpc, place_of

ZONES_MAX = 3
PROVIDER = "Aliyun"
REMINDERS_PLANNED: Final = timedelta(days=30)
"""How long before an end its reminders are planned: no policy may remind earlier (`catalog.model.Policies.notice_days`)."""
_NAME: Final = re.compile(r"[A-Za-z0-9_/+=.@-]{1,128}", re.ASCII).fullmatch


class EndDues(NamedTuple):
    """What an end asks for, and when."""

    expires_at: datetime
    reminders_planned_at: datetime
    releases_at: datetime


def end_dues(ends_at: datetime, retention_days: int) -> EndDues:
    """Give when an end is to be said, its reminders planned (perhaps at once) and, unless renewed, the release carried out."""
    return EndDues(ends_at, ends_at - REMINDERS_PLANNED, entitlements.release_at(ends_at, retention_days))


def network_of(vpc_id: str, zone_ids: str, vswitch_ids: str, zones: Sequence[str]) -> Network:
    """Read the network parameters of ConnectKmsInstance (comma lists) against the zones the region has.

    Two zones, or three where the region has three; exactly one where it has one (KMS billing page, read 2026-11-22).
    InvalidParameter names what will not do.
    """
    if not networks.vpc_shaped(vpc_id):
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
    if not all(map(networks.vswitch_shaped, switches)) or len(set(switches)) != len(switches):
        raise InvalidParameter("VSwitchIds", "It must be a comma-separated list of different vSwitch ids, vsw-….")
    if len(switches) > len(chosen):
        raise InvalidParameter("VSwitchIds", "There are more vSwitches than zones.")
    return Network(vpc_id, chosen, switches)


def checked_name(name: str) -> str:
    """Give an instance's new name back; InvalidParameter unless it has 1 to 128 letters, digits and any of _ / + = . @ -.

    Characters: page on purchasing and enabling an instance, read 2026-11-22; the length is on no page.
    """
    if not _NAME(name):
        raise InvalidParameter("InstanceName", "It has 1 to 128 letters, digits and any of _ / + = . @ -.")
    return name


def release_asked(force: str) -> None:
    """Raise InvalidParameter unless ForceDeleteWithoutBackup is true, false or left out (ReleaseKmsInstance page, 2026-11-22)."""
    if force not in {"", "true", "false"}:
        raise InvalidParameter("ForceDeleteWithoutBackup", "It must be true or false.")


def default_of(found: Sequence[Owned]) -> Owned | None:
    """Give the default of an account's instances in a region, oldest first: the first enabled and served one; None if none."""
    serving = (each for each in found if each.standing is Standing.ACTIVE and each.instance.status is InstanceStatus.CONNECTED)
    return next(serving, None)


def provider_served(provider: str) -> None:
    """Raise InvalidParameter unless the provider is the only one there is (ConnectKmsInstance page, read 2026-11-22)."""
    if provider != PROVIDER:
        raise InvalidParameter("KMProvider", f"It must be {PROVIDER}.")


def owned_at(instance: Instance, held: Sequence[Entitlement], now: datetime) -> Owned:
    """Say what an instance's entitlements (one or more, in the order they were made) make of it at `now`."""
    ends_at = entitlements.last_end(held)
    return Owned(
        instance=instance,
        starts_at=held[0].term.starts_at,
        ends_at=ends_at,
        releases_at=entitlements.release_at(ends_at, instance.retention_days),
        standing=entitlements.standing(ends_at, now, instance.retention_days),
        figures=entitlements.figures_at(held, now),
        last_figures=entitlements.figures_at(held, ends_at),
        anchored_at=entitlements.anchor_of(held),
    )


def place(instance: Instance) -> str:
    """Name the VPC an instance was enabled in, as `networks` does."""
    return place_of(instance.account_id, instance.region, instance.network.vpc_id)


def standing_kept(
    instance: Instance, held: Sequence[Entitlement], bound: Sequence[BoundVpc] = (), account_ids: frozenset[str] = frozenset()
) -> InstanceStanding:
    """Give what a worker keeps at hand of an instance: no `now` is in it, so every rate stands with when it begins."""
    ends_at = entitlements.last_end(held)
    return InstanceStanding(
        instance_id=instance.instance_id,
        account_id=instance.account_id,
        region=instance.region,
        edition=instance.edition,
        ends_at=ends_at,
        releases_at=entitlements.release_at(ends_at, instance.retention_days),
        rates=_rates(held),
        connected=instance.status is InstanceStatus.CONNECTED,
        places=(place(instance), *(each.place for each in bound)),
        account_ids=account_ids,
    )


def _rates(held: Sequence[Entitlement]) -> tuple[tuple[int, int], ...]:
    """Every change of the requests a second, with the millisecond it comes; the first entry is where the first term begins."""
    changes: list[tuple[int, int]] = []
    for begin in sorted({entitlement.term.starts_at for entitlement in held}):
        qps = entitlements.figures_at(held, begin).qps
        if not changes or changes[-1][1] != qps:
            changes.append((to_ms(begin), qps))
    return tuple(changes)


def connectable(owned: Owned) -> None:
    """Raise InstanceStateInvalid unless the instance has never been enabled and its term runs."""
    instance = owned.instance
    if owned.standing is not Standing.ACTIVE:
        raise InstanceStateInvalid(instance.instance_id, "Expired")
    if instance.status is not InstanceStatus.UNINITIALIZED:
        raise InstanceStateInvalid(instance.instance_id, instance.status.value)


def changeable(owned: Owned) -> None:
    """Raise InstanceStateInvalid unless the term runs: what is expired is renewed first (ModifyPrepayInstanceSpec, ECS)."""
    if owned.standing is not Standing.ACTIVE:
        raise InstanceStateInvalid(owned.instance.instance_id, "Expired")


def refundable(owned: Owned) -> None:
    """Raise InstanceStateInvalid unless the term runs and the instance is Disabled or Enabled, as the billing page says it.

    Disabled is Uninitialized and Enabled is Connected; one that is just being enabled is neither. InstanceProtected while it is
    protected from deletion.
    """
    changeable(owned)
    if owned.instance.protected:
        raise InstanceProtected(owned.instance.instance_id, owned.instance.protection_note)
    if owned.instance.status is InstanceStatus.CONNECTING:
        raise InstanceStateInvalid(owned.instance.instance_id, owned.instance.status.value)


def usable(owned: Owned) -> None:
    """Raise InstanceStateInvalid unless the term runs and the instance is enabled: then keys can be made."""
    if owned.standing is not Standing.ACTIVE:
        raise InstanceStateInvalid(owned.instance.instance_id, "Expired")
    if owned.instance.status is not InstanceStatus.CONNECTED:
        raise InstanceStateInvalid(owned.instance.instance_id, owned.instance.status.value)
