"""What a session says to channels, and asks of them."""

import pytest
from tests.hub.small import make, refused

from everywire.testing import Net


@pytest.fixture
def net():
    with Net(make()) as net:
        yield net


def test_a_publication_names_its_sender(net):
    client = net.connect(info={"nick": "A"})
    client.subscribe("plain")
    assert client.publish("plain", {"x": 1})["offset"] == 1
    (event,) = client.events()
    assert event["from"] == {"session": client.session, "user": None, "info": {"nick": "A"}}
    assert event["time"] == 1_767_225_600_000


def test_an_ephemeral_publication_has_no_place(net):
    client = net.connect()
    client.subscribe("room:a")
    assert "offset" not in client.publish("room:a", 1, ephemeral=True)
    (event,) = client.events()
    assert "offset" not in event
    assert client.ask("history", channel="room:a")["publications"] == []


def test_keys_count_per_user():
    app = make()
    app.on_connect(lambda connecting: connecting.token)
    with Net(app) as net:
        clients = [net.connect(token=token) for token in ("ann", "ann", "ben", None)]
        offsets = [client.publish("plain", 1, key="k")["offset"] for client in clients]
        assert offsets == [1, 1, 2, 3]


def test_data_is_bounded(net):
    client = net.connect()
    client.publish("plain", "x" * 48)
    with refused(108):
        client.publish("plain", "x" * 49)
    net.app.on("echo")(lambda member, data: data)
    with refused(108):
        client.ask("call", name="echo", data="x" * 49)


def test_history_in_pieces(net):
    client = net.connect()
    for number in range(4):
        client.publish("room:a", number)
    page = client.ask("history", channel="room:a", limit=2, reverse=True)
    assert [each["data"] for each in page["publications"]] == [3, 2]
    since = {"epoch": page["epoch"], "offset": 2}
    page = client.ask("history", channel="room:a", since=since)
    assert [each["data"] for each in page["publications"]] == [2, 3]


def test_what_a_channel_does_not_have_is_refused(net):
    client = net.connect()
    for kind in ("history", "presence"):
        with refused(110):
            client.ask(kind, channel="plain")


def test_presence_lists_members(net):
    clients = [net.connect(info={"n": n}) for n in range(3)]
    for client in clients:
        client.subscribe("room:a")
    members = clients[0].ask("presence", channel="room:a")["members"]
    assert [member["info"]["n"] for member in members] == [0, 1, 2]


class Failing:
    """A broker whose next publishes fail, after or before they are in the log."""

    def __init__(self, net):
        self.inner = net.app.hub.broker
        self.left, self.late = 0, False
        net.app.hub.broker = self

    def __getattr__(self, name):
        return getattr(self.inner, name)

    async def publish(self, *what):
        self.left -= 1
        if self.left < 0:
            return await self.inner.publish(*what)
        if self.late:
            await self.inner.publish(*what)
        raise ConnectionError("the link was lost")


@pytest.mark.parametrize("late", [False, True])
def test_a_publication_with_a_key_outlives_a_failure_of_the_broker(net, late, caplog):
    broker = Failing(net)
    client = net.connect()
    client.subscribe("room:a")
    broker.left, broker.late = 1, late
    assert client.publish("room:a", 1, key="k")["offset"] == 1
    assert [event["data"] for event in client.events("publication")] == [1]


def test_nothing_is_carried_out_behind_a_publication_whose_fate_is_unknown(net, caplog):
    """Its client says it again after the break: what it said since would stand before it."""
    broker = Failing(net)
    client = net.connect()
    broker.left = 2
    client.line.receive(
        '[{"type":"publish","id":7,"channel":"room:a","data":1,"key":"a"},'
        '{"type":"publish","id":8,"channel":"room:a","data":2,"key":"b"}]'
    )
    assert client.closed == (1013, "the broker does not answer")
    again = net.connect(resume=client.resume)
    again.subscribe("room:a")
    for number, key in ((1, "a"), (2, "b")):
        again.publish("room:a", number, key=key)
    assert [event["data"] for event in again.events("publication")] == [1, 2]


def test_a_publication_without_a_key_is_answered_by_an_error(net, caplog):
    broker = Failing(net)
    client = net.connect()
    broker.left = 1
    with refused(100):
        client.publish("room:a", 1)
    assert client.closed is None


def test_history_from_a_time_on(net):
    client = net.connect()
    for number in range(3):
        client.publish("room:a", number)
        net.run(1)
    start = 1_767_225_600_000
    page = client.ask("history", channel="room:a", from_time=start + 500)
    assert [each["data"] for each in page["publications"]] == [1, 2]
    page = client.ask("history", channel="room:a", from_time=start + 500, reverse=True, limit=1)
    assert [each["data"] for each in page["publications"]] == [2]
