"""Calls in languages in which a client says what it awaits: no credit, no case, several streams, an answer to each."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from everywire import messages as m
from everywire.app import Everywire
from everywire.errors import Refused, StreamBroken
from everywire.hub.calling import arriving
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat, Raw
from everywire.testing import Net, passed

SMALL = Settings(max_data=50, max_credit=100, max_stream_bytes=300, heartbeat=Heartbeat(every=100_000))


@pytest.fixture
def told():
    """What handlers went through."""
    return []


@pytest.fixture
def app(told):
    app = Everywire(settings=SMALL)
    app.on("Add", inline=True)(lambda a, b: a + b)

    @app.on("count")
    async def count(to: int = 1000, wait: float = 0) -> AsyncIterator[int]:
        try:
            for number in range(to):
                told.append(number)
                await passed(wait)
                yield number
        finally:
            told.append("closed")

    @app.on("slow")
    async def slow():
        try:
            await passed(10)
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    @app.on("total")
    async def total(numbers: AsyncIterator[int], start: int = 0, wait: float = 0) -> int:
        async for number in numbers:
            await passed(wait)
            start += number
        return start

    @app.on("zip")
    async def both(left: AsyncIterator[int], by: str, right: AsyncIterator[str]) -> str:
        return by.join([*[str(one) async for one in left], *[one async for one in right]])

    return app


class Peer:
    """A client whose commands are given as such; what it is told is read as the native wire's text."""

    def __init__(self, net):
        self.net = net
        self.client = net.connect()
        self.attachment = self.client.line.attachment

    def say(self, *commands):
        for command in commands:
            self.attachment.receive(command)

    def call(self, name, *arguments, ref="i1", awaits="one", **fields):
        self.say(m.Call(ref, name, raw(list(arguments)), positional=True, awaits=awaits, **fields))

    def told(self, seconds=0.001):
        self.net.run(seconds)
        found = []
        for event in self.client.events():
            assert event["id"] == "i1"
            match event["type"]:
                case "error":
                    found.append((event["code"], event["reason"]))
                case "end":
                    found.append("end")
                case kind:
                    found.append((kind, event.get("data", event.get("count"))))
        return found


def raw(value):
    return Raw(repr(value).replace("'", '"').encode())


@pytest.fixture
def peer(net):
    return Peer(net)


def item(value, stream=0, ref="i1"):
    return m.Item(ref, raw(value), stream)


# Names, and kinds.


@pytest.mark.parametrize("name", ["Add", "add", "aDD"])
def test_a_name_that_has_no_handler_is_looked_for_without_case(peer, monkeypatch, name):
    monkeypatch.setattr(arriving, "_registered", lambda *_: pytest.fail("it was not answered as it came"))
    peer.call(name, 1, 2)
    peer.call(name, 3, 4)
    assert peer.told() == [("result", 3), ("result", 7)]


def test_a_name_as_it_is_goes_before_one_in_another_case(app, peer):
    app.on("ADD", inline=True)(lambda a, b: a - b)
    for name in ("ADD", "Add", "add"):
        peer.call(name, 2, 1)
    assert peer.told() == [("result", 1), ("result", 3), ("result", 3)]


def test_a_name_without_case_goes_before_the_handler_of_all_others(app, peer):
    app.on("*", inline=True)(lambda caller: caller.called)
    for name in ("add", "other"):
        peer.call(name, 1, 2)
    assert peer.told() == [("result", 3), ("result", "other")]


def test_other_languages_know_the_case_of_a_name(peer):
    peer.say(m.Call("i1", "add", Raw(b"[1,2]"), positional=True))
    assert peer.told() == [(109, "unknown name 'add'")]


def test_an_unknown_name(peer):
    peer.call("divide", 1)
    peer.call("x" * 1000)
    why = "Failed to invoke '{}' due to an error on the server. HubException: Method does not exist."
    assert peer.told() == [(109, why.format("divide")), (109, why.format("x" * 128))]


@pytest.mark.parametrize(("name", "arguments"), [("Add", (1, 2)), ("slow", ())])
def test_a_stream_is_not_awaited_of_what_gives_one_answer(peer, name, arguments):
    peer.call(name, *arguments, awaits="stream")
    why = f"The client attempted to invoke the non-streaming '{name}' method with a streaming invocation."
    assert peer.told() == [(107, why)]


def test_one_answer_is_not_awaited_of_what_gives_a_stream(peer, told):
    peer.call("count", 3)
    why = "The client attempted to invoke the streaming 'count' method with a non-streaming invocation."
    assert (peer.told(), told) == ([(107, why)], [])


def test_a_call_that_waits_for_its_turn_is_looked_at_in_the_same_way(peer):
    peer.call("slow")
    peer.say(m.Call("i2", "ADD", Raw(b"[1,2]"), positional=True, awaits="one"))
    peer.net.run(11)
    assert [event["data"] for event in peer.client.events()] == [None, 3]


# Streams without credit.


def test_items_are_told_without_credit(peer, told):
    peer.call("count", 200, awaits="stream")
    assert peer.told() == [*(("item", number) for number in range(200)), "end"]
    assert told[-1] == "closed"


def test_no_faster_than_the_client_takes_them(app, told):
    with Net(app, crowd=3) as net:
        peer = Peer(net)
        peer.call("count", awaits="stream")
        net.run()
        assert len(peer.client.transport.outbox) == len(told) == 4
        peer.client.events(most=2)
        net.run()
        assert len(peer.client.transport.outbox) == 4
        peer.client.drop()
        net.run()


def test_items_are_taken_without_credit(peer):
    peer.call("total", 100, streams=1)
    for _ in range(10):
        peer.say(*[item(1)] * 4)
        peer.net.run()
    peer.say(m.End("i1"))
    assert peer.told() == [("result", 140)]


def test_so_many_bytes_of_items_wait_and_no_more(peer):
    peer.call("total", 0, 1, streams=1)
    peer.net.run()
    peer.say(*[item(1)] * 4)
    assert peer.told() == []
    peer.say(*[item(1)] * 2)
    assert peer.told() == [(108, "more than 300 bytes of items wait")], "an item costs more than its bytes"
    assert peer.attachment.calls.queued == 0


def test_an_item_that_is_too_big(peer):
    peer.call("total", streams=1)
    peer.say(item("x" * 50))
    assert peer.told() == [(108, "item has more than 50 bytes")]


# Several streams.


def test_several_streams_in_any_order(peer):
    peer.call("zip", "-", streams=2)
    peer.say(item("a", 1), item(1), item("b", 1), m.End("i1", 1), item(2), m.End("i1", 0))
    assert peer.told() == [("result", "1-2-a-b")]


def test_streams_of_a_call_whose_turn_has_not_come(peer):
    peer.say(m.Call("i0", "slow", awaits="one"))
    peer.call("zip", "-", streams=2)
    peer.say(m.End("i1", 1), item(1), m.End("i1"))
    peer.net.run(11)
    assert [(event["id"], event["data"]) for event in peer.client.events()] == [("i0", None), ("i1", "1")]


@pytest.mark.parametrize(
    ("name", "streams", "why"),
    [
        ("zip", 1, "zip takes 2 streams, not 1"),
        ("zip", 100_000, "zip takes 2 streams, not 100000"),
        ("total", 0, "total takes 1 stream, not 0"),
        ("total", 2, "total takes 1 stream, not 2"),
        ("Add", 1, "Add takes no stream"),
        ("slow", 2, "slow takes no stream"),
    ],
)
def test_as_many_streams_as_the_handler_takes(peer, name, streams, why):
    peer.call(name, "-", streams=streams)
    assert peer.told() == [(107, f"bad request: {why}")]


def test_on_the_native_wire_a_call_has_one_stream(peer):
    call = peer.client.send("call", name="zip", data={"by": ""}, streaming=True)
    [error] = peer.client.events("error")
    assert (error["id"], error["code"], error["reason"]) == (call, 107, "bad request: zip takes 2 streams, not 1")


@pytest.mark.parametrize("number", [2, -1])
def test_an_item_of_a_stream_that_there_is_not(peer, number):
    peer.call("zip", "-", streams=2)
    peer.say(m.End("i1", number))
    assert peer.told() == []
    peer.say(item(1, number))
    assert peer.told() == [(107, "an item for a call that is no stream")]


def test_an_item_after_the_end_of_its_own_stream(peer):
    peer.call("zip", "-", streams=2)
    peer.say(m.End("i1", 1), item(1, 0), item("x", 1))
    assert peer.told() == [(107, "an item after the end of its stream")]


# Streams that break.


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_stream_that_breaks_ends_the_call_of_who_does_not_mind(peer, caplog, when):
    peer.call("total", streams=1)
    if when == "while":
        peer.net.run()
    peer.say(item(1), m.End("i1", error="no more paper"))
    assert peer.told() == [(107, "the stream broke: no more paper")]
    assert caplog.records == []


def test_a_handler_may_go_on_without_the_rest(app, peer, told):
    @app.on("partly")
    async def partly(numbers: AsyncIterator[int]):
        while True:
            try:
                told.append(await anext(numbers))
            except StreamBroken as broken:
                told.append(broken.error)
            except Refused:
                told.append("wrong")
            except StopAsyncIteration:
                return told

    peer.call("partly", streams=1)
    peer.say(item(1), item("two"), item(3), m.End("i1", error="torn"), m.End("i1"))
    assert peer.told() == [("result", [1, "wrong", 3, "torn"])]


# Ends.


@pytest.mark.parametrize("turn", ["has come", "has not come"])
def test_a_cancelled_call_is_answered(peer, told, turn):
    if turn == "has not come":
        peer.say(m.Call(-1, "slow", awaits="one"))
    peer.call("slow")
    peer.net.run(1)
    peer.say(m.Cancel("i1"), m.Cancel("i1"))
    assert peer.told() == [(114, "canceled")]
    assert told == (["cancelled"] if turn == "has come" else [])


def test_a_cancelled_stream_ends(peer, told):
    peer.call("count", 100, 1, awaits="stream")
    peer.net.run(1.5)
    peer.say(m.Cancel("i1"))
    assert peer.told(10) == [("item", 0), "end"]
    assert told[-1] == "closed"


def test_a_stream_that_is_cancelled_as_it_is_called_comes_to_its_end(peer, told):
    peer.call("count", 100, 1, awaits="stream")
    peer.say(m.Cancel("i1"), m.Cancel("i1"))
    assert peer.told(10) == ["end"]
    assert told == [0, "closed"]


def test_a_stream_whose_turn_has_not_come_is_cancelled_without_having_begun(peer, told):
    peer.say(m.Call(-1, "slow", awaits="one"))
    peer.call("count", awaits="stream")
    peer.say(m.Cancel("i1"))
    assert peer.told() == ["end"]
    peer.net.run(11)
    assert told == []


def test_who_finishes_finishes_after_a_cancel(app, peer, told):
    @app.on("finishes", finish=True)
    async def finishes():
        await passed(1)
        told.append("finished")

    peer.call("finishes")
    peer.net.run()
    peer.say(m.Cancel("i1"))
    assert peer.told(2) == [(114, "canceled")]
    assert told == ["finished"]


def test_a_call_without_an_answer_fails_in_the_log_alone(app, peer, caplog):
    app.on("fail", inline=True)(lambda: 1 / 0)

    @app.on("fail later")
    async def later():
        raise ValueError("after a while")

    peer.say(m.Call(-1, "fail", awaits="one"), m.Call(-2, "fail later", awaits="one"))
    peer.net.run()
    assert [(event["type"], event["id"], event["code"]) for event in peer.client.events()] == [
        ("error", -1, 100),
        ("error", -2, 100),
    ], "what has no answer is left out by the codec of its language"
    assert [record.getMessage() for record in caplog.records] == ["Call fail failed", "Call fail later failed"]


def test_a_traced_call_of_a_name_in_another_case_has_the_span_of_one_that_goes_on(app, peer):
    spans = []

    class Tracer:
        def span(self, command):
            spans.append(command.ref)
            return passing

    class Passing:
        def __enter__(self):
            spans.append("entered")

        def __exit__(self, *_):
            spans.append("left")

    passing = Passing()
    app.hub.tracer = Tracer()
    peer.call("COUNT", 1, awaits="stream")
    assert peer.told() == [("item", 0), "end"]
    assert spans == ["i1", "entered", "left"]
