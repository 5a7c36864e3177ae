"""The local broker's client: the contract over a line in memory, and what becomes of it when the line is lost."""

import asyncio
import contextlib
from itertools import count

import pytest
from tests.brokers.local.lines import Lines
from tests.contracts.broker import KEEP, BrokerContract, draft
from tests.contracts.keyed import KeyedContract
from tests.contracts.presence import PresenceContract
from tests.contracts.queues import QueueContract

from everywire.brokers.base import Gap, Note, Query
from everywire.brokers.local import Host, LocalBroker
from everywire.brokers.local.client import LinkLost, Patience
from everywire.brokers.local.wire import frame, item, news_item
from everywire.brokers.memory import MemoryBroker
from everywire.messages import Publication, Raw
from everywire.metrics import Metrics
from everywire.testing import VirtualLoop, virtual_world


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run(0.01)


class Cluster:
    """A host, the lines to it, and as many clients as are asked for."""

    def __init__(self, loop, **lines):
        self.loop = loop
        self.world = virtual_world(loop)
        self.begin()
        self.lines = Lines(loop, lambda: self.host.join(), **lines)

    def begin(self):
        """Make a new host with nothing in it, as after the authority died."""
        epochs = count()
        self.memory = MemoryBroker(self.loop.time, lambda: f"e{next(epochs)}", later=self.loop.call_later)
        self.host = Host(self.memory, self.world)

    def client(self, name="w", patience=None):
        client = LocalBroker(self.lines.connect, self.loop, name, patience)
        client.news = []
        return client

    def listening(self, name="w", patience=None):
        client = self.client(name, patience)
        client.listen(client.news.append)
        self.loop.run(0.1)
        return client

    def run(self, work):
        return self.loop.run_until_complete(work)

    def begun(self, work):
        return self.loop.create_task(work)


@pytest.fixture
def cluster(loop):
    return Cluster(loop)


class TestLocalBroker(BrokerContract, KeyedContract, PresenceContract, QueueContract):
    pieces = False

    @pytest.fixture(autouse=True)
    def _loop(self, loop):
        self.loop = loop
        self.cluster = Cluster(loop, pieces=self.pieces)

    def make(self):
        return self.cluster.client()

    def wait(self, seconds):
        self.loop.run(seconds)


class TestLocalBrokerInPieces(TestLocalBroker):
    """The contract holds however the bytes are cut."""

    pieces = True


def test_what_one_client_publishes_another_hears_and_news_come_before_the_later_answer(cluster):
    ann, ben = cluster.listening("a"), cluster.listening("b")
    cluster.run(ben.watch("c"))
    cluster.run(ann.publish("c", draft(1), KEEP))
    assert len(cluster.run(ben.read("c", Query(), KEEP)).publications) == 1
    assert [each.position.offset for each in ben.news] == [1]
    assert ann.news == []


def test_what_is_said_in_one_turn_goes_out_in_one_write(cluster):
    ann, ben = cluster.listening("a"), cluster.listening("b")
    cluster.run(ben.watch("c"))
    line_a, line_b = cluster.lines.made
    written = len(line_a.near.written), len(line_b.far.written)

    async def all_at_once():
        await asyncio.gather(*[ann.publish("c", draft(n), KEEP) for n in range(50)])

    cluster.run(all_at_once())
    cluster.loop.run(0.01)
    assert (len(line_a.near.written), len(line_b.far.written)) == (written[0] + 1, written[1] + 1)
    assert [each.position.offset for each in ben.news] == list(range(1, 51))


def test_a_note_reaches_every_client_and_its_writer_learns_how_many(cluster):
    clients = [cluster.listening(name) for name in "abc"]
    told = cluster.run(clients[0].tell(b"x"))
    cluster.loop.run(0.01)
    assert (told, [client.news for client in clients]) == (3, [[Note(b"x")]] * 3)


def test_the_same_read_is_asked_once(cluster):
    ann = cluster.listening()
    cluster.run(ann.publish("c", draft(1), KEEP))
    asked = []
    read = cluster.memory.read
    cluster.memory.read = lambda *values: asked.append(values) or read(*values)

    async def many():
        return await asyncio.gather(*[ann.read("c", Query(limit=10), KEEP) for _ in range(1000)])

    stretches = cluster.run(many())
    assert len(asked) == 1
    assert {each.position.offset for each in stretches} == {1}
    cluster.run(ann.read("c", Query(limit=10), KEEP))
    assert len(asked) == 2


def test_an_answer_that_has_come_is_not_for_who_asks_after_it(cluster):
    """Whoever asked for it does not know of it yet, but news that came behind it are told already."""
    ann = cluster.listening()
    asked = []
    read = cluster.memory.read
    cluster.memory.read = lambda *values: asked.append(values) or read(*values)
    first = cluster.begun(ann.read("c", Query(limit=10), KEEP))
    take = ann.received

    def received(data):
        take(data)
        ann.received = take
        later.append(virtual_world(cluster.loop).start(ann.read("c", Query(limit=10), KEEP)))

    later = []
    cluster.lines.last.near.receiver = ann
    ann.received = received
    cluster.loop.run(0.1)
    assert first.done()
    assert later[0].done()
    assert len(asked) == 2


def test_who_gives_a_read_up_does_not_take_it_from_the_others(cluster):
    ann = cluster.listening()
    first, second = (cluster.begun(ann.read("c", Query(), KEEP)) for _ in range(2))
    cluster.loop.run(0.0001)
    first.cancel()
    assert cluster.run(second).position.offset == 0


def test_watching_what_is_watched_asks_nobody(cluster):
    ann = cluster.listening()
    cluster.run(ann.watch("c"))
    written = len(cluster.lines.last.near.written)
    cluster.run(ann.watch("c"))
    cluster.loop.run(0.01)
    assert len(cluster.lines.last.near.written) == written


def test_a_lost_link_fails_what_was_under_way_and_is_made_anew(cluster):
    ann = cluster.listening()
    cluster.run(ann.watch("c"))
    publishing = cluster.begun(ann.publish("c", draft(1), KEEP))
    cluster.loop.run(0.0005)
    cluster.lines.last.cut()
    with pytest.raises(LinkLost):
        cluster.run(publishing)
    cluster.loop.run(0.2)
    assert ann.news == [Gap()]
    cluster.run(ann.publish("c", draft(2), KEEP))
    cluster.loop.run(0.01)
    assert len(ann.news) == 2


def test_what_happened_while_there_was_no_link_is_a_gap_after_which_everything_comes(cluster):
    ann, ben = cluster.listening("a"), cluster.listening("b")
    cluster.run(ann.watch("c"))
    cluster.lines.reachable = False
    cluster.lines.made[0].cut()
    cluster.loop.run(0.5)
    cluster.run(ben.publish("c", draft(1), KEEP))
    cluster.lines.reachable = True
    cluster.loop.run(1.5)
    assert ann.news == [Gap()]
    cluster.run(ben.publish("c", draft(2), KEEP))
    cluster.loop.run(0.01)
    assert [news.position.offset for news in ann.news[1:]] == [2]


def test_nothing_has_an_order_from_a_new_link_until_the_gap_is_told(cluster):
    ann = cluster.listening()
    cluster.run(ann.watch("c"))
    news = frame([news_item(Publication("c", Raw(b"1"), 1, None, order=7, era="e0"))])
    ann.received(news)
    cluster.lines.last.cut()
    while len(cluster.lines.made) < 2:
        cluster.loop.run(0.001)
    ann.received(news)
    cluster.loop.run(0.1)
    ann.received(news)
    assert [each if each == Gap() else (each.order, each.era) for each in ann.news] == [
        (7, "e0"),
        (0, ""),
        Gap(),
        (7, "e0"),
    ]


def test_without_a_link_questions_wait_for_one_until_their_time_is_over(cluster):
    cluster.lines.reachable = False
    ann = cluster.listening()
    early = cluster.begun(ann.publish("c", draft(1), KEEP))
    cluster.loop.run(2.5)
    assert isinstance(early.exception(), LinkLost)
    late = cluster.begun(ann.publish("c", draft(2), KEEP))
    cluster.loop.run(0.1)
    cluster.lines.reachable = True
    assert cluster.run(late).position.offset == 1  # what failed before was not said after all


def test_a_host_that_does_not_answer_is_an_error_after_two_seconds(cluster):
    ann = cluster.listening()
    cluster.lines.last.silent = True
    asked = cluster.begun(ann.publish("c", draft(1), KEEP))
    cluster.loop.run(2.3)
    assert isinstance(asked.exception(), LinkLost)


def test_a_silent_link_is_seen_within_five_seconds_and_made_anew(cluster):
    ann = cluster.listening()
    cluster.run(ann.watch("c"))
    cluster.lines.last.silent = True
    cluster.loop.run(5)
    assert len(cluster.lines.made) == 2
    assert Gap() in ann.news


def test_an_idle_link_stays(cluster):
    cluster.listening()
    cluster.loop.run(3600)
    assert len(cluster.lines.made) == 1
    assert cluster.host.links == 1


def test_pauses_between_tries_grow(cluster):
    cluster.lines.reachable = False
    cluster.listening()
    cluster.loop.run(60)
    assert 50 < cluster.lines.attempts < 80


def test_a_host_that_talks_nonsense_is_left(cluster):
    ann = cluster.listening()
    for nonsense in (b"\xff" * 100, b"\x00\x00\x00\x01\xc1", b"\x00\x00\x00\x06\xdd\x00\x00\x00\x01\x00"):
        made = len(cluster.lines.made)
        ann.received(nonsense)
        cluster.loop.run(0.3)
        assert len(cluster.lines.made) == made + 1
    assert cluster.run(ann.publish("c", draft(1), KEEP)).position.offset == 1


def test_a_host_that_lost_everything_is_another_epoch(cluster):
    ann = cluster.listening()
    before = cluster.run(ann.publish("c", draft(1), KEEP)).position
    cluster.host.close()
    cluster.begin()
    cluster.memory._new_epoch = lambda: "another"
    cluster.loop.run(0.3)
    after = cluster.run(ann.read("c", Query(before), KEEP))
    assert not after.whole
    assert after.position.epoch == "another"


def test_more_than_may_wait_is_refused(cluster):
    ann = cluster.listening(patience=Patience(waiting=1000))
    cluster.lines.last.stuck = True
    cluster.begun(ann.put("n", bytes(2000), 9))
    cluster.loop.run(0.01)
    with pytest.raises(LinkLost, match="keep up"):
        cluster.run(ann.put("n", b"", 9))


def test_closing_waits_for_what_was_asked(cluster):
    ann, ben = cluster.listening("a"), cluster.listening("b")

    async def last_words():
        said = asyncio.ensure_future(ann.put("n", b"x", 9))
        await asyncio.sleep(0)
        await ann.close()
        await said

    cluster.run(last_words())
    assert cluster.run(ben.get("n")) == b"x"
    with contextlib.suppress(LinkLost):
        cluster.run(ann.put("n", b"y", 9))
    assert cluster.run(ben.get("n")) == b"x"


@pytest.mark.parametrize("outcome", [0, 1, 7])
def test_an_answer_that_cannot_be_read_ends_its_question_and_the_link(cluster, outcome):
    ann = cluster.listening("a")
    line = cluster.lines.last
    line.stuck = True
    asked = cluster.begun(ann.read("c", Query(), KEEP))
    cluster.loop.run(0.01)
    (number,) = ann._asked
    line.near.receiver.received(frame([item(number, outcome, "nothing that anybody asked for")]))
    cluster.loop.run(0.01)
    assert isinstance(asked.exception(), LinkLost)
    assert line.over


def test_links_are_counted(loop):
    cluster = Cluster(loop)
    metrics = Metrics()
    client = LocalBroker(cluster.lines.connect, loop, "w", metrics=metrics)
    client.listen(lambda news: None)
    loop.run(0.1)
    assert (client.linked, metrics.broker_links) == (True, 1)
    cluster.lines.last.cut()
    loop.run(0)
    assert not client.linked
    loop.run(5)
    assert (client.linked, metrics.broker_links) == (True, 2)
    loop.run_until_complete(client.close())
