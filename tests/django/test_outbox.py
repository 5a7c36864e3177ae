"""The outbox: what is committed is published once, in its channel's order; what is rolled back never."""

import logging
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone
from tests.django.rows import Log, row, there

from everywire.django.models import Outbox
from everywire.django.outbox import cleared, relieved, write
from everywire.errors import Refused

pytestmark = pytest.mark.usefixtures("database")


def put(log: Log, channel: str, data: object) -> None:
    write(row(channel, data), "default", partial(cleared, channel, "default", log))


def test_a_commit_publishes_once_and_leaves_nothing():
    log = Log()
    with transaction.atomic():
        put(log, "room:1", "one")
        put(log, "room:1", "two")
        put(log, "room:2", "three")
        assert (log.said, len(there())) == ([], 3)
    assert log.said == [("room:1", b'"one"'), ("room:1", b'"two"'), ("room:2", b'"three"')]
    assert (log.tries, there()) == (3, [])


def test_a_rollback_publishes_nothing():
    log = Log()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        put(log, "room:1", "one")
        raise ZeroDivisionError
    assert (log.tries, there()) == (0, [])


def test_a_savepoint_that_is_rolled_back_takes_its_publications_with_it():
    log = Log()
    with transaction.atomic():
        put(log, "room:1", "before")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            put(log, "room:1", "within")
            with transaction.atomic():
                put(log, "room:1", "deeper")
            raise ZeroDivisionError
        with transaction.atomic():
            put(log, "room:1", "after")
    assert log.said == [("room:1", b'"before"'), ("room:1", b'"after"')]
    assert there() == []


def test_without_a_transaction_it_is_published_at_once():
    log = Log()
    put(log, "room:1", "one")
    assert (log.said, there()) == ([("room:1", b'"one"')], [])


def test_what_cannot_be_published_now_waits_and_nothing_overtakes_it():
    log = Log(None, ConnectionError("gone"))
    for each in "abc":
        row("room:1", each).save()
    row("room:2", "d").save()
    assert not cleared("room:1", "default", log)
    assert log.said == [("room:1", b'"a"')]
    waiting = Outbox.objects.order_by("id").first()
    assert (waiting.attempts, waiting.error, waiting.failed, waiting.due > timezone.now()) == (1, "gone", False, True)
    assert not cleared("room:1", "default", log)  # it is not due
    assert cleared("room:2", "default", log)
    assert log.tries == 3
    Outbox.objects.update(due=timezone.now())
    assert relieved("default", log, 0)
    assert [data for _, data in log.said] == [b'"a"', b'"d"', b'"b"', b'"c"']
    assert there() == []


def test_tries_are_ever_further_apart():
    row("room:1").save()
    apart = []
    for _ in range(9):
        Outbox.objects.update(due=None)
        begun = timezone.now()
        assert not cleared("room:1", "default", Log(Refused("not now", 104, temporary=True)))
        apart.append(round((Outbox.objects.get().due - begun).total_seconds() * 2) / 2)
    assert apart == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_what_nobody_takes_is_kept_to_be_looked_at_and_holds_nothing_up(caplog):
    log = Log(Refused("unknown channel", 102))
    for each in "ab":
        row("room:1", each).save()
    with caplog.at_level(logging.ERROR, "everywire.django"):
        assert cleared("room:1", "default", log)
    assert log.said == [("room:1", b'"b"')]
    assert there() == [("room:1", b'"a"')]
    failed = Outbox.objects.get()
    assert (failed.failed, failed.error, failed.attempts) == (True, "unknown channel", 1)
    assert f"is refused: {failed.key} in 'room:1': unknown channel" in caplog.text
    assert relieved("default", log, 0)
    assert log.tries == 2


def test_a_commit_leaves_a_backlog_to_the_relay():
    log = Log()
    Outbox.objects.bulk_create([row("room:1", number) for number in range(250)])
    assert not cleared("room:1", "default", log, rounds=2)
    assert len(log.said) == 200
    assert cleared("room:1", "default", log, rounds=2)
    assert [int(data) for _, data in log.said] == list(range(250))


def test_the_relay_leaves_those_alone_who_have_just_committed():
    log = Log()
    row("room:1", "old", created=timezone.now() - timedelta(seconds=5)).save()
    row("room:2", "new").save()
    assert relieved("default", log, 1.0)
    assert log.said == [("room:1", b'"old"')]


def test_two_that_publish_the_same_at_once_keep_the_order():
    """Where a database locks no rows: the other publishes all that is there while this one has read it, and is at its first."""
    log, other = Log(), []
    for each in "abc":
        row("room:1", each).save()

    def send(waiting: Outbox) -> None:
        if not other:
            other.append(True)
            assert cleared("room:1", "default", log)
        log(waiting)

    assert cleared("room:1", "default", send)
    assert [data for _, data in log.said] == [b'"a"', b'"b"', b'"c"']
    assert there() == []
