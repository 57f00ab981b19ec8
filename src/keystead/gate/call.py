"""The facts of one call, and the services an action may use. Actions take a `Call`; commands take only the pieces they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from keystead.clock import Clock, Instant
from keystead.faults import Fault
from keystead.gate.throttle import Rate
from keystead.identity.model import PrincipalKind
from keystead.quotas.model import SharedQuota, Work
from keystead.quotas.tiers import Tiers, load_tiers
from keystead.settings import Settings
from keystead.store import Store, Transaction, Warm

if TYPE_CHECKING:
    from keystead.access_log.journal import Journal
    from keystead.access_log.model import Record
    from keystead.access_points.model import Passport
    from keystead.catalog.model import Catalogue
    from keystead.gate.arrival import Arrival
    from keystead.gate.registry import Action
    from keystead.gate.signature import NonceMemory
    from keystead.gate.throttle import Rates
    from keystead.hsm.port import KeyStore
    from keystead.instances.model import InstanceStanding
    from keystead.networks.model import Network

SHARED_GATEWAY: Final = frozenset({"kms", "sts"})
"""The products whose actions have quotas."""
ANY_GATEWAY: Final = "*"
"""Stands for the gateway of whatever instance a key turns out to be of."""


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a worker holds open, made once by `app.py`."""

    settings: Settings
    clock: Clock
    store: Store
    warm: Warm
    keystore: KeyStore
    catalogue: Catalogue
    rates: Rates
    nonces: NonceMemory
    journal: Journal
    shared_quotas: Mapping[str, SharedQuota] = field(default_factory=dict)
    """By action of KMS and STS; an action without one is not limited."""
    tiers: Tiers = field(default_factory=load_tiers)
    """The budgets of instances."""
    regions: frozenset[str] = frozenset()
    """Where this deployment serves."""
    authority: str = ""
    """Certificate (PEM) of the authority that the server's certificate is good by; empty where there is none yet."""
    proxies: tuple[Network, ...] = ()
    """Whose word on where a call came from is taken."""


class Principal(msgspec.Struct, frozen=True, gc=False):
    """Who proved itself: the account and the key it signed with, and for a user or a session which one.

    `identifier` is the user's or role's id, `name` its name, `session` the name of the role's session. A service of the
    deployment has a name and no account. With a client key, `passport` is what alone it is granted.
    """

    account_id: str
    access_key_id: str
    kind: PrincipalKind = PrincipalKind.ACCOUNT
    identifier: str = ""
    name: str = ""
    session: str = ""
    narrowed: str = ""
    """The policy that a session was begun with; empty if with none."""
    source_identity: str = ""
    """Who a session says stands at the beginning of its chain."""
    passport: Passport | None = None

    @property
    def service(self) -> str:
        """The name of the service of the deployment that calls; empty for everybody else."""
        return self.name if self.kind is PrincipalKind.SERVICE else ""

    @property
    def arn(self) -> str:
        """The caller's ARN, as GetCallerIdentity gives it."""
        if self.kind is PrincipalKind.USER:
            return f"acs:ram::{self.account_id}:user/{self.name}"
        if self.kind is PrincipalKind.ROLE:
            return f"acs:ram::{self.account_id}:assumed-role/{self.name}/{self.session}"
        return f"acs:ram::{self.account_id}:root"

    @property
    def policy_name(self) -> str:
        """How policies name the caller as a principal: a session goes by its role."""
        return f"RAM:acs:ram::{self.account_id}:role/{self.name}" if self.kind is PrincipalKind.ROLE else f"RAM:{self.arn}"


class DryRun(Fault):
    """DryRun=true and every check passed: the cloud answers an error on purpose."""

    def __init__(self) -> None:
        """Say what would have happened."""
        super().__init__("The request would have succeeded, but DryRun is set to true.")


class Call:
    """One call in progress. `tx` exists for READ and WRITE actions; `record` is filled on the way.

    `kept` is for a computing action that leaves the loop: what it found and was admitted for, so as to do neither again.
    """

    __slots__ = (
        "_tx",
        "action",
        "arrival",
        "asked",
        "gateway",
        "instant",
        "kept",
        "key_version",
        "principal",
        "record",
        "region",
        "request_id",
        "service",
    )

    def __init__(self, service: Service, instant: Instant, record: Record) -> None:
        """Begin a call; the gate sets the rest as it learns it; `asked` counts the permissions asked for."""
        self.service = service
        self.instant = instant
        self.record = record
        self.request_id = record.request_id
        self.region = ""
        self.gateway = ""  # an instance's id, ANY_GATEWAY, or empty: the shared one
        self.key_version = ""  # the version that a dedicated call names beside its message
        self.principal = Principal("", "")
        self.arrival: Arrival | None = None
        self.action: Action | None = None
        self.asked = 0
        self.kept: object = None
        self._tx: Transaction | None = None

    @property
    def now(self) -> datetime:
        """Business time of this call."""
        return self.instant.now

    @property
    def account_id(self) -> str:
        """The account the call acts for; empty for a service of the deployment, until the key it names says whose it is."""
        return self.principal.account_id

    @property
    def warm(self) -> Warm:
        """The worker's cache."""
        return self.service.warm

    @property
    def tx(self) -> Transaction:
        """The transaction of a READ or WRITE action; a COMPUTE action has none."""
        if self._tx is None:
            message = "this action declared no transaction"
            raise RuntimeError(message)
        return self._tx

    @tx.setter
    def tx(self, tx: Transaction) -> None:
        self._tx = tx

    def admit(self, owner_id: str, work: Work = Work.SYMMETRIC, *instances: InstanceStanding) -> None:
        """Take one request of the action's quota from an account, and what the work weighs from the budget of each instance.

        Without an `owner_id` none of a quota: all that the call uses stands in instances. `Throttled` if any has none left.
        A computing action calls it once, after all that may be `Cold`.
        """
        rates = []
        for standing in instances:
            tier = self.service.tiers.tier(standing.edition, standing.qps_at(self.instant.now))
            rates.append(Rate(standing.instance_id, tier.units, tier.weights[work]))
            if work is Work.PAIR:
                rates.append(Rate(f"{standing.instance_id}/pair", tier.pairs))
        quota = self.service.shared_quotas.get(self.record.api_name)
        if owner_id and quota is not None and self.record.product in SHARED_GATEWAY:
            region = self.region if self.region in self.service.regions else ""
            rates.append(Rate(f"{owner_id}/{region}/{quota.group}", quota.qps, 1, quota.burst, quota.group))
        if rates:
            self.service.rates.admit(rates, self.instant, inline=self.service.warm.inline)

    def dry_run_gate(self, dry_run: bool | None) -> None:  # noqa: FBT001 - a parameter of the wire
        """Raise `DryRun` if the caller asked for it; called after every check and before any effect."""
        if dry_run:
            raise DryRun
