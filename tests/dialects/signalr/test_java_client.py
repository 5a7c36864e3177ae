"""Java's client of SignalR, as it comes from Maven Central, against us. It does not come back by itself: it is started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import java_with, need
from tests.dialects.signalr.client import ARTIFACT, PACKAGES, Client, Clients, of_java
from tests.dialects.signalr.serving import Served, serving
from tests.told import Failed

import everywire
import testbed
from everywire.messages import Heartbeat

pytestmark = pytest.mark.anyio
WAYS = ("WebSockets", "LongPolling")
EACH = pytest.mark.parametrize("way", WAYS)
HEARS = {"back": 3, "one": 1, "nothing": 0, "room:tea": 1}
ANSWERS = {"double": 42, "broken": {"$error": "so it is"}}


@pytest.fixture(scope="module")
def jdk() -> Path:
    return java_with(ARTIFACT)


@pytest.fixture(scope="module")
async def process(jdk: Path) -> AsyncIterator[Clients]:
    async with Clients.started(of_java) as clients:
        yield clients


@pytest.fixture
async def client(clients: Clients, shared: Any, way: str) -> Client:
    return await clients.connect(shared[1], transport=way, hears=HEARS, answers=ANSWERS)


@EACH
async def test_it_connects(client, way):
    state = await client.state()
    assert (state["state"], state["transport"]) == ("Connected", way.replace("Sockets", "Socket"))
    assert (await client.invoke("who"))["session"] == state["connection"]


@EACH
async def test_it_invokes(client, shared, way):
    given = [1, -0.5, "zwei \u2028\x1e", None, True, {"three": [True, {}]}, "ä" * 5_000]
    assert await client.invoke("echo", given) == given
    assert await client.invoke("ECHO", "in capitals") == "in capitals"
    await client.run("Nothing")
    await client.send("note", way, "two")
    await shared[0].until(lambda: [way, "two"] in shared[0].said)


@EACH
async def test_it_is_told_what_went_wrong(client, way):
    with pytest.raises(Failed, match="so it is"):
        await client.invoke("fail")
    with pytest.raises(Failed) as failed:
        await client.run("broken")
    assert "secret" not in str(failed.value)
    with pytest.raises(Failed, match="Method does not exist"):
        await client.invoke("nowhere")
    with pytest.raises(Failed, match="invoke the streaming 'count' method with a non-streaming invocation"):
        await client.invoke("count", 3)
    assert "invoke the non-streaming 'echo' method" in (await client.stream("echo", 3))["broken"]
    assert await client.invoke("echo", 1) == 1


@EACH
async def test_it_is_invoked(client, shared, way):
    caller = shared[0].caller((await client.state())["connection"])
    caller.tell("back", 1, "two", [3])
    caller.tell("nothing")
    assert (await client.heard("back"), await client.heard("nothing")) == ([1, "two", [3]], [])
    for number in range(20):
        caller.tell("one", number)
    assert [await client.heard("one") for _ in range(20)] == [[number] for number in range(20)]


@EACH
async def test_it_is_asked(client, way):
    assert await client.invoke("ask", "double", 21) == 42
    assert await client.heard("double") == [21]
    assert "so it is" in await client.invoke("ask", "broken", 1)
    assert (await client.invoke("ask", "unknown", 1)).startswith("Declined: ")


@EACH
async def test_streams_to_it(client, shared, way):
    assert (await client.stream("count", 100))["items"] == [*range(100)]
    assert await client.stream("count", 2, True) == {"items": [0, 1], "broken": "enough"}
    canceled = await client.stream("forever", f"java {way}", take=3)
    assert (canceled["items"], canceled["canceled"]) == ([0, 1, 2], True)
    await shared[0].until(lambda: f"java {way}" in shared[0].canceled)


@pytest.mark.parametrize("way", ["WebSockets"])  # by polls it may be that an item comes before its call does
async def test_streams_from_it(client, way):
    assert await client.upload("sum", 10, uploads=[[*range(50)]]) == 10 + 1225
    assert await client.upload("sum", uploads=[[]]) == 0
    with pytest.raises(Failed, match="why not"):
        await client.upload("sum", 1, uploads=[[1, 2, {"$error": "why not"}]])
    assert await client.upload("zip", "x", uploads=[[1, 2], [4, 5]]) == [["x", 1, 4], ["x", 2, 5]]
    assert (await client.stream("doubled", uploads=[[1, 2, 3]]))["items"] == [2, 4, 6]


@EACH
async def test_many_at_once_keep_their_order(clients, way):
    async with serving() as (app, url):
        client = await clients.connect(url, transport=way)
        asked = [asyncio.ensure_future(client.invoke("echo", number)) for number in range(60)]
        for number in range(60):
            await client.send("note", number)
        assert await asyncio.gather(*asked) == [*range(60)]
        await app.until(lambda: len(app.said) == 60)
        said = app.said if way == "WebSockets" else sorted(app.said)  # it has several POSTs under way at a time
        assert said == [[number] for number in range(60)]


@EACH
async def test_large_values(clients, way):
    async with serving(Served(max_data=900_000)) as (_app, url):
        client = await clients.connect(url, transport=way)
        assert await client.invoke("echo", "x" * 700_000) == "x" * 700_000


# Who it is


@EACH
async def test_its_token_is_looked_at_as_it_negotiates(clients, way):
    async with serving() as (app, url):
        client = await clients.connect(url, transport=way, tokens=["ada"], headers={"x-mine": "yes"})
        who = await client.invoke("who")
        assert (who["user"], who["header"]) == ("ada", "yes")
        refused = await clients.make(url, transport=way, tokens=["wrong"])
        with pytest.raises(Failed, match="401"):
            await refused.start()
        assert len(app.callers) == 1


async def test_it_connects_without_negotiating(clients):
    async with serving() as (_app, url):
        client = await clients.connect(url, transport="WebSockets", skipNegotiation=True, tokens=["ada"])
        assert (await client.invoke("who"))["user"] == "ada"


async def test_a_hub_that_there_is_not(clients, shared):
    client = await clients.make(shared[1] + "s")
    with pytest.raises(Failed, match="404"):
        await client.start()


# Ends


@EACH
async def test_it_leaves(clients, way):
    async with serving() as (app, url):
        client = await clients.connect(url, transport=way)
        await client.stop()
        assert (await client.next("close"))["error"] is None
        await app.until(lambda: not app.callers)


@EACH
async def test_it_is_sent_away(clients, way):
    async with serving() as (app, url):
        client = await clients.connect(url, transport=way)
        await app.kick(session=(await client.state())["connection"], reason="enough")
        assert "enough" in (await client.next("close"))["error"]


@EACH
async def test_it_is_started_again_after_its_connections_were_cut(clients, way):
    async with serving() as (_app, url):
        client = await clients.connect(url, transport=way)
        first = (await client.state())["connection"]
        while (await client.state())["state"] == "Connected":
            await client.cut()
        await client.next("close")
        await client.start()
        assert (await client.invoke("who"))["session"] == (await client.state())["connection"] != first


@EACH
async def test_it_is_started_again_when_the_server_is_there_again(clients, way):
    first, again = Served(), Served()
    for app in (first, again):
        app.signalr("/hub")
    async with first.serving() as server:
        port = server.port
        client = await clients.connect(f"http://127.0.0.1:{port}/hub", transport=way)
    await client.next("close")
    with pytest.raises(Failed):
        await client.start()
    async with again.serving(port=port):
        await client.start()
        assert await client.invoke("echo", 1) == 1


@pytest.mark.slow
@EACH
async def test_who_is_silent_is_closed_and_who_is_not_stays(clients, way):
    async with serving(signalr={"heartbeat": Heartbeat(0.8, 0.8, "both")}) as (_app, url):
        client = await clients.connect(url, transport=way, alive=0.1, timeout=10)  # it looks at that once a second
        silent = await clients.connect(url, transport="WebSockets", alive=600)
        assert (await silent.next("close"))["error"] is not None
        assert await client.invoke("echo", 1) == 1


# Who else is there


async def test_who_shares_a_channel_hears_the_same_in_every_language(clients):
    need(lambda: testbed.npm(*PACKAGES))
    async with serving() as (_app, url), Clients.started() as others:
        java = [await clients.connect(url, transport=way, hears=HEARS) for way in WAYS]
        npm = await others.connect(url, transport="ServerSentEvents", hears=["one", "room:tea"])
        native = everywire.Client(f"{url.removesuffix('/hub').replace('http', 'ws')}/everywire")
        async with native:
            heard = aiter(native.subscribe("room:tea"))
            for client in (*java, npm):
                assert (await client.invoke("everywire:subscribe", {"channel": "room:tea"}))["channel"] == "room:tea"
            said = {"event": "one", "args": [{"b": "ü"}]}
            await java[0].invoke("everywire:publish", {"channel": "room:tea", "data": said})
            await native.publish("room:tea", "plain")
            for client in (*java, npm):
                assert (await client.heard("one"), await client.heard("room:tea")) == ([{"b": "ü"}], ["plain"])
            async with asyncio.timeout(10):
                assert [(await anext(heard)).data for _ in range(2)] == [said, "plain"]
