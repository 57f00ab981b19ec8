"""Which deployment a command works on: --data, --database and --config, and how it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from keystead.clock import iso_z
from keystead.faults import Unavailable
from keystead.settings import Settings, load_settings

if TYPE_CHECKING:
    from keystead.gate.call import Service
    from keystead.store import Store


class DeploymentMissing(Unavailable):
    """There is no deployment where the command was told to look, or not at this version's schema."""


class StoreUnreachable(Unavailable):
    """The database does not answer."""

    def __init__(self, error: Exception) -> None:
        """Tell the driver's first line."""
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()
        super().__init__(f"the store does not answer: {reason[0] if reason else type(error).__name__}")


@Parameter(name="*")
@dataclass(frozen=True)
class Target:
    """Where the deployment is."""

    data: Annotated[str | None, Parameter(help="Folder of the deployment (its root key is there, whatever the database).")] = None
    database: Annotated[str | None, Parameter(help="PostgreSQL URL; without it, SQLite in the data folder.")] = None
    config: Annotated[Path | None, Parameter(help="The settings file the server is started with.")] = None
    json: Annotated[bool, Parameter(negative=(), help="Answer with one JSON document.")] = False

    def settings(self) -> Settings:
        """Give the deployment's settings; SettingsError names what is wrong."""
        return load_settings(self.config, {"data": self.data, "database": self.database})


@contextmanager
def open_target_store(target: Target) -> Iterator[tuple[Settings, Store]]:
    """Open the deployment's database alone; DeploymentMissing or StoreUnreachable says what is in the way."""
    from keystead import app

    settings = target.settings()
    if not settings.database and not (settings.data_path / "keystead.db").exists():
        raise DeploymentMissing(
            f"there is no deployment in {settings.data_path}: start it once with `keystead serve --data {settings.data_path}`"
        )
    store = app.store_of(settings)
    try:
        _reach(store)
        yield settings, store
    finally:
        store.close()


@contextmanager
def open_target(target: Target) -> Iterator[Service]:
    """Open the deployment as its server does, on the clock it runs on."""
    from keystead import app
    from keystead.store import business_time
    from keystead.store.migrations import current

    with open_target_store(target) as (settings, store):
        if not current(store):
            raise DeploymentMissing("the database is not at this version's schema: start `keystead serve` once to bring it there")
        if not (settings.data_path / app.ROOT_KEY_FILE).exists():
            raise DeploymentMissing(f"{settings.data_path} holds no root key: name the server's data folder with --data")
        with store.read() as tx:
            standing = business_time.standing(tx)
    if standing is not None:
        settings = msgspec.structs.replace(settings, clock=f"manual:{iso_z(standing)}")
    service = app.open_service(msgspec.structs.replace(settings, log_requests=False), "admin")
    try:
        yield service
    finally:
        app.close_service(service)


def _reach(store: Store) -> None:
    try:
        store.ready()
    except Exception as error:  # noqa: BLE001 - each driver has its own
        raise StoreUnreachable(error) from None
