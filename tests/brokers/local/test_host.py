"""The host: who hears what, who is dropped, and what a client leaves behind."""

import pytest
from tests.brokers.local.test_client import Cluster
from tests.contracts.broker import ANN, BEN, KEEP, draft

from everywire.brokers.base import Gap, Seat
from everywire.brokers.local import Host, wire
from everywire.brokers.local.host import Bounds
from everywire.errors import Refused
from everywire.messages import Joined, Left
from everywire.testing import VirtualLoop


@pytest.fixture
def cluster():
    with VirtualLoop() as loop:
        yield Cluster(loop)
        loop.run(0.01)


class Stub:
    """A link that keeps what is written to it."""

    def __init__(self):
        self.queued = 0
        self.written = b""
        self.closed = False

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True


def joined(cluster):
    peer, link = cluster.host.join(), Stub()
    peer.opened(link)
    return peer, link


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x01\xc1",
        b"\x00\x00\x00\x02\xdd\x00",
        wire.frame([wire.item(1, 99, [])]),
        wire.frame([wire.item(1, -1, [])]),
        wire.frame([wire.item(0, 99)]),
        wire.frame([wire.item(1, 0, "no arguments")]),
        wire.frame([wire.item(0, wire.Kind.HELLO, 5)]),
        wire.frame([wire.item(1, next(call.number for call in wire.CALLS if call.name == "publish"), ["c", 1, None])]),
    ],
)
def test_who_talks_nonsense_is_dropped_alone(cluster, nonsense):
    ann = cluster.listening()
    peer, link = joined(cluster)
    peer.received(nonsense)
    peer.received(nonsense)
    assert link.closed
    assert cluster.host.links == 1
    assert cluster.run(ann.publish("c", draft(1), KEEP)).position.offset == 1


def test_what_the_broker_refuses_is_refused_there(cluster):
    ann = cluster.listening()

    async def refuse(*_):
        raise Refused("the disk is full", 100, temporary=True)

    cluster.memory.publish = refuse
    with pytest.raises(Refused, match="the disk is full") as refused:
        cluster.run(ann.publish("c", draft(1), KEEP))
    assert (refused.value.code, refused.value.temporary) == (100, True)


def test_what_fails_at_the_broker_fails_there_without_details(cluster, caplog):
    ann = cluster.listening()

    async def fail(*_):
        raise OSError("a secret")

    cluster.memory.publish = fail
    with pytest.raises(ConnectionError, match="OSError") as failed:
        cluster.run(ann.publish("c", draft(1), KEEP))
    assert "secret" not in str(failed.value)
    assert "secret" in caplog.text


def test_a_client_that_takes_nothing_is_dropped_and_the_others_are_not(cluster):
    cluster.host.bounds = Bounds(queue=1000)
    slow, ann, ben = (cluster.listening(name) for name in ("slow", "a", "b"))
    for client in (slow, ben):
        cluster.run(client.watch("c"))
    cluster.lines.made[0].stuck = True
    for number in range(100):
        cluster.run(ann.publish("c", draft(number), KEEP))
    cluster.loop.run(0.02)
    assert cluster.lines.made[0].over
    assert len(ben.news) == 100
    cluster.loop.run(1)
    assert Gap() in slow.news


def test_a_silent_client_is_dropped(cluster):
    peer, link = joined(cluster)
    cluster.loop.run(6.1)
    assert link.closed
    assert cluster.host.links == 0
    peer.received(b"\xff\xff\xff\xff")


def test_a_channel_that_nobody_watches_is_not_watched_at_the_broker(cluster):
    ann, ben = cluster.listening("a"), cluster.listening("b")
    unwatched = []
    unwatch = cluster.memory.unwatch
    cluster.memory.unwatch = lambda channel: unwatched.append(channel) or unwatch(channel)
    for client in (ann, ben):
        cluster.run(client.watch("c"))
    cluster.run(ann.unwatch("c"))
    assert unwatched == []
    cluster.run(ben.close())
    cluster.loop.run(0.1)
    assert unwatched == ["c"]


def test_the_places_of_a_client_that_is_gone_end_with_its_lease(cluster):
    ann, ben = cluster.listening("a"), cluster.listening("b")
    cluster.run(ben.watch("c"))
    cluster.run(ann.enter("c", Seat(ANN, "n1"), 3))
    cluster.run(ben.enter("c", Seat(BEN, "n2"), 30))
    cluster.lines.reachable = False
    cluster.lines.made[0].cut()
    cluster.loop.run(2.5)
    assert cluster.run(ben.members("c")) == (ANN, BEN)
    cluster.loop.run(1)
    assert cluster.run(ben.members("c")) == (BEN,)
    assert ben.news == [Joined("c", ANN), Joined("c", BEN), Left("c", ANN)]


def test_a_client_that_comes_back_has_its_term_still(cluster):
    ann, ben = cluster.listening("a"), cluster.listening("b")
    term = cluster.run(ann.enter("c", Seat(ANN, "n1"), 30))
    cluster.lines.made[0].cut()
    cluster.loop.run(10)
    assert cluster.run(ann.renew("n1", 30)) == term
    assert cluster.run(ben.members("c")) == (ANN,)


def test_closing_drops_everybody(cluster):
    cluster.listening()
    cluster.host.close()
    assert isinstance(cluster.host, Host)
    assert cluster.host.links == 0


def test_who_watches_a_channel_and_a_pattern_that_matches_it_is_told_once(cluster):
    ann, ben = cluster.listening("a"), cluster.listening("b")
    for pattern in ("c:*", "c:1"):
        cluster.run(ann.watch(pattern))
    cluster.run(ben.watch("c:>"))
    cluster.run(ben.publish("c:1", draft(1), KEEP))
    cluster.run(ben.publish("c:2", draft(2), KEEP))
    cluster.loop.run(0.01)
    assert [news.channel for news in ann.news] == [news.channel for news in ben.news] == ["c:1", "c:2"]
    cluster.run(ann.unwatch("c:*"))
    cluster.run(ben.publish("c:2", draft(3), KEEP))
    assert len(ann.news) == 2


def test_what_comes_late_over_a_link_that_was_given_up_is_not_carried_out(cluster):
    (early, given_up), (late, _) = joined(cluster), joined(cluster)
    early.received(wire.frame([wire.item(0, wire.Kind.HELLO, "w")]))
    late.received(wire.frame([wire.item(0, wire.Kind.HELLO, "w")]))
    enter, leave = (call for name in ("enter", "exit") for call in wire.CALLS if call.name == name)
    late.received(wire.frame([enter.question(1, ("c", Seat(ANN, "w"), 3.0))]))
    early.received(wire.frame([leave.question(1, ("c", ANN.session, "w"))]))
    assert given_up.closed
    assert cluster.memory._places.members("c") == (ANN,)
