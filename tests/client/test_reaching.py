"""Sockets that lead where they should."""

import asyncio
import socket

import pytest
from tests.client.relays import http_proxy, listening

from everywire.client.address import parse
from everywire.client.reaching import dial, reach


async def hello(reader, writer):
    writer.write(b"hello")
    writer.close()


async def said(sock):
    loop = asyncio.get_running_loop()
    try:
        return await loop.sock_recv(sock, 100)
    finally:
        sock.close()


async def test_a_name_is_reached():
    async with listening(hello) as port:
        assert await said(await reach(parse(f"ws://localhost:{port}"), None)) == b"hello"


async def test_a_proxy_leads_on():
    async with listening(hello) as port, http_proxy() as (proxy, asked):
        sock = await reach(parse(f"ws://127.0.0.1:{port}"), f"http://127.0.0.1:{proxy}")
        assert await said(sock) == b"hello"
        assert asked[0].startswith(f"CONNECT 127.0.0.1:{port}")


async def test_a_unix_socket_is_reached_instead(tmp_path):
    path = str(tmp_path / "s")
    server = await asyncio.start_unix_server(hello, path)
    async with server:
        assert await said(await reach(parse("ws://nowhere"), None, path)) == b"hello"


async def test_a_port_where_nobody_listens_says_so():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        await dial(asyncio.get_running_loop(), "127.0.0.1", port)
