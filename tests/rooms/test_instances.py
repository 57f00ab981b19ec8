"""Instances on both databases, from delivery to release; and quotas, which are counted on them."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keystead.access import commands as access
from keystead.access.rows import lock_account
from keystead.catalog.commands import load_catalogue
from keystead.entitlements import rows as entitlement_rows
from keystead.entitlements.faults import TermReleased
from keystead.entitlements.model import Figures, Standing, Term
from keystead.hsm.software import SoftwareKeyStore, open_root_key
from keystead.instances import commands as instances
from keystead.instances import rows, sharing
from keystead.instances.faults import InstanceNotFound, InstanceStateInvalid
from keystead.instances.model import Instance, InstanceStatus, Network, Owned, Purchase, Renewal, Renewed
from keystead.keyring import lifecycle
from keystead.keyring.model import Place
from keystead.keyring.rows import sealed_instance_key
from keystead.keyring.rules import AskedShape, shape_of
from keystead.quotas import commands as quotas
from keystead.quotas.faults import KeyQuotaExceeded
from keystead.quotas.model import Quota, Resource
from keystead.store import Cold, Store, Warm, events, jobs, open_store

BOUGHT = datetime(2023, 9, 5, 12, 44, 19, tzinfo=UTC)
"""2023-09-05 20:44:19 in UTC+8: GetKmsInstance's own example (API page, read 2026-11-22)."""
END = datetime(2023, 10, 5, 16, tzinfo=UTC)
RELEASE = datetime(2023, 10, 20, 16, tzinfo=UTC)
"""END and 15 days."""
REGION = "ap-southeast-1"
FIGURES = Figures(qps=1000, key_num=3, secret_num=0, access_num=1, log=False, log_storage_gb=0)
NETWORK = Network("vpc-1", ("ap-southeast-1a", "ap-southeast-1b"), ("vsw-1",))
TICK = timedelta(milliseconds=1)


@dataclass
class Room:
    """A store, a key store, a worker's cache, an account."""

    store: Store
    keystore: SoftwareKeyStore
    warm: Warm
    account_id: str
    policies: object = field(default_factory=lambda: load_catalogue().policies)
    orders: int = 0

    def buy(self, now: datetime = BOUGHT, months: int = 1, region: str = REGION) -> Instance:
        """Deliver an instance as a paid order would."""
        self.orders += 1
        purchase = Purchase(
            order_id=f"{self.orders:015d}",
            account_id=self.account_id,
            region=region,
            edition="software",
            product_type="kms_ddi_public_intl",
            figures=FIGURES,
            months=months,
            renewal=Renewal(),
            retention_days=15,
        )
        with self.store.write() as tx:
            lock_account(tx, self.account_id)
            return instances.activate(tx, self.keystore, now, purchase)[0]

    def enabled(self, now: datetime = BOUGHT) -> str:
        """Deliver an instance and enable it; gives its id."""
        instance_id = self.buy(now).instance_id
        with self.store.write() as tx:
            instances.connect(tx, now, instances.owned(tx, self.account_id, instance_id, now), NETWORK)
            instances.finish_connecting(tx, now, instance_id)
        return instance_id

    def renew(self, instance_id: str, now: datetime, months: int = 1) -> Term:
        """Renew as a paid order would."""
        self.orders += 1
        with self.store.write() as tx:
            lock_account(tx, self.account_id)
            held = instances.owned(tx, self.account_id, instance_id, now)
            return instances.renew(
                tx, now, held, Renewed(f"{self.orders:015d}", months, held.last_figures), load_catalogue().policies
            )

    def owned(self, instance_id: str, now: datetime) -> Owned:
        """Ask for the instance."""
        with self.store.read() as tx:
            return instances.owned(tx, self.account_id, instance_id, now)

    def release(self, instance_id: str, now: datetime) -> None:
        """Do the release job's work."""
        with self.store.write() as tx:
            lock_account(tx, self.account_id)
            instances.release(tx, now, instance_id)

    def key(self, instance_id: str, now: datetime = BOUGHT) -> None:
        """Make a key as the action does: standing, room, key, in one transaction."""
        with self.store.write() as tx:
            lock_account(tx, self.account_id)
            sharing.instance_for_create(tx, self.account_id, REGION, instance_id, now)
            quotas.require_key_room(tx, instance_id, now)
            place = Place(self.account_id, REGION, instance_id, self.account_id)
            lifecycle.create_key(tx, self.keystore, now, place, shape_of(AskedShape()))

    @property
    def happened(self) -> list[str]:
        """The kinds of events so far."""
        with self.store.read() as tx:
            return [event.kind for event in events.since(tx, 0)]


@pytest.fixture
def room(database_url: str, tmp_path: Path) -> Iterator[Room]:
    """A room on each database."""
    store = open_store(database_url)
    with store.write() as tx:
        account_id = access.create_account(tx, BOUGHT, "tenant").account_id
    made = Room(store, SoftwareKeyStore(open_root_key(tmp_path / "root.key")), Warm(store), account_id)
    yield made
    made.warm.close()
    store.close()


def test_what_is_bought_is_there_at_once(room: Room) -> None:
    """Uninitialized, named by its id, from the second of the purchase to the midnight UTC+8 after the expiry date."""
    instance = room.buy()
    assert len(instance.instance_id) == 25
    found = room.owned(instance.instance_id, BOUGHT)
    assert found.instance == instance
    assert found.instance.status is InstanceStatus.UNINITIALIZED
    assert found.instance.name == instance.instance_id
    assert (found.starts_at, found.ends_at, found.releases_at) == (BOUGHT, END, RELEASE)
    assert found.standing is Standing.ACTIVE
    assert found.figures == FIGURES


def test_the_jobs_of_the_end_are_planned_with_the_purchase(room: Room) -> None:
    """Its reminders thirty days before the end, expiry at the end, release fifteen days later."""
    instance_id = room.buy().instance_id
    with room.store.read() as tx:
        planned = [(job.kind, job.subject, job.due) for job in jobs.listing(tx, 10)]
    assert planned == [
        ("plan_reminders", instance_id, END - timedelta(days=30)),
        ("expire_instance", instance_id, END),
        ("release_instance", instance_id, RELEASE),
    ]


def test_what_an_instance_is_at_each_boundary(room: Room) -> None:
    """Served up to the last millisecond, expired from the end, gone from the first instant of the sixteenth day."""
    instance_id = room.buy().instance_id
    assert room.owned(instance_id, END - TICK).standing is Standing.ACTIVE
    assert room.owned(instance_id, END).standing is Standing.EXPIRED
    assert room.owned(instance_id, RELEASE - TICK).standing is Standing.EXPIRED
    with pytest.raises(InstanceNotFound):
        room.owned(instance_id, RELEASE)  # whatever the release job has done by then


def test_what_is_not_mine_or_not_here_is_not_there(room: Room) -> None:
    """Another account's, another region's and an unknown instance look the same."""
    instance_id = room.buy().instance_id
    with room.store.read() as tx:
        for account_id, asked, region in (
            ("1000000000000001", instance_id, REGION),
            (room.account_id, instance_id, "eu-central-1"),
            (room.account_id, "kst-unknown", REGION),
        ):
            with pytest.raises(InstanceNotFound, match=r"^The specified DKMS Instance is not found\.$"):
                instances.owned(tx, account_id, asked, BOUGHT, region)
        assert instances.listing(tx, "1000000000000001", BOUGHT) == []
        assert instances.listing(tx, room.account_id, BOUGHT, "eu-central-1") == []
        assert [each.instance.instance_id for each in instances.listing(tx, room.account_id, BOUGHT, REGION)] == [instance_id]


def test_enabling_goes_through_connecting(room: Room) -> None:
    """Connecting with its network at once, a job due now, Connected when that is done, and never again."""
    instance_id = room.buy().instance_id
    with room.store.write() as tx:
        instances.connect(tx, BOUGHT, instances.owned(tx, room.account_id, instance_id, BOUGHT), NETWORK)
    connecting = room.owned(instance_id, BOUGHT)
    assert (connecting.instance.status, connecting.instance.network) == (InstanceStatus.CONNECTING, NETWORK)
    with room.store.read() as tx:
        assert ("connect_instance", BOUGHT) in [(job.kind, job.due) for job in jobs.listing(tx, 10)]
    for _ in range(2):  # a job may be done twice
        with room.store.write() as tx:
            instances.finish_connecting(tx, BOUGHT, instance_id)
    assert room.owned(instance_id, BOUGHT).instance.status is InstanceStatus.CONNECTED
    assert room.happened == ["instance_purchased", "instance_connected"]
    with room.store.write() as tx, pytest.raises(InstanceStateInvalid):
        instances.connect(tx, BOUGHT, instances.owned(tx, room.account_id, instance_id, BOUGHT), NETWORK)


def test_an_expired_instance_is_not_enabled(room: Room) -> None:
    """It has to be renewed first."""
    instance_id = room.buy().instance_id
    with room.store.write() as tx, pytest.raises(InstanceStateInvalid):
        instances.connect(tx, END, instances.owned(tx, room.account_id, instance_id, END), NETWORK)


def test_keys_need_an_enabled_and_running_instance(room: Room) -> None:
    """Not enabled: state invalid. Expired: likewise. Renewed: as before."""
    instance_id = room.buy().instance_id
    with pytest.raises(InstanceStateInvalid):
        room.key(instance_id)
    enabled = room.enabled()
    room.key(enabled)
    with pytest.raises(InstanceStateInvalid):
        room.key(enabled, END)
    room.renew(enabled, END)
    room.key(enabled, END)


def test_an_early_renewal_goes_on_from_the_end(room: Room) -> None:
    """Three renewals in one second stack: each begins where the last paid term ends (10 Sep 00:00 to 10 Oct 00:00 and on)."""
    instance_id = room.buy().instance_id
    ends = [room.renew(instance_id, BOUGHT) for _ in range(3)]
    november, december = datetime(2023, 11, 5, 16, tzinfo=UTC), datetime(2023, 12, 5, 16, tzinfo=UTC)
    assert ends == [Term(END, november), Term(november, december), Term(december, datetime(2024, 1, 5, 16, tzinfo=UTC))]
    assert room.owned(instance_id, BOUGHT).ends_at == datetime(2024, 1, 5, 16, tzinfo=UTC)


def test_a_renewal_in_retention_begins_at_once(room: Room) -> None:
    """Renewed at 2023-10-15T04:00:00Z (12:00 UTC+8): to 2023-11-16 00:00 UTC+8, as a purchase of that moment would."""
    instance_id = room.buy().instance_id
    now = datetime(2023, 10, 15, 4, tzinfo=UTC)
    assert room.renew(instance_id, now) == Term(now, datetime(2023, 11, 15, 16, tzinfo=UTC))
    assert room.owned(instance_id, now).standing is Standing.ACTIVE


def test_an_entitlement_is_made_once_an_order(room: Room) -> None:
    """Two rows after a renewal, in the order they were made; the first is as it was."""
    instance_id = room.buy().instance_id
    room.renew(instance_id, BOUGHT)
    with room.store.read() as tx:
        first, second = entitlement_rows.of_instance(tx, instance_id)
        assert entitlement_rows.instances_by_order(tx) == {first.order_id: instance_id, second.order_id: instance_id}
    assert (first.term, second.term.starts_at) == (Term(BOUGHT, END), END)


def test_expiry_is_an_event_once_it_holds(room: Room) -> None:
    """The job of an end that a renewal has moved says nothing."""
    kept, renewed = room.buy().instance_id, room.buy().instance_id
    room.renew(renewed, BOUGHT)
    with room.store.write() as tx:
        instances.expire(tx, END, kept)
        instances.expire(tx, END, renewed)
        assert [event.subject for event in events.since(tx, 0) if event.kind == "instance_expired"] == [kept]


def test_release_destroys_the_key_and_takes_the_instance_away(room: Room) -> None:
    """Not an instant early; then the instance key is gone and so is the instance, for every look-up; repeating it is harmless."""
    instance_id = room.enabled()
    room.release(instance_id, RELEASE - TICK)
    with room.store.read() as tx:
        assert sealed_instance_key(tx, instance_id) is not None
    for _ in range(2):
        room.release(instance_id, RELEASE)
    with room.store.read() as tx:
        assert sealed_instance_key(tx, instance_id) is None
        assert rows.listing(tx, room.account_id) == []
        assert instances.every_id(tx) == {instance_id}
    with pytest.raises(InstanceNotFound):
        room.owned(instance_id, BOUGHT)
    assert room.happened.count("instance_released") == 1


def test_row_8_a_renewal_before_the_release_job_wins(room: Room) -> None:
    """The old end's job finds a new end and leaves everything as it is."""
    instance_id = room.enabled()
    room.renew(instance_id, RELEASE - TICK)
    room.release(instance_id, RELEASE)
    assert room.owned(instance_id, RELEASE).standing is Standing.ACTIVE
    with room.store.read() as tx:
        assert sealed_instance_key(tx, instance_id) is not None


def test_row_8_a_renewal_when_retention_is_over_finds_nothing(room: Room) -> None:
    """Even before the job has run: what a customer is told does not depend on when a job runs."""
    instance_id = room.buy().instance_id
    held = room.owned(instance_id, BOUGHT)
    with pytest.raises(InstanceNotFound):
        room.renew(instance_id, RELEASE)
    with room.store.write() as tx, pytest.raises(TermReleased):
        instances.renew(tx, RELEASE, held, Renewed("900000000000000", 1, held.figures), load_catalogue().policies)


def test_the_standing_is_warm_and_dropped_by_every_change(room: Room) -> None:
    """Once read it is served without the database; connecting, renewing and releasing drop it in every worker."""
    instance_id = room.buy().instance_id
    other = Warm(room.store)
    try:
        for warm in (room.warm, other):
            assert not instances.standing_of(warm, instance_id).connected
        with room.store.write() as tx:
            instances.connect(tx, BOUGHT, instances.owned(tx, room.account_id, instance_id, BOUGHT), NETWORK)
            instances.finish_connecting(tx, BOUGHT, instance_id)
        for warm in (room.warm, other):
            warm.refresh()
            standing = instances.standing_of(warm, instance_id)
            assert standing.connected
            assert standing.qps_at(BOUGHT) == 1000
            assert (standing.expired(END - TICK), standing.expired(END)) == (False, True)
            assert (standing.released(RELEASE - TICK), standing.released(RELEASE)) == (False, True)
        room.renew(instance_id, END)
        for warm in (room.warm, other):
            warm.refresh()
            assert not instances.standing_of(warm, instance_id).expired(END)
        room.release(instance_id, datetime(2024, 1, 1, tzinfo=UTC))
        for warm in (room.warm, other):
            warm.refresh()
            with pytest.raises(InstanceNotFound):
                instances.standing_of(warm, instance_id)
    finally:
        other.close()


def test_a_cold_standing_is_not_read_on_the_event_loop(room: Room) -> None:
    """`Cold` sends the request where it may block."""
    instance_id = room.buy().instance_id
    room.warm.forbid_blocking_here()
    with pytest.raises(Cold):
        instances.standing_of(room.warm, instance_id)


def test_standings_tell_expired_from_released(room: Room) -> None:
    """A listing of keys needs both: Unavailable in the first, gone with the second."""
    first = room.buy().instance_id
    second = room.buy(BOUGHT + timedelta(days=1)).instance_id
    with room.store.read() as tx:
        found = instances.standings(tx, room.account_id, END)
        assert {name: standing.expired(END) for name, standing in found.items()} == {first: True, second: False}
        assert set(instances.standings(tx, room.account_id, RELEASE)) == {second}


def test_every_key_version_takes_one_of_the_quota(room: Room) -> None:
    """Three are purchased: the fourth is refused with the figures, and used is what there is."""
    instance_id = room.enabled()
    for _ in range(3):
        room.key(instance_id)
    with pytest.raises(KeyQuotaExceeded) as caught:
        room.key(instance_id)
    assert (caught.value.allowed, caught.value.used, caught.value.wanted) == (3, 3, 1)
    with room.store.read() as tx:
        assert quotas.infos(tx, instance_id, 1, BOUGHT) == (
            Quota(Resource.KEY, 3, 3),
            Quota(Resource.SECRET, 0, 0),
            Quota(Resource.QPS, 1000, 0),
            Quota(Resource.VPC, 1, 1),
        )


def test_two_threads_cannot_both_take_the_last_place(room: Room) -> None:
    """One key is made, the other is refused, whichever came first."""
    instance_id = room.enabled()
    room.key(instance_id)
    room.key(instance_id)
    gate = threading.Barrier(2)
    outcomes: list[str] = []

    def make() -> None:
        gate.wait()
        try:
            room.key(instance_id)
        except KeyQuotaExceeded:
            outcomes.append("refused")
        else:
            outcomes.append("made")

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "refused"]
