"""Many that commit and publish at once, each channel in its order."""

import threading
from functools import partial

import pytest
from django.db import connections, transaction
from tests.django.rows import Log, row, there

from everywire.django.outbox import cleared, relieved, write

COMMITS = 25


class Shared(Log):
    """A log that several threads publish to."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def __call__(self, row) -> None:
        with self._lock:
            super().__call__(row)


def in_threads(*works) -> None:
    """Do all of it at once, and close the connections."""
    failed = []

    def done(work) -> None:
        try:
            work()
        except Exception as fault:
            failed.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=done, args=(work,)) for work in works]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert failed == []


@pytest.mark.slow
def test_what_many_commit_is_published_once_and_in_the_order_of_each(using):
    log, over = Shared(), threading.Event()

    def commit(name: int) -> None:
        for number in range(COMMITS):
            with transaction.atomic(using=using, durable=True):
                for part in "ab":
                    said = row("room:1", [name, number, part])
                    write(said, using, partial(cleared, "room:1", using, log))

    def relay() -> None:
        while not over.wait(0.001):
            relieved(using, log, 0)

    taking = [threading.Thread(target=in_threads, args=(relay,)) for _ in range(2)]
    for each in taking:
        each.start()
    in_threads(*(partial(commit, name) for name in range(4)))
    over.set()
    for each in taking:
        each.join(60)
    assert relieved(using, log, 0)
    assert there(using) == []
    said = [data.decode() for _, data in log.said]
    for name in range(4):
        own = [each for each in said if each.startswith(f"[{name},")]
        assert own == [f'[{name},{number},"{part}"]' for number in range(COMMITS) for part in "ab"]


@pytest.mark.slow
def test_where_rows_are_locked_nobody_overtakes_who_has_the_first(postgres):
    using = "postgres"
    log, first, later = Log(), threading.Event(), threading.Event()

    def slow(waiting) -> None:
        log(waiting)
        first.set()
        assert later.wait(30)

    def begin() -> None:
        row("room:1", "one").save(using=using)
        assert cleared("room:1", using, slow)

    def meanwhile() -> None:
        assert first.wait(30)
        row("room:1", "two").save(using=using)
        assert not cleared("room:1", using, log)
        assert not relieved(using, log, 0)
        assert log.said == [("room:1", b'"one"')]
        later.set()

    in_threads(begin, meanwhile)
    assert log.said == [("room:1", b'"one"'), ("room:1", b'"two"')]  # who has the first looks again
    assert (log.tries, there(using)) == (2, [])
    connections[using].close()
