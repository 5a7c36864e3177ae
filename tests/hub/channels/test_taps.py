"""Taps hear channels and queues without being sessions."""

import pytest

from everywire.app import Everywire
from everywire.brokers.base import Draft, Filled, Gap, Holding
from everywire.messages import Publication, Raw
from everywire.testing import Net


@pytest.fixture
def net():
    app = Everywire()
    app.channel("room:{name}", history=10)
    with Net(app) as net:
        yield net


def done(net, work):
    """Give what comes of work that need not wait."""
    return net.app.hub.world.start(work).result()


def numbers(heard):
    return [int(bytes(each.data)) for each in heard if isinstance(each, Publication)]


def ephemeral(net, channel, number):
    done(net, net.app.hub.broker.publish(channel, Draft(Raw(b"%d" % number), 1), None))


def test_a_tap_hears_channels_that_nobody_declared(net):
    heard = []
    done(net, net.app.hub.delivering.taps.open("any", heard.append))
    ephemeral(net, "any", 1)
    done(net, net.app.hub.delivering.taps.close("any", heard.append, heard=False))
    ephemeral(net, "any", 2)
    assert numbers(heard) == [1]
    assert "any" not in net.app.hub.delivering.taps


def test_a_tap_and_sessions_hear_the_same_and_neither_ends_the_other(net):
    heard, taps = [], net.app.hub.delivering.taps
    client = net.connect()
    done(net, taps.open("room:a", heard.append))
    client.subscribe("room:a")
    net.app.publish("room:a", 1)
    client.ask("unsubscribe", channel="room:a")
    net.app.publish("room:a", 2)
    client.subscribe("room:a")
    done(net, taps.close("room:a", heard.append, heard=True))
    net.app.publish("room:a", 3)
    assert numbers(heard) == [1, 2]
    assert [each["data"] for each in client.events("publication")] == [1, 3]


def test_two_taps_of_a_name_are_two(net):
    first, second, taps = [], [], net.app.hub.delivering.taps
    done(net, taps.open("q", first.append))
    done(net, taps.open("q", second.append))
    done(net, taps.close("q", first.append, heard=False))
    done(net, net.app.hub.broker.push("q", Draft(Raw(b"1"), 1), Holding(1, 60.0)))
    assert (first, second) == ([], [Filled("q")])


def test_what_cannot_be_watched_is_not_tapped(net):
    async def broken(channel):
        raise ConnectionError("the broker is away")

    taps = net.app.hub.delivering.taps
    taps._broker = type("Broken", (), {"watch": staticmethod(broken)})
    with pytest.raises(ConnectionError):
        done(net, taps.open("c", print))
    assert "c" not in taps


def test_a_gap_is_told(net):
    told = []
    net.app.hub.delivering.taps.gaps.append(lambda: told.append(True))
    net.app.hub.delivering.take(Gap())
    assert told == [True]
