"""Lines over real sockets that misbehave, on both engines."""

import asyncio
import contextlib
import json

import pytest
from tests.engine.peer import until
from tests.gateway.curl import application

from everywire import engine as engines

CONNECT = b'[{"type":"connect","id":1},{"type":"subscribe","id":2,"channel":"room:a"}]'
HEAD = b"%b /everywire/%b HTTP/1.1\r\nHost: localhost\r\n%b\r\n"


@pytest.fixture(params=engines.available())
async def app(request):
    made = application()
    async with made.serving("127.0.0.1", engine=request.param, open_timeout=0.4, write_limit=1 << 18) as server:
        made.port = server.port
        yield made


class Peer:
    """One connection, spoken to in bytes."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    def ask(self, method, target, body=b"", fields=None):
        fields = b"Content-Length: %d\r\n" % len(body) if fields is None else fields
        self.writer.write(HEAD % (method, target.encode(), fields) + body)

    async def answer(self):
        """Give (status, body) of a response with a length."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = [int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length")]
        return int(head.split()[1]), await self.reader.readexactly(length[0] if length else 0)

    async def chunks(self):
        """Give the pieces of a chunked response."""
        while size := int(await self.reader.readline(), 16):
            yield await self.reader.readexactly(size)
            await self.reader.readline()

    async def open(self):
        self.ask(b"POST", "lines", CONNECT)
        status, body = await self.answer()
        assert status == 201
        return "lines/" + json.loads(body)["line"]


@contextlib.asynccontextmanager
async def peer(app, **options):
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port, **options)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def sessions(app):
    return len(app.hub.sessions)


async def test_requests_follow_each_other_on_one_connection(app):
    async with peer(app) as here:
        line = await here.open()
        here.ask(b"POST", f"{line}?seq=1", b'{"type":"ping","id":3}')
        here.ask(b"GET", f"{line}/poll?after=2&wait=0")
        here.ask(b"DELETE", line)
        answers = [await here.answer() for _ in range(3)]
    assert [status for status, _ in answers] == [204, 200, 204]
    assert json.loads(answers[1][1]) == [{"type": "pong", "id": 3}]


async def test_what_follows_a_stream_is_answered_after_its_end(app):
    async with peer(app) as here, peer(app) as other:
        line = await here.open()
        here.ask(b"GET", f"{line}/stream")
        here.ask(b"GET", f"{line}/poll?after=0&wait=0")
        await here.reader.readuntil(b"\r\n\r\n")
        other.ask(b"DELETE", line)
        assert (await other.answer())[0] == 204
        pieces = [piece async for piece in here.chunks()]
        assert json.loads(pieces[-1])["type"] == "close"
        await here.reader.readline()
        assert (await here.answer())[0] == 410


async def test_a_body_shorter_than_promised_has_no_effect(app):
    async with peer(app) as here:
        here.ask(b"POST", "lines", CONNECT, b"Content-Length: 1000\r\n")
        here.writer.write_eof()
        await here.reader.read()
    assert sessions(app) == 0


@pytest.mark.slow
async def test_a_body_that_does_not_come(app):
    async with peer(app) as here:
        here.ask(b"POST", "lines", CONNECT, b"Content-Length: 1000\r\n")
        assert (await here.answer())[0] == 408
    assert sessions(app) == 0


async def test_a_body_longer_than_promised_is_another_request(app):
    async with peer(app) as here:
        here.ask(b"POST", "lines", CONNECT + b"\x00garbage\r\n\r\n", b"Content-Length: %d\r\n" % len(CONNECT))
        assert (await here.answer())[0] == 201
        assert (await here.answer())[0] == 400
        assert await here.reader.read() == b""


@pytest.mark.parametrize("fields", [b"Content-Length: 1048577\r\n", b"Transfer-Encoding: chunked\r\n"])
async def test_a_body_beyond_the_limit(app, fields):
    async with peer(app) as here:
        here.ask(b"POST", "lines", b"", fields)
        if b"chunked" in fields:
            for _ in range(17):
                here.writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        assert (await here.answer())[0] == 413
    assert sessions(app) == 0


async def test_both_a_length_and_chunks_are_refused(app):
    async with peer(app) as here:
        here.ask(b"POST", "lines", b"0\r\n\r\n", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")
        assert (await here.answer())[0] == 400


async def test_a_stream_that_nobody_reads_is_cut_off_and_harms_nobody(app):
    async with peer(app, limit=1024) as slow, peer(app) as other:
        line, well = await slow.open(), await other.open()
        slow.ask(b"GET", f"{line}/stream")
        await until(lambda: sum(each.transport.heard for each in app.gateway.lines._lines.values()) == 1)
        (transport,) = [each.transport for each in app.gateway.lines._lines.values() if each.transport.heard]
        count = 0
        while transport.closed is None and count < 2_000:
            count += 1
            await app.publish("room:a", "x" * 60_000)
            other.ask(b"GET", f"{well}/poll?after={count + 1}&wait=5000")
            assert len(json.loads((await other.answer())[1])) == 1
        assert transport.closed == (4413, "too slow")
        other.ask(b"POST", f"{line}?seq=1", b"{}")
        status, body = await other.answer()
    assert (status, json.loads(body)["code"]) == (410, 4413)


async def test_a_stream_over_http_1_0_ends_with_its_connection(app):
    async with peer(app) as here:
        line = await here.open()
        here.ask(b"POST", f"{line}?seq=1", b'{"type":"leave"}')
        assert (await here.answer())[0] == 410
        other = await here.open()
        target = f"/everywire/{other}/stream"
        async with peer(app) as old:
            old.writer.write(f"GET {target} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
            await old.reader.readuntil(b"\r\n\r\n")
            here.ask(b"DELETE", other)
            said = await old.reader.read()
    assert json.loads(said.splitlines()[-1])["type"] == "close"


async def test_leaving_the_server_ends_streams_at_once():
    app = application()
    async with app.serving("127.0.0.1") as server:
        app.port = server.port
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        here = Peer(reader, writer)
        line = await here.open()
        here.ask(b"GET", f"{line}/stream")
        await reader.readuntil(b"subscribed")
        begun = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begun < 2
    assert b'"code":1001' in await reader.read()
    writer.close()
    await writer.wait_closed()
