"""Listening sockets that come and go while a server runs."""

import asyncio
import contextlib
import socket

import pytest
from tests.certificates import client_context, server_context

from everywire import connect, serve
from everywire.servers import listening


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def said(ws):
    await ws.send("hello")
    return await ws.recv()


async def test_a_socket_that_is_only_bound_is_listened_on(engine):
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    async with serve(echo, sock=sock, engine=engine) as server, connect(f"ws://127.0.0.1:{server.port}/") as ws:
        assert await said(ws) == "hello"


async def test_a_socket_that_cannot_listen_is_an_error_and_none_stays_open(engine):
    (good,), bad = listening.tcp("127.0.0.1", 0), socket.socket(type=socket.SOCK_DGRAM)
    with pytest.raises(OSError):
        await serve(echo, sock=[good, bad], engine=engine)
    assert (good.fileno(), bad.fileno()) == (-1, -1)


async def test_another_socket_is_accepted_on_until_it_is_taken_away(engine):
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        (sock,) = listening.tcp("127.0.0.1", 0)
        port = sock.getsockname()[1]
        await server.listen(sock)
        async with connect(f"ws://127.0.0.1:{port}/") as ws:
            server.refrain(sock)
            server.refrain(sock)
            assert await said(ws) == "hello"
            with pytest.raises(OSError):
                await connect(f"ws://127.0.0.1:{port}/")
        async with connect(f"ws://127.0.0.1:{server.port}/") as ws:
            assert await said(ws) == "hello"


async def test_a_plain_socket_beside_those_with_tls(engine, tmp_path):
    async with serve(echo, "localhost", engine=engine, ssl=server_context()) as server:
        await server.listen(listening.unix(str(tmp_path / "s")), plain=True)
        async with connect("ws://localhost/", path=str(tmp_path / "s")) as ws:
            assert await said(ws) == "hello"
        async with connect(f"wss://localhost:{server.port}/", ssl=client_context()) as ws:
            assert await said(ws) == "hello"


async def test_what_is_connected_stays_when_nothing_is_listened_to(engine):
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        port = server.port
        async with connect(f"ws://127.0.0.1:{port}/") as ws:
            server.stop_listening()
            assert await said(ws) == "hello"
            with pytest.raises(OSError):
                await connect(f"ws://127.0.0.1:{port}/")


async def test_a_connection_that_is_accepted_as_the_server_ends_is_ended(engine):
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        client = socket.create_connection(("127.0.0.1", server.port))
        for _ in range(2):  # the turn in which the loop hears of it
            await asyncio.sleep(0)
    with client:
        client.setblocking(False)
        async with asyncio.timeout(5):
            assert await asyncio.get_running_loop().sock_recv(client, 100) == b""


async def test_one_whose_tls_begins_after_the_end_is_ended_too(engine):
    async with serve(echo, "localhost", engine=engine, ssl=server_context()) as server:
        client = socket.create_connection(("localhost", server.port))
        for _ in range(2):
            await asyncio.sleep(0)
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(sock=client, ssl=client_context(), server_hostname="localhost")
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
