"""Streams of calls: credit both ways, items as their hints say, errors in the middle, ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net, Refusal, passed

SMALL = Settings(max_data=50, max_calls=3, max_credit=100, max_stream_bytes=200, heartbeat=Heartbeat(every=100_000))


@pytest.fixture
def told():
    """What handlers went through."""
    return []


@pytest.fixture
def app(told):
    app = Everywire(settings=SMALL)

    @app.on("count")
    async def count(to: int = 1000, wait: float = 0) -> AsyncIterator[int]:
        try:
            for number in range(to):
                told.append(number)
                if wait:
                    await passed(wait)
                yield number
        finally:
            told.append("closed")

    @app.on("sum")
    async def total(numbers: AsyncIterator[int], start: int = 0) -> int:
        async for number in numbers:
            start += number
            told.append(number)
        return start

    @app.on("slow sum")
    async def slow(numbers: AsyncIterator[int]) -> int:
        found = 0
        async for number in numbers:
            await passed(1)
            found += number
        return found

    @app.on("double")
    async def double(numbers: AsyncIterator[int]) -> AsyncIterator[int]:
        async for number in numbers:
            yield 2 * number

    @app.on("slow")
    async def waits():
        await passed(10)

    return app


@pytest.fixture
def net(app):
    with Net(app) as net:
        yield net
        net.run(200)
        for attachment in [*app.hub.attachments]:
            attachment.close(1000, "")
        net.run()


@pytest.fixture
def client(net):
    client = net.connect()
    yield client
    calls = client.line.attachment.calls
    net.run(200)
    if client.line.attachment.open and calls:
        for ref in [*calls.running]:
            client.send("cancel", id=ref)
        net.run()
    assert not calls or (calls.running, calls.working, calls.queued) == ({}, 0, 0)


def items(client):
    return [event["data"] for event in client.events("item")]


def say(client, call, *numbers, end=False):
    for number in numbers:
        client.send("item", id=call, data=number)
    if end:
        client.send("end", id=call)


def test_a_stream_is_told_item_by_item_and_its_end(net, client, told):
    call = client.send("call", name="count", data={"to": 2}, credit=10)
    net.run()
    events = client.events()
    assert [(event["type"], event["id"], event.get("data")) for event in events] == [
        ("item", call, 0),
        ("item", call, 1),
        ("end", call, None),
    ]
    assert told == [0, 1, "closed"]


def test_a_stream_needs_credit(client, told):
    with pytest.raises(Refusal, match=r"112 .*stream"):
        client.ask("call", name="count")
    assert told == []


def test_a_generator_is_not_advanced_without_credit(net, client, told):
    call = client.send("call", name="count", credit=2)
    net.run()
    assert (items(client), told) == ([0, 1], [0, 1])
    client.send("credit", id=call, count=1)
    net.run()
    assert (items(client), told) == ([2], [0, 1, 2])


def test_credit_for_a_call_without_a_stream_is_of_no_use(net, client):
    call = client.send("call", name="slow", credit=2)
    net.run(11)
    assert client.answer(call)["data"] is None


def test_a_stream_does_not_hold_up_its_session(net, client):
    call = client.send("call", name="count", credit=1)
    assert client.ask("ping")["type"] == "pong"
    call = client.send("call", name="sum", streaming=True)
    assert client.ask("ping")["type"] == "pong"
    say(client, call, 1, end=True)
    net.run()
    assert client.answer(call)["data"] == 1


def test_a_stream_waits_for_a_line_that_has_room(app):
    with Net(app, crowd=3) as net:
        client = net.connect()
        client.send("call", name="count", credit=100)
        net.run()
        assert len(client.transport.outbox) == 4
        client.events(most=2)
        net.run()
        assert len(client.transport.outbox) == 4


def test_a_stream_that_never_waits_lets_others_go_first(app, net, client, told):
    turns = []
    client.send("call", name="count", credit=100)

    async def other():
        for _ in range(5):
            turns.append(len(told))
            await asyncio.sleep(0)

    net.loop.create_task(other())
    net.run()
    assert 0 < turns[1] <= 64
    assert len([one for one in told if one != "closed"]) == 100


def test_a_stream_from_the_client(net, client, told):
    call = client.send("call", name="sum", data={"start": 100}, streaming=True)
    say(client, call, 1, 2)
    net.run()
    assert told == [1, 2]
    say(client, call, 3, end=True)
    net.run()
    assert client.answer(call)["data"] == 106


def test_credit_is_given_as_items_are_read(net, client):
    call = client.send("call", name="slow sum", streaming=True)
    say(client, call, *[1] * 16)
    net.run(6.5)
    assert client.events("credit") == []
    net.run(1)
    assert client.events("credit") == [{"type": "credit", "id": call, "count": 8}]
    say(client, call, *[1] * 8)
    net.run(8)
    assert client.events("credit") == [{"type": "credit", "id": call, "count": 8}]
    say(client, call, end=True)
    net.run(20)
    assert client.answer(call)["data"] == 24
    assert client.events("credit") == [], "nothing more is to come"


def test_a_wider_window_is_given_at_the_beginning(app):
    app.settings = Settings(stream_window=20)
    with Net(app) as net:
        client = net.connect()
        call = client.send("call", name="slow sum", streaming=True)
        assert client.events("credit") == [{"type": "credit", "id": call, "count": 4}]
        say(client, call, *[1] * 20, end=True)
        net.run(21)
        assert client.answer(call)["data"] == 20


def test_both_ways_at_once(net, client):
    call = client.send("call", name="double", credit=2, streaming=True)
    say(client, call, 1, 2, 3)
    net.run()
    assert items(client) == [2, 4]
    client.send("credit", id=call, count=10)
    say(client, call, 4, end=True)
    net.run()
    assert [(event["type"], event.get("data")) for event in client.events()] == [
        ("item", 6),
        ("item", 8),
        ("end", None),
    ]


def test_items_find_a_call_whose_turn_has_not_come(net, client):
    client.send("call", name="slow")
    call = client.send("call", name="sum", streaming=True)
    say(client, call, 1, 2)
    client.send("call", name="slow")
    net.run(15)  # the stream has begun, and the second slow call is at work
    say(client, call, 3, end=True)
    net.run()
    assert client.answer(call)["data"] == 6


def test_credit_finds_it_too(net, client):
    client.send("call", name="slow")
    call = client.send("call", name="count", credit=1)
    client.send("credit", id=call, count=2)
    net.run(11)
    assert items(client) == [0, 1, 2]


# What is wrong.


@pytest.mark.parametrize(
    ("name", "fields", "why"),
    [
        ("slow", {"streaming": True}, "107 bad request: slow takes no stream"),
        ("sum", {}, "107 bad request: sum takes a stream: the call is not `streaming`"),
        ("count", {"credit": 101}, "108 more credit than 100"),
    ],
)
def test_a_call_that_its_handler_cannot_answer(client, name, fields, why):
    with pytest.raises(Refusal, match=why):
        client.ask("call", name=name, **fields)


def test_a_wrong_item_is_told_with_its_place(net, client, told):
    call = client.send("call", name="sum", streaming=True)
    say(client, call, 1, "two", 3)
    net.run()
    with pytest.raises(Refusal, match="107 bad request: Expected `int`, got `str`") as caught:
        client.answer(call)
    assert caught.value.data == {"errors": [{"path": "$", "reason": "Expected `int`, got `str`"}]}
    assert told == [1]


def test_a_handler_may_pass_over_a_wrong_item(app, net, client):
    @app.on("patient")
    async def patient(numbers: AsyncIterator[int]):
        found = []
        while True:
            try:
                found.append(await anext(numbers))
            except Refused:
                continue
            except StopAsyncIteration:
                return found

    call = client.send("call", name="patient", streaming=True)
    say(client, call, 1, "two", 3, end=True)
    net.run()
    assert client.answer(call)["data"] == [1, 3]


def refusals(client):
    return [(event["id"], event["code"], event["reason"]) for event in client.events("error")]


def test_more_items_than_credit(net, client, told):
    call = client.send("call", name="slow sum", streaming=True)
    net.run()
    say(client, call, *[1] * 17)
    net.run()
    assert refusals(client) == [(call, 107, "more items than credit")]


def test_an_item_after_the_end(net, client):
    call = client.send("call", name="slow sum", streaming=True)
    say(client, call, 1, end=True)
    say(client, call, 2)
    assert refusals(client) == [(call, 107, "an item after the end of its stream")]


def test_an_item_for_a_call_that_is_no_stream(net, client):
    call = client.send("call", name="slow")
    say(client, call, 1)
    assert refusals(client) == [(call, 107, "an item for a call that is no stream")]


def test_an_item_that_is_too_big(net, client):
    call = client.send("call", name="sum", streaming=True)
    say(client, call, "x" * 50)
    assert refusals(client) == [(call, 108, "item has more than 50 bytes")]


def test_items_that_wait_are_bounded_together(net, client):
    calls = [client.send("call", name="slow sum", streaming=True) for _ in range(2)]
    net.run()
    for number in range(5):
        say(client, calls[number % 2], "x" * 40)
    assert refusals(client) == [(calls[0], 108, "more than 200 bytes of items wait")]
    assert client.line.attachment.calls.queued == 84, "what the refused call held is let go"


def test_an_item_that_cannot_be_read_ends_its_call(net, client, told):
    call = client.send("call", name="sum", streaming=True)
    deep = "[" * 70 + "]" * 70
    client.line.receive(f'{{"type": "item", "id": {call}, "data": {deep}}}')
    net.run()
    [(of, code, reason)] = refusals(client)
    assert (of, code) == (call, 107)
    assert "levels" in reason
    assert told == []


def test_too_much_credit(net, client, told):
    call = client.send("call", name="count", credit=100)
    client.send("credit", id=call, count=1)
    assert refusals(client) == [(call, 108, "more credit than 100")]
    net.run()
    assert told == [], "a task that is cancelled before it began does not begin"


def test_streams_count_as_calls(net, client):
    for _ in range(3):
        client.send("call", name="count", credit=1)
    with pytest.raises(Refusal, match="108 no more than 3 calls"):
        client.ask("call", name="count", credit=1)


# Ends.


def test_an_error_in_the_middle(app, net, client, caplog):
    @app.on("fails")
    async def fails(how: str):
        yield 1
        if how == "refused":
            raise Refused("no more", 1002)
        if how == "unsayable":
            yield object()
        raise ValueError("secret")

    for how, code, reason in [
        ("refused", 1002, "no more"),
        ("unsayable", 100, "internal error"),
        ("", 100, "internal error"),
    ]:
        call = client.send("call", name="fails", data={"how": how}, credit=5)
        net.run()
        events = client.events()
        assert [event["type"] for event in events] == ["item", "error"]
        assert (events[1]["id"], events[1]["code"], events[1]["reason"]) == (call, code, reason)
    assert "secret" in caplog.text


@pytest.mark.parametrize("state", ["waits for credit", "waits itself"])
@pytest.mark.parametrize("how", ["cancel", "drop", "timeout"])
def test_a_generator_is_closed_with_its_call(net, client, told, how, state):
    fields = {"credit": 1} if state == "waits for credit" else {"credit": 5, "data": {"wait": 2}}
    call = client.send("call", name="count", timeout=1000 if how == "timeout" else None, **fields)
    net.run(0.5)
    client.events()
    if how == "cancel":
        client.send("cancel", id=call)
    elif how == "drop":
        client.drop()
    net.run(1)
    assert told == [0, "closed"]
    assert refusals(client) == ([(call, 113, "timed out")] if how == "timeout" else [])


@pytest.mark.parametrize("how", ["cancel", "drop"])
def test_a_reader_is_cancelled_with_its_call(app, net, client, how, told):
    @app.on("read")
    async def read(numbers: AsyncIterator[int]):
        try:
            async for number in numbers:
                told.append(number)
        finally:
            told.append("closed")

    call = client.send("call", name="read", streaming=True)
    say(client, call, 1)
    net.run()
    client.send("cancel", id=call) if how == "cancel" else client.drop()
    net.run()
    assert told == [1, "closed"]


def test_a_handler_need_not_read_to_the_end(app, net, client):
    @app.on("first")
    async def first(numbers: AsyncIterator[int]):
        return await anext(numbers)

    call = client.send("call", name="first", streaming=True)
    say(client, call, 1, 2, 3)
    net.run()
    assert client.answer(call)["data"] == 1
    say(client, call, 4, end=True)
    assert client.events() == []


def test_a_stream_that_outlives_its_call_cannot_be_read_as_if_it_were_whole(app, net, client):
    kept = []

    @app.on("keep")
    async def keep(numbers: AsyncIterator[int]):
        kept.append(numbers)

    client.send("call", name="keep", streaming=True)
    net.run()
    with pytest.raises(Exception, match="the call is over"):
        net.loop.run_until_complete(anext(kept[0]))


def test_a_handler_that_will_not_be_cancelled_is_heard_no_more(app, net, client):
    @app.on("stubborn")
    async def stubborn():
        try:
            yield 1
            await passed(10)
        except asyncio.CancelledError:
            await passed(1)
            yield 2

    call = client.send("call", name="stubborn", credit=5)
    net.run(1)
    client.send("cancel", id=call)
    net.run(10)
    assert items(client) == [1]


def test_a_function_that_makes_a_stream(app, net, client):
    async def numbers():
        yield 1

    @app.on("plain")
    def plain() -> AsyncIterator[int]:
        return numbers()

    @app.on("awaited")
    async def awaited() -> AsyncIterator[int]:
        return numbers()

    for name in ("plain", "awaited"):
        client.send("call", name=name, credit=2)
        net.run()
        assert [event["type"] for event in client.events()] == ["item", "end"]
