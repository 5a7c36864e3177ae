"""Every transport against the real server over real sockets: direct, through a proxy that knows CONNECT alone, over TLS, past one that forbids upgrades."""

import asyncio
import json
import ssl
from contextlib import asynccontextmanager

import pytest
import trustme
from tests.client.relays import http_proxy, listening
from tests.client.wires import data

import everywire
from everywire import Client
from everywire.app import Everywire
from everywire.client.ladder import TRANSPORTS, Memory
from everywire.errors import ConnectionClosed


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Ports come again: what an earlier test found at one must not be remembered."""
    monkeypatch.setattr("everywire.client.ladder._memory", Memory())


@pytest.fixture
async def served():
    app = Everywire()
    app.channel("room:{name}", history=100, presence=True)
    app.on("double")(lambda member, data: 2 * data)
    async with app.serving("127.0.0.1", 0) as server:
        yield server


async def converse(client):
    """A little of everything; the line is dropped in between where that is possible."""
    async with asyncio.timeout(20), client as ada:
        room = ada.subscribe("room:a")
        await room.ready()
        publishing = [room.publish(number) for number in range(30)]
        assert await data(room, 30) == list(range(30))
        await asyncio.gather(*publishing)
        assert await ada.call("double", 4) == 8
        assert [member.session for member in await room.presence()] == [ada.session]
        return ada.transport


@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_each_speaks_to_the_real_server(served, kind, engine):
    options = {"engine": engine, "proxy": None}
    client = Client(
        f"http://127.0.0.1:{served.port}/everywire", transports=(kind,), connect=options, poll_interval=0.01
    )
    assert await converse(client) == kind


@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_each_goes_through_a_proxy_that_knows_connect_alone(served, kind):
    async with http_proxy() as (port, asked):
        options = {"proxy": f"http://127.0.0.1:{port}"}
        client = Client(
            f"ws://127.0.0.1:{served.port}/everywire", transports=(kind,), connect=options, poll_interval=0.01
        )
        assert await converse(client) == kind
        assert {request.split()[0] for request in asked} == {"CONNECT"}


async def test_tls_carries_lines():
    authority = trustme.CA()
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(theirs)
    authority.configure_trust(ours)
    app = Everywire()
    app.channel("room:{name}", history=100, presence=True)
    app.on("double")(lambda member, data: 2 * data)
    async with app.serving("localhost", 0, ssl=theirs) as server:
        client = Client(
            f"wss://localhost:{server.port}/everywire", transports=("stream",), connect={"ssl": ours, "proxy": None}
        )
        assert await converse(client) == "stream"


@asynccontextmanager
async def forbidding(port):
    """A reverse proxy of the old kind: it takes the upgrade out of requests, one request to a connection."""

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = [line for line in head.split("\r\n")[:-2] if not line.lower().startswith(("upgrade", "connection"))]
        length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length")), 0)
        body = await reader.readexactly(length)
        there, back = await asyncio.open_connection("127.0.0.1", port)
        back.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body)
        try:
            while piece := await there.read(65536):
                writer.write(piece)
                await writer.drain()
        finally:
            back.close()

    async with listening(serve) as port_in_front:
        yield port_in_front


async def test_it_finds_its_way_past_what_forbids_upgrades(served):
    async with forbidding(served.port) as port:
        client = Client(f"ws://127.0.0.1:{port}/everywire", connect={"proxy": None})
        assert await converse(client) == "stream"


@asynccontextmanager
async def swallowing(port):
    """A proxy that lets an upgrade through, and nothing of what is said after it."""

    async def serve(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", port)

        async def up():
            head = await reader.readuntil(b"\r\n\r\n")
            back.write(head)
            while piece := await reader.read(65536):
                if b"upgrade: websocket" not in head.lower():
                    back.write(piece)

        saying = asyncio.ensure_future(up())
        try:
            while piece := await there.read(65536):
                writer.write(piece)
        finally:
            saying.cancel()
            back.close()

    async with listening(serve) as port_in_front:
        yield port_in_front


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_it_finds_its_way_past_what_swallows_messages(served, codec, monkeypatch):
    monkeypatch.setattr("everywire.client.ladder._PATIENCE", (0.2, 0.2))
    async with swallowing(served.port) as port:
        client = Client(f"ws://127.0.0.1:{port}/everywire", codec=codec, connect={"proxy": None})
        assert await converse(client) == "stream"
        ladder = client._life._dial
        assert not await ladder.better()
    assert not await ladder.better()


@pytest.mark.parametrize("kind", ["websocket", "stream"])
async def test_messagepack_where_it_goes_and_text_where_not(served, kind):
    client = Client(
        f"ws://127.0.0.1:{served.port}/everywire", transports=(kind,), codec="msgpack", connect={"proxy": None}
    )
    async with client as ada:
        room = ada.subscribe("room:a")
        await room.publish({"picture": b"\x00\xff"})
        assert await data(room, 1) == [{"picture": b"\x00\xff" if kind == "websocket" else "AP8="}]


async def test_a_server_that_speaks_only_json_is_spoken_to_so():
    async def serve(ws):
        hello = json.loads(await ws.recv())
        welcome = {"type": "connected", "id": hello["id"], "session": "s", "user": None, "resume": "r"}
        await ws.send(json.dumps({**welcome, "resumed": False, "heartbeat": {"every": 25000, "patience": 10000}}))
        async for message in ws:
            said = json.loads(message)
            await ws.send(json.dumps({"type": "result", "id": said["id"], "data": said["data"]}))

    async with everywire.serve(serve, "127.0.0.1", 0, subprotocols=["everywire.v1.json"]) as server:
        url = f"ws://127.0.0.1:{server.port}/"
        async with Client(url, codec="msgpack", connect={"proxy": None}) as client:
            assert await client.call("echo", b"\x00\xff") == "AP8="


async def test_a_server_that_closes_right_behind_its_handshake_is_heard():
    async def serve(ws):
        await ws.close(4403, "not here")

    async with everywire.serve(serve, "127.0.0.1", 0, subprotocols=["everywire.v1.json"]) as server:
        client = Client(f"ws://127.0.0.1:{server.port}/", connect={"proxy": None})
        async with asyncio.timeout(5):
            with pytest.raises(ConnectionClosed, match="4403 not here"):
                await client.connect()
