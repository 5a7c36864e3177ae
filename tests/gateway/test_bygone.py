"""Handshakes of before RFC 6455, on a real socket."""

import asyncio

import pytest

from everywire.app import Everywire
from everywire.gateway import HttpSettings

HEAD = (
    "GET /sockjs/000/abc/websocket HTTP/1.1\r\nHost: example.com\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nOrigin: {}\r\n"
    "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n"
)
OURS = HEAD.format("http://example.com").encode()
NONCE, ANSWER = b"^n:ds[4U", b"8jKS'y:G*Co,Wxa-\xff\x00"


@pytest.fixture
async def port():
    app = Everywire(http=HttpSettings())
    app.sockjs(speaks="text")
    async with app.serving() as server:
        yield server.port


async def asked(port):
    return await asyncio.open_connection("127.0.0.1", port)


async def test_the_head_comes_before_the_nonce_is_there(port):
    reader, writer = await asked(port)
    writer.write(OURS)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    for byte in NONCE:
        writer.write(bytes([byte]))
        await writer.drain()
    assert await reader.read() == ANSWER
    writer.close()


async def test_the_nonce_may_come_with_the_head(port):
    reader, writer = await asked(port)
    writer.write(OURS + NONCE + b"\x00frame\xff")
    assert (await reader.read()).endswith(b"\r\n\r\n" + ANSWER)
    writer.close()


async def test_who_goes_before_the_nonce_is_let_go(port):
    reader, writer = await asked(port)
    writer.write(OURS)
    await reader.readuntil(b"\r\n\r\n")
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()


async def test_another_site_s_page_is_refused(port):
    reader, writer = await asked(port)
    writer.write(HEAD.format("http://evil.example").encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 403 ")
    writer.close()
