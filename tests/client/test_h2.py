"""A client's WebSocket over HTTP/2."""

import asyncio
import os
import ssl

import pytest
import trustme
from h2.settings import SettingCodes, Settings

import everywire
from everywire import engine as engines
from everywire.errors import AbortHandshake, HandshakeError
from everywire.http.request import Response
from everywire.servers import alpn


@pytest.fixture(scope="module")
def contexts():
    """A server's and a client's TLS context."""
    authority = trustme.CA()
    context, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(trusting)
    return context, trusting


@pytest.fixture(params=engines.available())
def engine(request):
    """Every engine that runs here."""
    return request.param


@pytest.fixture
def ways(contexts, engine):
    """What both ends are given."""
    return {"ssl": contexts[0], "engine": engine}, {"ssl": contexts[1], "engine": engine, "proxy": None, "http2": True}


async def echo(ws):
    """Send everything back."""
    async for message in ws:
        await ws.send(message)


def address(server):
    return f"wss://127.0.0.1:{server.port}/x?y"


async def test_a_conversation(ways):
    given = {"subprotocols": ["a"], "headers": {"X-Y": "z"}}
    async with everywire.serve(echo, "127.0.0.1", 0, subprotocols=["a"], **ways[0]) as server:
        ws = await everywire.connect(address(server), **given, **ways[1])
        assert (ws.request.version, ws.response.status, ws.subprotocol) == ("2", 200, "a")
        (other,) = server.connections
        assert (other.request.target, other.request.version, other.request.headers["x-y"]) == ("/x?y", "2", "z")
        for message in ("hello", os.urandom(300_000), b""):
            await ws.send(message)
            assert await ws.recv() == message
        assert await ws.ping() < 5
        addresses = (ws.remote_address, other.remote_address)
        assert all(addresses)
        await ws.close()
        assert (ws.close_code, server.connections) == (1000, set())
        assert (ws.remote_address, other.remote_address) == addresses


async def test_the_server_closes(ways):
    async def leave(ws):
        await ws.close(4001, "go")

    async with (
        everywire.serve(leave, "127.0.0.1", 0, **ways[0]) as server,
        everywire.connect(address(server), **ways[1]) as ws,
    ):
        with pytest.raises(everywire.ConnectionClosedError) as caught:
            await ws.recv()
    assert (caught.value.code, caught.value.reason) == (4001, "go")


async def test_what_comes_with_the_answer_is_not_lost(ways):
    async def greet(ws):
        await ws.send("welcome")
        await ws.close()

    async with (
        everywire.serve(greet, "127.0.0.1", 0, **ways[0]) as server,
        everywire.connect(address(server), **ways[1]) as ws,
    ):
        assert [message async for message in ws] == ["welcome"]


async def test_a_refusal(ways):
    def refuse(request):
        raise AbortHandshake(403, "not you")

    async with everywire.serve(echo, "127.0.0.1", 0, process_request=refuse, **ways[0]) as server:
        with pytest.raises(HandshakeError) as caught:
            await everywire.connect(address(server), **ways[1])
    assert caught.value.status == 403
    assert caught.value.response.body == b"not you\n"


async def test_a_redirect(ways):
    def redirect(request):
        return Response(307, headers=[("Location", "/there")]) if request.target != "/there" else None

    async with (
        everywire.serve(echo, "127.0.0.1", 0, process_request=redirect, **ways[0]) as server,
        everywire.connect(address(server), **ways[1]) as ws,
    ):
        assert ws.request.target == "/there"


async def test_a_server_without_http2(ways):
    async with (
        everywire.serve(echo, "127.0.0.1", 0, http2=False, **ways[0]) as server,
        everywire.connect(address(server), **ways[1]) as ws,
    ):
        assert (ws.request.version, ws.response.status) == ("1.1", 101)


async def test_a_server_whose_http2_has_no_websocket(ways, monkeypatch):
    def without(client, initial_values):
        return Settings(client, {**initial_values, SettingCodes.ENABLE_CONNECT_PROTOCOL: 0})

    monkeypatch.setattr("everywire.http.h2.Settings", without)
    async with (
        everywire.serve(echo, "127.0.0.1", 0, **ways[0]) as server,
        everywire.connect(address(server), **ways[1]) as ws,
    ):
        assert ws.request.version == "1.1"


async def test_a_header_that_cannot_be_sent(ways):
    async with everywire.serve(echo, "127.0.0.1", 0, **ways[0]) as server:
        with pytest.raises(ValueError, match="cannot be sent"):
            await everywire.connect(address(server), headers={"X": "a\nb"}, **ways[1])


async def test_a_connection_that_is_lost_during_the_handshake(contexts):
    async def hang_up(reader, writer):
        writer.close()

    context = contexts[0]
    context.set_alpn_protocols(["h2"])
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((HandshakeError, OSError)):
            await everywire.connect(f"wss://127.0.0.1:{port}", ssl=contexts[1], proxy=None, http2=True)


def test_it_needs_the_library(monkeypatch):
    monkeypatch.setattr(alpn, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"everywire\[h2\]"):
        everywire.connect("wss://here", http2=True)
