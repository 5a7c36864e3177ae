"""Calls of plain handlers on the event loop: answered as they come, and no otherwise than all others."""

import asyncio
from contextlib import nullcontext

import pytest

from everywire import messages as m
from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.calling import arriving
from everywire.hub.calling.callers import Caller
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net, Refusal, passed


@pytest.fixture
def app():
    app = Everywire(settings=Settings(max_data=50, max_calls=1, heartbeat=Heartbeat(every=100_000)))
    app.channel("plain")

    @app.on("echo", inline=True)
    def echo(data):
        return data

    @app.on("add", inline=True)
    def add(a: int, b: int = 1) -> int:
        return a + b

    @app.on("later")
    async def later(data):
        await passed(1)
        return data

    @app.on("aside", concurrent=True)
    async def aside():
        await passed(10)
        return "done"

    app.on("promised", inline=True)(lambda data: later(data))
    return app


@pytest.fixture
def long(monkeypatch):
    """The refs of calls that take the long way."""
    taken, registered = [], arriving._registered

    def note(hub, attachment, command):
        taken.append(command.ref)
        return registered(hub, attachment, command)

    monkeypatch.setattr(arriving, "_registered", note)
    return taken


def refused(code, why=""):
    return pytest.raises(Refusal, match=f"^{code} .*{why}")


def test_it_is_answered_at_once_and_nothing_of_it_is_left(net, long):
    client = net.connect()
    before = net.app.hub.metrics.commands
    assert client.ask("call", name="echo", data=[1, "x"])["data"] == [1, "x"]
    assert client.ask("call", name="echo")["data"] is None
    assert client.ask("call", name="add", data={"a": 1})["data"] == 2
    assert (client.line.attachment.calls, long, net.app.hub.metrics.commands - before) == (None, [], 3)


def test_a_handler_may_take_who_calls(app, net, long):
    app.on_connect(lambda connecting: "ann")

    @app.on("whoami", inline=True)
    def whoami(caller: Caller, member):
        return [caller.user, caller.called, member.session == caller.session, caller.request is not None]

    client = net.connect()
    assert client.ask("call", name="whoami")["data"] == ["ann", "whoami", True, True]
    assert long == []


def test_what_it_is_refused_for(app, net, long):
    @app.on("no", inline=True)
    def no():
        raise Refused("not today", 1001, temporary=True, data={"tomorrow": True})

    client = net.connect()
    with refused(107, r"Expected `int`, got `str` - at `\$\.a`"):
        client.ask("call", name="add", data={"a": "1"})
    with refused(108, "data has more than 50 bytes"):
        client.ask("call", name="echo", data="x" * 50)
    with refused(1001, "not today") as caught:
        client.ask("call", name="no")
    assert (caught.value.temporary, caught.value.data) == (True, {"tomorrow": True})
    assert (long, app.hub.metrics.refusals) == ([], 3)


def test_a_failing_handler_is_our_fault_and_the_session_lives(app, net, caplog):
    app.on("fail", inline=True)(lambda: 1 / 0)
    app.on("unsayable", inline=True)(lambda: object())
    app.on("half", inline=True)(lambda: "\ud800")
    app.on("stop", inline=True)(lambda: next(iter(())))
    client = net.connect()
    for name in ("fail", "unsayable", "half", "stop"):
        with refused(100, "internal error"):
            client.ask("call", name=name)
    assert client.ask("call", name="echo", data=1)["data"] == 1
    assert caplog.records[0].getMessage() == "Call fail failed"
    assert "division by zero" in caplog.text


def test_a_handler_may_close_its_own_transport(app, net):
    @app.on("out", inline=True)
    def out(caller: Caller):
        app.hub.end(app.hub.sessions[caller.session])
        return "never told"

    client = net.connect()
    client.send("call", name="out")
    assert client.events() == []
    assert app.hub.sessions == {}


def test_what_a_handler_gave_to_wait_for_is_waited_for(net):
    client = net.connect()
    first, second = client.send("call", name="promised", data=1), client.send("call", name="echo", data=2)
    assert client.events() == []
    net.run(2)
    assert [event["id"] for event in client.events()] == [first, second]


def test_what_is_waited_for_is_cancelled_and_counted_as_any_call(net, app):
    client = net.connect()
    before = app.hub.metrics.commands
    first, second = client.send("call", name="promised", data=1), client.send("call", name="echo", data=2)
    client.send("cancel", id=first)
    net.run()
    assert [event["id"] for event in client.events()] == [second]
    assert app.hub.metrics.commands - before == 2


def test_what_is_waited_for_may_fail(app, net, caplog):
    async def fails():
        await passed(1)
        raise ValueError("after a while")

    app.on("fails", inline=True)(lambda: fails())
    client = net.connect()
    call = client.send("call", name="fails")
    net.run(2)
    with refused(100, "internal error"):
        client.answer(call)
    assert "after a while" in caplog.text


def test_it_waits_for_what_was_said_before_it(net, long):
    client = net.connect()
    first, second = client.send("call", name="later", data=1), client.send("call", name="echo", data=2)
    assert client.events() == []
    net.run(2)
    assert [event["id"] for event in client.events()] == [first, second]
    assert long == [first, second]


def test_an_id_is_used_once_at_a_time(net, long):
    client = net.connect()
    call = client.send("call", name="aside")
    client.line.attachment.receive(m.Call(call, "echo"))
    with refused(107, "the id of a call that is not answered yet"):
        client.answer(call)
    assert long == [call, call]


def test_so_many_calls_at_a_time_and_no_more(net):
    client = net.connect()
    client.send("call", name="aside")
    with refused(108, "no more than 1 calls at a time"):
        client.ask("call", name="echo")
    net.run(20)
    assert client.ask("call", name="echo", data=1)["data"] == 1


@pytest.mark.parametrize("fields", [{"timeout": 5}, {"credit": 1}])
def test_what_more_a_client_says_of_a_call_is_looked_at_on_the_long_way(net, long, fields):
    client = net.connect()
    assert client.ask("call", name="echo", data=1, **fields)["data"] == 1
    assert len(long) == 1


def test_before_the_connect_it_closes(net):
    client = net.client()
    client.send("call", name="echo")
    assert client.closed == (4401, "connect first")


def test_who_does_not_read_is_not_answered(app):
    with Net(app, crowd=2) as net:
        client = net.connect()
        asked = [client.send("call", name="echo", data=number) for number in range(10)]
        assert len(client.transport.outbox) == 3
        answered: list = []
        while len(answered) < 10:
            answered += [event["id"] for event in client.events(most=1)]
            net.run()
        assert answered == asked


def test_a_traced_one_has_its_span(app):
    class Tracer:
        def __init__(self):
            self.spans = []

        def span(self, command):
            self.spans.append(command)
            return nullcontext()

    tracer = Tracer()
    with Net(app) as net:
        client = net.connect()
        app.hub.tracer = tracer
        call = client.send("call", name="echo", data=1)
        net.run()
        assert client.answer(call)["data"] == 1
        assert [command.ref for command in tracer.spans] == [call]


def test_a_cancellation_that_a_handler_looked_at_is_not_swallowed(app, net):
    def gives_up():
        raise asyncio.CancelledError

    app.on("gives up", inline=True)(gives_up)
    client = net.connect()
    with pytest.raises(asyncio.CancelledError):
        client.send("call", name="gives up")
    assert client.ask("call", name="echo", data=1)["data"] == 1
