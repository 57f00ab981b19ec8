"""The store's promises, kept on SQLite and on PostgreSQL alike: transactions, the change log and the caches, claims."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from keystead.access import commands as access
from keystead.access.rows import account, lock_account
from keystead.store import Cold, Store, Transaction, Warm, open_store
from keystead.store.changes import LEASE_SECONDS, change_log
from keystead.store.claims import Claimed, claim_nonce, claim_token, earlier_answer, forget_nonces

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
WALL_MS = 1_767_225_600_000  # NOW in milliseconds: 20,454 days of 86,400 seconds


class Stop(Exception):
    """Ends a transaction."""


@pytest.fixture
def opened(database_url: str) -> Iterator[Callable[[], Store]]:
    """Opens the database again and again, as several processes would."""
    stores: list[Store] = []

    def open_one() -> Store:
        stores.append(open_store(database_url))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    """One opening of it."""
    return opened()


@pytest.fixture
def warmed(opened: Callable[[], Store]) -> Iterator[Callable[[], Warm]]:
    """Makes caches, each on a store of its own: each is another worker."""
    caches: list[Warm] = []

    def make() -> Warm:
        caches.append(Warm(opened()))
        return caches[-1]

    yield make
    for cache in caches:
        cache.close()


def counter(store: Store) -> str:
    """An account whose e-mail address serves as a counter; gives its id."""
    with store.write() as tx:
        made = access.create_account(tx, NOW, "counter", "0")
    return made.account_id


def count_of(tx: Transaction, account_id: str) -> int:
    """What the counter stands at."""
    return int(tx.execute(select(account.c.email).where(account.c.account_id == account_id)).scalar_one())


def set_count(tx: Transaction, account_id: str, number: int) -> None:
    """Set it, and tell the caches."""
    tx.execute(update(account).where(account.c.account_id == account_id).values(email=str(number)))
    tx.changed("counter", account_id)


# ---------------------------------------------------------------- transactions


def test_no_update_is_lost(opened: Callable[[], Store]) -> None:
    """Two workers, each 50 times: lock the account, read, write what was read and one. 2 * 50 = 100."""
    first, second = opened(), opened()
    account_id = counter(first)

    def work(store: Store) -> None:
        for _ in range(50):
            with store.write() as tx:
                lock_account(tx, account_id)
                set_count(tx, account_id, count_of(tx, account_id) + 1)

    with ThreadPoolExecutor() as threads:
        list(threads.map(work, (first, second)))
    with first.read() as tx:
        assert count_of(tx, account_id) == 100


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    """Neither rows nor lines of the change log, whatever it fails with."""
    account_id = counter(store)
    for reason in (Stop, KeyboardInterrupt):
        with pytest.raises(reason), store.write() as tx:  # noqa: PT012 - the transaction is what is tested
            set_count(tx, account_id, 7)
            access.create_account(tx, NOW, "another")
            raise reason
    with store.read() as tx:
        assert count_of(tx, account_id) == 0
        assert [found.name for found in access.accounts(tx)] == ["counter"]
        assert tx.execute(select(func.count()).select_from(change_log)).scalar_one() == 0


def test_a_reading_transaction_sees_one_moment(opened: Callable[[], Store]) -> None:
    """What commits while it reads is not seen by it."""
    store, other = opened(), opened()
    account_id = counter(store)
    with store.read() as tx:
        assert count_of(tx, account_id) == 0
        with other.write() as writing:
            set_count(writing, account_id, 1)
        assert count_of(tx, account_id) == 0
    with store.read() as tx:
        assert count_of(tx, account_id) == 1


def test_a_reading_transaction_keeps_nothing(store: Store) -> None:
    """Written in a reading transaction is written nowhere (PostgreSQL refuses outright)."""
    account_id = counter(store)
    try:
        with store.read() as tx:
            set_count(tx, account_id, 1)
    except Exception:  # noqa: BLE001 - either will do
        assert store.dialect == "postgresql"
    with store.read() as tx:
        assert count_of(tx, account_id) == 0


# ---------------------------------------------------------------- the change log and the caches


def cached(warm: Warm, account_id: str, loads: list[int] | None = None) -> int:
    """The counter through a cache; each load is noted in `loads`."""

    def load(tx: Transaction) -> int:
        found = count_of(tx, account_id)
        if loads is not None:
            loads.append(found)
        return found + 1000  # nought would be no fact

    return warm.get("counter", account_id, load) - 1000


def seen_by(warm: Warm) -> None:
    """Come to where a change must be seen: at once on SQLite, LEASE_SECONDS later on PostgreSQL."""
    if warm._store.dialect == "postgresql":  # noqa: SLF001
        time.sleep(LEASE_SECONDS)
    warm.check()


def test_a_change_of_another_process_is_seen(store: Store, warmed: Callable[[], Warm]) -> None:
    """Ten changes, each seen by two workers at their next check (SQLite) or within 250 ms (PostgreSQL)."""
    account_id = counter(store)
    caches = [warmed(), warmed()]
    for number in range(1, 11):
        with store.write() as tx:
            set_count(tx, account_id, number)
        seen_by(caches[0])
        caches[1].check()
        assert [cached(cache, account_id) for cache in caches] == [number, number]


def test_the_bound_holds_without_the_reader(postgresql_url: str) -> None:
    """The thread that reads the log may be stuck: once the lease of 250 ms is over, a check reads for itself."""
    assert LEASE_SECONDS == 0.25
    store = open_store(postgresql_url)
    account_id = counter(store)
    warm = Warm(store)
    cached(warm, account_id)
    warm.close()
    with store.write() as tx:
        set_count(tx, account_id, 1)
    time.sleep(LEASE_SECONDS)
    warm.forbid_blocking_here()
    with pytest.raises(Cold):
        warm.check()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(warm.check).result()
        assert thread.submit(cached, warm, account_id).result() == 1
    store.close()


def test_what_did_not_change_stays(store: Store, warmed: Callable[[], Warm]) -> None:
    """Commits that change nothing cached (leases, claims), and changes of other things, drop no entry; an empty log neither."""
    account_id = counter(store)
    warm, loads = warmed(), list[int]()
    cached(warm, account_id, loads)
    for number in range(5):
        with store.write() as tx:
            claim_nonce(tx, "LTAI", f"n{number}", WALL_MS)
        seen_by(warm)
        cached(warm, account_id, loads)
    with store.write() as tx:
        tx.changed("counter", "another")
        tx.changed("another", account_id)
    seen_by(warm)
    cached(warm, account_id, loads)
    assert loads == [0]


def test_what_was_loaded_across_a_change_is_not_kept(store: Store, warmed: Callable[[], Warm]) -> None:
    """A load begun before a change and ended after the cache heard of it gives its caller the old fact, and keeps it not."""
    account_id = counter(store)
    warm, loads = warmed(), list[int]()

    def slow(tx: Transaction) -> int:
        found = count_of(tx, account_id)
        with store.write() as other:
            set_count(other, account_id, 1)
        seen_by(warm)
        return found + 1000

    assert warm.get("counter", account_id, slow) == 1000
    assert cached(warm, account_id, loads) == 1
    assert loads == [1]


def test_absence_is_not_cached(store: Store, warmed: Callable[[], Warm]) -> None:
    """What a load raises is raised each time."""
    warm = warmed()

    def missing(_tx: Transaction) -> int:
        raise Stop

    for _ in range(2):
        with pytest.raises(Stop):
            warm.get("counter", "nobody", missing)
    assert warm.get("counter", "nobody", lambda _tx: 5) == 5


def test_the_loop_gets_cold_instead_of_a_read(store: Store, warmed: Callable[[], Warm]) -> None:
    """Where blocking is forbidden a miss raises Cold, and a hit is given."""
    account_id = counter(store)
    warm = warmed()
    warm.forbid_blocking_here()
    with pytest.raises(Cold):
        cached(warm, account_id)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(cached, warm, account_id).result()
    assert cached(warm, account_id) == 0


def test_the_loop_gets_cold_when_somebody_committed(sqlite_url: str) -> None:
    """SQLite: the very next check after a commit knows of it, in any thread."""
    store, other = open_store(sqlite_url), open_store(sqlite_url)
    warm = Warm(store)
    warm.forbid_blocking_here()
    warm.check()
    with other.write() as tx:
        claim_nonce(tx, "LTAI", "n", WALL_MS)
    with pytest.raises(Cold):
        warm.check()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(warm.check).result()
    warm.check()
    warm.close()
    store.close()
    other.close()


def test_one_look_serves_a_turn_of_the_loop(sqlite_url: str) -> None:
    """What came before a look need not hear of what committed after it; what came after does: the use of the look ends first."""
    store, other = open_store(sqlite_url), open_store(sqlite_url)
    warm, queue = Warm(store), list[Callable[[], None]]()
    warm.forbid_blocking_here()
    warm.one_look_a_turn(queue.append)
    warm.check()
    with other.write() as tx:
        claim_nonce(tx, "LTAI", "n", WALL_MS)
    warm.check()
    assert len(queue) == 1
    queue.pop()()
    with pytest.raises(Cold):
        warm.check()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(warm.check).result()  # other threads look each time, and leave the loop's look alone
    warm.check()
    assert len(queue) == 1
    warm.close()
    store.close()
    other.close()


def test_many_threads_may_check(store: Store, warmed: Callable[[], Warm]) -> None:
    """On one cache, while another process commits: whoever checks after a commit sees it."""
    account_id = counter(store)
    warm = warmed()
    done = threading.Event()

    def check() -> None:
        while not done.is_set():
            warm.check()
            cached(warm, account_id)

    with ThreadPoolExecutor(4) as threads:
        checking = [threads.submit(check) for _ in range(4)]
        try:
            for number in range(1, 21):
                with store.write() as tx:
                    set_count(tx, account_id, number)
                if store.dialect == "sqlite" or number % 10 == 0:
                    seen_by(warm)
                    assert cached(warm, account_id) == number
        finally:
            done.set()
        for future in checking:
            future.result()


def test_the_log_is_read_in_the_order_of_commits(opened: Callable[[], Store]) -> None:
    """Four writers at once: a reader that goes on after the last number it saw misses nothing."""
    reader, seen, writers = opened(), list[str](), [opened() for _ in range(4)]

    def write(number: int) -> None:
        for turn in range(40):
            with writers[number].write() as tx:
                tx.changed("kind", f"{number}-{turn}-a")
                tx.changed("kind", f"{number}-{turn}-b")
                tx.changed("kind", f"{number}-{turn}-a")

    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(write, number) for number in range(4)]
        position, finished = 0, False
        while not finished:
            finished = all(future.done() for future in writing)
            with reader.read() as tx:
                rows = tx.execute(select(change_log).where(change_log.c.id > position).order_by(change_log.c.id)).all()
            seen += [row.key for row in rows]
            position = rows[-1].id if rows else position
    assert sorted(seen) == sorted(f"{n}-{t}-{x}" for n in range(4) for t in range(40) for x in "ab")


# ---------------------------------------------------------------- claims


def test_a_nonce_is_claimed_once(opened: Callable[[], Store]) -> None:
    """By one of ten writers at the same time; another key's nonce is another one; what is old can be forgotten."""
    stores = [opened() for _ in range(10)]
    together = threading.Barrier(10)

    def claim(store: Store) -> bool:
        together.wait()
        with store.write() as tx:
            mine = claim_nonce(tx, "LTAI", "n", WALL_MS)
            if not mine:
                tx.conn.rollback()  # as the promise of claim_nonce asks: the transaction must be left
        return mine

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(claim, stores)) == 1
    with stores[0].write() as tx:
        assert claim_nonce(tx, "LTAI2", "n", WALL_MS + 1)
        assert forget_nonces(tx, WALL_MS + 1) == 1
        assert claim_nonce(tx, "LTAI", "n", WALL_MS + 2)


def test_a_claim_is_undone_with_its_transaction(store: Store) -> None:
    """What did not commit claimed nothing."""
    with pytest.raises(Stop), store.write() as tx:  # noqa: PT012 - the transaction is what is tested
        claim_nonce(tx, "LTAI", "n", WALL_MS)
        claim_token(tx, ("1", "CreateInstance", "t"), Claimed("h", b"{}"), WALL_MS)
        raise Stop
    with store.write() as tx:
        assert claim_nonce(tx, "LTAI", "n", WALL_MS)
        assert earlier_answer(tx, "1", "CreateInstance", "t") is None


def test_a_token_is_claimed_once_an_account_and_action(store: Store) -> None:
    """It gives back its answer; the schema refuses a second one; another account's or action's is another one."""
    with store.write() as tx:
        claim_token(tx, ("1", "CreateInstance", "t"), Claimed("hash", b'{"a":1}'), WALL_MS)
        claim_token(tx, ("2", "CreateInstance", "t"), Claimed("hash", b"{}"), WALL_MS)
        claim_token(tx, ("1", "RenewInstance", "t"), Claimed("hash", b"{}"), WALL_MS)
    with store.read() as tx:
        assert earlier_answer(tx, "1", "CreateInstance", "t") == Claimed("hash", b'{"a":1}')
        assert earlier_answer(tx, "1", "CreateInstance", "u") is None
    with pytest.raises(Exception, match=r"(?i)unique"), store.write() as tx:
        claim_token(tx, ("1", "CreateInstance", "t"), Claimed("other", b"{}"), WALL_MS)


# ---------------------------------------------------------------- jobs
