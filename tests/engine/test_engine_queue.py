"""What is queued for a socket: order, back-pressure, dropping it."""

import asyncio

import pytest
from tests.engine.peer import until
from tests.engine.place import Place, receive, receive_all

from everywire.ws.link import PIECE


async def test_pieces_leave_in_order(engine):
    async with Place(engine) as place:
        sock, top = await place.client()
        pieces = [b"%d," % i for i in range(500)]
        for piece in pieces:
            top.write(piece)
        expected = b"".join(pieces)
        data = b""
        while len(data) < len(expected):
            data += await receive(sock)
        assert data == expected


async def test_large_and_small_pieces_through_a_small_pipe(engine):
    async with Place(engine) as place:
        sock, top = await place.client(SO_RCVBUF=4096)
        pieces = [bytes([i % 251]) * (i * 997 % 30_000) for i in range(200)]
        for piece in pieces:
            top.write(piece)
        expected = b"".join(pieces)
        assert top.queued() > 0
        data = bytearray()
        while len(data) < len(expected):
            data += await receive(sock)
        assert bytes(data) == expected
        await until(lambda: top.queued() == 0)


async def test_a_peer_that_reads_again_is_told_once(engine):
    async with Place(engine) as place:
        sock, top = await place.client(SO_RCVBUF=4096)
        for _ in range(100):
            top.write(b"x" * 100_000)
        await until(lambda: top.queued() < 9_900_000)
        assert "drained" not in top.learnt
        left = 10_000_000
        while left:
            left -= len(await receive(sock))
        await until(lambda: "drained" in top.learnt)
        assert top.learnt.count("drained") == 1


@pytest.mark.parametrize("size", [20_000, 50_000, 70_000, 100_000])
async def test_who_had_a_crowded_queue_is_told_when_it_is_short(engine, size):
    async with Place(engine) as place:
        sock, top = await place.client(SO_RCVBUF=2048)
        while top.queued() < 1000:  # fill the kernel's buffers
            top.write(b"x" * 100_000)
            await asyncio.sleep(0)
        while top.queued() > 0:
            await receive(sock)
        while top.queued() < 1000:
            top.write(b"x" * 1000)
            await asyncio.sleep(0)
        top.learnt.clear()
        top.write(b"x" * size)
        await asyncio.sleep(0)
        assert top.queued() > 1 << 14
        while "drained" not in top.learnt:
            await receive(sock)


async def test_discarding_drops_what_has_not_begun_to_leave(engine):
    async with Place(engine) as place:
        sock, top = await place.client(SO_RCVBUF=4096)
        for i in range(200):
            top.write(bytes([i]) * 100_000)
        await until(lambda: top.queued() < 19_900_000)
        before = top.queued()
        top.discard()
        assert top.queued() < min(before, 200_000)
        top.write(b"last")
        top.finish()
        data = await receive_all(sock)
        assert data.endswith(b"last")
        assert len(data) < 20_000_000
        whole = data[:-4]
        assert whole == b"".join(bytes([i]) * 100_000 for i in range(len(whole) // 100_000))


@pytest.mark.parametrize("first", range(1, 9))
async def test_discarding_drops_both_of_a_pair_or_neither(engine, first):
    def body(i):
        return bytes([i % 251]) * 9_995 if i % 2 else "x" * 9_995  # an ASCII str will do

    async with Place(engine) as place:
        sock, top = await place.client(SO_RCVBUF=4096)
        top.write(b"-" * first)  # so that the kernel's buffer ends elsewhere each time
        for i in range(2000):
            top.below.write_both(bytes([i % 251]) * 5, body(i))
        await until(lambda: top.queued() < 19_900_000)
        top.discard()
        assert top.queued() < 200_000
        top.write(b"last")
        top.finish()
        data = await receive_all(sock)
        assert data.endswith(b"last")
        whole = data[first:-4]
        assert len(whole) % 10_000 == 0
        bodies = (body(i) for i in range(len(whole) // 10_000))
        pairs = (bytes([i % 251]) * 5 + (b if isinstance(b, bytes) else b.encode()) for i, b in enumerate(bodies))
        assert whole == b"".join(pairs)


async def test_pairs_of_a_queue_that_is_never_empty_leave_in_order(engine):
    async with Place(engine) as place:
        sock, top = await place.client(SO_RCVBUF=4096)
        data = bytearray()
        top.write(b"x" * 4_000_000)  # a backlog to begin with
        for i in range(600):
            top.below.write_both(bytes([i % 251]) * 5, bytes([i % 251]) * 9_995)
            data += await receive(sock, 10_000)
        assert top.queued() > 0
        while len(data) < 10_000_000:
            data += await receive(sock)
        assert data[4_000_000:] == b"".join(bytes([i % 251]) * 10_000 for i in range(600))
        assert top.queued() == 0


async def test_pairs_are_forgotten_as_they_leave_and_a_long_queue_costs_no_more_each(engine):
    async with Place(engine) as place:
        sock, top = await place.client(SO_RCVBUF=4096)
        for count in (300, 1000):
            for i in range(count):
                top.below.write_both(bytes([i % 251]) * 5, bytes([i % 251]) * 9_995)
            left = count * 10_000
            while left:
                left -= len(await receive(sock))
            await until(lambda: top.queued() == 0)


async def test_discarding_twice(engine):
    async with Place(engine) as place:
        sock, top = await place.client(SO_RCVBUF=4096)
        for _ in range(2):
            for i in range(500):
                top.below.write_both(bytes([i % 251]) * 5, bytes([i % 251]) * 9_995)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert top.queued() > 0
            top.discard()
            assert top.queued() < 200_000
        top.write(b"last")
        top.finish()
        data = await receive_all(sock)
        assert data.endswith(b"last")
        assert len(data) % 10_000 == 4
        assert all(len(set(data[i : i + 10_000])) == 1 for i in range(0, len(data) - 4, 10_000))


async def test_a_tiny_piece_counts_with_what_it_costs(engine):
    async with Place(engine) as place:
        sock, top = await place.client(SO_RCVBUF=4096)
        while top.queued() < 1000:  # fill the kernel's buffers
            top.write(b"x" * 100_000)
            await asyncio.sleep(0)
        before = top.queued()
        for _ in range(1000):
            top.write(b"y")
        assert top.queued() >= before + 1000 + 999 * PIECE
        top.learnt.clear()
        while "drained" not in top.learnt:
            await receive(sock)
        assert top.queued() <= 1 << 14
