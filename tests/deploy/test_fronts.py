"""Behind nginx, HAProxy and Caddy as deploy/ configures them, over TLS: every transport, every client, and no lie about who asks."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import socketio
from tests import certificates
from tests.conftest import need
from tests.deploy import fronts

import everywire
import testbed
from everywire import Everywire
from everywire.hub.settings import Settings

PATIENCE = 20


@dataclass
class Front:
    """A proxy that runs: where, and what the application behind it saw."""

    port: int
    trust: ssl.SSLContext
    addresses: list[str | None]
    schemes: list[str | None]

    def client(self, transport: str) -> everywire.Client:
        return everywire.Client(
            f"wss://localhost:{self.port}/everywire", transports=(transport,), connect={"ssl": self.trust}
        )

    async def ask(self, head: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Ask by HTTP/1.1; `head` is the request line, and fields."""
        reader, writer = await asyncio.open_connection("localhost", self.port, ssl=self.trust)
        writer.write(f"{head}\r\nHost: localhost:{self.port}\r\n\r\n".encode())
        return reader, writer


def application(front: Front) -> Everywire:
    app = Everywire(settings=Settings(trusted_proxies=("127.0.0.1", "::1")))
    app.channel("room", history=100)
    app.socketio()

    @app.on_connect
    def come(connecting):
        front.addresses.append(connecting.address)
        front.schemes.append(connecting.request.headers.get("x-forwarded-proto"))

    @app.on("say")
    async def say(caller: everywire.Caller, text: str) -> str:
        await caller.publish("room", {"event": "said", "args": [text]})
        return text

    return app


@contextlib.asynccontextmanager
async def nginx(folder: Path, otherwise: dict[str, str]) -> AsyncIterator[Front]:
    """nginx as it should not be."""
    need(lambda: testbed.packaged("nginx"))
    certificate, key, _ = certificates.written(folder)
    front = Front(0, certificates.client_context(), [], [])
    async with application(front).serving() as server:
        with fronts.nginx(server.port, folder, certificate, key, otherwise) as front.port:
            await answering(front)
            yield front


@pytest.fixture(scope="module", params=["nginx", "haproxy", "caddy"])
async def front(request, tmp_path_factory) -> AsyncIterator[Front]:
    need(lambda: testbed.packaged(request.param))
    folder = tmp_path_factory.mktemp(request.param)
    certificate, key, _ = certificates.written(folder)
    front = Front(0, certificates.client_context(), [], [])
    async with application(front).serving() as server:
        with getattr(fronts, request.param)(server.port, folder, certificate, key) as front.port:
            await answering(front)
            yield front


async def answering(front: Front) -> None:
    """Wait until it has seen that the server is there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await front.ask("GET /readyz HTTP/1.1\r\nConnection: close")
                line = await reader.readline()
                writer.close()
                if b" 200" in line:
                    return


@pytest.mark.parametrize("transport", ["websocket", "stream", "sse", "poll"])
async def test_our_client_by_each_transport(front, transport):
    front.schemes.clear()
    async with asyncio.timeout(PATIENCE), front.client(transport) as client:
        room = client.subscribe("room")
        await room.ready()
        await room.publish({"text": transport})
        async for publication in room:
            if publication.data == {"text": transport}:
                break
        assert client.transport == transport
    assert front.schemes == ["https"]


async def test_events_arrive_as_they_are_published(front):
    async with asyncio.timeout(PATIENCE), front.client("websocket") as client:
        reader, writer = await front.ask("GET /everywire/sse?channel=room HTTP/1.1\r\nAccept: text/event-stream")
        while await reader.readline() != b"\r\n":
            pass
        for number in range(3):  # each is here before the next is published
            await client.publish("room", {"number": number})
            while f'"number":{number}'.encode() not in (line := await reader.readline()):
                assert line
        writer.close()


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]], ids="-".join)
async def test_a_client_of_socketio(front, transports):
    heard: asyncio.Queue[str] = asyncio.Queue()
    connector = aiohttp.TCPConnector(ssl=front.trust)
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession(connector=connector) as session:
        client = socketio.AsyncClient(http_session=session, reconnection=False)
        client.on("said", heard.put)
        await client.connect(f"https://localhost:{front.port}", transports=transports)
        await client.call("everywire:subscribe", {"channel": "room"})
        assert await client.call("say", "hello") == "hello"
        assert await heard.get() == "hello"
        await client.disconnect()


async def test_an_address_that_a_client_makes_up_is_not_believed(front):
    front.addresses.clear()
    forged = {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"}
    url = f"wss://localhost:{front.port}/everywire"
    client = everywire.Client(url, transports=("websocket",), connect={"ssl": front.trust, "headers": forged})
    async with asyncio.timeout(PATIENCE), client:
        pass
    assert front.addresses
    assert "6.6.6.6" not in front.addresses


@pytest.mark.parametrize(("origin", "status"), [("https://localhost:{port}", b"200"), ("https://evil.example", b"403")])
async def test_pages_are_judged_by_their_origin(front, origin, status):
    page = f"Origin: {origin.format(port=front.port)}\r\nCookie: a=b"
    reader, writer = await front.ask(f"GET /everywire/history?channel=room HTTP/1.1\r\n{page}\r\nConnection: close")
    async with asyncio.timeout(PATIENCE):
        line = await reader.readline()
    writer.close()
    assert status in line


async def test_where_the_host_is_not_passed_on_pages_are_refused(tmp_path):
    async with nginx(tmp_path, {"$http_host": "inside.example"}) as front:
        page = f"Origin: https://localhost:{front.port}\r\nCookie: a=b"
        reader, writer = await front.ask(f"GET /everywire/history?channel=room HTTP/1.1\r\n{page}")
        async with asyncio.timeout(PATIENCE):
            assert b"403" in await reader.readline()
        writer.close()


async def test_where_upgrades_are_not_passed_on_a_stream_carries_it(tmp_path):
    async with nginx(tmp_path, {"Upgrade    $http_upgrade": "Upgrade ''", "$live_connection;": "'';"}) as front:
        url = f"wss://localhost:{front.port}/everywire"
        async with asyncio.timeout(PATIENCE), everywire.Client(url, connect={"ssl": front.trust}) as client:
            room = client.subscribe("room")
            await room.publish("hello")
            assert client.transport == "stream"


async def test_where_addresses_are_added_to_they_can_be_made_up(tmp_path):
    """Why the configurations set the header: behind an address that is believed, whatever stands before it is believed, too."""
    async with nginx(tmp_path, {"$remote_addr;": "$proxy_add_x_forwarded_for;"}) as front:
        forged = {"ssl": front.trust, "headers": {"X-Forwarded-For": "6.6.6.6"}}
        url = f"wss://localhost:{front.port}/everywire"
        async with asyncio.timeout(PATIENCE), everywire.Client(url, transports=("websocket",), connect=forged):
            assert front.addresses == ["6.6.6.6"]
