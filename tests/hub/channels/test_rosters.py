"""Who is there is told anew after comings and goings may have been lost."""

import pytest

from everywire.app import Everywire
from everywire.brokers.base import Gap
from everywire.messages import Joined, Left
from everywire.testing import Net


@pytest.fixture
def net():
    app = Everywire()
    app.channel("room:{name}", presence=True)
    app.channel("quiet")
    with Net(app) as net:
        yield net


class Deaf:
    """Loses the news of who comes and goes on their way to the hub."""

    def __init__(self, net):
        self.hub, self.lost, self.failing = net.app.hub, True, 0
        self.inner = self.hub.broker
        self.inner.listen(self.hear)
        self.hub.rosters._broker = self

    def hear(self, news):
        if not (self.lost and isinstance(news, Joined | Left)):
            self.hub.delivering.take(news)

    async def members(self, channel):
        if self.failing:
            self.failing -= 1
            raise ConnectionError("the broker is away")
        return await self.inner.members(channel)


def sessions(event):
    return {member["session"] for member in event["members"]}


def test_members_are_told_anew_after_a_gap(net):
    alice = net.connect()
    alice.subscribe("room:a")
    net.connect().subscribe("quiet")
    deaf = Deaf(net)
    bob = net.connect()
    bob.subscribe("room:a")
    assert alice.events() == []
    deaf.hear(Gap())
    net.run(0.1)
    for client in (alice, bob):
        (told,) = client.events("presence")
        assert "id" not in told
        assert (sessions(told), told["sessions"]) == ({alice.session, bob.session}, 2)


def test_a_broker_that_is_away_is_asked_again(net, caplog):
    alice = net.connect()
    alice.subscribe("room:a")
    deaf = Deaf(net)
    deaf.failing = 2
    deaf.hear(Gap())
    net.run(0.1)
    assert alice.events("presence") == []
    net.run(1)
    assert len(alice.events("presence")) == 1


def test_who_is_held_is_told_its_own_which_is_newer(net):
    alice = net.connect()
    alice.subscribe("room:a")
    channel = net.app.hub.channels["room:a"]
    (subscription,) = channel.subscriptions.values()
    channel.hold(subscription, subscription.attachment or net.app.hub.sessions[alice.session].attachment)
    net.app.hub.delivering.take(Gap())
    net.run(0.1)
    assert subscription.pending == []
    assert alice.events() == []


def test_two_gaps_at_once_are_one_round_and_one_more(net):
    alice = net.connect()
    alice.subscribe("room:a")
    for _ in range(5):
        net.app.hub.delivering.take(Gap())
    net.run(0.1)
    assert 1 <= len(alice.events("presence")) <= 5


def test_a_list_that_is_older_than_what_was_told_is_read_again(net):
    alice, bob = net.connect(), net.connect()
    alice.subscribe("room:a")
    deaf = Deaf(net)
    deaf.lost = False
    read, waits = deaf.inner.members, net.app.hub.world.promise()

    async def slow(channel):
        members = await read(channel)
        if not waits.done():
            await waits
        return members

    deaf.members = slow
    deaf.hear(Gap())
    net.run(0.1)
    bob.subscribe("room:a")
    waits.set_result(None)
    net.run(0.1)
    assert [event["type"] for event in alice.events()] == ["join", "presence"]
    (told,) = bob.events("presence")
    assert sessions(told) == {alice.session, bob.session}
