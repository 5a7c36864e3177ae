"""The outbox at work: a publication is written with what else a transaction writes, and published once that is committed.

A row is written in the transaction, so that it is there if and only if the rest is. Whoever publishes it does so under the row's own idempotency key, and
deletes it after the receipt. Killed anywhere between, it leaves a row that others take over: what was published already is not published again.

Everybody publishes all rows of a channel that he sees, by rising id, each after the receipt of the one before. So no lock is needed for their order: who
goes past a row has published it himself, or has seen that it is gone, which is to say published. Where a database skips locked rows, locks keep two from
doing the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import takewhile
from typing import Any, Final, TypeAlias

from django.db import connections, transaction
from django.utils import timezone

from everywire.django.models import Outbox
from everywire.errors import Refused

__all__ = ["ROUNDS", "Send", "cleared", "relieved", "write"]

Send: TypeAlias = Callable[[Outbox], object]
"""Publishes a row, and comes back when it is in the log; raises `Refused` for one that nobody takes, anything else where it may be taken later."""

ROUNDS: Final = 3  # of a commit, which is not to wait for what others left
_MANY_ROUNDS: Final = 100
_BATCH: Final = 100  # rows in one round
_PAUSE: Final = 0.5  # seconds before a row is tried again, twice as long after each further try
_LONGEST: Final = 60.0
_DOUBLINGS: Final = 7  # after as many it is the longest
_log = logging.getLogger("everywire.django")


def write(row: Outbox, using: str, after: Callable[[], None]) -> None:
    """Write a row in the transaction of the database `using`, and have `after` called once that is committed; at once where there is none."""
    row.save(using=using, force_insert=True)
    transaction.on_commit(after, using=using)


def cleared(channel: str, using: str, send: Send, rounds: int = ROUNDS) -> bool:
    """Publish what waits for `channel`, in order; say whether nothing is left there that somebody would have to take care of.

    That may be so after `rounds`: there was more, or somebody else has the first, who would be done in a moment.
    """
    for _ in range(rounds):
        with _held(using):
            taken, left = _taken(channel, using)
            if not left:
                return True
            if taken and not _sent(taken, using, send):
                return False
    return False


def relieved(using: str, send: Send, grace: float) -> bool:
    """Publish whatever has waited for `grace` seconds or more, and is due; say whether nothing of it is left."""
    now = timezone.now()
    waiting = _waiting(using).filter(created__lte=now - timedelta(seconds=grace)).exclude(due__gt=now)
    channels = waiting.order_by("channel").values_list("channel", flat=True).distinct()
    done = [cleared(channel, using, send, _MANY_ROUNDS) for channel in channels]  # one that waits holds no other up
    return all(done)


def _waiting(using: str) -> Any:
    return Outbox.objects.using(using).filter(failed=False)


def _skips(using: str) -> bool:
    return bool(connections[using].features.has_select_for_update_skip_locked)


@contextmanager
def _held(using: str) -> Iterator[None]:
    """Hold what is taken, where a database can hold rows.

    Elsewhere there is no transaction: SQLite has one lock for everything, and would refuse to write in one that has read what changed since.
    """
    if not _skips(using):
        yield
        return
    with transaction.atomic(using=using):
        yield


def _taken(channel: str, using: str) -> tuple[list[Outbox], bool]:
    """Take the first rows of a channel; and say whether there are any to be taken, by somebody at some time."""
    waiting = _waiting(using).filter(channel=channel).order_by("id")
    if not _skips(using):
        found = list(waiting[:_BATCH])
        return _due(found), bool(found)
    locked = list(waiting.select_for_update(skip_locked=True)[:_BATCH])
    there = list(waiting.values_list("id", flat=True)[:_BATCH])
    # What is behind a row that somebody else holds would overtake it.
    first = [row for row, _ in takewhile(lambda pair: pair[0].id == pair[1], zip(locked, there, strict=False))]
    return _due(first), bool(there)


def _due(rows: list[Outbox]) -> list[Outbox]:
    """Give those before the first that is to be tried later, which none behind it may overtake."""
    now = timezone.now()
    return list(takewhile(lambda row: row.due is None or row.due <= now, rows))


def _sent(rows: list[Outbox], using: str, send: Send) -> bool:
    """Publish rows, up to the first that has to wait; say whether there was none."""
    done: list[int] = []
    try:
        return all(_settled(row, using, send, done) for row in rows)
    finally:
        if done:
            Outbox.objects.using(using).filter(id__in=done).delete()


def _settled(row: Outbox, using: str, send: Send, done: list[int]) -> bool:
    """Publish a row, or find that nobody takes it; say whether it is settled either way."""
    try:
        send(row)
    except Refused as no:
        if not no.temporary:
            _log.error("a publication of the outbox is refused: %s in %r: %s", row.key, row.channel, no)
            _note(row, using, str(no), failed=True)
            return True
        _put_off(row, using, no)
        return False
    except Exception as fault:
        _put_off(row, using, fault)
        return False
    done.append(row.id)
    return True


def _put_off(row: Outbox, using: str, fault: Exception) -> None:
    _log.warning("a publication of the outbox waits: %s in %r: %s", row.key, row.channel, _why(fault))
    delay = min(_LONGEST, _PAUSE * 2 ** min(row.attempts, _DOUBLINGS))
    row.due = timezone.now() + timedelta(seconds=delay)
    _note(row, using, _why(fault))


def _note(row: Outbox, using: str, error: str, *, failed: bool = False) -> None:
    """Write down what became of a row, unless somebody else has published it meanwhile."""
    row.attempts += 1
    row.error, row.failed = error, failed
    said = {"attempts": row.attempts, "error": row.error, "failed": row.failed, "due": row.due}
    Outbox.objects.using(using).filter(id=row.id).update(**said)


def _why(fault: Exception) -> str:
    return str(fault) or type(fault).__name__
