"""What the Admin UI's protocol tells npm's client, and does for it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.dialects.socketio.client import MSGPACK, Client, Clients
from tests.dialects.socketio.serving import WAYS, Served, serving

from everywire import Everywire
from everywire.testing import SharedBroker

pytestmark = pytest.mark.anyio
KEY = "the key of a test"
LOGIN = {"username": "admin", "password": KEY}
ALL = ["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT", "AGGREGATED_EVENTS", "ALL_EVENTS"]


class House:
    """An application that is looked at."""

    def __init__(self, app: Any, url: str, clients: Clients) -> None:
        self.app, self.url, self.clients = app, url, clients

    async def admin(self, **options: Any) -> Client:
        """Connect as a UI does."""
        return await self.clients.connect(
            f"{self.url}/admin", **{"auth": LOGIN, "forceNew": True, "reconnection": False, **options}
        )

    async def look(self, **options: Any) -> Client:
        """Connect as a UI, which has been told who is there."""
        ui = await self.admin(**options)
        await ui.event("all_sockets")
        return ui

    async def come(self, namespace: str = "/", **options: Any) -> tuple[Client, str]:
        """Connect a client; gives its id, too."""
        client = await self.clients.connect(f"{self.url}{namespace}", **options)
        return client, (await client.next("connect"))["sid"]


@contextlib.asynccontextmanager
async def house(clients: Clients, app: Everywire | None = None, **options: Any) -> AsyncIterator[House]:
    app = app or Served()
    app.instrument(KEY, **options)
    async with serving(app) as (_, url):
        yield House(app, url, clients)


async def event(ui: Client, name: str, *like: Any) -> list[Any]:
    """The next event of that name whose arguments begin like that."""
    while True:
        given = await ui.event(name)
        if given[: len(like)] == list(like):
            return given


async def test_who_shows_the_key_is_told_what_there_is(clients: Clients) -> None:
    async with house(clients, server_id="one") as home:
        _, sid = await home.come(
            "/chat?secret=x",
            auth={"info": {"name": "Ann"}},
            transports=["websocket"],
            extraHeaders={"Authorization": "x", "X-Mine": "y"},
        )
        ui = await home.admin(transports=["websocket"])
        own = (await ui.next("connect"))["sid"]
        assert isinstance((await ui.event("session"))[0], str)
        assert await ui.event("config") == [{"supportedFeatures": ALL}]
        [listed] = await ui.event("all_sockets")
        found = {each["id"]: each for each in listed}
        assert found.keys() == {sid, own}
        one = found[sid]
        assert (one["nsp"], one["transport"], one["rooms"], one["data"]) == (
            "/chat",
            "websocket",
            [sid],
            {"info": {"name": "Ann"}},
        )
        shown = one["handshake"]
        assert shown["headers"]["authorization"] == shown["headers"]["x-mine"] == shown["query"]["secret"] == "..."
        assert (shown["address"], shown["secure"], shown["query"]["EIO"]) == ("127.0.0.1", False, "4")
        [stats] = await ui.event("server_stats")
        assert (stats["serverId"], stats["clientsCount"], stats["pollingClientsCount"]) == ("one", 2, 0)
        assert stats["namespaces"] == [
            {"name": name, "socketsCount": count} for name, count in (("/", 0), ("/admin", 1), ("/chat", 1))
        ]
        assert home.app.shown == [{"info": {"name": "Ann"}}]  # the application is not asked about UIs
        assert len(home.app.callers) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("parser", [None, MSGPACK], ids=["text", "msgpack"])
async def test_what_clients_do_is_told_as_it_happens(clients: Clients, way: str, parser: str | None) -> None:
    async with house(clients) as home:
        ui = await home.look(transports=WAYS[way], parser=parser)
        client, sid = await home.come("/chat", forceNew=True)
        connected, _ = await event(ui, "socket_connected")
        assert (connected["id"], connected["nsp"]) == (sid, "/chat")
        assert (await event(ui, "event_sent", "/chat", sid))[2] == ["welcome", "/chat"]
        await event(ui, "socket_updated", {"id": sid, "nsp": "/chat", "transport": "websocket"})
        await client.emit("note", 1, b"\xff")
        assert (await event(ui, "event_received", "/chat", sid))[2] == ["note", 1, "/w=="]
        await client.ask_one("everywire:subscribe", {"channel": "room:tea"})
        assert (await event(ui, "room_joined", "/chat", "room:tea", sid))[3].endswith("Z")
        await home.app.publish("room:tea", {"event": "said", "args": [1]})
        assert (await event(ui, "event_sent", "/chat", sid))[2] == ["said", 1]
        await client.disconnect()
        assert (await event(ui, "socket_disconnected", "/chat", sid))[2] == "client namespace disconnect"


async def test_what_is_asked_for_is_done(clients: Clients) -> None:
    async with house(clients) as home:
        client, sid = await home.come(forceNew=True)
        ui = await home.look()
        assert await ui.ask_one("emit", "/", sid, "hello", 1, b"\xff") == {"sockets": 1}
        assert await client.event("hello") == [1, b"\xff"]
        await ui.emit("join", "/", "room:tea", sid)  # as the UI does, which wants no answer
        await event(ui, "room_joined", "/", "room:tea", sid)
        await ui.emit("emit", "/", "room:tea", "tea", {"time": "now"})
        assert await client.event("tea") == [{"time": "now"}]
        await ui.emit("leave", "/", "room:tea")
        await event(ui, "room_left", "/", "room:tea", sid)
        error = (await ui.ask_one("emit", "/", "room:tea", "tea"))["error"]
        assert error == {"code": 110, "message": "nobody is there whom that concerns"}
        await ui.emit("_disconnect", "/", False, sid)
        left = await client.next("disconnect")
        assert (left["reason"], left["active"]) == ("io server disconnect", False)
        await event(ui, "socket_disconnected", "/", sid, "server namespace disconnect")


async def test_who_closes_a_connection_ends_all_its_namespaces(clients: Clients) -> None:
    async with house(clients) as home:
        one, sid = await home.come()
        other, _ = await home.come("/chat")
        ui = await home.look()
        assert await ui.ask_one("_disconnect", "/", True, sid) == {"sockets": 1}
        for client in (one, other):
            assert (await client.next("disconnect"))["reason"] == "io server disconnect"
        await home.app.until(lambda: not home.app.callers)


@pytest.mark.parametrize("way", WAYS)
async def test_who_shows_no_key_is_told_so(clients: Clients, way: str) -> None:
    async with house(clients) as home:
        for auth in ({}, {"username": "admin", "password": "wrong"}, {"sessionId": "x"}):
            ui = await home.admin(auth=auth, transports=WAYS[way])
            refused = await ui.next("connect_error")
            assert (refused["message"], refused["data"]) == ("invalid credentials", {"code": 101})


async def test_a_page_that_is_loaded_again_shows_its_session(clients: Clients) -> None:
    async with house(clients) as home:
        ui = await home.admin()
        [session] = await ui.event("session")
        again = await home.admin(auth={"sessionId": session})
        await again.event("config")
        await ui.drop()
        assert (await again.next("connect"))["sid"]


async def test_who_may_only_look_is_told_so(clients: Clients) -> None:
    async with house(clients, read_only=True, mode="production", namespace="/look") as home:
        client, sid = await home.come(forceNew=True)
        ui = await home.clients.connect(f"{home.url}/look", auth=LOGIN, forceNew=True)
        assert await ui.event("config") == [{"supportedFeatures": ["AGGREGATED_EVENTS"]}]
        error = (await ui.ask_one("_disconnect", "/", False, sid))["error"]
        assert error == {"code": 103, "message": "this UI may only look"}
        assert (await client.state())["connected"]


async def test_servers_on_one_broker_are_one(clients: Clients) -> None:
    shared = SharedBroker()
    async with house(clients, Served(broker=shared.view), server_id="one") as home:
        other = Served(broker=shared.view)
        other.instrument(KEY, server_id="two")
        async with serving(other) as (_, url):
            client = await home.clients.connect(f"{url}/chat", transports=["websocket"])
            sid = (await client.next("connect"))["sid"]
            ui = await home.admin()
            [listed] = await ui.event("all_sockets")
            assert sid in [each["id"] for each in listed]
            names = {(await event(ui, "server_stats"))[0]["serverId"].partition("#")[0] for _ in range(2)}
            assert names == {"one", "two"}
            await ui.emit("join", "/chat", "room:tea", sid)
            await event(ui, "room_joined", "/chat", "room:tea", sid)
            await ui.emit("emit", "/chat", "room:tea", "tea", 1)
            assert await client.event("tea") == [1]
            await ui.emit("_disconnect", "/chat", False, sid)
            await event(ui, "socket_disconnected", "/chat", sid)
            assert (await client.next("disconnect"))["reason"] == "io server disconnect"
