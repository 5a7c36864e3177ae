"""Commands: in which order they are handled."""

import pytest
from tests.hub.small import make

from everywire.testing import Net, passed


@pytest.fixture
def net():
    with Net(make()) as net:
        yield net


@pytest.fixture
def slow():
    app = make()

    @app.on("slow")
    async def handler(member, data):
        await passed(10)
        return "done"

    with Net(app) as net:
        yield net


def test_a_slow_handler_holds_up_its_own_session_alone(slow):
    one, two = slow.connect(), slow.connect()
    call = one.send("call", name="slow")
    ping = one.send("ping")
    assert two.ask("ping")["type"] == "pong"
    with pytest.raises(LookupError):
        one.answer(ping)
    slow.run(11)
    assert [event["id"] for event in one.events()] == [call, ping]


def test_too_many_commands_waiting_close(slow):
    client = slow.connect()
    client.send("call", name="slow")
    for _ in range(3):
        client.send("ping")
    assert client.closed is None
    client.send("ping")
    assert client.closed == (1008, "too many unanswered commands")


def test_what_waits_behind_a_slow_handler_dies_with_its_transport(slow):
    client = slow.connect()
    client.send("call", name="slow")
    client.send("publish", channel="plain", data=1)
    client.drop()
    again = slow.connect(resume=client.resume)
    slow.run(11)
    assert again.events() == []
    assert again.publish("plain", 2)["offset"] == 1


def test_one_message_with_many_commands_is_answered_in_order(net):
    client = net.client()
    client.line.receive(
        '[{"type":"connect","id":1},{"type":"subscribe","id":2,"channel":"plain"},'
        '{"type":"publish","id":3,"channel":"plain","data":7},{"type":"subscribe","id":4}]'
    )
    kinds = [event["type"] for event in client.events()]
    assert kinds == ["connected", "subscribed", "publication", "published", "error"]


def test_leaving_for_good(net):
    client = net.connect()
    client.line.receive('{"type":"leave"}')
    assert client.closed == (1000, "")
    assert net.app.hub.sessions == {}
