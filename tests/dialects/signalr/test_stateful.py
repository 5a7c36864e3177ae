"""npm's client with stateful reconnect: through losses at every point, nothing is lost and nothing comes twice."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from tests.dialects.signalr.client import Client, Clients
from tests.dialects.signalr.cutting import Cutter
from tests.dialects.signalr.serving import Served, serving

BOTH = pytest.mark.parametrize("msgpack", [False, True], ids=["json", "msgpack"])
pytestmark = pytest.mark.anyio


async def stateful(clients: Clients, url: str, msgpack: bool = False, **options: Any) -> Client:
    client = await clients.connect(url, msgpack=msgpack, stateful=True, **options)
    assert (await client.state())["stateful"]
    return client


async def caller_of(app: Served, client: Client) -> Any:
    session = (await client.invoke("who"))["session"]
    return next(each for each in app.callers if each.session == session)


async def conversation(app: Served, client: Client, count: int, every: int = 0) -> None:
    """Have both sides count, and see that each heard all of it, once and in order."""
    caller = await caller_of(app, client)
    app.said.clear()
    heard = asyncio.ensure_future(client.converse(count - 1, every))
    await client.invoke("echo", "it listens")
    for number in range(count):
        caller.tell("count", number)
        if number % 7 == 0:
            await asyncio.sleep(0)
    async with asyncio.timeout(500):
        assert await heard == list(range(count))
        while len(app.said) < count:
            app.news.clear()
            await app.news.wait()
    assert await client.invoke("echo", "still there") == "still there"
    assert app.said == [[number] for number in range(count)]


@BOTH
async def test_goes_on_after_a_loss(clients, shared, msgpack):
    app, url = shared
    client = await stateful(clients, url, msgpack, hears=["back"])
    caller = await caller_of(app, client)
    for number in range(5):
        assert await client.cut() == 1
        caller.tell("back", number)
        assert await client.heard("back") == [number]
        assert await client.invoke("echo", number) == number
    assert (await client.invoke("who"))["session"] == caller.session
    assert client.reports == []  # the application on it has noticed nothing
    await client.stop()
    await app.until(lambda: caller.session not in {each.session for each in app.callers})


@BOTH
async def test_a_call_that_is_under_way_is_answered_after_the_loss(clients, shared, msgpack):
    app, url = shared
    client = await stateful(clients, url, msgpack, answers={"double": 42})
    app.gate = asyncio.Event()
    asked = asyncio.ensure_future(client.invoke("wait"))
    await app.until(lambda: app.waiting)
    await client.cut()
    app.gate.set()
    assert await asked == "it was opened"
    assert await client.invoke("ask", "double", 1) == 42
    await client.stop()


@BOTH
async def test_says_as_much_again_as_it_likes(clients, shared, msgpack):
    app, url = shared
    app.said.clear()
    client = await stateful(clients, url, msgpack)
    await client.flood("ponder", 1_000, cut=True)
    await app.until(lambda: len(app.said) == 1_000)
    assert app.said == [[number] for number in range(1_000)]
    assert client.reports == []
    await client.stop()


async def test_only_who_asks_for_it(clients, shared):
    client = await clients.connect(shared[1])
    assert not (await client.state())["stateful"]
    await client.cut()
    await client.next("close")


async def test_only_where_it_is_served(clients):
    async with serving(signalr={"stateful": False}) as (_app, url):
        client = await clients.connect(url, stateful=True)
        assert not (await client.state())["stateful"]
        await client.stop()


async def test_what_is_told_in_the_breath_of_the_handshake_counts(clients):
    async with serving() as (app, url):
        app.welcomes = 3
        client = await clients.connect(url, stateful=True, hears=["back"])
        assert [await client.heard("back") for _ in range(3)] == [[0], [1], [2]]
        await client.cut()
        await client.invoke("back", 3)
        assert await client.heard("back") == [3]
        assert client.reports == []
        await client.stop()


@BOTH
@pytest.mark.parametrize("count", [60, pytest.param(1_000, marks=[pytest.mark.slow, pytest.mark.timeout(550)])])
async def test_a_conversation_with_a_loss_after_each_message(clients, shared, msgpack, count):
    app, url = shared
    client = await stateful(clients, url, msgpack)
    await conversation(app, client, count, every=1)
    assert client.reports == []
    await client.stop()


@BOTH
@pytest.mark.parametrize("count", [60, pytest.param(1_000, marks=[pytest.mark.slow, pytest.mark.timeout(550)])])
async def test_a_conversation_with_losses_in_the_middle_of_messages(clients, shared, msgpack, count):
    app, url = shared
    numbers = itertools.count()

    def points() -> tuple[int, int]:
        """Cut a little further each time: what is not acknowledged is said again from its beginning."""
        number = next(numbers)
        return 150 + 97 * number, 200 + 83 * number

    cutter = Cutter(int(url.split(":")[2].partition("/")[0]), points)
    async with cutter.serving() as port:
        client = await stateful(clients, f"http://127.0.0.1:{port}/hub", msgpack)
        await conversation(app, client, count)
        assert client.reports == []
        await client.stop()
    assert cutter.cuts > count / 6


@pytest.mark.slow
async def test_who_is_away_for_too_long_begins_anew(clients):
    async with serving(Served(linger=0.5)) as (app, url):
        cutter = Cutter(int(url.split(":")[2].partition("/")[0]), lambda: (1 << 30, 1 << 30))
        async with cutter.serving() as port:
            client = await stateful(clients, f"http://127.0.0.1:{port}/hub", reconnects=[1_500, 0, 0])
            first = (await client.state())["connection"]
            cutter.gone = True
            await client.cut()
            await client.next("reconnecting")  # it has tried once, at once
            await app.until(lambda: not app.callers)
            cutter.gone = False
            assert (await client.next("reconnected"))["connection"] != first
            assert await client.invoke("echo", 1) == 1
            await client.stop()
