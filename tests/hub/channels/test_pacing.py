"""Delivery policies: what is told when, what is left out, and what slow readers cost."""

import sys

import pytest

from everywire.app import Everywire
from everywire.hub.channels.pacing import Pace
from everywire.hub.settings import Settings
from everywire.testing import Net, Refusal


def make(**options):
    app = Everywire(settings=Settings())
    app.channel("feed", history=50)
    app.channel("map", keyed=True, entries=4)
    app.channel("room:{name}", wildcards=True)
    app.channel("strict", policies=["latest"], min_interval=0.5)
    app.on_connect(lambda connecting: connecting.token)
    return Net(app, **options)


@pytest.fixture
def net():
    with make() as net:
        yield net


@pytest.fixture
def slow():
    """Clients of this one have room for two payloads."""
    with make(crowd=1) as net:
        yield net


def heard(client, most=None):
    """What a client was told: numbers, and how many it was not told before the next."""
    told = []
    for event in client.events(most=most):
        if event["type"] == "publication":
            told.append(event["data"])
        elif event["type"] == "passed":
            told.append(f"{event['count']} to {event['offset']}")
        elif event["type"] not in ("published", "connected", "subscribed"):
            told.append(event["type"])
    return told


def listener(net, channel="feed", token=None, **policy):
    client = net.connect(**({"token": token} if token else {}))
    ref = client.send("subscribe", channel=channel, policy=policy)
    client.answer(ref)
    return client


def publish(net, *numbers, channel="feed", **options):
    for number in numbers:
        net.app.publish(channel, number, **options)


def test_latest_tells_the_latest_once_per_interval(net):
    client = listener(net, kind="latest", interval=1000)
    publish(net, 1, 2, 3)
    assert heard(client) == [1]
    net.run(0.9)
    assert heard(client) == []
    net.run(0.2)
    assert heard(client) == ["1 to 2", 3]
    publish(net, 4)
    net.run(1)
    assert heard(client) == [4]
    net.run(5)
    publish(net, 5)
    assert heard(client) == [5]


def test_latest_tells_the_latest_of_each_entry_in_the_order_of_the_log(net):
    client = listener(net, "map", kind="latest", interval=1000)
    publish(net, 0, channel="map", entry="z")
    for number, entry in enumerate("abacb", 1):
        publish(net, number, channel="map", entry=entry)
    publish(net, None, channel="map", entry="a", remove=True)
    net.run(1.1)
    assert heard(client) == [0, "3 to 4", 4, 5, None]


def test_sample_tells_one_publication_whatever_its_entry(net):
    client = listener(net, "map", kind="sample", interval=1000)
    for number, entry in enumerate("abacb", 1):
        publish(net, number, channel="map", entry=entry)
    net.run(1.1)
    assert heard(client) == [1, "3 to 4", 5]


def test_drop_oldest_tells_everything_to_who_keeps_up(net):
    client = listener(net, kind="drop_oldest", size=2)
    publish(net, *range(10))
    assert heard(client) == [*range(10)]


def test_drop_oldest_tells_slow_readers_the_latest(slow):
    client = listener(slow, kind="drop_oldest", size=3)
    publish(slow, *range(1, 11))
    assert len(client.transport.outbox) == 2
    slow.run()
    assert heard(client, most=2) == [1, 2]
    slow.run()
    assert heard(client) == ["5 to 7", 8, 9, 10]
    slow.run()
    publish(slow, 11)
    assert heard(client) == [11]


def test_latest_tells_slow_readers_the_latest(slow):
    client, quick = (listener(slow, kind="latest") for _ in range(2))
    for number in range(1, 11):
        publish(slow, number)
        assert heard(quick) == [number]
    assert heard(client, most=2) == [1, 2]
    slow.run()
    assert heard(client) == ["7 to 9", 10]


def test_a_slow_reader_is_told_no_more_often_than_it_wants(slow):
    client = listener(slow, kind="latest", interval=1000)
    for number in range(1, 8):
        publish(slow, number)
        slow.run(1)
    assert heard(client, most=2) == [1, 2]
    publish(slow, 8)
    slow.run(0.5)
    publish(slow, 9)
    slow.run(0.1)
    first = heard(client)
    slow.run(1)
    assert (first, heard(client)) in [(["5 to 7", 8], [9]), ([], ["6 to 8", 9])]


def test_who_has_room_again_within_an_interval_is_told_after_it_though_nothing_is_published(slow):
    client = listener(slow, kind="latest", interval=1000)
    for number in (1, 2):
        publish(slow, number)
        slow.run(1)
    publish(slow, 3)
    slow.run(0.5)
    assert heard(client) == [1, 2]
    slow.run(3)
    assert heard(client) == [3]


def test_what_waits_for_slow_readers_is_bounded(slow):
    client = listener(slow, "map", kind="latest")
    for number in range(100):
        if number % 4 == 0:
            publish(slow, number, channel="map", entry=f"e{number}", ttl=1)
            slow.run(1.1)
    (pace,) = slow.app.hub.channels["map"].paces.values()
    assert len(pace._kept) <= 4
    heard(client)
    slow.run()
    assert heard(client) == ["moved"]
    assert client.subscribe("map")["entries"] == []


def test_what_is_for_others_is_passed(net):
    ann = listener(net, token="ann", kind="latest", interval=1000)
    ben = listener(net, token="ben", kind="latest", interval=1000)
    publish(net, 1)
    publish(net, 2, to_user="ben")
    net.run(1.1)
    assert heard(ann) == [1, "1 to 2"]
    assert heard(ben) == [1, 2]


def test_the_ephemeral_is_told_too_and_not_counted(net):
    client = listener(net, kind="latest", interval=1000)
    publish(net, 1, 2, 3)
    publish(net, "a", "b", ephemeral=True)
    net.run(1.1)
    assert heard(client) == [1, "1 to 2", 3, "b"]


def test_who_comes_later_is_told_from_there_on(net):
    one = listener(net, kind="latest", interval=1000)
    publish(net, 1, 2, 3)
    two = listener(net, kind="latest", interval=1000)
    publish(net, 4)
    net.run(1.1)
    assert (heard(one), heard(two)) == ([1, "2 to 3", 4], [4])
    publish(net, 5)
    net.run(1.1)
    assert (heard(one), heard(two)) == ([5], [5])


def test_a_group_costs_one_timer_and_one_encoding_whatever_its_size(net, monkeypatch):
    clients = [listener(net, kind="latest", interval=1000) for _ in range(20)]
    (pace,) = net.app.hub.channels["feed"].paces.values()
    asked = []
    real = pace.codec.encode
    monkeypatch.setattr(type(pace.codec), "encode", lambda self, event: asked.append(event) or real(event))
    publish(net, 1, 2, 3)
    net.run(1.1)
    assert len(asked) == 3
    assert all(heard(client) == [1, "1 to 2", 3] for client in clients)


def test_nothing_is_left_of_a_group_without_members(net):
    client = listener(net, kind="latest", interval=1000)
    publish(net, 1, 2)
    (pace,) = net.app.hub.channels["feed"].paces.values()
    client.ask("unsubscribe", channel="feed")
    assert pace._timer is None
    assert net.app.hub.channels == {}


def test_a_policy_changes_on_the_way_and_nothing_is_lost(net):
    client = listener(net, kind="latest", interval=1000)
    publish(net, 1, 2, 3)
    answer = client.ask("policy", channel="feed", policy={"kind": "reliable"})
    assert answer["policy"] == {"kind": "reliable", "interval": 0, "size": 0}
    publish(net, 4, 5)
    client.ask("policy", channel="feed", policy={"kind": "sample", "interval": 100})
    publish(net, 6, 7)
    net.run(1)
    assert heard(client) == [1, "1 to 2", 3, 4, 5, 6, 7]


def test_recovery_is_whole_whatever_the_policy(net):
    client = listener(net, kind="latest", interval=1000)
    publish(net, 1, 2, 3)
    since = {"epoch": net.app.hub.channels["feed"].end.epoch, "offset": 1}
    client.ask("unsubscribe", channel="feed")
    answer = client.subscribe("feed", since=since, policy={"kind": "latest", "interval": 1000})
    assert [each["data"] for each in answer["publications"]] == [2, 3]


def test_presence_and_loss_are_told_at_once(net):
    client = listener(net, kind="latest", interval=1000)
    publish(net, 1, 2)
    net.app.hub.broker.forget("feed")
    assert heard(client) == [1, "moved"]


@pytest.mark.parametrize(
    ("channel", "policy", "code"),
    [("strict", {"kind": "reliable"}, 110), ("room:*", {"kind": "latest"}, 110), ("feed", {"kind": "other"}, 107)],
)
def test_what_is_not_to_be_had_is_refused(net, channel, policy, code):
    with pytest.raises(Refusal, match=f"^{code} "):
        listener(net, channel, **policy)
    with pytest.raises(Refusal, match=r"^106 "):
        net.connect().ask("policy", channel="feed", policy={"kind": "latest"})


def test_the_channel_bounds_what_is_asked_for(net):
    client = listener(net, "strict", kind="latest")
    policy = {"kind": "latest", "interval": 100}
    assert client.ask("policy", channel="strict", policy=policy)["policy"]["interval"] == 500


def test_an_idle_group_keeps_nothing():
    assert sys.getsizeof(Pace.__new__(Pace)) < 250


def dropped(net):
    return net.app.hub.metrics.dropped


def test_what_is_left_out_is_counted_once_for_each_listener(net):
    listener(net, kind="latest", interval=1000)
    listener(net, kind="latest", interval=1000)
    listener(net, kind="sample", interval=1000)
    publish(net, 1, 2, 3)
    net.run(1.1)
    assert dropped(net) == {"latest": 2, "sample": 1}
    publish(net, 4, 5, 6, ephemeral=True)
    net.run(2)
    assert dropped(net) == {"latest": 6, "sample": 3}


def test_what_slow_readers_miss_is_counted(slow):
    client = listener(slow, kind="drop_oldest", size=3)
    publish(slow, *range(1, 11))
    for _ in range(3):
        slow.run()
        heard(client)
    assert dropped(slow) == {"drop_oldest": 5}  # 3 to 7


def test_who_keeps_up_misses_nothing(net):
    listener(net, kind="drop_oldest", size=2)
    listener(net, token="ann", kind="latest")
    publish(net, *range(10))
    assert dropped(net) == {}
