"""What the broker keeps of sessions: written soon, once, and no more of it than is needed."""

import msgspec
import pytest

from everywire.app import Everywire
from everywire.hub.access.identity import Identity
from everywire.hub.continuity.records import Record
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net, SharedBroker


class Counting:
    """A view that counts what is put."""

    def __init__(self, shared):
        self.shared, self.puts = shared, []

    def view(self, world, metrics):
        view = self.shared.view(world, metrics)
        put = view.put

        async def counted(name, record, ttl):
            self.puts.append((name, ttl))
            await put(name, record, ttl)

        view.put = counted
        return view


def make(broker=None, **settings):
    app = Everywire(broker=broker, settings=Settings(heartbeat=Heartbeat(1e6, 10), **settings))
    app.channel("room:{name}", history=5, presence=True)
    app.on_connect(lambda connecting: Identity(connecting.token, info={"nick": "A"}))
    return app


@pytest.fixture
def counting():
    return Counting(SharedBroker())


def record(net, session):
    return net.loop.run_until_complete(net.app.hub.records.find(session))


def test_several_changes_are_written_once(counting):
    with Net(make(counting.view)) as net:
        ann = net.connect(token="ann")
        for number in range(5):
            ann.subscribe(f"room:{number}")
        net.run(0.1)
        assert counting.puts == [(f"session:{ann.session}", 4500.0)]
        kept = record(net, ann.session)
        assert kept.identity == Identity("ann", info={"nick": "A"})
        assert (kept.node, kept.over, len(kept.channels)) == (net.app.hub.node, False, 5)
        ann.ask("unsubscribe", channel="room:0")
        net.run(0.1)
        assert len(record(net, ann.session).channels) == 4


def test_a_session_that_lives_is_written_again_before_its_record_ends(counting):
    with Net(make(counting.view, resume_ttl=100)) as net:
        ann = net.connect(token="ann")
        net.run(1000)
        assert 35 <= len(counting.puts) <= 45
        assert record(net, ann.session) is not None


def test_nobody_writes_for_nobody(counting):
    with Net(make(counting.view, resume_ttl=100, linger=1)) as net:
        net.connect(token="ann").drop(1000)
        net.run(200)
        assert counting.puts == []
        assert net.app.hub.records._refreshing is None


def test_many_sessions_are_written_some_at_a_time(counting):
    with Net(make(counting.view)) as net:
        for number in range(600):
            net.connect(token=f"user {number}")
        net.run(0.06)
        assert len(counting.puts) == 250
        net.run(0.15)
        assert len(counting.puts) == 600


def test_what_ended_is_not_written(counting):
    with Net(make(counting.view)) as net:
        ann = net.connect(token="ann")
        ann.drop(1000)
        net.run(1)
        assert counting.puts == []
        assert record(net, ann.session) is None


def test_a_hub_alone_writes_only_what_it_forgets():
    with Net(make(linger=1)) as net:
        records = net.app.hub.broker._records
        ann = net.connect(token="ann")
        ann.subscribe("room:1")
        net.run(60)
        assert len(records) == 0
        ann.drop()
        net.run(2)
        assert len(records) == 1
        assert record(net, ann.session).over
        assert net.connect(resume=ann.resume).session == ann.session


def test_a_broker_that_is_away_is_told_later(counting, caplog):
    with Net(make(counting.view)) as net:
        ann = net.connect(token="ann")
        counting.shared.views[0].cut()
        net.run(5)
        assert 3 <= len(counting.puts) <= 6
        counting.shared.views[0].heal()
        net.run(2)
        assert record(net, ann.session) is not None


def over_without_a_broker(net, counting, **fields):
    """A client whose linger ends while the broker is out of reach."""
    ann = net.connect(token="ann", **fields)
    net.run(1)
    counting.shared.views[0].cut()
    ann.drop()
    net.run(12)
    assert net.app.hub.sessions == {}
    return ann


@pytest.mark.parametrize("away", [0, 40])
def test_that_a_session_is_over_is_written_when_the_broker_is_back(counting, caplog, away):
    with Net(make(counting.view)) as net:
        ann = over_without_a_broker(net, counting)
        net.run(away)
        counting.shared.views[0].heal()
        net.run(60)
        assert record(net, ann.session).over
        assert net.app.hub.records._over_yet == {}
        assert "cannot be brought back yet" in caplog.text
        puts = len(counting.puts)
        net.run(300)
        assert len(counting.puts) == puts


def test_that_a_session_is_over_is_not_written_once_it_is_back(counting, caplog):
    with Net(make(counting.view)) as net:
        ann = over_without_a_broker(net, counting)
        counting.shared.views[0].heal()
        again = net.connect(resume=ann.resume)
        assert again.session == ann.session
        net.run(120)
        assert not record(net, ann.session).over
        again.drop(1000)
        net.run(120)
        assert record(net, ann.session) is None


def test_it_is_not_tried_for_ever_that_a_session_is_over(counting, caplog):
    with Net(make(counting.view)) as net:
        over_without_a_broker(net, counting)
        net.run(600)
        assert net.app.hub.records._over_yet == {}


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x90", msgspec.msgpack.encode(["n", {"user": 7}])])
def test_a_record_that_nobody_understands_is_none(counting, data, caplog):
    with Net(make(counting.view)) as net:
        ann = net.connect(token="ann")
        ann.drop(1000)
        net.loop.run_until_complete(net.app.hub.broker.put(f"session:{ann.session}", data, 100))
        assert record(net, ann.session) is None
        assert not net.connect(token="ann", resume=ann.resume).resumed


def test_a_record_of_a_later_release_is_read():
    later = msgspec.msgpack.encode(
        ["n", {"user": "ann", "new": 1}, None, ["a"], [], False, 7, "", None, None, None, True, "more"]
    )
    assert msgspec.msgpack.decode(later, type=Record) == Record("n", Identity("ann"), None, ("a",), since=7)


class Slow(Counting):
    """A view whose reading waits until `gate` is kept."""

    def view(self, world, metrics):
        view, self.gate = super().view(world, metrics), world.promise()
        read = view.read

        async def waiting(*asked):
            await self.gate
            return await read(*asked)

        view.read = waiting
        return view


@pytest.mark.parametrize(("told_after", "puts"), [(0.5, 1), (1.5, 2)])
def test_a_session_that_is_being_told_what_it_missed_is_written_after_that_but_not_too_late(told_after, puts):
    slow = Slow(SharedBroker())
    with Net(make(slow.view)) as net:
        ann = net.connect(token="ann")
        ann.send("subscribe", channel="room:1")
        net.run(told_after)
        assert len(slow.puts) == puts - 1
        slow.gate.set_result(None)
        net.run(0.1)
        assert len(slow.puts) == puts
        assert record(net, ann.session).channels == ("room:1",)
