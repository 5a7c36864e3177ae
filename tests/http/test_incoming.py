"""A body while it comes."""

import pytest

from everywire.http.incoming import Incoming


@pytest.fixture
def told():
    return []


@pytest.fixture
def incoming(told):
    made = Incoming(told.append, lambda: told.append("ask"))
    made.news = lambda: told.append("news")
    return made


def test_what_has_come_is_taken_at_once(incoming):
    incoming.put(b"a")
    incoming.put(b"b")
    assert (incoming.size, incoming.take(), incoming.size, incoming.take()) == (2, b"ab", 0, b"")


def test_reading_stops_above_a_bound_and_goes_on_when_it_was_taken(incoming, told):
    incoming.put(bytes(1 << 16))
    assert told == []
    incoming.put(b"x")
    incoming.put(b"x")
    assert (told, incoming.paused) == ([False], True)
    incoming.take()
    assert (told, incoming.paused) == ([False, True], False)


def test_leave_is_asked_for_once(incoming, told):
    incoming.want()
    incoming.want()
    assert told == ["ask"]


def test_the_end(incoming, told):
    incoming.end()
    assert (incoming.done, told) == (True, ["news"])
    incoming.lose()
    assert not incoming.gone


def test_the_loss(incoming, told):
    incoming.put(bytes(1 << 17))
    incoming.lose()
    incoming.lose()
    incoming.want()
    assert (incoming.gone, incoming.take(), told) == (True, b"", [False, "news"])


def test_what_nobody_wants_is_counted(incoming, told):
    incoming.put(b"abc")
    incoming.drop()
    incoming.put(b"de")
    incoming.end()
    assert (incoming.size, incoming.dropped, told) == (0, 2, [])
