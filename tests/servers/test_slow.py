"""Requests that do not come to their end: so many of one address are waited for."""

import asyncio
import contextlib

import pytest

import everywire
from everywire import engine as engines
from everywire.servers import slow
from everywire.servers.slow import SlowRequests


class Waiting:
    def __init__(self, since, host="203.0.113.1", *, slow=True):
        self.since, self.host, self._slow, self.away = since, host, slow, False

    def slow(self):
        return self._slow

    def extra(self, name):
        return (self.host, 1) if self.host else None

    def turn_away(self):
        self.away = True


def away(openings, most):
    SlowRequests(lambda: openings, most).look()
    return [opening.since for opening in openings if opening.away]


def test_the_oldest_beyond_the_limit_are_turned_away():
    assert away([Waiting(since) for since in (5.0, 1.0, 4.0, 2.0, 3.0)], 3) == [1.0, 2.0]
    assert away([Waiting(1.0), Waiting(2.0)], 2) == []


def test_each_address_is_counted_for_itself():
    assert away([Waiting(1.0, "203.0.113.1"), Waiting(2.0, "203.0.113.2")], 1) == []
    assert away([Waiting(1.0, "2001:db8:1:2::1"), Waiting(2.0, "2001:db8:1:2::9")], 1) == [1.0]


def test_only_the_slow_are_counted_and_neither_this_machine_nor_sockets_without_addresses():
    assert away([Waiting(1.0, "127.0.0.1"), Waiting(2.0, "127.0.0.1")], 1) == []
    assert away([Waiting(1.0, slow=False), Waiting(2.0)], 1) == []
    assert away([Waiting(1.0, ""), Waiting(2.0, "")], 1) == []


def test_without_a_limit_nobody_is_turned_away():
    assert away([Waiting(1.0), Waiting(2.0)], None) == []


@pytest.mark.parametrize("engine", engines.available())
async def test_a_server_turns_away_a_slow_loris_and_serves_others(engine, monkeypatch):
    """A flood of heads that never end leaves no more than the limit, long before each would have timed out."""

    monkeypatch.setattr(slow, "site", lambda host: host)  # this machine is not counted otherwise

    async def loris(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n")
        return reader, writer

    # With such a short ping interval the engine sweeps every ten milliseconds.
    options = {"slow_requests": 3, "open_timeout": 60, "ping_interval": 0.04, "engine": engine}
    async with everywire.serve(
        None, "127.0.0.1", 0, on_message=lambda ws, message: ws.send(message), **options
    ) as server:
        lorises = [await loris(server.port) for _ in range(10)]
        answers = [asyncio.ensure_future(reader.read()) for reader, _ in lorises]
        pending = set(answers)
        while len(pending) > 3:
            _, pending = await asyncio.wait(pending, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        async with everywire.connect(f"ws://127.0.0.1:{server.port}/") as ws:
            await ws.send("still here")
            assert await ws.recv() == "still here"
        assert len(pending) == 3
        assert all(answer.result().startswith(b"HTTP/1.1 429 ") for answer in answers if answer not in pending)
        for answer in pending:
            answer.cancel()
        for _, writer in lorises:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
