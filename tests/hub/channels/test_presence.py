"""Places in channels: joined once, left once, renewed while the session lives."""

import pytest

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Net


@pytest.fixture
def net():
    app = Everywire(settings=Settings(lease=30))
    app.channel("room:{name}", presence=True)
    app.channel("quiet")
    with Net(app) as net:
        yield net


def beat(net, clients, seconds):
    for _ in range(int(seconds / 5)):
        net.run(5)
        for client in clients:
            client.send("pong")


def listed(client):
    return [member["session"] for member in client.ask("presence", channel="room:a")["members"]]


def test_a_reload_does_not_flap(net):
    alice, bob = net.connect(), net.connect()
    for each in (alice, bob):
        each.subscribe("room:a")
    alice.events()
    for _ in range(5):
        bob.drop(1001)
        net.run(2)
        bob = net.connect(resume=bob.resume)
        bob.subscribe("room:a")
    assert alice.events() == []
    assert listed(alice) == [alice.session, bob.session]


def test_places_outlast_many_leases(net):
    alice, bob = net.connect(), net.connect()
    for each in (alice, bob):
        each.subscribe("room:a")
    beat(net, [alice, bob], 300)
    assert listed(alice) == [alice.session, bob.session]
    assert alice.events("leave") == []


def test_places_are_not_renewed_for_nobody(net):
    alice = net.connect()
    alice.subscribe("room:a")
    alice.drop(1000)
    net.run(31)
    assert net.app.hub.places._timer is None


def test_the_places_of_a_dead_node_end_with_their_lease(net):
    alice, bob = net.connect(), net.connect()
    for each in (alice, bob):
        each.subscribe("room:a")
    net.app.hub.places._held.clear()
    beat(net, [alice, bob], 35)
    assert listed(alice) == []


def test_a_channel_without_presence_tells_of_nobody(net):
    alice, bob = net.connect(), net.connect()
    assert "members" not in alice.subscribe("quiet")
    bob.subscribe("quiet")
    bob.drop(1000)
    assert alice.events() == []


def test_a_failing_broker_is_logged_and_tried_again(net, monkeypatch, caplog):
    alice = net.connect()
    alice.subscribe("room:a")

    async def fail(*args):
        raise ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(net.app.hub.broker, "renew", fail)
        patch.setattr(net.app.hub.broker, "exit", fail)
        beat(net, [alice], 15)
        assert "not renewed" in caplog.text
        net.connect().subscribe("room:a")
        alice.ask("unsubscribe", channel="room:a")
        assert "not given up" in caplog.text
    beat(net, [alice], 60)
    assert alice.closed is None
