"""Streams of calls, both ways: with credit, to their end, and cancelled where nobody wants more. The server is scripted."""

import asyncio
import gc

import pytest
from tests.client.scripts import Script, settle
from tests.client.wires import elapse

from everywire.errors import ConnectionClosedError, Refused
from everywire.testing import VirtualLoop


def played(test, **welcome):
    async def play():
        script = Script(**welcome)
        async with script.client() as client:
            await test(script, client)

    with VirtualLoop() as loop:
        loop.run_until_complete(play())


def test_items_come_in_order_and_credit_goes_back():
    async def test(script, client):
        stream = client.stream("count", {"to": 6}, credit=4)
        call = script.last("call")
        assert call == {"type": "call", "id": call["id"], "name": "count", "data": {"to": 6}, "credit": 4}
        for number in range(4):
            script.tell(type="item", id=call["id"], data=number)
        assert [await anext(stream) for _ in range(4)] == [0, 1, 2, 3]
        assert script.all("credit") == [{"type": "credit", "id": call["id"], "count": 2}] * 2
        script.tell(type="item", id=call["id"], data=4)
        script.tell(type="end", id=call["id"])
        assert [item async for item in stream] == [4]
        assert client.queued == 0
        await stream.aclose()
        assert script.all("cancel") == []

    played(test)


def test_a_handler_without_a_stream_gives_one_item():
    async def test(script, client):
        stream = client.stream("double", 2, type=int)
        script.tell(type="result", id=script.last("call")["id"], data=4)
        assert [item async for item in stream] == [4]

    played(test)


def test_an_error_ends_a_stream_after_its_items():
    async def test(script, client):
        stream = client.stream("count")
        number = script.last("call")["id"]
        script.tell(type="item", id=number, data=1)
        script.tell(type="error", id=number, code=1000, reason="enough", temporary=False, data={"left": 7})
        assert await anext(stream) == 1
        with pytest.raises(Refused, match="enough") as refused:
            await anext(stream)
        assert refused.value.data == {"left": 7}

    played(test)


def test_a_lost_connection_ends_a_stream():
    async def test(script, client):
        stream = client.stream("count")
        script.cut()
        with pytest.raises(ConnectionClosedError):
            await anext(stream)

    played(test)


@pytest.mark.parametrize("how", ["aclose", "with", "forgotten"])
def test_who_wants_no_more_cancels(how):
    async def test(script, client):
        stream = client.stream("count")
        number = script.last("call")["id"]
        script.tell(type="item", id=number, data=1)
        if how == "with":
            async with stream:
                async for _ in stream:
                    break
        else:
            assert await anext(stream) == 1
            if how == "aclose":
                await stream.aclose()
            del stream
            gc.collect()
        await settle()
        assert script.last("cancel")["id"] == number
        script.tell(type="item", id=number, data=2)
        await settle()
        assert client.queued == 0

    played(test)


def test_items_are_sent_as_far_as_there_is_credit():
    taken = []

    async def numbers():
        for number in range(20):
            taken.append(number)
            yield number

    async def test(script, client):
        calling = client.call("sum", items=numbers())
        number = script.last("call")["id"]
        assert script.last("call")["streaming"] is True
        await settle()
        await settle()
        assert [item["data"] for item in script.all("item")] == list(range(16))
        assert len(taken) == 16
        script.tell(type="credit", id=number, count=10)
        await settle()
        assert script.last("end") == {"type": "end", "id": number}
        script.tell(type="result", id=number, data=190)
        assert await calling == 190
        assert client.queued == 0

    played(test)


def test_what_the_source_raises_is_raised_and_cancels():
    def broken():
        yield 1
        raise ZeroDivisionError("mine")

    async def test(script, client):
        with pytest.raises(ZeroDivisionError, match="mine"):
            await client.call("sum", items=broken())
        assert script.last("cancel")["id"] == script.last("call")["id"]

    played(test)


def test_an_early_answer_stops_the_source():
    closed = []

    async def endless():
        try:
            while True:
                await elapse(1)
                yield 1
        finally:
            closed.append(True)

    async def test(script, client):
        calling = client.call("sum", items=endless())
        await elapse(3.5)
        script.tell(type="error", id=script.last("call")["id"], code=108, reason="too many", temporary=True)
        with pytest.raises(Refused, match="too many"):
            await calling
        await elapse(5)
        assert (len(script.all("item")), closed) == (3, [True])

    played(test)


def test_a_stream_may_go_both_ways():
    async def test(script, client):
        stream = client.stream("echo", items=[1, 2])
        await settle()
        number = script.last("call")["id"]
        assert [item["data"] for item in script.all("item")] == [1, 2]
        script.tell(type="item", id=number, data=1)
        script.tell(type="end", id=number)
        assert [item async for item in stream] == [1]

    played(test)


def test_a_call_that_nobody_waits_for_is_cancelled():
    async def test(script, client):
        waiting = asyncio.ensure_future(client.call("slow"))
        await settle()
        waiting.cancel()
        await settle()
        assert script.last("cancel")["id"] == script.last("call")["id"]
        with pytest.raises(TimeoutError):
            await client.call("slow", timeout=2)
        assert script.last("call")["timeout"] == 2000
        assert script.last("cancel")["id"] == script.last("call")["id"]

    played(test)


def test_an_answer_of_another_type_is_an_error():
    async def test(script, client):
        calling = client.call("double", 2, type=int)
        script.tell(type="result", id=script.last("call")["id"], data="four")
        with pytest.raises(ValueError, match="int"):
            await calling

    played(test)
