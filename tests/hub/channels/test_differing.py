"""Publications told by what changed."""

import pytest

from everywire.app import Everywire
from everywire.deltas import applied
from everywire.hub.channels.differing import Differing
from everywire.messages import Position, Publication, Raw
from everywire.testing import Net

PAD = "x" * 300


@pytest.fixture
def net():
    app = Everywire()
    app.channel("room", history=10)
    app.channel("map", keyed=True)
    app.on_connect(lambda connecting: connecting.token)
    with Net(app) as net:
        yield net


def publish(net, number, channel="room", **options):
    net.app.publish(channel, {"pad": PAD, "n": number}, **options)


def shape(client):
    """For each publication: the offset it is based on, or "whole"."""
    return [event.get("base", "whole") for event in client.events("publication")]


def test_the_first_is_whole_and_then_what_changed(net):
    client, plain = net.connect(), net.connect()
    client.subscribe("room", delta=True)
    plain.subscribe("room")
    for number in range(3):
        publish(net, number)
    first, *others = client.events("publication")
    data = first["data"]
    for number, event in enumerate(others, 1):
        assert event.keys() == {"type", "channel", "offset", "time", "delta", "base"}
        assert event["base"] == event["offset"] - 1
        data = applied(data, event["delta"])
        assert data == {"pad": PAD, "n": number}
    assert shape(plain) == ["whole"] * 3


def test_who_comes_later_is_told_the_first_whole_and_then_what_all_are_told(net):
    clients = [net.connect() for _ in range(3)]
    for number, client in enumerate(clients):
        client.subscribe("room", delta=True)
        publish(net, number)
    publish(net, 3)
    assert [shape(client) for client in clients] == [["whole", 1, 2, 3], ["whole", 2, 3], ["whole", 3]]
    assert len(net.app.hub.channels["room"].listeners) == 1


def test_what_does_not_pay_is_whole(net):
    client = net.connect()
    client.subscribe("room", delta=True)
    for data in (1, {"pad": PAD}, [PAD], [PAD, 1]):
        net.app.publish("room", data)
    assert shape(client) == ["whole", "whole", "whole", 3]


def test_nothing_is_based_on_what_some_were_not_told(net):
    ann, ben = (net.connect(token=name) for name in ("ann", "ben"))
    for client in (ann, ben):
        client.subscribe("room", delta=True)
    publish(net, 1)
    publish(net, 2, to_user="ann")
    for number in (3, 4):
        publish(net, number)
    assert (shape(ann), shape(ben)) == (["whole", "whole", "whole", 3], ["whole", "whole", 3])


def test_the_ephemeral_is_whole_and_nothing_is_based_on_it(net):
    client = net.connect()
    client.subscribe("room", delta=True)
    publish(net, 1)
    publish(net, 2, ephemeral=True)
    publish(net, 3)
    assert shape(client) == ["whole", "whole", 1]


def test_entries_differ_from_themselves(net):
    client = net.connect()
    publish(net, 0, "map", entry="a")
    client.subscribe("map", delta=True)
    for entry in "abab":
        publish(net, 1, "map", entry=entry)
    net.app.publish("map", entry="a", remove=True)
    publish(net, 1, "map", entry="a")
    assert shape(client) == ["whole", "whole", 2, 3, "whole", "whole"]


def test_it_ends_with_another_policy(net):
    client = net.connect()
    client.subscribe("room", delta=True)
    publish(net, 1)
    client.ask("policy", channel="room", policy={"kind": "latest"})
    publish(net, 2)
    client.ask("policy", channel="room", policy={"kind": "reliable"})
    for number in (3, 4):
        publish(net, number)
    assert shape(client) == ["whole", "whole", "whole", 3]


def test_a_log_that_begins_anew_begins_whole(net):
    client = net.connect()
    client.subscribe("room", delta=True)
    publish(net, 1)
    net.app.hub.broker.forget("room")
    client.events()
    client.subscribe("room", delta=True)
    publish(net, 2)
    assert shape(client) == ["whole"]


def test_what_is_remembered_is_bounded():
    class Mute:
        def encode(self, event):
            return ()

    differing = Differing(Mute(), 2)
    for number in range(5):
        differing.encode(Publication("c", Raw(b"1"), 0, Position("e", number + 1), entry=f"e{number}"))
    assert len(differing._last) == 2
