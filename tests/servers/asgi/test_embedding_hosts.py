"""Real servers for ASGI, with real clients of every dialect over each of its transports."""

import asyncio
import contextlib
import io
import json
import socket

import aiohttp
import pytest
from tests.servers.asgi.hosts import HOSTS, hosted
from tests.servers.asgi.speaking import WAYS, Npm, speak

from everywire import ConnectionClosed, HandshakeError, connect

V1 = "everywire.v1.json"
CONNECT = '{"type":"connect","id":1}'
ALL = [host if host == "uvicorn" else pytest.param(host, marks=pytest.mark.slow) for host in HOSTS]
EACH = pytest.mark.parametrize("host", ALL, indirect=True, scope="module")
MANY = pytest.mark.parametrize("name", HOSTS)
pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def npm():
    """Processes with npm's clients."""
    async with Npm.running() as npm:
        yield npm


@pytest.fixture(scope="module")
async def host(request):
    """A server with an application."""
    async with hosted(request.param) as host:
        host.name = request.param
        yield host


@EACH
@pytest.mark.parametrize(("dialect", "way"), WAYS, ids=["-".join(each) for each in WAYS])
async def test_every_client_is_served(host, npm, dialect, way):
    await speak(npm, host.url, dialect, way)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("uvicorn", "--ws wsproto --http h11 --loop asyncio"),
        ("uvicorn", "--ws websockets --http httptools --loop uvloop"),
        ("hypercorn", "--worker-class uvloop"),
        ("granian", "--loop uvloop --http 1"),
    ],
)
async def test_other_ways_to_run_it(name, options, npm):
    async with hosted(name, "app", *options.split()) as host:
        for dialect, way in WAYS:
            await speak(npm, host.url, dialect, way)


@EACH
async def test_who_is_refused_is_told_why_where_the_host_can(host):
    with pytest.raises(HandshakeError) as caught:
        await connect(f"{host.ws}/everywire", origin="http://elsewhere.example", subprotocols=[V1])
    assert caught.value.status == 403
    with pytest.raises(HandshakeError) as caught:
        await connect(f"{host.ws}/nowhere")
    assert caught.value.status == (403 if host.name == "daphne" else 404)


@EACH
async def test_what_is_broken_closes_for_its_sender_alone(host):
    async with connect(f"{host.ws}/everywire", subprotocols=[V1]) as good:
        await good.send(CONNECT)
        await good.recv()
        async with connect(
            f"{host.ws}/everywire", subprotocols=[V1], close_timeout=1
        ) as bad:  # Granian never does its part
            await bad.send("no JSON")
            with pytest.raises(ConnectionClosed) as caught:
                while True:
                    await bad.recv()
            assert caught.value.code == 4400
        await good.send('{"type":"ping","id":2}')
        assert '"pong"' in await good.recv()


@EACH
async def test_a_body_that_is_too_long(host):
    with contextlib.suppress(aiohttp.ClientOSError):  # it is answered before it was read
        async with aiohttp.ClientSession() as session:
            data = io.BytesIO(b"x" * (1 << 21))
            async with session.post(f"{host.url}/everywire/lines", data=data) as response:
                assert response.status == 413
    async with aiohttp.ClientSession() as session:
        async with session.head(f"{host.url}/healthz") as response:
            assert (response.status, await response.read()) == (200, b"")


async def streamed(session, host):
    """A line's stream of events, and the WebSocket of another client."""
    async with session.post(f"{host.url}/everywire/lines", data=CONNECT) as response:
        line = (await response.json())["line"]
    events = await session.get(f"{host.url}/everywire/lines/{line}/sse?after=0")
    websocket = await connect(f"{host.ws}/everywire", subprotocols=[V1])
    await websocket.send(CONNECT)
    assert "connected" in await websocket.recv()
    return events, websocket


@pytest.mark.slow
@MANY
async def test_clients_are_let_go_before_their_server_ends(name):
    async with hosted(name) as host, aiohttp.ClientSession() as session:
        events, websocket = await streamed(session, host)
        await host.end()
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                await websocket.recv()
        # Daphne says private codes alone; Granian, which hears of the end as we do, may be over before the word has left.
        assert caught.value.code in {"daphne": (3501,), "granian": (1001, 1006)}.get(name, (1001,))
        if name == "hypercorn":  # it hears of the end as we do: at the end
            with pytest.raises(aiohttp.ClientError):
                await events.read()
        else:
            assert b'"code":1001' in await events.read()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in HOSTS if name != "daphne"])  # that one takes whatever it is sent
async def test_a_client_that_never_reads_is_cut_off(name):
    async with hosted(name) as host, asyncio.timeout(20):
        slow = await _never_reading(host)
        async with connect(f"{host.ws}/everywire", subprotocols=[V1], max_size=None) as good:
            await _said(good, CONNECT, '"connected"')
            assert await _connected(good) == 2
            for number in range(500):
                data = f'{{"type":"publish","id":{number + 3},"channel":"room:1","data":"{"x" * 60_000}"}}'
                await _said(good, data, '"published"')
            while await _connected(good) > 1:
                pass
        slow.close()


async def _said(client, said, answer):
    """What a client is answered."""
    await client.send(said)
    while answer not in (found := await client.recv()):
        assert '"error"' not in found
    return found


async def _connected(client):
    said = await _said(client, '{"type":"call","id":999999,"name":"connected"}', '"result"')
    return json.loads(said)["data"]


async def _never_reading(host):
    """The socket of a WebSocket that is in the room, and reads no more."""
    sock = socket.create_connection(("127.0.0.1", int(host.url.rpartition(":")[2])))
    fields = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": V1,
    }
    lines = [
        f"{name}: {value}" for name, value in {**fields, "Host": "x", "Sec-WebSocket-Key": "A" * 22 + "=="}.items()
    ]
    sock.sendall("\r\n".join(["GET /everywire HTTP/1.1", *lines, "", ""]).encode())
    await _received(sock, b"101")
    for said, answer in ((CONNECT, b"connected"), ('{"type":"subscribe","id":2,"channel":"room:1"}', b"subscribed")):
        sock.sendall(bytes([0x81, 0x80 | len(said), 0, 0, 0, 0]) + said.encode())
        await _received(sock, answer)
    return sock


async def _received(sock, what):
    received = b""
    while what not in received:
        received += await asyncio.to_thread(sock.recv, 65_536)
