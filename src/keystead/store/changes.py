"""The change log and the caches it keeps right.

A commit that changes something workers cache writes one row a thing into `change_log`. Each worker remembers how far it has
read. On SQLite `PRAGMA data_version` tells at every request, without a statement on any table, *that* somebody committed; the
log tells *what* changed, so that the many commits that change nothing cached do not empty the cache. On PostgreSQL a thread
reads the log every POLL_SECONDS; a worker whose last reading began more than LEASE_SECONDS ago re-reads before it answers, so
that a change is seen everywhere within LEASE_SECONDS (docs/adr has why there is no LISTEN/NOTIFY).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from sqlalchemy import BigInteger, Column, Integer, String, Table, func, insert, select, text

from keystead.clock import elapsed
from keystead.store.engine import Store, metadata
from keystead.store.transaction import Transaction

POLL_SECONDS: Final = 0.05
LEASE_SECONDS: Final = 0.25
ENTRIES_MAX: Final = 100_000
_PUBLISH_LOCK: Final = 7_235_001

T = TypeVar("T")

change_log = Table(
    "change_log",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("key", String(128), nullable=False),
    sqlite_autoincrement=True,
)

_CHANGED_SINCE: Final = "SELECT id, kind, key FROM change_log WHERE id > ? ORDER BY id"


class Cold(Exception):
    """Something needed is not in the cache, and this thread may not go and read it."""


def publish(tx: Transaction) -> None:
    """Write what the transaction changed into the log, as its last statement before the commit.

    On PostgreSQL an advisory lock makes ids appear in commit order: without it a reader could pass a number that commits later.
    """
    if not tx.changes:
        return
    if tx.dialect == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _PUBLISH_LOCK})
    tx.execute(insert(change_log), [{"kind": kind, "key": key} for kind, key in dict.fromkeys(tx.changes)])


class Warm:
    """One worker's cache of facts read from the store, dropped when the change log names them."""

    def __init__(self, store: Store) -> None:
        """Start empty, at the log's present end."""
        self._store = store
        self._entries: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._generation = 0
        self._inline_thread: int | None = None
        self._sqlite = store.dialect == "sqlite"
        self._watcher: Any = None
        self._watching = threading.Lock()
        self._version = -1
        self._position: int | None = None
        self._fresh_until = 0.0
        self._stop = threading.Event()
        self._soon: Callable[[Callable[[], None]], object] | None = None
        self._looked = False
        if self._sqlite:
            connection = store.engine.raw_connection()
            self._watcher = connection.driver_connection
            connection.detach()
        self.refresh()
        self._poller = threading.Thread(target=self._poll, name="change-log", daemon=True)
        if not self._sqlite:
            self._poller.start()

    def forbid_blocking_here(self) -> None:
        """From now on this thread (the event loop) gets `Cold` instead of a blocking read."""
        self._inline_thread = threading.get_ident()

    def one_look_a_turn(self, soon: Callable[[Callable[[], None]], object]) -> None:
        """Let one look serve all requests of a turn of the event loop; `soon` is the loop's `call_soon`.

        No promise is weaker for it: what was put on the loop's queue after the look is behind the callback that ends its use,
        and what was put there before it was sent before whatever committed after it. It saves a statement a request, in which
        Python's lock would change hands.
        """
        self._soon = soon

    @property
    def inline(self) -> bool:
        """Whether the calling thread may not block."""
        return threading.get_ident() == self._inline_thread

    def check(self) -> None:
        """Make sure the cache is not older than the bound; `Cold` where that needs a read and this thread may not."""
        if self._looked and self.inline:
            return
        if self._sqlite:
            if self._version_now() == self._version:
                if self._soon is not None and self.inline:
                    self._looked = True
                    self._soon(self._end_look)
                return
        elif elapsed() < self._fresh_until:
            return
        if self.inline:
            raise Cold
        self.refresh()

    def get(self, kind: str, key: str, load: Callable[[Transaction], T]) -> T:
        """Give the cached fact, or read it with `load` in a transaction of its own (`Cold` where that may not be done).

        What `load` raises is raised and nothing is kept: absence is never cached.
        """
        found = self._entries.get((kind, key))
        if found is not None:
            return found  # type: ignore[no-any-return]  # the kind fixes the type
        if self.inline:
            raise Cold
        generation = self._generation
        with self._store.read() as tx:
            value = load(tx)
        with self._lock:
            if generation == self._generation:
                if len(self._entries) >= ENTRIES_MAX:
                    self._entries.clear()
                self._entries[kind, key] = value
        return value

    def close(self) -> None:
        """Stop the reader, and wait for it: it may hold a connection just now."""
        self._stop.set()
        if self._poller.ident is not None:
            self._poller.join()
        if self._watcher is not None:
            self._watcher.close()

    def _version_now(self) -> int:
        # Under a lock: while one thread's statement is open, another's on the same connection sees that one's old snapshot.
        with self._watching:
            return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])

    def refresh(self) -> None:
        """Read the change log to its present end, so that every commit before this call is seen. Blocks."""
        with self._lock:
            began = elapsed()
            version = self._version_now() if self._sqlite else 0
            if self._position is None:
                with self._store.read() as tx:
                    self._position = int(tx.execute(select(func.coalesce(func.max(change_log.c.id), 0))).scalar_one())
            else:
                self._drop_changed(self._position)
            self._version = version
            self._fresh_until = began + LEASE_SECONDS

    def _end_look(self) -> None:
        self._looked = False

    def _drop_changed(self, position: int) -> None:
        for number, kind, key in self._changed_since(position):
            self._position = number
            self._entries.pop((kind, key), None)
            self._generation += 1  # what is being loaded just now may be from before this change

    def _changed_since(self, position: int) -> list[tuple[int, str, str]]:
        if self._sqlite:  # on the watcher's own connection: every commit of anybody is followed by one such look
            with self._watching:
                return list(self._watcher.execute(_CHANGED_SINCE, (position,)).fetchall())
        statement = select(change_log.c.id, change_log.c.kind, change_log.c.key).where(change_log.c.id > position)
        with self._store.read() as tx:
            return [(row.id, row.kind, row.key) for row in tx.execute(statement.order_by(change_log.c.id))]

    def _poll(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            try:
                self.refresh()
            except Exception:  # noqa: BLE001, S112 - the lease runs out and each request then reads, and reports, for itself
                continue
