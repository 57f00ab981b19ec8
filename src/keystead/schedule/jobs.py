"""The table of work: which command does a kind of job, and what is tidied up now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from keystead.clock import Instant, to_ms
from keystead.gate.call import Service
from keystead.gate.signature import SKEW
from keystead.instances import commands as instances
from keystead.store import Transaction
from keystead.store.claims import forget_nonces
from keystead.usage import commands as usage

Handler = Callable[[Transaction, datetime, str], None]
"""Does a job on its subject in the transaction it is given, which holds the account's lock; `now` is business time, not before
the job's due. It reads the facts anew, does nothing if they no longer ask for it, and records the events itself."""

HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        instances.CONNECT_JOB: instances.finish_connecting,
        instances.EXPIRE_JOB: instances.expire,
        instances.RELEASE_JOB: instances.release,
    }
)


class Chore(NamedTuple):
    """Something to tidy up every so often, by any scheduler of the deployment; doing it twice does no harm."""

    name: str
    every: timedelta
    do: Callable[[Service, Instant], None]


def _forget_nonces(service: Service, instant: Instant) -> None:
    """A request dated SKEW ahead is accepted until 2 SKEW after it came: by then its date alone refuses it."""
    with service.store.write() as tx:
        forget_nonces(tx, to_ms(instant.wall - 2 * SKEW))


def _take_usage(service: Service, instant: Instant) -> None:
    usage.take(service.store, instant.now)


def _count_calls(service: Service, _instant: Instant) -> None:
    usage.count(service.store, service.journal.path.parent)


CHORES: Final = (
    Chore("forget_nonces", timedelta(minutes=1), _forget_nonces),
    Chore("count_calls", timedelta(minutes=1), _count_calls),
    Chore("take_usage", timedelta(hours=1), _take_usage),
)
