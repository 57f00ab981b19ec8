"""The table of work: which command does a kind of job, and what is tidied up now and then."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from keystead.catalog.commands import load_catalogue
from keystead.clock import Instant, to_ms
from keystead.gate.signature import SKEW
from keystead.instances import commands as instances
from keystead.orders import commands as orders
from keystead.orders import renewals
from keystead.store import Transaction
from keystead.store.claims import forget_nonces

Handler = Callable[[Transaction, datetime, str], None]
"""Does a job on its subject in the transaction it is given, which holds the account's lock; `now` is business time, not before
the job's due. It reads the facts anew, does nothing if they no longer ask for it, and records the events itself."""

_catalogue = functools.cache(load_catalogue)
"""The deployment's one catalogue: it is part of the program."""


def renew_automatically(tx: Transaction, now: datetime, subject: str) -> None:
    """Renew an instance that wishes it, if its end is near and nobody has renewed it; a failure is told and tried again."""
    renewals.renew_automatically(tx, _catalogue(), now, subject)


HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        instances.CONNECT_JOB: instances.finish_connecting,
        instances.EXPIRE_JOB: instances.expire,
        instances.RELEASE_JOB: instances.release,
        orders.LAPSE_JOB: orders.lapse,
        orders.RENEW_JOB: renew_automatically,
    }
)


class Chore(NamedTuple):
    """Something to tidy up every so often, by any scheduler of the deployment; doing it twice does no harm."""

    name: str
    every: timedelta
    do: Callable[[Transaction, Instant], None]


def _forget_nonces(tx: Transaction, instant: Instant) -> None:
    """A request dated SKEW ahead is accepted until 2 SKEW after it came: by then its date alone refuses it."""
    forget_nonces(tx, to_ms(instant.wall - 2 * SKEW))


CHORES: Final = (Chore("forget_nonces", timedelta(minutes=1), _forget_nonces),)
