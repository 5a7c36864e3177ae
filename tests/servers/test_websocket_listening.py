"""Listening sockets that come and go while a server runs."""

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
