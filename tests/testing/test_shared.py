"""Several hubs on one broker in memory."""

from itertools import count

import pytest
from tests.contracts.broker import BrokerContract
from tests.contracts.keyed import KeyedContract
from tests.contracts.presence import PresenceContract
from tests.contracts.queues import QueueContract

from everywire.app import Everywire
from everywire.brokers.base import Gap
from everywire.brokers.memory import MemoryBroker
from everywire.metrics import Metrics
from everywire.testing import Net, SharedBroker, VirtualLoop, virtual_world


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


class TestView(BrokerContract, KeyedContract, PresenceContract, QueueContract):
    """A view is a broker."""

    @pytest.fixture(autouse=True)
    def _loop(self, loop):
        self.loop = loop

    def make(self):
        epochs = count()
        shared = SharedBroker(MemoryBroker(self.loop.time, lambda: f"e{next(epochs)}", later=self.loop.call_later))
        return shared.view(virtual_world(self.loop), Metrics())

    def wait(self, seconds):
        self.loop.run(seconds)


def app(shared):
    made = Everywire(broker=shared.view)
    made.channel("room:{name}", history=5, presence=True)
    return made


def test_what_is_published_at_one_node_is_told_at_the_other(loop):
    shared = SharedBroker()
    with Net(app(shared), 1, loop=loop) as one, Net(app(shared), 2, loop=loop) as two:
        ann, ben = one.connect(), two.connect()
        ann.subscribe("room:1")
        ben.subscribe("room:1")
        ann.publish("room:1", "hello")
        assert [event["data"] for event in ben.events("publication")] == ["hello"]
        assert len(ben.ask("presence", channel="room:1")["members"]) == 2
        ann.ask("unsubscribe", channel="room:1")
        ben.publish("room:1", "still here")
        assert [event["data"] for event in ben.events("publication")] == ["still here"]


def test_a_node_that_stops_leaves_the_others_alone(loop):
    shared = SharedBroker()
    with Net(app(shared), 1, loop=loop) as one:
        ann = one.connect()
        ann.subscribe("room:1")
        with Net(app(shared), 2, loop=loop) as two:
            two.connect().subscribe("room:1")
        ann.publish("room:1", 1)
        assert len(ann.events("publication")) == 1
    assert shared.views == []


def test_a_cut_view_fails_and_hears_nothing_and_is_told_when_it_heals(loop):
    shared = SharedBroker()
    views = [shared.view(virtual_world(loop), Metrics()) for _ in range(2)]
    news = []
    views[1].listen(news.append)
    views[1].cut()
    loop.run_until_complete(views[0].tell(b"x"))
    with pytest.raises(ConnectionError):
        loop.run_until_complete(views[1].tell(b"x"))
    assert news == []
    views[1].heal()
    assert news == [Gap()]


def test_a_note_is_told_to_all_but_those_who_are_cut(loop):
    shared = SharedBroker()
    with Net(app(shared), 1, loop=loop) as one, Net(app(shared), 2, loop=loop):
        tell = one.app.hub.broker.tell
        assert loop.run_until_complete(tell(b"x")) == 2
        shared.views[1].cut()
        assert loop.run_until_complete(tell(b"x")) == 1


def test_there_is_no_broker_before_the_first_view():
    with pytest.raises(ValueError, match="no node"):
        _ = SharedBroker().inner


def test_a_forgotten_view_leaves_what_it_held(loop):
    shared = SharedBroker()
    views = [shared.view(virtual_world(loop), Metrics()) for _ in range(2)]
    news = []
    views[1].listen(news.append)
    loop.run_until_complete(views[1].put("name", b"record", 100))
    shared.forget(views[1])
    loop.run_until_complete(views[0].tell(b"x"))
    assert news == []
    assert loop.run_until_complete(views[0].get("name")) == b"record"
