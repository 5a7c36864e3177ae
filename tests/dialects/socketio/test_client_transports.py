"""npm's socket.io-client against us: how it connects, moves to a WebSocket, beats, loses the connection and comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.dialects.socketio.client import Client, Clients
from tests.dialects.socketio.serving import SOON, WAYS, Served, serving
from tests.engine.peer import until

from everywire.messages import Heartbeat

EACH = pytest.mark.parametrize("way", WAYS)
pytestmark = pytest.mark.anyio


async def connected(clients: Clients, url: str, way: str = "websocket", **options: Any) -> Client:
    client = await clients.connect(url, forceNew=True, transports=WAYS[way], **{**SOON, **options})
    await client.next("connect")
    if way == "upgrade":
        await client.next("upgrade")
    return client


@EACH
async def test_connects(clients, shared, way):
    client = await connected(clients, shared[1], way)
    state = await client.state()
    assert state["transport"] == ("polling" if way == "polling" else "websocket")
    assert state["sid"] != state["engine"]
    await client.disconnect()


@EACH
async def test_is_told_of_its_connection_before_anything_else(clients, shared, way):
    client = await clients.connect(shared[1], forceNew=True, transports=WAYS[way])
    await client.next("event")
    assert [report["was"] for report in client.reports if report["was"] in ("connect", "event")] == ["connect"]
    await client.disconnect()


@pytest.mark.parametrize("way", ["polling", "websocket"])
async def test_the_address_may_end_without_a_slash(clients, shared, way):
    client = await connected(clients, shared[1], way, addTrailingSlash=False)
    assert await client.ask("echo", 1) == [1]
    await client.disconnect()


@EACH
async def test_parameters_and_header_fields_are_the_callers(clients, shared, way):
    client = await connected(clients, shared[1], way, query={"lang": "de", "b64": "1"}, extraHeaders={"x-mine": "7"})
    (said,) = await client.ask("params")
    assert (said["params"]["lang"], said["x-mine"]) == (["de"], "7")
    assert ("t" in said["params"]) == (way != "websocket")  # polls have a parameter against caches
    await client.disconnect()


async def test_parameters_may_stand_behind_the_namespace(clients, shared):
    client = await clients.connect(f"{shared[1]}/admin?x=1", forceNew=True)
    await client.next("connect")
    assert (await client.ask("params"))[0]["params"]["x"] == ["1"]
    await client.disconnect()


async def test_a_client_with_a_jar_is_given_no_cookies(clients):
    async with serving() as (_app, url):
        client = await connected(clients, url, "polling", withCredentials=True)
        assert (await client.ask("params"))[0]["cookie"] is None  # we set none
        await client.disconnect()


@pytest.mark.parametrize(
    "options",
    [
        {"transports": ["Fetch"]},
        {"transports": ["Fetch", "NodeWebSocket"]},
        {"transports": ["NodeXHR", "NodeWebSocket"]},
        {"transports": ["websocket", "polling"], "tryAllTransports": True, "rememberUpgrade": True},
        {"transports": ["polling"], "requestTimeout": 5_000},
        {"transports": ["polling"], "upgrade": False},
        {"transports": ["websocket"], "protocols": ["mine", "other"]},
        {"transports": ["websocket"], "perMessageDeflate": {"threshold": 10}},
        {"transports": ["websocket"], "perMessageDeflate": False},
        {"transports": ["websocket"], "forceBase64": True},
        {"transports": ["polling"], "forceBase64": True},
        {"transports": ["polling"], "timestampRequests": False},
        {"transports": ["polling", "websocket"], "closeOnBeforeunload": True},
    ],
    ids=lambda options: "-".join(map(str, options["transports"])) + "-" + "-".join(list(options)[1:]),
)
async def test_options_of_transports(clients, shared, options):
    client = await clients.connect(shared[1], forceNew=True, **options)
    await client.next("connect")
    large = "ä" * 5_000
    assert await client.ask("echo", large, b"\x00\xff" * 700) == [large, b"\x00\xff" * 700]
    await client.disconnect()


@EACH
async def test_values_and_bytes_there_and_back(clients, shared, way):
    client = await connected(clients, shared[1], way)
    given = [1, -0.5, "zwei \u2028\x1e", None, True, {"3": [True, {}]}, b"\x00\xff", {"deep": [b"", {"x": b"four"}]}]
    assert await client.ask("echo", *given) == given
    await client.emit("back", *given)
    assert await client.event("back") == given
    await client.disconnect()


@EACH
async def test_many_at_once_keep_their_order(clients, way):
    async with serving() as (app, url):
        client = await clients.connect(url, forceNew=True, transports=WAYS[way])
        for number in range(60):  # before, while and after it moves to a WebSocket
            await client.emit("note", number)
            await client.emit("back", number)
        assert [await client.event("back") for _ in range(60)] == [[number] for number in range(60)]
        assert app.said == [[number] for number in range(60)]


@EACH
async def test_it_is_asked_whether_it_is_there(clients, way):
    async with serving(Served(Heartbeat(0.05, 0.04))) as (_app, url):
        client = await connected(clients, url, way)
        for _ in range(3):
            await client.next("ping")
        assert (await client.state())["connected"]


@EACH
async def test_it_comes_back_when_its_connections_are_cut(clients, way):
    async with serving() as (_app, url):
        client = await connected(clients, url, way)
        assert await client.cut() >= 1
        assert (await client.next("disconnect"))["reason"] in ("transport close", "transport error")
        await client.next("connect")
        assert await client.ask("echo", 1) == [1]


@EACH
async def test_it_comes_back_by_itself_when_the_server_goes(clients, way):
    app = Served()
    app.socketio()
    async with app.serving() as server:
        port = server.port
        client = await connected(clients, f"http://127.0.0.1:{port}", way)
        await until(lambda: way != "polling" or all(line.transport.heard for line in app.gateway.lines._lines.values()))
    report = await client.next("disconnect")
    assert (report["reason"], report["active"]) == ("transport close", True)
    again = Served()
    again.socketio()
    async with again.serving(port=port):
        await client.next("connect")


@EACH
async def test_a_client_that_is_sent_away_stays_away(clients, way):
    async with serving() as (app, url):
        client = await connected(clients, url, way)
        await app.kick(session=(await client.state())["sid"])
        report = await client.next("disconnect")
        assert (report["reason"], report["active"]) == ("io server disconnect", False)


@EACH
async def test_it_leaves(clients, way):
    async with serving() as (app, url):
        client = await connected(clients, url, way)
        await client.disconnect()
        assert (await client.next("disconnect"))["reason"] == "io client disconnect"
        await app.until(lambda: not app.callers)


async def test_what_was_said_while_it_moved_is_neither_lost_nor_doubled(clients):
    async with serving() as (app, url):
        client = await clients.connect(url, forceNew=True)
        caller = app.caller((await client.next("connect"))["sid"])
        told = 0
        while (await client.state())["transport"] != "websocket":
            caller.tell("count", told)
            told += 1
        for number in range(told, told + 5):
            caller.tell("count", number)
        assert [await client.event("count") for _ in range(told + 5)] == [[number] for number in range(told + 5)]
        assert not [report for report in client.reports if report.get("name") == "count"]


async def test_nobody_who_only_opens_a_transport_stays(clients):
    async with serving(Served(connect_deadline=0.05)) as (_app, url):
        client = await connected(clients, url)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        sid = (await reader.readuntil(b"}")).split(b'"')[3]
        assert head.startswith(b"HTTP/1.1 200")
        writer.write(b"GET /socket.io/?EIO=4&transport=polling&sid=" + sid + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert await reader.read(1) == b"1"  # the poll is told that the transport is closed
        writer.close()
        assert await client.ask("echo", 1) == [1]
