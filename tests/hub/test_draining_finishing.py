"""What is under way when a node lets its clients go comes to its end first."""

import pytest

from everywire.app import Everywire
from everywire.http.request import Headers, Request
from everywire.hub.draining import Draining
from everywire.testing import Net, passed
from everywire.testing.transport import MemoryTransport


@pytest.fixture
def net():
    app = Everywire()
    app.channel("c", history=10)
    app.socketio(namespaces=("/", "/chat"))

    @app.on("slow")
    async def slow(seconds: float):
        await passed(seconds)
        return "done"

    @app.on("count", concurrent=True)
    async def count(seconds: float, items: int):
        for number in range(items):
            await passed(seconds)
            yield number

    @app.on("echo")
    async def echo(data):
        return data

    with Net(app) as net:
        yield net


def drain(net, *times):
    draining = Draining(net.app.hub, *times)
    return draining, net.loop.create_task(draining.wait())


def test_a_call_is_answered_and_then_its_client_is_let_go(net):
    busy, idle = net.connect(), net.connect()
    call = busy.send("call", name="slow", data={"seconds": 2})
    net.run()
    _, done = drain(net, 0, 1, 30)
    net.run(1)
    assert (idle.closed[0], busy.closed) == (1012, None)
    net.run(1.1)
    assert busy.answer(call)["data"] == "done"
    assert (busy.closed[0], done.result()) == (1012, 2)


def test_a_stream_is_told_to_its_end(net):
    client = net.connect()
    client.send("call", name="count", data={"seconds": 0.5, "items": 6}, credit=10)
    _, done = drain(net, 1, 100, 30)
    net.run(2.9)
    assert client.closed is None
    net.run(0.2)
    events = client.events()
    assert [event["data"] for event in events if event["type"] == "item"] == [0, 1, 2, 3, 4, 5]
    assert events[-1]["type"] == "end"
    assert (client.closed[0], done.result()) == (1012, 1)


def test_what_is_asked_before_the_close_is_answered(net):
    client = net.connect()
    client.send("call", name="count", data={"seconds": 1, "items": 3}, credit=10)
    drain(net, 1, 100, 30)
    net.run(2)
    asked, published = client.send("call", name="echo", data="still here"), client.send("publish", channel="c", data=1)
    net.run()
    assert (client.answer(asked)["data"], client.answer(published)["offset"]) == ("still here", 1)
    net.run(1.1)
    assert client.closed[0] == 1012


class Sharing:
    """A client of Socket.IO in two namespaces, on one transport."""

    def __init__(self, net):
        self.net, self.transport = net, MemoryTransport()
        headers = Headers([("Upgrade", "websocket"), ("Host", "here")])
        request = Request("GET", "/socket.io/?EIO=4&transport=websocket", headers)
        self.line = net.gateway.open(self.transport, request)
        self.say("40", "40/chat,")

    def say(self, *packets):
        for each in packets:
            self.line.receive(each)
        self.net.run()


def test_a_call_in_one_namespace_keeps_the_whole_connection(net):
    client = Sharing(net)
    client.say('42/chat,1["slow",2]')
    _, done = drain(net, 0, 1, 30)
    net.run(1)
    assert client.transport.closed is None
    net.run(1.1)
    assert '43/chat,1["done"]' in client.transport.outbox
    assert (client.transport.closed[0], done.result()) == (1012, 1)


def test_after_the_deadline_nobody_is_waited_for(net):
    clients = [net.connect() for _ in range(20)]
    for client in clients:
        client.send("call", name="count", data={"seconds": 60, "items": 1}, credit=10)
    _, done = drain(net, 1, 10, 5)
    net.run(3.9)
    assert not any(client.closed for client in clients)
    net.run(0.6)
    assert 5 <= sum(client.closed is not None for client in clients) <= 15
    net.run(0.7)
    assert {client.closed[0] for client in clients} == {1012}
    assert done.result() == 20


def test_those_that_are_done_late_do_not_go_in_a_crowd(net):
    clients = [net.connect() for _ in range(100)]
    for client in clients:
        client.send("call", name="slow", data={"seconds": 3})
    drain(net, 10, 20, 30)
    net.run(3.5)
    assert 1 <= sum(client.closed is not None for client in clients) <= 15


def test_a_drain_that_is_to_be_quicker_is(net):
    client = net.connect()
    client.send("call", name="slow", data={"seconds": 50})
    draining, done = drain(net, 10, 20, 30)
    net.run(1)
    draining.hasten(1, 20, 1)
    net.run(1.1)
    assert (client.closed[0], done.result()) == (1012, 1)


@pytest.mark.parametrize("times", [(0, 1, 2), (2, 200, 0)])
def test_clients_that_keep_coming_do_not_put_off_the_end(net, times):
    clients = [net.connect()]
    _, done = drain(net, *times)
    while net.loop.time() < 2.2:
        clients.append(net.connect())
        net.run(0.01)
    assert done.done()
    assert {client.closed[0] for client in clients[:20]} == {1012}


def test_a_client_that_is_asked_may_answer_first(net):
    answers = []

    async def ask():
        answers.append(await net.app.call(client.session, "you", timeout=5))

    client = net.connect()
    asking = net.loop.create_task(ask())
    net.run()
    drain(net, 0, 1, 30)
    net.run(1)
    assert client.closed is None
    (called,) = client.events("call")
    client.send("answer", call=called["call"], data="me")
    net.run(0.1)
    assert asking.done()
    assert (answers, client.closed[0]) == (["me"], 1012)
