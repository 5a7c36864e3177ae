"""What only the engine with an epoll of its own has to care for."""

import asyncio

import pytest
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
