"""Real servers for ASGI, with real clients of every dialect over each of its transports."""

import asyncio
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
        async with connect(f"{host.ws}/everywire", subprotocols=[V1]) as bad:
            await bad.send("no JSON")
            with pytest.raises(ConnectionClosed) as caught:
                while True:
                    await bad.recv()
            assert caught.value.code == 4400
        await good.send('{"type":"ping","id":2}')
        assert '"pong"' in await good.recv()


@EACH
async def test_a_body_that_is_too_long(host):
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{host.url}/everywire/lines", data=b"x" * (1 << 21)) as response:
            assert response.status == 413
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
        assert caught.value.code == (3501 if name == "daphne" else 1001)
        if name == "hypercorn":  # it hears of the end as we do: at the end
            with pytest.raises(aiohttp.ClientError):
                await events.read()
        else:
            assert b'"code":1001' in await events.read()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in HOSTS if name != "daphne"])  # that one takes whatever it is sent
async def test_a_client_that_never_reads_is_cut_off(name):
    async with hosted(name) as host:
        url = f"{host.ws}/everywire"
        slow = await _never_reading(host)
        async with connect(url, subprotocols=[V1], max_size=None) as good:
            await good.send(CONNECT)
            await good.recv()
            await good.send('{"type":"subscribe","id":2,"channel":"room:1"}')
            await good.recv()
            for number in range(300):
                publishing = {"type": "publish", "id": number + 3, "channel": "room:1", "data": "x" * 100_000}
                await good.send(json.dumps(publishing))
                while '"published"' not in await good.recv():
                    pass
            async with asyncio.timeout(20):
                while await _present(good) > 1:
                    pass
        slow.close()


async def _present(client):
    await client.send('{"type":"presence","id":999999,"channel":"room:1","brief":true}')
    while '"presence"' not in (said := await client.recv()):
        pass
    return int(said.partition('"sessions":')[2].partition(",")[0].rstrip("}"))


async def _never_reading(host):
    """The socket of a WebSocket that is in the room, and reads no more."""
    sock = socket.create_connection(("127.0.0.1", int(host.url.rpartition(":")[2])))
    fields = ["Host: x", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    fields += [f"Sec-WebSocket-Key: {'A' * 22}==", f"Sec-WebSocket-Protocol: {V1}"]
    sock.sendall("\r\n".join(["GET /everywire HTTP/1.1", *fields, "", ""]).encode())
    for said in (CONNECT, '{"type":"subscribe","id":2,"channel":"room:1"}'):
        data = said.encode()
        sock.sendall(bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data)
    received = b""
    while b"subscribed" not in received:
        received += await asyncio.to_thread(sock.recv, 65_536)
    return sock
