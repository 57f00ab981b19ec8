"""Delivery of what lies in the outbox, beside the jobs: a mail server that is slow or away holds up nothing else.

One round: claim some letters, hand them to the mail server on one connection, mark each that it took. The others are tried again
after RETRY_SECONDS_MIN, doubling to RETRY_SECONDS_MAX of wall time, and given up after the settings' number of tries.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from threading import Event as Signal
from typing import Final

from keystead.clock import Clock
from keystead.notices.smtp import MailServer, hand_in, session
from keystead.store import Store, outbox
from keystead.store.outbox import Claimed

IDLE_SECONDS: Final = 1.0
ROUND_LETTERS_MAX: Final = 20
LEASE: Final = timedelta(minutes=30)
"""Longer than a round can take, so that no other scheduler sends what this one is sending."""
RETRY_SECONDS_MIN: Final = 30
RETRY_SECONDS_MAX: Final = 3600
log = logging.getLogger("keystead.mail")


class Postman:
    """Delivers the letters of a deployment; any number of them, in any number of processes, may share the work."""

    def __init__(self, store: Store, clock: Clock, server: MailServer, tries: int) -> None:
        """Hand letters to `server`, each `tries` times at most."""
        self._store = store
        self._clock = clock
        self._server = server
        self._tries = tries

    def run(self, stop: Signal) -> None:
        """Deliver until told to stop; a round in progress is finished first."""
        while not stop.is_set():
            try:
                worked = self.round()
            except Exception:  # the store may be away: the loop outlives that
                log.exception("the outbox could not be read")
                worked = 0
            if not worked:
                stop.wait(IDLE_SECONDS)

    def round(self) -> int:
        """Try what is waiting, ROUND_LETTERS_MAX at most; gives how many letters were tried."""
        wall = self._clock.read().wall
        with self._store.read() as tx:
            if not outbox.waiting(tx, wall):
                return 0
        with self._store.write() as tx:
            claimed = outbox.claim(tx, wall, LEASE, ROUND_LETTERS_MAX)
        left = list(claimed)
        try:
            with session(self._server) as opened:
                while left:
                    try:
                        hand_in(opened, self._server, left[0].letter, self._clock.read().wall)
                    except Exception as error:  # noqa: BLE001 - an address can be wrong in many ways; it is this letter's fault
                        self._failed(left.pop(0), error)
                        opened.noop()  # a connection that is gone fails all the others in one go
                    else:
                        self._sent(left.pop(0))
        except (OSError, ValueError) as error:
            for each in left:
                self._failed(each, error)
        return len(claimed)

    def _sent(self, claimed: Claimed) -> None:
        with self._store.write() as tx:
            outbox.sent(tx, claimed, self._clock.read().wall)

    def _failed(self, claimed: Claimed, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        wall = self._clock.read().wall
        with self._store.write() as tx:
            if claimed.attempts >= self._tries:
                outbox.give_up(tx, claimed, wall, reason)
            else:
                seconds = min(RETRY_SECONDS_MIN * 2 ** min(claimed.attempts - 1, 20), RETRY_SECONDS_MAX)
                outbox.failed(tx, claimed, wall + timedelta(seconds=seconds), reason)
        log.warning("letter %s was not taken, try %d: %s", claimed.letter.message_id, claimed.attempts, reason)
