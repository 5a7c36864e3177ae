"""The relay: a thread of each process that serves, which takes care of what was left."""

import logging
import os
import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import OperationalError, connections
from django.test import override_settings
from django.utils import timezone
from tests.django.rows import Log, row, there

from everywire.django.outbox import relieved
from everywire.django.relay import Relay, relieve

pytestmark = pytest.mark.usefixtures("database")
SOON = {"OUTBOX_INTERVAL": 0.01}
LATER = {"OUTBOX_INTERVAL": 600}
LONG_AGO = timezone.now() - timedelta(seconds=60)


class Taking(Log):
    """Tells when it has taken so many."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self.wanted, self.enough = wanted, threading.Event()

    def __call__(self, row) -> None:
        super().__call__(row)
        if len(self.said) == self.wanted:
            self.enough.set()


@pytest.fixture
def relays():
    made: list[Relay] = []
    yield lambda send: made.append(Relay(send)) or made[-1]
    for relay in made:
        relay.stop(10)


def test_what_was_left_is_published(relays):
    log = Taking(2)
    row("room:1", "one", created=LONG_AGO).save()
    with override_settings(EVERYWIRE=SOON):
        relay = relays(log)
        relay.start()
        relay.start()
        row("room:2", "two", created=LONG_AGO).save()
        assert log.enough.wait(10)
        relay.stop(10)
    assert (sorted(log.said), there()) == ([("room:1", b'"one"'), ("room:2", b'"two"')], [])
    assert [each for each in threading.enumerate() if each.name == "everywire-outbox"] == []


def test_who_leaves_something_wakes_it(relays):
    log = Taking(1)
    with override_settings(EVERYWIRE=LATER):
        relay = relays(log)
        relay.start()
        row("room:1", "one", created=LONG_AGO).save()
        relay.wake()
        assert log.enough.wait(10)


def test_it_does_not_begin_where_it_is_not_wanted(relays, monkeypatch):
    relay = relays(Log())
    with override_settings(EVERYWIRE={"OUTBOX_RELAY": False}):
        relay.wake()
        assert relay._thread is None
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    relay.ensure()
    assert relay._thread is None


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_the_child_of_a_fork_begins_its_own(relays):
    relay = relays(Log())
    with override_settings(EVERYWIRE=LATER):
        relay.start()
        child = os.fork()
        if not child:
            os._exit(0 if relay._thread is None and not relay._woken.is_set() else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert relay._thread is not None


def test_it_goes_on_whatever_fails(relays, monkeypatch, caplog):
    failures = [ZeroDivisionError("a defect"), None]
    looked, begun = threading.Event(), Log()

    def send(waiting) -> None:
        begun(waiting)
        looked.set()

    def relieving(*arguments):
        if failure := failures.pop(0) if failures else None:
            raise failure
        return relieved(*arguments)

    monkeypatch.setattr("everywire.django.outbox.relieved", relieving)
    row("room:1", "one", created=LONG_AGO).save()
    with override_settings(EVERYWIRE=SOON):
        relays(send).start()
        assert looked.wait(10)
    assert "the relay of the outbox failed in the database 'default', and goes on" in caplog.text


def test_a_missing_table_is_said_once(relays, caplog):
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE everywire_outbox RENAME TO everywire_away")
    try:
        with caplog.at_level(logging.WARNING, "everywire.django"):
            relay = relays(Log())
            relay._look()
            relay._look()
    finally:
        with connections["default"].cursor() as cursor:
            cursor.execute("ALTER TABLE everywire_away RENAME TO everywire_outbox")
    assert caplog.text.count("the outbox in the database 'default' cannot be read") == 1


def test_a_database_that_cannot_be_read_holds_no_other_up(relays, caplog, monkeypatch, tmp_path):
    away = {**connections.databases["default"], "NAME": str(tmp_path / "nowhere" / "site.sqlite3")}
    monkeypatch.setitem(connections.databases, "away", away)
    log = Log()
    try:
        with override_settings(EVERYWIRE={"OUTBOX_DATABASES": ["away", "default"]}):
            row("room:1", "one", created=LONG_AGO).save()
            relays(log)._look()
            assert log.said == [("room:1", b'"one"')]
            row("room:1", "two", created=LONG_AGO).save()
            with pytest.raises(OperationalError):
                relieve(log)
    finally:
        del connections["away"]
    assert log.said == [("room:1", b'"one"'), ("room:1", b'"two"')]
    assert "the outbox in the database 'away' cannot be read" in caplog.text


def test_a_database_without_one_is_not_asked():
    row("room:1", "one", created=LONG_AGO).save()
    log = Log()
    with override_settings(EVERYWIRE={"OUTBOX_DATABASES": []}):
        assert relieve(log)
    assert log.said == []
    assert relieve(log)
    assert log.said == [("room:1", b'"one"')]
