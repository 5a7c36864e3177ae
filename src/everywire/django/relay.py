"""The relay: a thread that publishes what killed processes, or a broker out of reach, have left in the outbox."""

from __future__ import annotations

import logging
import os
import random
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from django.core import mail
from django.db import DatabaseError, close_old_connections, connections

from everywire.django.settings import chosen

if TYPE_CHECKING:
    from everywire.django.outbox import Send

__all__ = ["GRACE", "Relay", "relieve"]

GRACE: Final = 1.0  # seconds in which whoever has committed a publication publishes it himself
_log = logging.getLogger("everywire.django")


def relieve(send: Send, grace: float = GRACE) -> bool:
    """Publish what was left in all databases that have an outbox, and is due; say whether nothing of it is left.

    One that cannot be read holds no other up: its fault is raised in the end.
    """
    outcomes = [outcome for _, outcome in _relieved(send, grace)]
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return all(outcomes)


def _relieved(send: Send, grace: float) -> Iterator[tuple[str, bool | Exception]]:
    """Do so in one after the other; gives of each whether nothing is left there, or why nobody knows."""
    from everywire.django.outbox import relieved

    for using in chosen().outbox_databases:
        try:
            yield using, relieved(using, send, grace)
        except Exception as fault:
            yield using, fault


class Relay:
    """Looks for what was left, every few seconds and whenever it is woken; one in each process that serves.

    Invariants: the thread is one of this process: a fork's child has none, and begins its own.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._complained: set[str] = set()
        os.register_at_fork(after_in_child=self._forget)

    def ensure(self) -> None:
        """Begin, unless it has begun, or is switched off; under Django's test runner, too, whose databases are for the test alone."""
        if self._thread is None and chosen().outbox_relay and not hasattr(mail, "outbox"):
            self.start()

    def start(self) -> None:
        """Begin, unless it has begun."""
        with self._lock:
            if self._thread is None:
                self._ended.clear()
                self._thread = threading.Thread(target=self._run, name="everywire-outbox", daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """Look now: something was left."""
        self.ensure()
        self._woken.set()

    def stop(self, timeout: float | None = None) -> None:
        """End; wait `timeout` seconds for what is under way."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._ended.set()
            self._woken.set()
            thread.join(timeout)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._thread, self._woken, self._ended = None, threading.Event(), threading.Event()

    def _run(self) -> None:
        ended, woken = self._ended, self._woken
        try:
            while not ended.is_set():
                self._look()
                woken.wait(chosen().outbox_interval * random.uniform(0.8, 1.2))  # not all processes at once
                woken.clear()
        finally:
            connections.close_all()

    def _look(self) -> None:
        close_old_connections()
        try:
            for using, outcome in _relieved(self._send, GRACE):
                self._heed(using, outcome)
        except Exception:
            _log.exception("the relay of the outbox failed, and goes on")
        close_old_connections()

    def _heed(self, using: str, outcome: bool | Exception) -> None:
        """Complain of a database that cannot be read, once as long as it cannot: the log would have it every few seconds."""
        if not isinstance(outcome, DatabaseError):
            self._complained.discard(using)
        elif using not in self._complained:
            self._complained.add(using)
            _log.warning(
                "the outbox in the database %r cannot be read (manage.py migrate makes it): %s", using, outcome
            )
        if isinstance(outcome, Exception) and not isinstance(outcome, DatabaseError):
            _log.error("the relay of the outbox failed in the database %r, and goes on", using, exc_info=outcome)
