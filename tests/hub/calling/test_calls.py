"""Calls: what a handler is given, what its caller is told, and in which order."""

import asyncio
from dataclasses import dataclass

import msgspec
import pytest

from everywire.app import Everywire
from everywire.dialects.native import PACKED_SUBPROTOCOL
from everywire.errors import Refused
from everywire.hub.calling.callers import Caller
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net, Refusal, passed


@pytest.fixture
def app():
    heartbeat = Heartbeat(every=100_000)  # these clients answer no beat
    app = Everywire(settings=Settings(max_data=50, max_calls=3, call_deadline=30, heartbeat=heartbeat))
    app.channel("plain")

    @app.on("later")
    async def later(data):
        await passed(1)
        return data

    @app.on("slow")
    async def slow():
        await passed(10)
        return "done"

    @app.on("aside", concurrent=True)
    async def aside():
        await passed(10)
        return "done"

    return app


def refused(code, why=""):
    return pytest.raises(Refusal, match=f"^{code} .*{why}")


def test_a_handler_may_take_the_caller_and_the_data(app, net):
    app.on_connect(lambda connecting: "ann")
    app.on("whoami", inline=True)(lambda member, data: [member.user, data])
    client = net.connect()
    assert client.ask("call", name="whoami", data={"x": 1})["data"] == ["ann", {"x": 1}]
    assert client.ask("call", name="whoami")["data"] == ["ann", None]


def test_a_handler_may_take_its_time(net):
    client = net.connect()
    waiting = client.send("call", name="later", data=5)
    net.run(2)
    assert client.answer(waiting)["data"] == 5


def test_a_wrong_argument_is_told_with_its_place(app, net):
    @app.on("add")
    def add(a: int, b: int = 1) -> int:
        return a + b

    client = net.connect()
    assert client.ask("call", name="add", data={"a": 1})["data"] == 2
    with refused(107, r"bad request: Expected `int`, got `str` - at `\$\.a`") as caught:
        client.ask("call", name="add", data={"a": "1"})
    assert caught.value.data == {"errors": [{"path": "$.a", "reason": "Expected `int`, got `str`"}]}


def test_a_handler_says_no_with_a_code_and_data_of_its_own(app, net):
    @app.on("no")
    async def no():
        raise Refused("not today", 1001, temporary=True, data={"tomorrow": True, "icon": b"x"})

    client = net.connect()
    call = client.send("call", name="no")
    net.run()
    with refused(1001, "not today") as caught:
        client.answer(call)
    assert caught.value.temporary
    assert caught.value.data == {"tomorrow": True, "icon": "eA=="}


def test_an_unknown_name(net):
    with refused(109, "unknown name"):
        net.connect().ask("call", name="nothing of the kind")


def test_too_much_data(net):
    with refused(108, "data has more than 50 bytes"):
        net.connect().ask("call", name="later", data="x" * 50)


def test_a_failing_handler_is_our_fault_and_the_session_lives(app, net, caplog):
    app.on("fail")(lambda member, data: 1 / 0)
    app.on("unsayable")(lambda member, data: object())
    app.on("stop")(lambda: next(iter(())))

    @app.on("gives up")
    async def gives_up():
        raise asyncio.CancelledError

    client = net.connect()
    for name in ("fail", "unsayable", "stop", "gives up"):
        call = client.send("call", name=name)
        net.run()
        with refused(100, "internal error"):
            client.answer(call)
    assert client.ask("ping")["type"] == "pong"
    assert "division by zero" in caplog.text


@dataclass
class Picture:
    name: str
    pixels: bytes


def test_binary_data_goes_both_ways(app):
    @app.on("flip")
    def flip(data: Picture) -> Picture:
        return Picture(data.name, data.pixels[::-1])

    with Net(app) as net:
        client = net.client([("Sec-WebSocket-Protocol", PACKED_SUBPROTOCOL)])
        plain = net.connect()
        picture = {"name": "a", "pixels": "AAE="}
        assert plain.ask("call", name="flip", data=picture)["data"] == {"name": "a", "pixels": "AQA="}
        client.line.attachment.codec = (codec := Spy(client.line.attachment.codec))
        client.connect()
        client.ask("call", name="flip", data=picture)
        assert codec.said[-1].data == msgspec.msgpack.encode({"name": "a", "pixels": b"\1\0"})


class Spy:
    """A codec that remembers what it was to say."""

    dialect = "remembered"

    def __init__(self, codec):
        self.codec = codec
        self.said = []

    def encode(self, event):
        self.said.append(event)
        return self.codec.encode(event)


# Deadlines and cancellation.


@pytest.fixture
def life(app):
    """How a handler goes: "begun", and "cancelled" or "over"."""
    told = []

    async def live(data=10.0):
        told.append("begun")
        try:
            await passed(data or 10.0)
            told.append("over")
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    app.on("live")(live)
    app.on("beside", concurrent=True)(live)
    app.on("short", timeout=1)(live)
    app.on("endless", timeout=None)(live)
    app.on("finish", finish=True)(live)
    app.on("finish soon", finish=True, timeout=5)(live)
    return told


@pytest.mark.parametrize(
    ("name", "fields", "seconds"),
    [
        ("live", {"timeout": 2000}, 2),
        ("live", {"data": 100}, 30),
        ("live", {"data": 100, "timeout": 50_000}, 30),
        ("beside", {"data": 100}, 30),
        ("short", {}, 1),
        ("short", {"timeout": 500}, 0.5),
        ("endless", {"data": 100, "timeout": 90_000}, 90),
    ],
)
def test_a_call_times_out(net, life, name, fields, seconds):
    client = net.connect()
    call = client.send("call", name=name, **fields)
    ping = client.send("ping")
    net.run(seconds - 0.01)
    with pytest.raises(LookupError):
        client.answer(call)
    assert life == ["begun"]
    net.run(0.02)
    with refused(113, "timed out"):
        client.answer(call)
    assert client.answer(ping)["type"] == "pong"
    assert life == ["begun", "cancelled"]


def test_a_handler_may_have_no_deadline(net, life):
    client = net.connect()
    call = client.send("call", name="endless", data=1000)
    net.run(1001)
    assert client.answer(call)["data"] is None


def test_a_server_may_have_no_deadline_at_all():
    app = Everywire(settings=Settings(call_deadline=None, heartbeat=Heartbeat(every=100_000)))

    @app.on("live")
    async def live():
        await passed(10_000)
        return "over"

    with Net(app) as net:
        client = net.connect()
        call = client.send("call", name="live")
        net.run(10_001)
        assert client.answer(call)["data"] == "over"


def test_a_timeout_counts_from_when_the_call_came(net, life):
    client = net.connect()
    client.send("call", name="slow")
    call = client.send("call", name="live", timeout=1000)
    net.run(2)
    with refused(113):
        client.answer(call)
    net.run(20)
    assert life == []


@pytest.mark.parametrize("how", ["cancel", "drop", "leave"])
def test_a_call_ends_with_its_client(app, net, life, how):
    client = net.connect()
    call = client.send("call", name="live")
    net.run(1)
    if how == "cancel":
        client.send("cancel", id=call)
    elif how == "drop":
        client.drop()
    else:
        client.send("leave")
        assert client.closed is None, "leaving waits its turn, as every command"
        client.drop(1000)
    net.run(1)
    assert life == ["begun", "cancelled"]
    assert client.events("result") == client.events("error") == []


def test_leaving_ends_what_goes_on_beside(app, net):
    over = []

    @app.on("beside", concurrent=True)
    async def beside():
        try:
            await passed(10)
        finally:
            over.append(True)

    client = net.connect()
    client.send("call", name="beside")
    net.run(1)
    client.send("leave")
    net.run()
    assert over == [True]
    assert client.closed == (1000, "")


def test_a_cancelled_call_makes_room_for_what_waits_behind_it(net, life):
    client = net.connect()
    call = client.send("call", name="live")
    ping = client.send("ping")
    net.run(1)
    client.send("cancel", id=call)
    net.run()
    assert client.answer(ping)["type"] == "pong"


def test_a_call_may_be_cancelled_before_its_turn(net, life):
    client = net.connect()
    client.send("call", name="slow")
    call = client.send("call", name="live")
    client.send("cancel", id=call)
    net.run(30)
    assert life == []
    assert [event["type"] for event in client.events()] == ["result"]


@pytest.mark.parametrize("how", ["cancel", "drop", "timeout"])
def test_a_handler_that_is_to_finish_does(net, life, how):
    client = net.connect()
    call = client.send("call", name="finish", timeout=1000 if how == "timeout" else None)
    net.run(0.5)
    if how == "cancel":
        client.send("cancel", id=call)
    elif how == "drop":
        client.drop()
    net.run(1)
    if how != "drop":
        assert client.ask("ping")["type"] == "pong", "nobody waits for it any more"
    net.run(20)
    assert life == ["begun", "over"]


def test_the_servers_own_deadline_holds_for_it_nevertheless(net, life):
    client = net.connect()
    client.send("call", name="finish soon")
    client.drop()
    net.run(6)
    assert life == ["begun", "cancelled"]


def test_an_id_is_used_once_at_a_time(net):
    client = net.connect()
    call = client.send("call", name="slow")
    client.send("call", id=call, name="slow")
    with refused(107, "not answered yet"):
        client.answer(call)
    net.run(11)
    assert client.answer(call)["data"] == "done"
    client.send("call", id=call, name="slow")
    net.run(11)
    assert client.answer(call)["data"] == "done"


def test_a_call_before_the_connect_closes(app):
    with Net(app) as net:
        for kind in ("call", "item", "cancel", "answer"):
            client = net.client()
            client.send(kind, name="slow", data=1, call=1)
            assert client.closed == (4401, "connect first")


# Order.


def test_an_ordinary_call_holds_up_its_own_session(net):
    client = net.connect()
    call, ping = client.send("call", name="slow"), client.send("ping")
    net.run(11)
    assert [event["id"] for event in client.events()] == [call, ping]


def test_a_concurrent_one_does_not(net):
    client = net.connect()
    call = client.send("call", name="aside")
    assert client.ask("ping")["type"] == "pong"
    net.run(11)
    assert client.answer(call)["data"] == "done"


def test_so_many_calls_at_a_time_and_no_more(net):
    client, other = net.connect(), net.connect()
    calls = [client.send("call", name="aside") for _ in range(3)]
    with refused(108, "no more than 3 calls at a time") as caught:
        client.ask("call", name="aside")
    assert caught.value.temporary
    other.send("call", name="aside")
    net.run(11)
    assert [client.answer(call)["data"] for call in calls] == ["done"] * 3
    client.send("call", name="aside")
    assert client.events("error") == []


def test_a_handler_that_goes_on_unanswered_counts_as_one(app, net):
    @app.on("stubborn", concurrent=True, finish=True)
    async def stubborn():
        await passed(10)

    client = net.connect()
    for _ in range(3):
        client.send("cancel", id=client.send("call", name="stubborn"))
    net.run()
    with refused(108):
        client.ask("call", name="stubborn")
    net.run(11)
    client.send("call", name="stubborn")
    assert client.events("error") == []


def test_so_many_that_outlive_their_clients_and_no_more(app):
    app.settings = Settings(max_unfinished=2)

    @app.on("stubborn", finish=True)
    async def stubborn():
        await passed(10)

    with Net(app) as net:
        for _ in range(2):
            client = net.connect()
            client.send("call", name="stubborn")
            net.run()
            client.drop()
        with refused(108, "too many handlers") as caught:
            net.connect().ask("call", name="stubborn")
        assert caught.value.temporary
        client = net.connect()
        call = client.send("call", name="later", data=1)
        net.run(20)
        assert client.answer(call)["data"] == 1
        assert net.app.hub.unfinished == set()


# Where handlers run.


def test_plain_handlers_run_in_threads(app):
    """On a real loop, whose threads are real."""
    import contextvars
    import threading

    from everywire.hub.world import LoopWorld

    language = contextvars.ContextVar("language", default="none")
    places = {}

    def where(data):
        places[data] = threading.current_thread() is threading.main_thread(), language.get()

    app.on("plain")(where)
    app.on("inline", inline=True)(where)

    @app.on("publishes")
    def publishes(caller: Caller):
        caller.publish("plain", "from a thread").result(10)
        return caller.from_thread(caller.publish, "plain", "from it again").position.offset

    async def run():
        from everywire.http.request import Headers, Request
        from everywire.testing import MemoryClient
        from everywire.testing.transport import MemoryTransport

        gateway = app.start(LoopWorld(asyncio.get_running_loop()))
        language.set("de")
        transport = MemoryTransport()
        head = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Protocol", "everywire.v1.json")]
        client = MemoryClient(transport, gateway.open(transport, Request("GET", app.path, Headers(head))))
        client.connect()
        calls = [client.send("call", name=name, data=name) for name in ("plain", "inline")]
        calls.append(client.send("call", name="publishes"))
        while client.line.attachment.calls.running:
            await asyncio.sleep(0)
        await app.stop()
        return [client.answer(call)["data"] for call in calls]

    assert asyncio.run(run()) == [None, None, 2]
    assert places == {"plain": (False, "de"), "inline": (True, "de")}
