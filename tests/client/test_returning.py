"""Coming back: after which ends, how long after, and how the loop is left."""

import asyncio
import logging
import socket
import ssl
import subprocess
import sys
from contextlib import aclosing

import pytest
from tests.certificates import client_context
from tests.client.relays import answering, listening, redirect
from tests.client.servers import echo, hello
from tests.engine.peer import until

from everywire import connect, serve
from everywire.client import returning as module
from everywire.client.backoff import STABLE, Backoff
from everywire.client.returning import passing, returning
from everywire.errors import (
    ConnectionClosed,
    ConnectionClosedError,
    HandshakeError,
    InvalidURI,
    ProxyError,
    RedirectError,
)


def uri(server, scheme="ws"):
    return f"{scheme}://localhost:{server.port}/"


class Patience(Backoff):
    """A backoff without delays that remembers what it was asked."""

    def __init__(self):
        super().__init__(lambda: 0.0)
        self.asked = []

    def next(self):
        self.asked.append(self.attempts)
        return super().next()


async def test_coming_back_after_each_end(engine):
    count = 0

    async def handle(ws):
        nonlocal count
        count += 1
        await ws.send(str(count))
        if count == 1:
            ws.abort()

    got = []
    async with serve(handle, "127.0.0.1", engine=engine) as server:
        async for ws in connect(uri(server), engine=engine, backoff=Patience()):
            try:
                async for message in ws:
                    got.append(message)
            except ConnectionClosed:
                got.append("lost")
            if count == 3:
                break
    assert [message for message in got if message != "lost"][-2:] == ["2", "3"]
    assert "lost" in got


async def test_waiting_for_a_server_that_is_not_there_yet(engine, caplog):
    caplog.set_level(logging.INFO, "everywire.client")
    backoff = Patience()
    statuses = ["429 Many", "503 Later", "502 Bad"]
    answers = ["", *(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n" for status in statuses)]
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        async with answering(*answers, redirect(302, uri(server))) as (port, asked):
            async for ws in connect(f"ws://localhost:{port}/", engine=engine, backoff=backoff):
                await hello(ws)
                break
    assert len(asked) == 5
    assert backoff.asked == [0, 1, 2, 3]
    assert sum("no connection" in record.message for record in caplog.records) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 426])
async def test_not_coming_back_where_that_would_not_help(engine, status):
    async with answering(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n") as (port, asked):
        with pytest.raises(HandshakeError):
            async for _ in connect(f"ws://localhost:{port}/", engine=engine, backoff=Patience()):
                pass
    assert len(asked) == 1


def alert(reason):
    """What OpenSSL makes of an alert."""
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (socket.gaierror(), True),
        (HandshakeError("cut"), True),
        *((HandshakeError("later", status), True) for status in (408, 425, 429, 500, 502, 503, 504)),
        (ProxyError("no"), True),
        (HandshakeError("no", 403), False),
        (HandshakeError("no websocket", 101), False),
        (RedirectError("wss to ws"), False),
        (RedirectError("too many", 302), False),
        (ssl.SSLCertVerificationError(), False),
        (ssl.SSLError("wrong version number"), False),
        (ssl.SSLEOFError(), True),
        (ssl.SSLZeroReturnError(), True),
        (ssl.SSLSyscallError(), True),
        (alert("TLSV1_ALERT_INTERNAL_ERROR"), True),
        (alert("TLSV1_ALERT_PROTOCOL_VERSION"), False),
        (alert("SSLV3_ALERT_HANDSHAKE_FAILURE"), False),
        (ImportError("no proxies"), False),
        (ConnectionResetError(), True),
        (InvalidURI("no"), False),
        (ValueError("no"), False),
        (ZeroDivisionError(), False),
    ],
)
def test_what_passes_by_itself(error, expected):
    assert passing(error) is expected


async def test_an_error_in_the_loop_body_ends_it(engine, server):
    with pytest.raises(ZeroDivisionError):
        async for _ in connect(uri(server), engine=engine):
            raise ZeroDivisionError
    await until(lambda: not server.connections)


async def test_not_coming_back_with_tls_to_who_speaks_none(engine):
    async def speak(reader, writer):
        await reader.read(10)
        calls.append(writer.write(b"220 mail.example.com\r\n"))
        await reader.read()

    calls = []
    async with listening(speak) as port:
        with pytest.raises(ssl.SSLError):
            async for _ in connect(f"wss://localhost:{port}/", engine=engine, ssl=client_context(), backoff=Patience()):
                pass
    assert len(calls) == 1


# By hand: connections that end as they are told, on a clock that moves as it is told


class Ended:
    """A connection that was closed."""

    def __init__(self, code, reason=""):
        self.close_code = code
        self.close_reason = reason

    async def close(self):
        pass


def visits(*ends, lasting=0.0):
    """Come back after each of `ends`, close codes or errors, then for ever; gives the iteration, its backoff and what was paused."""
    now = 0.0
    left = list(ends)
    backoff, paused = Backoff(lambda: 1.0, base=1.0, cap=100.0), []

    def clock():
        nonlocal now
        now += lasting
        return now

    async def dial():
        end = left.pop(0) if left else 1006
        if isinstance(end, Exception):
            raise end
        return Ended(end, "as told")

    async def pause(delay):
        paused.append(delay)

    return returning(dial, backoff, "ws://x", clock, pause), paused


async def test_the_wait_grows_while_connections_do_not_last():
    iteration, paused = visits(lasting=STABLE - 0.1)
    for _ in range(5):
        await anext(iteration)
    assert paused == [1, 2, 4, 8]
    await iteration.aclose()


async def test_an_outage_is_warned_of_once(caplog):
    caplog.set_level(logging.INFO, "everywire.client")
    iteration, _ = visits(OSError("gone"), OSError("gone"), 1006, OSError("gone again"))
    for _ in range(3):
        await anext(iteration)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "INFO", "WARNING", "INFO"]
    await iteration.aclose()


async def test_the_wait_begins_anew_after_a_connection_that_lasted():
    iteration, paused = visits(OSError(), OSError(), 1006, OSError(), lasting=STABLE)
    for _ in range(3):
        await anext(iteration)
    assert paused == [1, 2, 1, 2, 1]
    await iteration.aclose()


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1011, 1012, 1013, None])
async def test_codes_after_which_it_comes_back(code):
    iteration, paused = visits(code)
    for _ in range(2):
        await anext(iteration)
    assert len(paused) == 1
    await iteration.aclose()


@pytest.mark.parametrize("lasting", [0, STABLE])
async def test_a_code_that_is_final_is_raised(monkeypatch, lasting):
    monkeypatch.setattr(module, "reconnectable", lambda code: code != 4444)
    iteration, paused = visits(4443, 4444, lasting=lasting)
    await anext(iteration)
    await anext(iteration)
    with pytest.raises(ConnectionClosedError, match="as told") as caught:
        await anext(iteration)
    assert caught.value.code == 4444
    assert len(paused) == 1


async def test_a_server_that_refuses_by_a_close_code_is_left(engine):
    opened = []

    async def refuse(ws):
        opened.append(ws)
        await ws.close(4401, "who are you?")

    async with serve(refuse, "127.0.0.1", engine=engine) as server:
        with pytest.raises(ConnectionClosedError, match="who are you"):
            async for ws in connect(uri(server), engine=engine, backoff=Patience()):
                with pytest.raises(ConnectionClosedError):
                    await ws.recv()
    assert len(opened) == 1


# Leaving the loop


async def test_leaving_by_aclose_waits_for_the_end(engine, server):
    async with aclosing(aiter(connect(uri(server), engine=engine))) as websockets:
        async for ws in websockets:
            await hello(ws)
            break
    assert ws.closed
    assert ws.close_code == 1000


async def test_leaving_by_the_connections_own_context_waits_for_the_end(engine, server):
    async for ws in connect(uri(server), engine=engine):
        async with ws:
            await hello(ws)
            break
    assert ws.closed
    assert ws.close_code == 1000


LEAVING = """
import asyncio, logging, sys
from everywire import connect, serve

logging.getLogger("everywire").disabled = True  # it says so where the portable engine is the only one

ends = []

async def handle(ws):
    try:
        async for message in ws:
            await ws.send(message)
    finally:
        ends.append(ws.close_code)

async def visit(uri, engine, way):
    async for ws in connect(uri, engine=engine, proxy=None):
        await ws.send("x")
        await ws.recv()
        if way == "raise":
            raise ZeroDivisionError
        if way == "return":
            return
        break

async def main(engine, way):
    asyncio.get_running_loop().slow_callback_duration = 60  # a busy machine makes any callback a slow one
    server = await serve(handle, "127.0.0.1", engine=engine)
    try:
        await visit(f"ws://127.0.0.1:{server.port}", engine, way)
    except ZeroDivisionError:
        pass
    if way == "wait":
        while not ends:
            await asyncio.sleep(0)
    server.close()
    await server.wait_closed()
    print(ends)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("way", ["break", "return", "raise", "wait"])
async def test_leaving_leaves_nothing_behind(engine, way):
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", LEAVING, engine, way]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=50)
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.startswith("[100")
