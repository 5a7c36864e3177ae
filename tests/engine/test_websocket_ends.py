"""The end of a WebSocket, its pings, and what is known about it."""

import asyncio
import gc
import logging
import weakref

import pytest
from tests.engine.peer import Peer, code, loud, opened, until
from tests.ws.raw import FIN, PING, PONG, TEXT

from everywire import serve
from everywire.errors import ConnectionClosedOK

# Closing


async def test_the_server_closes(engine):
    async with opened(engine) as (ws, peer):
        closing = asyncio.ensure_future(ws.close(4000, "bye"))
        assert await peer.frame() == code(4000, b"bye")
        assert not ws.closed
        peer.close(4000)
        await closing
        assert ws.closed
        assert (ws.close_code, await peer.frame()) == (4000, None)
        await ws.close()


async def test_the_peer_closes(engine):
    async with opened(engine) as (ws, peer):
        peer.send(*code(4001, b"why"))
        assert await peer.frame() == code(4001)
        assert await peer.frame() is None
        await ws.wait_closed()
        assert (ws.close_code, ws.close_reason) == (4001, "why")


async def test_a_handler_that_returns_closes_with_1000(engine):
    async def handle(ws):
        await ws.send("only this")

    async with opened(engine, handle) as (_, peer):
        assert await peer.frame() == (FIN | TEXT, b"only this")
        assert await peer.frame() == code(1000)


async def test_a_handler_that_raises_closes_with_1011_and_one_log_record(engine, caplog):
    async def handle(ws):
        await ws.recv()
        raise ZeroDivisionError("secret")

    async with opened(engine, handle) as (_, peer):
        peer.send(FIN | TEXT, b"go")
        first, payload = await peer.frame()
        assert (first, payload[:2]) == code(1011)
        assert b"secret" not in payload
        assert await peer.frame() is None
    (record,) = loud(caplog)
    assert record.levelno == logging.ERROR
    assert record.exc_info[0] is ZeroDivisionError


async def test_a_handler_that_lets_the_end_pass_through_makes_no_noise(engine, caplog):
    ended = []

    async def handle(ws):
        try:
            while True:
                await ws.recv()
        finally:
            ended.append(True)

    for ending in (code(1000), code(1011)):
        async with opened(engine, handle) as (_, peer):
            peer.send(*ending)
            assert await peer.frame() == ending
            await until(lambda: ended)
    assert loud(caplog) == []


async def test_an_error_after_the_end_is_not_silenced(engine, caplog):
    class Failed(Exception):
        code = 7

    async def handle(ws):
        await ws.wait_closed()
        raise Failed

    async with opened(engine, handle) as (_, peer):
        peer.close()
        await until(lambda: loud(caplog))
    (record,) = loud(caplog)
    assert record.exc_info[0] is Failed


async def test_a_code_that_may_not_be_sent(engine):
    async with opened(engine) as (ws, peer):
        with pytest.raises(ValueError, match="1006"):
            ws.close(1006)
        await ws.send("still open")
        assert await peer.frame() == (FIN | TEXT, b"still open")


async def test_a_peer_that_never_answers_close_is_cut(engine):
    async with opened(engine, close_timeout=0.04) as (ws, _peer):
        async with asyncio.timeout(2):
            await ws.close()
        assert ws.closed
        assert ws.close_code == 1006


# Pings


async def test_a_ping_measures_the_latency(engine):
    async with opened(engine) as (ws, peer):
        pong = ws.ping()
        first, payload = await peer.frame()
        assert first == FIN | PING
        peer.send(FIN | PONG, payload)
        latency = await pong
        assert 0 < latency < 5
        assert ws.latency == latency


async def test_pings_may_be_answered_late_together_or_not_at_all(engine):
    async with opened(engine) as (ws, peer):
        pongs = [ws.ping(b"%d" % i) for i in range(3)]
        peer.send(FIN | PONG, b"unasked")
        peer.send(FIN | PONG, b"1")
        assert await pongs[0] > 0
        assert await pongs[1] > 0
        assert not pongs[2].done()
        peer.close()
        with pytest.raises(ConnectionClosedOK):
            await pongs[2]


async def test_each_ping_has_data_of_its_own(engine):
    async with opened(engine) as (ws, peer):
        for _ in range(3):
            ws.ping()
        payloads = [(await peer.frame())[1] for _ in range(3)]
        peer.send(FIN | PONG, payloads[0])
        await until(lambda: ws.latency > 0)
        ws.ping()
        payloads.append((await peer.frame())[1])
        assert len(set(payloads)) == 4


@pytest.mark.parametrize("data", [b"x" * 126, "ä" * 63])
async def test_data_too_long_for_a_ping(engine, data):
    async with opened(engine) as (ws, _peer):
        with pytest.raises(ValueError, match="125"):
            ws.ping(data)
        with pytest.raises(ValueError, match="125"):
            ws.pong(data)


async def test_a_ping_of_the_same_data_twice(engine):
    async with opened(engine) as (ws, peer):
        ws.ping("same")
        with pytest.raises(ValueError, match="unanswered"):
            ws.ping(b"same")
        assert await peer.frame() == (FIN | PING, b"same")


async def test_a_pong_that_nobody_asked_for(engine):
    async with opened(engine) as (ws, peer):
        await ws.pong(b"alive")
        assert await peer.frame() == (FIN | PONG, b"alive")


async def test_pings_are_answered_while_the_handler_is_busy(engine):
    async with opened(engine) as (_, peer):
        peer.send(FIN | PING, b"abc")
        assert await peer.frame() == (FIN | PONG, b"abc")


async def test_a_silent_peer_is_pinged_and_then_dropped(engine):
    async with opened(engine, ping_interval=0.04, ping_timeout=0.04) as (_ws, peer):
        async with asyncio.timeout(3):
            frame = await peer.frame()
            while frame[0] == FIN | PING:
                frame = await peer.frame()
            assert frame == code(1011, b"keepalive ping timeout")


# Facts


async def test_facts_about_a_connection(engine):
    async with opened(engine, headers="Cookie: a=b\r\n") as (ws, peer):
        assert ws.request.path == "/"
        assert ws.request.cookies == {"a": "b"}
        assert ws.request.remote == ws.remote_address == peer.writer.get_extra_info("sockname")
        assert ws.local_address == peer.writer.get_extra_info("peername")
        assert ws.subprotocol is None
        assert not ws.closed
        assert repr(ws) == "<WebSocket server open>"
        ws.name = "mine"
        assert ws.name == "mine"
        assert weakref.ref(ws)() is ws
        assert {ws: 1}[ws] == 1


async def test_nothing_is_left_of_a_connection_that_is_over(engine):
    async with serve(_wait_closed, "127.0.0.1", engine=engine) as server:
        async with await Peer.open(server.port) as peer:
            await until(lambda: server.connections)
            (found,) = [weakref.ref(ws) for ws in server.connections]
            peer.close()
            await peer.ended()
            await until(lambda: not server.connections)
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()
        assert found() is None


async def _wait_closed(ws):
    await ws.wait_closed()
