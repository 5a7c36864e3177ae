"""Subscribing: once, from a position, within limits."""

import pytest
from tests.hub.small import make, refused

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Net


@pytest.fixture
def net():
    with Net(make()) as net:
        yield net


def test_subscribing_twice_is_refused_and_with_a_position_it_is_a_recovery(net):
    client = net.connect()
    answer = client.subscribe("plain")
    with refused(105):
        client.subscribe("plain")
    client.publish("plain", 1)
    again = client.subscribe("plain", since={"epoch": answer["epoch"], "offset": 1})
    assert (again["recovered"], again["offset"]) == (True, 1)
    client.events()
    client.publish("plain", 2)
    assert len(client.events("publication")) == 1


def test_rewind_gives_the_latest_oldest_first(net):
    client = net.connect()
    for number in range(4):
        client.publish("room:a", number)
    answer = client.subscribe("room:a", rewind=2)
    assert [each["data"] for each in answer["publications"]] == [2, 3]
    assert (answer["offset"], answer["recovered"]) == (4, False)


def test_a_position_that_cannot_be_answered_falls_back_on_rewind(net):
    client = net.connect()
    for number in range(8):
        client.publish("room:a", number)
    epoch = client.ask("history", channel="room:a")["epoch"]
    answer = client.subscribe("room:a", since={"epoch": epoch, "offset": 1}, rewind=1)
    assert (answer["recovered"], [each["data"] for each in answer["publications"]]) == (False, [7])


def test_channels_are_limited(net):
    client = net.connect()
    for channel in ("room:1", "room:2"):
        client.subscribe(channel)
    with refused(108):
        client.subscribe("room:3")
    client.ask("unsubscribe", channel="room:1")
    client.subscribe("room:3")


@pytest.mark.parametrize(
    ("name", "code"),
    [("", 108), ("room:" + "x" * 16, 108), ("room:\n", 107), ("room:\x00", 107), ("elsewhere", 104)],
)
def test_names_that_are_refused(net, name, code):
    client = net.connect()
    for kind in ("subscribe", "history", "presence"):
        with refused(code):
            client.ask(kind, channel=name)
    with refused(code):
        client.publish(name, 1)
    assert net.app.hub.channels == {}


def test_unsubscribing(net):
    client, other = net.connect(), net.connect()
    for each in (client, other):
        each.subscribe("room:a")
    assert client.ask("unsubscribe", channel="room:a")["channel"] == "room:a"
    other.publish("room:a", 1)
    assert client.events("publication") == []
    assert [event["type"] for event in other.events()] == ["leave", "publication"]
    with refused(106):
        client.ask("unsubscribe", channel="room:a")


def test_a_channel_nobody_listens_to_is_let_go(net):
    client = net.connect()
    client.subscribe("room:a")
    client.ask("unsubscribe", channel="room:a")
    assert net.app.hub.channels == {}
    assert net.app.hub.broker._watched == set()


def test_rewinding_to_a_time_takes_as_many_answers_as_it_needs():
    app = Everywire(settings=Settings(max_page=2))
    app.channel("room", history=10)
    with Net(app) as net:
        for number in range(6):
            app.publish("room", number)
            net.run(1)
        client, told = net.connect(), []
        answer = client.subscribe("room", rewind_from=1_767_225_600_500, rewind=1)
        assert not answer["recovered"]
        while True:
            told += [each["data"] for each in answer["publications"]]
            if "more" not in answer:
                break
            answer = client.subscribe("room", since={"epoch": answer["epoch"], "offset": answer["offset"]})
            assert answer["recovered"]
        assert told == [1, 2, 3, 4, 5]
