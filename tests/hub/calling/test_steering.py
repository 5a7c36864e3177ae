"""What is said of calls under way does not wait behind them."""

import pytest

from everywire import messages as m
from everywire.app import Everywire
from everywire.hub.calling.steering import steered
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net, Refusal, passed


@pytest.fixture
def app():
    app = Everywire(settings=Settings(heartbeat=Heartbeat(every=100_000)))  # these clients answer no beat

    @app.on("slow")
    async def slow():
        await passed(10)
        return "done"

    return app


def test_a_cancel_ends_the_call_that_it_is_said_of_and_no_other(net):
    client = net.connect()
    first, second = client.send("call", name="slow"), client.send("call", name="slow")
    assert steered(net.app.hub, client.line.attachment, m.Cancel(first))
    net.run(11)
    assert [event["id"] for event in client.events()] == [second]


def test_an_item_that_cannot_be_read_ends_its_call(net):
    client = net.connect()
    call = client.send("call", name="slow")
    assert steered(net.app.hub, client.line.attachment, m.Malformed(call, "bad request: no item"))
    with pytest.raises(Refusal, match=r"^107 bad request: no item$"):
        client.answer(call)


def test_what_cannot_be_read_of_no_call_waits_its_turn(net):
    client = net.connect()
    assert not steered(net.app.hub, client.line.attachment, m.Malformed(99, "bad request"))


def test_what_is_said_of_no_call_is_dropped(net):
    client = net.connect()
    for kind in ("item", "end", "credit", "cancel"):
        client.send(kind, id=77, data=1, count=1)
    client.line.receive('{"type": "answer", "call": 5, "data": 1}')
    assert client.events() == []


def test_what_is_said_of_no_call_while_connecting_is_dropped_too(app):
    async def user(connecting):
        await passed(1)

    app.on_connect(user)
    with Net(app) as net:
        client = net.client()
        client.line.receive('[{"type": "connect", "id": 1}, {"type": "cancel", "id": 2}, {"type": "pong"}]')
        net.run(2)
        assert [event["type"] for event in client.events()] == ["connected"]
