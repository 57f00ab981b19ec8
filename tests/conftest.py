"""What every test may ask for: a fresh database of each dialect. And what none may do: reach for another machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import outside_world
from tests.databases import DIALECTS, Databases, RunFolder, versions

RUN = pytest.StashKey[RunFolder]()
DATABASES = pytest.StashKey[Databases]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's folder, or, in a worker of pytest-xdist, take the one it was told of."""
    outside_world.refuse()
    told: dict[str, str] | None = getattr(config, "workerinput", None)
    if told is None:
        config.stash[RUN] = RunFolder.make()
        config.stash[DATABASES] = Databases(config.stash[RUN].path)
    else:
        config.stash[DATABASES] = Databases(Path(told["keystead_run_folder"]))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell a worker where the run's folder is."""
    config, workerinput = node.config, node.workerinput  # type: ignore[attr-defined]
    workerinput["keystead_run_folder"] = str(config.stash[RUN].path)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the run started: the workers are gone by now."""
    if RUN in config.stash:
        config.stash[RUN].close()


def pytest_report_header() -> str:
    """Name the databases that the tests run on."""
    return f"databases: {versions()}"


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh, migrated database; the test runs once a dialect."""
    with request.config.stash[DATABASES].fresh(request.param) as url:
        yield url


@pytest.fixture(params=DIALECTS)
def empty_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without any table, for tests of migrations; the test runs once a dialect."""
    with request.config.stash[DATABASES].fresh(request.param, migrated=False) as url:
        yield url


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh, migrated SQLite database, where the dialect is not what is tested."""
    with request.config.stash[DATABASES].fresh("sqlite") as url:
        yield url


@pytest.fixture
def postgresql_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh, migrated PostgreSQL database, for what only several nodes can show."""
    with request.config.stash[DATABASES].fresh("postgresql") as url:
        yield url


# Tests share two cores with one another and with servers: how long an example takes says nothing here.
settings.register_profile("keystead", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("keystead")
