"""Sessions: they outlive transports, are taken over, and end."""

import random

import pytest

from everywire.app import Everywire
from everywire.brokers.memory import MemoryBroker
from everywire.hub.settings import Settings
from everywire.testing import Net, Refusal, SlowBroker


def make(**settings):
    app = Everywire(settings=Settings(**settings))
    app.channel("room:{name}", history=50, presence=True)
    return app


@pytest.fixture
def net():
    with Net(make()) as net:
        yield net


def since(answer):
    return {"epoch": answer["epoch"], "offset": answer["offset"]}


def test_a_session_comes_back_within_its_linger(net):
    alice, bob = net.connect(), net.connect()
    start = alice.subscribe("room:a")
    bob.subscribe("room:a")
    alice.drop()
    bob.publish("room:a", 1)
    net.run(9)
    again = net.connect(resume=alice.resume)
    assert (again.resumed, again.session) == (True, alice.session)
    answer = again.subscribe("room:a", since=since(start))
    assert (answer["recovered"], [each["data"] for each in answer["publications"]]) == (True, [1])
    assert [event["type"] for event in bob.events()] == ["publication"]


def test_a_session_ends_with_its_linger(net):
    alice, bob = net.connect(), net.connect()
    for each in (alice, bob):
        each.subscribe("room:a")
    alice.drop()
    net.run(9.9)
    assert bob.events("leave") == []
    net.run(0.2)
    assert [event["member"]["session"] for event in bob.events("leave")] == [alice.session]
    again = net.connect(resume=alice.resume)
    assert (again.resumed, again.session) == (True, alice.session)
    assert bob.events() == []
    again.subscribe("room:a")
    assert [event["member"]["session"] for event in bob.events("join")] == [alice.session]


def test_closing_with_1000_ends_a_session_at_once(net):
    alice, bob = net.connect(), net.connect()
    for each in (alice, bob):
        each.subscribe("room:a")
    alice.drop(1000)
    assert len(bob.events("leave")) == 1
    assert not net.connect(resume=alice.resume).resumed


@pytest.mark.parametrize("code", [1001, 1006, 1011, 4413])
def test_every_other_end_of_a_transport_lingers(net, code):
    alice = net.connect()
    alice.drop(code)
    assert net.connect(resume=alice.resume).resumed


def test_a_newer_transport_takes_a_session_over(net):
    old = net.connect()
    start = old.subscribe("room:a")
    new = net.connect(resume=old.resume)
    assert old.closed == (4409, "the session was continued elsewhere")
    new.subscribe("room:a", since=since(start))
    old.line.lost(4409)
    old.send("publish", channel="room:a", data=1)
    new.publish("room:a", 2)
    assert [event["data"] for event in new.events("publication")] == [2]
    net.run(20)
    assert len(net.app.hub.sessions) == 1


def test_nothing_is_told_before_a_resumed_session_asks(net):
    alice, bob = net.connect(), net.connect()
    start = alice.subscribe("room:a")
    again = net.connect(resume=alice.resume)
    bob.publish("room:a", 1)
    assert again.events() == []
    answer = again.subscribe("room:a", since=since(start))
    assert [each["data"] for each in answer["publications"]] == [1]


def test_a_resumed_session_may_subscribe_without_a_position(net):
    """The answer to its first subscribe may have been lost with the transport."""
    alice = net.connect()
    alice.subscribe("room:a")
    again = net.connect(resume=alice.resume)
    assert again.subscribe("room:a")["recovered"] is False


def test_channels_that_are_not_claimed_after_a_resume_are_left(net):
    alice, bob = net.connect(), net.connect()
    bob.subscribe("room:a")
    alice.subscribe("room:a")
    alice.subscribe("room:b")
    again = net.connect(resume=alice.resume)
    again.subscribe("room:b")
    net.run(9)
    assert bob.events("leave") == []
    net.run(2)
    assert len(bob.events("leave")) == 1
    assert [*net.app.hub.sessions[alice.session].subscriptions] == ["room:b"]


@pytest.mark.parametrize("secret", ["", "x", "{id}", "{id}.", "{id}.guess", "nobody.{secret}", "é.ü"])
def test_a_wrong_secret_opens_a_new_session(net, secret):
    alice = net.connect()
    shown = secret.format(id=alice.session, secret=alice.resume.partition(".")[2])
    assert not net.connect(resume=shown).resumed
    assert alice.closed is None


def test_a_session_is_resumed_by_its_own_user_alone():
    app = make()
    app.on_connect(lambda connecting: connecting.token)
    with Net(app) as net:
        alice = net.connect(token="alice")
        assert not net.connect(token="mallory", resume=alice.resume).resumed
        assert alice.closed is None
        assert net.connect(resume=alice.resume).resumed  # without a token the secret is the proof
        assert net.connect(token="alice", resume=alice.resume).resumed


def test_linger_is_a_setting():
    with Net(make(linger=1)) as net:
        net.connect().drop()
        net.run(0.9)
        assert len(net.app.hub.sessions) == 1
        net.run(0.2)
        assert net.app.hub.sessions == {}


def test_the_connect_deadline_is_a_setting():
    with Net(make(connect_deadline=2)) as net:
        client = net.client()
        net.run(2.1)
        assert client.closed is not None


def test_nothing_is_left_of_sessions_that_ended(net):
    hub = net.app.hub
    for _ in range(5):
        client = net.connect()
        client.subscribe("room:a")
        client.drop()
    net.client().drop()
    net.run(11)
    assert (hub.sessions, hub.channels, hub.attachments) == ({}, {}, {})
    assert len(hub._lingering._due) == len(hub.unconnected._due) == len(hub._unclaimed._due) == 0
    assert hub.places._held == {}
    assert hub.broker._places._channels == {}


def test_closing_tells_every_client(net):
    clients = [net.connect(), net.client()]
    net.app.hub.close()
    assert [client.closed[0] for client in clients] == [1001, 1001]


def test_a_lost_log_is_told_and_recovery_is_refused(net):
    alice = net.connect()
    start = alice.subscribe("room:a")
    net.app.hub.broker.forget("room:a")
    (moved,) = alice.events("moved")
    assert moved["epoch"] != start["epoch"]
    alice.publish("room:a", 1)
    assert alice.events("publication") == []
    answer = alice.subscribe("room:a", since=since(start), rewind=5)
    assert (answer["recovered"], answer["epoch"], answer["offset"]) == (False, moved["epoch"], 1)


# A broker that is far away, or gone.


class Far:
    """An application whose broker answers after `delay` seconds."""

    def __init__(self, **settings):
        self.delay = 1.0
        self.app = Everywire(settings=Settings(**settings), broker=self._broker)
        self.app.channel("room:{name}", history=50, presence=True)

    def _broker(self, world, metrics):
        self.memory = MemoryBroker(world.now, world.new_id, metrics=metrics)
        self.slow = SlowBroker(self.memory, world, lambda: self.delay)
        return self.slow


@pytest.fixture
def far():
    far = Far(max_held=10, linger=2)
    with Net(far.app) as far.net:
        yield far


def test_what_is_published_while_history_is_read_arrives_once_and_in_order(far):
    client = far.net.connect()
    asked = client.send("subscribe", channel="room:a")
    for number in range(8):
        far.app.publish("room:a", number)
        far.net.run(0.9)
    far.net.run(5)
    answer = client.answer(asked)
    heard = [each["offset"] for each in answer["publications"] + client.events("publication")]
    assert heard == [*range(answer["offset"] + 1, 9)]
    assert 0 < answer["offset"] < 8


def test_too_much_while_history_is_read_is_an_honest_no(far):
    client = far.net.connect()
    asked = client.send("subscribe", channel="room:a")
    far.net.run(2.5)
    for number in range(20):
        far.app.publish("room:a", number)
    far.net.run(9)
    with pytest.raises(Refusal, match="108") as caught:
        client.answer(asked)
    assert caught.value.temporary
    assert far.app.hub.channels == {}


def test_a_subscriber_who_leaves_meanwhile_leaves_no_trace(far):
    dice = random.Random(5)
    far.delay = 0.3
    for _ in range(40):
        client = far.net.connect()
        client.send("subscribe", channel="room:a")
        far.net.run(dice.uniform(0, 2))
        client.drop(dice.choice((1000, 1006)))
        far.net.run(dice.uniform(0, 3))
    far.net.run(20)
    assert (far.app.hub.sessions, far.app.hub.channels) == ({}, {})
    assert (far.app.hub.places._held, far.memory._places._channels) == ({}, {})


def test_a_session_that_comes_back_meanwhile_is_subscribed_once(far):
    client = far.net.connect()
    client.send("subscribe", channel="room:a")
    far.net.run(1.5)
    again = far.net.connect(resume=client.resume)
    asked = again.send("subscribe", channel="room:a")
    far.net.run(9)
    assert again.answer(asked)["type"] == "subscribed"
    far.app.publish("room:a", 1)
    far.net.run(3)
    assert len(again.events("publication")) == 1


def test_a_broker_that_is_gone_is_a_temporary_no(far, caplog):
    client = far.net.connect()
    far.delay, far.slow.broken = 0.0, True
    for kind, fields in (("subscribe", {}), ("publish", {"data": 1}), ("history", {}), ("presence", {})):
        asked = client.send(kind, channel="room:a", **fields)
        far.net.run(1)
        with pytest.raises(Refusal, match="100 internal error") as caught:
            client.answer(asked)
        assert caught.value.temporary
    assert far.app.hub.channels == {}
    far.slow.broken = False
    asked = client.send("subscribe", channel="room:a")
    far.net.run(1)
    assert client.answer(asked)["type"] == "subscribed"
