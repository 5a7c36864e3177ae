"""What only the engine with an epoll of its own has to care for."""

import asyncio
import resource
import socket

import pytest
from tests.engine.peer import until
from tests.engine.place import Place, echo, receive, receive_all

from everywire import engine as engines

pytestmark = pytest.mark.skipif("native" not in engines.available(), reason="no native engine here")


async def test_what_is_queued_outside_of_a_turn_leaves_at_once():
    async with Place("native") as place:
        sock, top = await place.client()
        before = place.engine.writes
        for i in range(60):
            top.write(b"%d," % i)
        assert await receive(sock) == b"".join(b"%d," % i for i in range(60))
        assert place.engine.writes == before + 1


async def test_more_pieces_than_one_call_takes():
    async with Place("native") as place:
        sock, top = await place.client()
        expected = b"".join(b"%d," % i for i in range(1000))
        for i in range(1000):
            top.write(b"%d," % i)
        data = b""
        while len(data) < len(expected):
            data += await receive(sock)
        assert data == expected


async def test_one_descriptor_in_the_loop_for_all_connections():
    loop = asyncio.get_running_loop()
    before = len(loop._selector.get_map())
    async with Place("native", echo) as place:
        for _ in range(20):
            await place.client()
        assert len(loop._selector.get_map()) == before + 1
    assert len(loop._selector.get_map()) == before


async def test_running_out_of_descriptors_is_waited_out(caplog):
    async with Place("native", echo) as place:
        waiting = [socket.socket() for _ in range(3)]
        place.clients += waiting
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as highest:
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest.fileno(), hard))
        try:
            for sock in waiting:
                sock.setblocking(False)
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", place.port))
            await until(lambda: "cannot accept" in caplog.text)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for sock in waiting:
            sock.sendall(b"abc")
            assert await receive(sock) == b"abc"
    assert caplog.text.count("cannot accept") <= 2


async def test_running_out_of_descriptors_is_told_once_a_minute(caplog):
    async with Place("native", echo) as place:
        waiting = socket.socket()
        place.clients.append(waiting)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as highest:
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest.fileno(), hard))
        try:
            waiting.setblocking(False)
            await asyncio.get_running_loop().sock_connect(waiting, ("127.0.0.1", place.port))
            await until(lambda: "cannot accept" in caplog.text)
            for _ in range(3):
                place.listener.again()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await until(lambda: place.tops)
    assert caplog.text.count("cannot accept") == 1


async def test_a_burst_does_not_starve_the_loop():
    async with Place("native", echo) as place:
        pairs = [await place.client() for _ in range(100)]
        passes = 0

        def count():
            nonlocal passes
            passes += 1
            if passes < 1000:
                asyncio.get_running_loop().call_soon(count)

        for sock, _ in pairs:
            sock.sendall(b"x" * 100)
        count()
        for sock, _ in pairs:
            assert await receive(sock) == b"x" * 100
        assert passes > 1


async def test_aborting_many_in_one_turn():
    async with Place("native") as place:
        pairs = [await place.client() for _ in range(50)]

        def abort_all(top, data):
            for _, one in pairs:
                one.abort()

        pairs[0][1].react = abort_all
        pairs[0][0].sendall(b"x")
        for sock, top in pairs:
            assert await receive_all(sock) == b""
            assert top.over
