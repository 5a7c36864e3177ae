"""`manage.py everywire_outbox`: the relay of the outbox as a process, and what waits there."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from everywire.django.committing import send
from everywire.django.models import Outbox
from everywire.django.relay import Relay, relieve
from everywire.django.settings import chosen

__all__ = ["Command"]


class Command(BaseCommand):
    """Publishes what was left, until it is told to end; or lists it."""

    help = "Publishes what killed processes have left in the outbox, until SIGINT or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take one of three other things to do."""
        group = parser.add_mutually_exclusive_group()
        group.add_argument(
            "--once", action="store_true", help="publish what waits now, and end; exit code 1 where some is left"
        )
        group.add_argument("--list", action="store_true", help="list what waits, and what nobody takes")
        group.add_argument(
            "--retry", action="store_true", help="have those tried again that nobody took, and all that wait tried now"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Do it."""
        if options["list"]:
            self._list()
        elif options["retry"]:
            self._retry()
        elif options["once"]:
            if not relieve(send, 0.0):
                raise SystemExit(1)
        else:
            self._run()

    def _rows(self) -> list[tuple[str, Any]]:
        return [(using, Outbox.objects.using(using).order_by("id")) for using in chosen().outbox_databases]

    def _list(self) -> None:
        for using, rows in self._rows():
            for row in rows.iterator():
                state = "refused" if row.failed else "waits"
                why = f": {row.error}" if row.error else ""
                self.stdout.write(f"{using} {row.id} {row.channel} {state} since {row.created:%Y-%m-%d %H:%M:%S}{why}")

    def _retry(self) -> None:
        for using, rows in self._rows():
            count = rows.order_by().update(failed=False, due=None, attempts=0)
            self.stdout.write(f"{using}: {count} to be tried")

    def _run(self) -> None:
        told = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: told.set())
        relay = Relay(send)
        relay.start()
        self.stdout.write("publishing what was left; Ctrl-C stops it")
        told.wait()
        relay.stop(chosen().outbox_deadline)
