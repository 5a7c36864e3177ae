"""python-socketio's own client, as it comes from PyPI, against us."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.dialects.socketio.serving import WAYS, Served, serving

from everywire.messages import Heartbeat

socketio = pytest.importorskip("socketio")
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::ResourceWarning")]
EACH = pytest.mark.parametrize("way", WAYS)
SERIALIZERS = pytest.mark.parametrize("serializer", ["default", "msgpack"])


class Heard:
    """What a client heard, in order."""

    def __init__(self, client: Any, namespaces: tuple[str, ...] = ("/",)) -> None:
        self.events: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        for namespace in namespaces:
            client.on("*", self._event(namespace), namespace=namespace)
            for name in ("connect", "disconnect", "connect_error"):
                client.on(name, self._named(namespace, name), namespace=namespace)

    def _event(self, namespace: str) -> Any:
        async def heard(name: str, *arguments: Any) -> Any:
            self.events.put_nowait((namespace, name, *arguments))
            return ["answer", *arguments] if name == "sure?" else None

        return heard

    def _named(self, namespace: str, name: str) -> Any:
        async def heard(*arguments: Any) -> None:
            self.events.put_nowait((namespace, name, *arguments))

        return heard

    async def next(self, name: str) -> tuple[Any, ...]:
        """Give the next event of this name; others before it are dropped."""
        async with asyncio.timeout(10):
            while True:
                event = await self.events.get()
                if event[1] == name:
                    return event


@contextlib.asynccontextmanager
async def connected(
    url: str, way: str = "websocket", *, namespaces: tuple[str, ...] = ("/",), auth: Any = None, **options: Any
) -> AsyncIterator[tuple[Any, Heard]]:
    client = socketio.AsyncClient(**options)
    heard = Heard(client, namespaces)
    await client.connect(url, transports=WAYS[way], namespaces=list(namespaces), auth=auth)
    try:
        yield client, heard
    finally:
        await (
            client.eio.queue.join()
        )  # who disconnects during a request of its own says nothing, and waits for the next beat
        await client.disconnect()


@EACH
@SERIALIZERS
async def test_events_both_ways(way, serializer):
    async with serving() as (app, url), connected(url, way, serializer=serializer) as (client, heard):
        assert client.transport() == ("polling" if way == "polling" else "websocket")
        await heard.next("welcome")
        await client.emit("back", ("one", {"two": [2, None]}, b"\x00\xff"))
        assert await heard.next("back") == ("/", "back", "one", {"two": [2, None]}, b"\x00\xff")
        await client.send("text")
        await client.emit("note", {"a": b"1"})
        assert await client.call("echo", ("a", b"b")) == ("a", b"b")
        assert app.said == [[{"a": b"1"}]]


@EACH
async def test_acknowledgements_both_ways(way):
    async with serving() as (app, url), connected(url, way) as (client, _):
        assert await client.call("echo", {"x": [b"1"]}) == {"x": [b"1"]}
        assert await client.call("echo", ()) is None
        assert (await client.call("nobody knows it", 1))["error"]["code"] == 109
        (caller,) = app.callers
        assert await caller.call("sure?", "x") == ["answer", "x"]


@EACH
async def test_several_namespaces(way, monkeypatch):
    async with serving() as (app, url):
        async with connected(url, way, namespaces=("/", "/chat", "/shop-1"), auth={"token": "t"}) as (client, heard):
            assert len({client.get_sid(name) for name in ("/", "/chat", "/shop-1")}) == 3
            assert app.shown == [{"token": "t"}] * 3
            assert await client.call("echo", 1, namespace="/chat") == 1
            await app.kick(session=client.get_sid("/chat"))
            assert (await heard.next("disconnect"))[0] == "/chat"
            assert await client.call("echo", 2, namespace="/shop-1") == 2
            # On a WebSocket it leaves without a word. Not from the beginning: a busy machine polls more rarely than that.
            monkeypatch.setattr(app.hub._lingering, "_delay", 0.02)
        await app.until(lambda: not app.callers)


@EACH
async def test_a_refusal_is_an_error(way):
    async with serving() as (_app, url):
        for namespace, auth, why in (
            ("/nowhere", None, "Invalid namespace"),
            ("/", {"token": "wrong"}, "no such token"),
        ):
            client = socketio.AsyncClient()
            heard = Heard(client, (namespace,))
            with pytest.raises(socketio.exceptions.ConnectionError):
                await client.connect(url, transports=WAYS[way], namespaces=[namespace], auth=auth)
            assert (await heard.next("connect_error"))[2]["message"] == why


@EACH
async def test_it_is_asked_whether_it_is_there(way):
    async with serving(Served(Heartbeat(0.05, 0.04))) as (app, url), connected(url, way) as (client, _):
        for _ in range(8):
            assert await client.call("echo", 1) == 1
        assert app.hub.sessions


@EACH
async def test_its_client_without_asyncio(way):
    def talk(url: str) -> tuple[str, Any, Any]:
        client = socketio.Client()
        client.connect(
            url, transports=WAYS[way], namespaces=["/", "/chat"]
        )  # it names an Origin for the WebSocket alone
        try:
            return client.transport(), client.call("echo", ("a", b"b")), client.call("echo", 1, namespace="/chat")
        finally:
            client.disconnect()

    async with serving() as (_app, url):
        said = await asyncio.to_thread(talk, url)
        assert said == ("polling" if way == "polling" else "websocket", ("a", b"b"), 1)


@pytest.mark.parametrize("way", ["websocket", "upgrade"])  # while it polls, it takes any close for good
async def test_it_comes_back_by_itself_when_the_server_goes(way):
    first = Served()
    first.socketio()
    client = socketio.AsyncClient(reconnection_delay=0.01, reconnection_delay_max=0.02, randomization_factor=0)
    heard = Heard(client)
    async with first.serving() as server:
        port = server.port
        await client.connect(f"http://127.0.0.1:{port}", transports=WAYS[way])
        await heard.next("connect")
    assert await heard.next("disconnect")
    second = Served()
    second.socketio()
    async with second.serving(port=port):
        await heard.next("connect")
        assert await client.call("echo", 1) == 1
        await client.disconnect()


async def test_channels_by_our_own_events():
    async with serving() as (app, url), connected(url) as (client, heard):
        said = await client.call("everywire:subscribe", {"channel": "room:a"})
        assert said["channel"] == "room:a"
        await app.publish("room:a", {"event": "said", "args": [1, b"2"]})
        assert await heard.next("said") == ("/", "said", 1, b"2")


@SERIALIZERS
async def test_what_one_says_another_hears(serializer):
    async with serving() as (_app, url):
        async with connected(url, serializer=serializer) as (one, heard), connected(url, "polling") as (two, _):
            await one.call("everywire:subscribe", {"channel": "room:a"})
            for number in range(20):
                await two.call("everywire:publish", {"channel": "room:a", "data": {"event": "n", "args": [number]}})
            assert [(await heard.next("n"))[2] for _ in range(20)] == list(range(20))
