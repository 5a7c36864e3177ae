"""The reference client."""

import pytest

from everywire.app import Everywire
from everywire.messages import Position
from everywire.testing import Follower, Mark, Net, Repeat, Seen


@pytest.fixture
def net():
    app = Everywire()
    app.channel("c", history=2)
    with Net(app) as net:
        yield net


def publish(net, *numbers):
    for number in numbers:
        net.app.publish("c", {"sender": "p", "number": number})


def kinds(follower):
    return [type(entry) for entry in follower.log.entries]


def test_it_follows_through_drops(net):
    follower = Follower(net, "f", "c")
    follower.connect()
    follower.take()
    publish(net, 1)
    follower.drop()
    publish(net, 2)
    follower.connect()
    follower.take()
    follower.drop()
    publish(net, 3, 4, 5)
    follower.connect()
    follower.take()
    assert kinds(follower) == [Mark, Seen, Seen, Mark]
    assert [recovered for _, recovered in follower.answers] == [False, True, False]
    assert follower.position.offset == 5


def test_it_begins_anew_where_the_stream_does(net):
    follower = Follower(net, "f", "c")
    follower.connect()
    follower.take()
    publish(net, 1)
    net.app.hub.broker.forget("c")
    follower.take()
    publish(net, 2)
    follower.take()
    assert kinds(follower) == [Mark, Seen, Mark, Seen]


def test_it_notes_what_it_is_told_twice(net):
    follower = Follower(net, "f", "c")
    follower.connect()
    follower.take()
    publish(net, 1)
    follower.client.transport.outbox *= 2
    follower.take()
    assert kinds(follower) == [Mark, Seen, Repeat]
    assert follower.log.entries[-1] == Repeat(Position(follower.position.epoch, 1))


def test_it_drops_what_the_server_closed(net):
    follower = Follower(net, "f", "c")
    follower.connect()
    net.app.hub.close()
    follower.take()
    assert follower.client is None
    follower.drop()
    follower.take()
