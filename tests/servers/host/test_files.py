"""Files as bodies: whole and in parts, by the kernel and read, to whoever reads slowly or leaves."""

import asyncio
import os

import pytest
from tests.certificates import client_context, server_context
from tests.engine.peer import Peer
from tests.servers.host.asking import Asked, body, get, hosted, start, whole

from everywire.errors import Disconnected

DATA = os.urandom(3_000_000)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(DATA)
    return path


def pathsend(path):
    return {"type": "http.response.pathsend", "path": str(path)}


def part(file, **keys):
    return {"type": "http.response.zerocopysend", "file": file, **keys}


async def fetched(steps, engine, text=None, ssl=False, **options):
    """Give what one answer is, and what the next one is."""
    context = server_context() if ssl else None
    async with hosted(steps, engine, ssl=context, http2=False, **options) as server:
        async with await Peer.dial(server.port, ssl=client_context() if ssl else None) as peer:
            peer.writer.write((text or get()).encode() * 2)
            head_only = (text or "").startswith("HEAD")
            first = await whole(peer, head_only=head_only)
            assert (await whole(peer, head_only=head_only))[2] == first[2]
            return first


@pytest.mark.parametrize("ssl", [False, True])
@pytest.mark.parametrize("sized", [False, True])
async def test_a_file_by_its_path(engine, file, ssl, sized):
    async def steps(scope, receive, send):
        await send(start(200, *([(b"content-length", b"%d" % len(DATA))] if sized else [])))
        await send(pathsend(file))

    status, headers, data = await fetched(steps, engine, ssl=ssl)
    assert (status, headers["content-length"], data == DATA) == (200, str(len(DATA)), True)


async def test_an_empty_file(engine, tmp_path):
    (tmp_path / "none").touch()

    async def steps(scope, receive, send):
        await send(start())
        await send(pathsend(tmp_path / "none"))

    assert (await fetched(steps, engine))[2] == b""


async def test_the_head_of_a_file(engine, file):
    async def steps(scope, receive, send):
        await send(start())
        await send(pathsend(file))

    assert (await fetched(steps, engine, get(method="HEAD")))[1]["content-length"] == str(len(DATA))


@pytest.mark.parametrize("sized", [False, True])
async def test_parts_of_a_file_between_other_pieces(engine, file, sized):
    async def steps(scope, receive, send):
        with file.open("rb") as opened:
            await send(start(200, *([(b"content-length", b"2000014")] if sized else [])))
            await send(body(b"first", more=True))
            await send(part(opened, offset=10, count=1_000_000, more_body=True))
            await send(body(b"and", more=True))
            await send(part(opened.fileno(), offset=5, count=4, more_body=True))
            await send(part(opened, offset=0, count=1_000_000, more_body=True))
            await send(body(b"ok"))

    data = (await fetched(steps, engine))[2]
    assert data == b"first" + DATA[10:1_000_010] + b"and" + DATA[5:9] + DATA[:1_000_000] + b"ok"


async def test_a_file_from_where_it_stands_to_its_end(engine, file):
    async def steps(scope, receive, send):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.lseek(descriptor, 2_900_000, os.SEEK_SET)
            await send(start())
            await send(part(descriptor, count=50_000, more_body=True))
            await send(part(descriptor))
            assert os.lseek(descriptor, 0, os.SEEK_CUR) == len(DATA)
        finally:
            os.close(descriptor)

    assert (await fetched(steps, engine))[2] == DATA[2_900_000:]


@pytest.mark.parametrize("ssl", [False, True])
async def test_who_reads_slowly_is_waited_for_and_others_are_served(engine, file, ssl):
    async def steps(scope, receive, send):
        await send(start())
        await send(pathsend(file))

    context = server_context() if ssl else None
    async with hosted(steps, engine, ssl=context, http2=False) as server:
        trust = client_context() if ssl else None
        async with await Peer.dial(server.port, ssl=trust, receive_buffer=4096) as slow:
            slow.writer.write(get().encode())
            await slow.answer()
            async with await Peer.dial(server.port, ssl=trust) as quick:
                quick.writer.write(get().encode())
                assert (await whole(quick))[2] == DATA
            assert await slow.reader.readexactly(len(DATA)) == DATA


@pytest.mark.parametrize("ssl", [False, True])
async def test_who_leaves_in_the_middle(engine, file, ssl, caplog):
    async def steps(scope, receive, send):
        await send(start())
        await send(pathsend(file))

    os.truncate(file, 100_000_000)
    app = Asked(steps)
    before = len(os.listdir("/proc/self/fd"))
    context = server_context() if ssl else None
    async with hosted(app, engine, ssl=context, http2=False) as server:
        trust = client_context() if ssl else None
        async with await Peer.dial(server.port, ssl=trust, receive_buffer=4096) as peer:
            peer.writer.write(get().encode())
            await peer.answer()
        async with asyncio.timeout(10):
            await app.ended.wait()
        assert isinstance(app.error, Disconnected)
    assert "failed" not in caplog.text
    assert len(os.listdir("/proc/self/fd")) <= before + 2
