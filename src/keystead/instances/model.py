"""KMS instances and what the rest of the service needs to know of them."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from keystead.clock import to_ms
from keystead.entitlements.model import Figures, Run, Standing


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

    `edition` is the catalogue's name of what it is (`software`, `hardware`). `retention_days` is how long it is kept after its
    end, as promised when it was bought. Instants are business time; `released_at` is None while it has not been released.
    `protected` from being given back (not from its end), for the reason noted. `specs_beyond`: its keys may be of specs that the
    cloud lacks.
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
    retention_days: int
    network: Network = Network()
    connected_at: datetime | None = None
    released_at: datetime | None = None
    protected: bool = False
    protection_note: str = ""
    specs_beyond: bool = False


class Purchase(msgspec.Struct, frozen=True):
    """What a paid order has delivered: who gets what, where, for how many months, and what was promised for the end.

    `instance_id` is minted by an order that was placed before it was paid; empty has delivery mint one.
    """

    order_id: str
    account_id: str
    region: str
    edition: str
    product_type: str
    figures: Figures
    months: int
    renewal: Renewal
    retention_days: int
    instance_id: str = ""


class Renewed(msgspec.Struct, frozen=True):
    """What a paid renewal adds: so many months of these figures."""

    order_id: str
    months: int
    figures: Figures


class Owned(msgspec.Struct, frozen=True):
    """An instance and what its entitlements make of it at one moment.

    `starts_at` is when its first term began, `ends_at` when its last paid one ends, `releases_at` when it is gone unless renewed.
    `anchored_at` is when the run of terms without a gap began that ends then: renewals count from it.
    `figures` hold now; `last_figures` at the end of the last paid term: they are what a renewal goes on with.
    """

    instance: Instance
    starts_at: datetime
    ends_at: datetime
    releases_at: datetime
    standing: Standing
    figures: Figures
    last_figures: Figures
    anchored_at: datetime

    @property
    def run(self) -> Run:
        """The run of terms that a renewal goes on with."""
        return Run(self.anchored_at, self.ends_at)

    @property
    def change_pending(self) -> bool:
        """Whether a renewal that has not begun brings other figures."""
        return self.figures != self.last_figures


class InstanceStanding(msgspec.Struct, frozen=True):
    """What a worker keeps at hand to judge a request on an instance: no SQL is read while it is warm.

    `ends_at` is the end of the last paid term and `releases_at` that of retention, whole milliseconds of business time: at
    that very instant each is over. `rates` are the requests a second purchased, each with the millisecond from which it
    holds, in order of time, one or more. `places` are the VPCs it can be reached from, as `networks` names them;
    `account_ids` the accounts it is shared with.
    """

    instance_id: str
    account_id: str
    region: str
    edition: str
    ends_at: datetime
    releases_at: datetime
    rates: tuple[tuple[int, int], ...]
    connected: bool
    places: tuple[str, ...] = ()
    account_ids: frozenset[str] = frozenset()

    def qps_at(self, now: datetime) -> int:
        """Give the requests a second that hold at `now`."""
        if len(self.rates) == 1:
            return self.rates[0][1]
        at = to_ms(now)
        return [qps for since, qps in self.rates if since <= at or since == self.rates[0][0]][-1]

    def serves(self, account_id: str) -> bool:
        """Whether an account may use the instance: its owner, or one that shares it."""
        return account_id == self.account_id or account_id in self.account_ids

    def expired(self, now: datetime) -> bool:
        """Whether the term is over at `now`."""
        return now >= self.ends_at

    def released(self, now: datetime) -> bool:
        """Whether retention is over at `now`, even if nobody has carried that out yet."""
        return now >= self.releases_at
