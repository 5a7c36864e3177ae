"""What news lose is repaired, or told."""

import pytest

from everywire.app import Everywire
from everywire.brokers.base import Gap
from everywire.brokers.memory import MemoryBroker
from everywire.hub.settings import Settings
from everywire.messages import Moved, Publication
from everywire.testing import Net


class Losing(MemoryBroker):
    """Loses the news whose offset is in `lost`, and says those in `twice` twice."""

    def listen(self, deliver):
        self.lost, self.twice, self.asked = set(), set(), 0

        def hand_on(news):
            offset = news.position.offset if isinstance(news, Publication) and news.position else None
            if offset not in self.lost and not (isinstance(news, Moved) and "moved" in self.lost):
                deliver(news)
            if offset in self.twice:
                deliver(news)

        super().listen(hand_on)

    async def ends(self, channels):
        self.asked += 1
        if "ends" in self.lost:
            raise ConnectionError("the broker is gone")
        return await super().ends(channels)

    async def read(self, channel, query, retention):
        if "reads" in self.lost:
            raise ConnectionError("the broker is gone")
        return await super().read(channel, query, retention)


@pytest.fixture
def net():
    app = Everywire(
        settings=Settings(max_page=2, max_held=3),
        broker=lambda world, metrics: Losing(world.now, world.new_id, later=world.later, alone=False, metrics=metrics),
    )
    app.channel("room", history=20)
    app.channel("short", history=2)
    with Net(app) as net:
        yield net


@pytest.fixture
def broker(net):
    return net.app.hub.broker


def heard(client):
    return [event.get("offset", event["type"]) for event in client.events() if event["type"] != "published"]


def listener(net, channel="room"):
    client = net.connect()
    client.subscribe(channel)
    return client


def publish(net, count, channel="room"):
    for number in range(count):
        net.app.publish(channel, number)


def test_a_hole_is_filled_before_what_follows_is_told(net, broker):
    client = listener(net)
    broker.lost = {2, 3, 4}
    publish(net, 6)
    assert heard(client) == [1, 2, 3, 4, 5, 6]
    assert net.app.metrics.repairs == 1


def test_what_comes_twice_is_told_once(net, broker):
    client = listener(net)
    broker.twice = {1, 3}
    publish(net, 3)
    assert heard(client) == [1, 2, 3]


def test_the_loss_of_the_last_is_noticed_at_the_second_look(net, broker):
    client = listener(net)
    broker.lost = {2, 3}
    publish(net, 3)
    net.run(5.1)
    assert heard(client) == [1]
    net.run(5)
    assert heard(client) == [2, 3]


def test_after_a_gap_one_look_is_enough(net, broker):
    client = listener(net)
    broker.lost = {1}
    publish(net, 1)
    net.app.hub.delivering.take(Gap())
    net.run()
    assert heard(client) == [1]


def test_what_the_log_has_lost_too_is_told(net, broker):
    client = listener(net, "short")
    broker.lost = {2}
    publish(net, 6, "short")
    assert heard(client) == [1, 2, 3, 4, 5, 6]
    broker.lost = {7, 8, 9, 10}
    publish(net, 5, "short")
    events = client.events()
    assert [event["type"] for event in events] == ["moved"]
    answer = client.subscribe("short", since={"epoch": events[0]["epoch"], "offset": 6})
    assert not answer["recovered"]
    publish(net, 1, "short")
    assert heard(client) == [12]
    assert net.app.metrics.losses == 1


def test_a_lost_log_is_noticed_though_nothing_said_so(net, broker):
    client = listener(net)
    broker.lost = {"moved"}
    publish(net, 2)
    broker.forget("room")
    net.run(10.1)
    assert heard(client) == [1, 2, "moved"]


def test_news_of_another_life_of_the_log_tell_of_the_loss(net, broker):
    client, first = listener(net), net.app.publish("room", 0).result().position
    broker.lost = {"moved"}
    broker.forget("room")
    publish(net, 1)
    told = client.events()
    assert [event["type"] for event in told] == ["publication", "moved"]
    assert told[1]["epoch"] != first.epoch
    answer = client.subscribe("room", since={"epoch": told[1]["epoch"], "offset": 0})
    assert answer["recovered"]
    assert len(answer["publications"]) == 1


def test_nothing_is_told_before_a_broker_that_is_away_is_back(net, broker):
    client = listener(net)
    broker.lost = {1, 2, "reads"}
    publish(net, 5)
    net.run(5)
    publish(net, 2)
    assert heard(client) == []
    broker.lost = set()
    net.run(1)
    assert heard(client) == [1, 2, 3, 4, 5, 6, 7]


def test_a_broker_that_cannot_say_where_logs_end_is_asked_again(net, broker):
    client = listener(net)
    broker.lost = {1, "ends"}
    publish(net, 1)
    net.run(11)
    assert heard(client) == []
    broker.lost = set()
    net.run(11)
    assert heard(client) == [1]


def test_who_subscribes_while_a_hole_is_being_read_hears_nothing_twice(net, broker):
    first = listener(net)
    broker.lost = {1, "reads"}
    publish(net, 3)
    broker.lost = {4}
    late = listener(net)
    publish(net, 3)
    net.run(1)
    assert heard(first) == [1, 2, 3, 4, 5, 6]
    assert heard(late) == [4, 5, 6]


def test_nobody_looks_where_nobody_listens(net, broker):
    client = listener(net)
    client.ask("unsubscribe", channel="room")
    net.run(20)
    asked = broker.asked
    net.run(20)
    assert (broker.asked, asked) == (0, 0)


def test_many_channels_are_looked_at_with_few_questions_one_after_another(net, broker):
    net.app.channel("many:{n}")
    clients = [net.connect() for _ in range(5)]
    for number in range(600):
        clients[number // 120].subscribe(f"many:{number}")
    net.run(5.1)
    assert broker.asked == 1
    net.run(4.8)  # before the next look
    assert broker.asked == 2


def test_the_questions_that_are_left_are_not_asked_after_the_end(net, broker):
    net.app.channel("many:{n}")
    clients = [net.connect() for _ in range(5)]
    for number in range(600):
        clients[number // 120].subscribe(f"many:{number}")
    net.run(5.1)
    net.loop.run_until_complete(net.app.stop())
    net.run(4.8)
    assert broker.asked == 1


def test_listeners_at_the_beginning_of_a_lost_log_are_told_before_its_first_publication(net, broker):
    client = listener(net)
    client.events()
    broker._logs.clear()
    net.app.hub.delivering.take(Gap())
    net.run(0.01)
    assert heard(client) == ["moved"]


def test_a_broker_of_the_hub_alone_loses_nothing_and_is_not_asked():
    app = Everywire(broker=lambda world, metrics: Losing(world.now, world.new_id, later=world.later, metrics=metrics))
    app.channel("room", history=20)
    with Net(app) as net:
        listener(net)
        net.run(20)
        assert net.app.hub.broker.asked == 0
