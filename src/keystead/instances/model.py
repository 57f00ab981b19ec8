"""KMS instances and what the rest of the service needs to know of them."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec


class InstanceStatus(enum.StrEnum):
    """How far an instance has been enabled; the values are those of GetKmsInstance (API page, read 2026-11-22).

    Whether its term runs is another question, answered by its entitlements.
    """

    UNINITIALIZED = "Uninitialized"
    CONNECTING = "Connecting"
    CONNECTED = "Connected"


class RenewalStatus(enum.StrEnum):
    """What the customer wants at the end of the term; the values are those of SetRenewal (API page, read 2026-11-22)."""

    AUTO = "AutoRenewal"
    MANUAL = "ManualRenewal"
    NONE = "NotRenewal"


class Renewal(msgspec.Struct, frozen=True):
    """The wish for the end of the term; `months` is how long each automatic renewal lasts, None unless automatic."""

    status: RenewalStatus = RenewalStatus.MANUAL
    months: int | None = None


class Network(msgspec.Struct, frozen=True):
    """Where an instance was enabled: one VPC, for good; its zones and vSwitches in the order given."""

    vpc_id: str = ""
    zone_ids: tuple[str, ...] = ()
    vswitch_ids: tuple[str, ...] = ()


class Instance(msgspec.Struct, frozen=True):
    """A purchased instance. Its term and its figures are not here but in its entitlements.

    `edition` is the catalogue's name of what it is (`software`, `hardware`). Instants are business time; `released_at` is None while
    the instance has not been released.
    """

    instance_id: str
    account_id: str
    region: str
    edition: str
    product_type: str
    name: str
    status: InstanceStatus
    renewal: Renewal
    created_at: datetime
    network: Network = Network()
    connected_at: datetime | None = None
    released_at: datetime | None = None

    @property
    def vpcs_used(self) -> int:
        """How much of the access-management quota is in use: the VPC chosen when it was enabled."""
        return 1 if self.network.vpc_id else 0


class InstanceStanding(msgspec.Struct, frozen=True):
    """What a worker keeps at hand to judge a request on an instance: no SQL is read while it is warm.

    `ends_at_ms` is the end of the last paid term, in milliseconds of business time: at that very millisecond it is over.
    """

    instance_id: str
    account_id: str
    region: str
    ends_at_ms: int
    qps: int
    connected: bool
