"""Sessions end with their tokens, by the clock on the wall."""

import pytest

from everywire.hub.access.expiries import Expiries
from everywire.hub.access.identity import Identity
from everywire.hub.session import Session
from everywire.hub.world import LoopWorld
from everywire.messages import Member
from everywire.testing import VirtualLoop


class Wall:
    """A wall clock that somebody sets."""

    def __init__(self, loop):
        self.loop, self.ahead = loop, 1000.0

    def __call__(self):
        return round((self.loop.time() + self.ahead) * 1000)


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


@pytest.fixture
def place(loop):
    wall, expired = Wall(loop), []
    return Expiries(LoopWorld(loop, wall=wall), 30, expired.append), wall, expired


def session(expires, name="s"):
    return Session(Member(name, "ann"), Identity("ann", expires))


def test_a_session_expires_once_after_its_grace(loop, place):
    expiries, _, expired = place
    one, other = session(1010.0), session(1500.0)
    for each in (one, other, session(None)):
        expiries.add(each)
    loop.run(39.5)
    assert expired == []
    assert not expiries.over(one)
    loop.run(1)
    assert expired == [one]
    assert expiries.over(one)
    loop.run(1000)
    assert expired == [one, other]
    assert len(expiries) == 0


def test_a_newer_time_takes_the_place_of_the_earlier(loop, place):
    expiries, _, expired = place
    one = session(1010.0)
    expiries.add(one)
    one.become(Identity("ann", 1200.0))
    expiries.add(one)
    loop.run(200)
    assert expired == []
    one.become(Identity("ann"))
    expiries.add(one)
    loop.run(2000)
    assert expired == []


def test_a_session_that_ended_is_not_kept(loop, place):
    expiries, _, expired = place
    for number in range(1000):
        one = session(1100.0 + number % 7)
        expiries.add(one)
        expiries.discard(one)
    assert len(expiries) == 0
    loop.run(500)
    assert expired == []


def test_a_clock_that_is_set_is_noticed(loop, place):
    expiries, wall, expired = place
    one = session(9000.0)
    expiries.add(one)
    loop.run(10)
    wall.ahead += 9000  # forward
    loop.run(31)
    assert expired == [one]


def test_a_clock_that_is_set_back_expires_nothing_early(loop, place):
    expiries, wall, expired = place
    one = session(1010.0)
    expiries.add(one)
    wall.ahead -= 600
    loop.run(600)
    assert expired == []
    loop.run(100)
    assert expired == [one]


def test_closing_forgets_all(loop, place):
    expiries, _, expired = place
    expiries.add(session(1010.0))
    expiries.close()
    loop.run(100)
    assert expired == []
