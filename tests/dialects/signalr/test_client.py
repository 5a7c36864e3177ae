"""npm's @microsoft/signalr against us: what clients and the server say to each other, over every transport, in both protocols."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.dialects.signalr.client import Client, Clients
from tests.dialects.signalr.serving import EACH
from tests.told import Failed

OVER = pytest.mark.parametrize(
    ("way", "msgpack"), EACH, ids=[f"{way}-{'msgpack' if packed else 'json'}" for way, packed in EACH]
)
pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(clients: Clients, shared: Any, way: str, msgpack: bool) -> Any:
    client = await clients.connect(
        shared[1],
        transport=way,
        msgpack=msgpack,
        hears=["back", "room:tea"],
        answers={"double": 42, "Broken": {"$error": "so it is"}, "none": None},
    )
    yield client
    await client.stop()


async def caller_of(app: Any, client: Client) -> Any:
    session = (await client.invoke("who"))["session"]
    return next(each for each in app.callers if each.session == session)


@OVER
async def test_connects(client, shared, way, msgpack):
    state = await client.state()
    assert (state["state"], state["transport"]) == ("Connected", {"WebSockets": "WebSocket"}.get(way, way))
    assert (await client.invoke("who"))["session"] == state["connection"]


@OVER
async def test_invokes_with_and_without_a_result(client, shared, way, msgpack):
    given = [1, -0.5, "zwei \u2028\x1e", None, True, {"three": [True, {}]}, "ä" * 5_000]
    assert await client.invoke("echo", given) == given
    assert await client.invoke("ECHO", "in capitals") == "in capitals"
    assert await client.invoke("Nothing") is None
    await client.send("note", 1, "two")
    assert await client.invoke("echo", "behind it") == "behind it"
    assert shared[0].said.pop() == [1, "two"]


@OVER
async def test_what_is_binary(client, way, msgpack):
    if msgpack:
        assert await client.invoke("echo", {"deep": [b"\x00\xff" * 700]}) == {"deep": [b"\x00\xff" * 700]}
        return
    await client.send("back", "AP8=")
    assert await client.heard("back") == ["AP8="]


@OVER
async def test_errors(client, way, msgpack):
    with pytest.raises(Failed, match="so it is"):
        await client.invoke("fail")
    with pytest.raises(Failed) as failed:
        await client.invoke("broken")
    assert "secret" not in str(failed.value)
    with pytest.raises(Failed, match="Method does not exist"):
        await client.invoke("nowhere")
    with pytest.raises(Failed, match="streaming 'count' method"):
        await client.invoke("count", 3)
    assert "streaming" in (await client.stream("echo", 3))["broken"]
    assert await client.invoke("echo", 1) == 1


@OVER
async def test_is_invoked_by_the_server(client, shared, way, msgpack):
    await client.send("back", 1, "two", [3])
    assert await client.heard("back") == [1, "two", [3]]
    caller = await caller_of(shared[0], client)
    for number in range(20):
        caller.tell("back", number)
    assert [await client.heard("back") for _ in range(20)] == [[number] for number in range(20)]


@OVER
async def test_hears_what_is_published_where_it_is_subscribed(client, shared, way, msgpack):
    app, _ = shared
    said = await client.invoke("everywire:subscribe", {"channel": "room:tea"})
    assert said["channel"] == "room:tea"
    for number in range(10):
        await app.publish("room:tea", {"number": number})
    assert [await client.heard("room:tea") for _ in range(10)] == [[{"number": number}] for number in range(10)]
    await app.publish("room:tea", {"event": "back", "args": ["a", 2]})
    assert await client.heard("back") == ["a", 2]
    await client.invoke("everywire:unsubscribe", {"channel": "room:tea"})


@OVER
async def test_is_asked_by_the_server(client, way, msgpack):
    assert await client.invoke("ask", "double", 21) == 42
    assert "so it is" in await client.invoke("ask", "Broken", 1)
    assert "Client didn't provide a result." in await client.invoke("ask", "unknown", 1)


@OVER
async def test_streams(client, shared, way, msgpack):
    assert (await client.stream("count", 100))["items"] == list(range(100))
    assert await client.stream("count", 2, True) == {"items": [0, 1], "broken": "enough"}
    canceled = await client.stream("forever", f"{way}{msgpack}", take=3)
    assert (canceled["items"], canceled["canceled"]) == ([0, 1, 2], True)
    await shared[0].until(lambda: f"{way}{msgpack}" in shared[0].canceled)
    assert await client.invoke("echo", 1) == 1


@OVER
async def test_streams_from_the_client(client, way, msgpack):
    assert await client.upload("sum", 10, uploads=[list(range(50))]) == 10 + 1225
    assert await client.upload("sum", uploads=[[]]) == 0
    with pytest.raises(Failed, match="why not"):
        await client.upload("sum", 1, uploads=[[1, 2, {"$error": "why not"}]])
    assert (await client.upload("zip", "x", uploads=[[1, 2, 3], [4, 5, 6]])) == [["x", 1, 4], ["x", 2, 5], ["x", 3, 6]]
    both = await client.stream("doubled", uploads=[[1, 2, 3]])
    assert both["items"] == [2, 4, 6]


@OVER
async def test_many_at_once_keep_their_order(client, shared, way, msgpack):
    app, _ = shared
    app.said.clear()
    asked = [asyncio.ensure_future(client.invoke("echo", number)) for number in range(60)]
    for number in range(60):
        await client.send("note", number)
    assert await asyncio.gather(*asked) == list(range(60))
    await app.until(lambda: len(app.said) == 60)
    assert app.said == [[number] for number in range(60)]


@OVER
async def test_says_as_much_at_once_as_it_likes(client, shared, way, msgpack):
    app, _ = shared
    app.said.clear()
    await client.flood("ponder", 1_000)  # more than may wait for a handler that takes its time
    await app.until(lambda: len(app.said) == 1_000)
    assert app.said == [[number] for number in range(1_000)]
    assert client.reports == []


@OVER
async def test_leaves(clients, shared, way, msgpack):
    app, url = shared
    client = await clients.connect(url, transport=way, msgpack=msgpack)
    caller = await caller_of(app, client)
    await client.stop()
    assert (await client.next("close"))["error"] is None
    await app.until(lambda: caller.session not in {each.session for each in app.callers})
    assert not app.hub.sessions.get(caller.session)


@OVER
async def test_is_sent_away(clients, shared, way, msgpack):
    app, url = shared
    client = await clients.connect(url, transport=way, msgpack=msgpack, reconnects=[0, 0])
    await app.kick(session=(await caller_of(app, client)).session, reason="enough")
    closed = await client.next("close")
    assert closed["error"] == "Server returned an error on close: enough"
    assert [report for report in client.reports if report["was"] == "reconnecting"] == []
