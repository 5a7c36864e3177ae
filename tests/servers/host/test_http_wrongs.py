"""Applications that break the rules: what the client sees, what the log has, and that the next request is answered."""

import asyncio
import logging
import re

import pytest
from tests.engine.peer import Peer
from tests.servers.host.asking import Asked, ask, body, get, hosted, saying, start, whole

from everywire.servers.host.lifespan import where

GOOD = get("/good")


def but_good(app):
    """The application, but for /good."""
    fine = saying(start(200), body(b"good"))

    async def either(scope, receive, send):
        await (fine if scope["path"] == "/good" else app)(scope, receive, send)

    return either


def errors(caplog):
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


async def raising(scope, receive, send):
    raise ZeroDivisionError("at first")


async def raising_later(scope, receive, send):
    await asyncio.sleep(0)
    raise ZeroDivisionError("later")


async def raising_started(scope, receive, send):
    await send(start(200))
    raise ZeroDivisionError("after the start")


async def exiting(scope, receive, send):
    raise SystemExit(3)


async def exiting_later(scope, receive, send):
    await asyncio.sleep(0)
    raise SystemExit(3)


async def cancelled(scope, receive, send):
    raise asyncio.CancelledError


async def cancelled_later(scope, receive, send):
    await asyncio.sleep(0)
    raise asyncio.CancelledError


async def returning(scope, receive, send):
    await receive()


async def returning_started(scope, receive, send):
    await send(start(200))


@pytest.mark.parametrize(
    "app",
    [
        raising,
        raising_later,
        raising_started,
        exiting,
        exiting_later,
        cancelled,
        cancelled_later,
        returning,
        returning_started,
        saying(body(b"x")),
        saying(start(200), start(200)),
        saying({"type": "http.response.trailers", "headers": []}),
        saying({"type": "websocket.accept"}),
        saying({"type": "http.response.pathsend", "path": "/etc/hosts"}),
        saying(start(200), {"type": "http.response.pathsend", "path": "/no such file"}),
        saying(start(200), {"type": "http.response.pathsend", "path": "/etc"}),
        saying(start(200), {"type": "http.response.zerocopysend", "file": 0, "offset": 0, "count": -5}),
        saying(start(200), {"type": "http.response.zerocopysend", "file": 0, "offset": -1}),
        saying({"type": "http.response.start"}),
        saying({}),
        saying(start("200")),
        saying(start(101)),
        saying(start(99)),
        saying(start(1 << 40)),
        saying({**start(200), "headers": None}),
        saying(start(200), body("text")),
        saying(start(200), body(None)),
        saying(start(200, (b"x", "text"))),
        saying(start(200, ("x", b"text"))),
        saying(start(200, (b"x",))),
        saying(start(200, (b"x y", b""))),
        saying(start(200, (b":status", b"200"))),
        saying(start(200, (b"", b""))),
        saying(start(200, (b"content-length", b"x")), body()),
        saying(start(200, (b"content-length", b"-1")), body()),
        saying(start(200, (b"content-length", b"1"), (b"content-length", b"2")), body(b"x")),
        saying(start(200, (b"content-length", b"2")), body(b"abc")),
        saying(start(200, (b"content-length", b"2")), body(b"a")),
        saying(start(204), body(b"a")),
        *(
            saying(start(200, (b"x", b"a%bb: c" % bytes([mark]))), body())
            for mark in b"\0\n\r\x0b\x0c\x1c\x1d\x1e\x7f\x85"
        ),
    ],
)
async def test_before_anything_left_it_is_500_and_once_in_the_log(engine, app, caplog):
    async with hosted(but_good(app), engine) as server:
        assert (await ask(server, GOOD))[2] == b"good"  # so that there is a task to be used again
        status, headers, data = await ask(server, get())
        assert (status, headers["connection"], data) == (500, "close", b"Internal Server Error")
        assert len(errors(caplog)) == 1
        assert (await ask(server, GOOD))[2] == b"good"


@pytest.mark.parametrize(
    "app",
    [
        saying(start(200), body(b"x", more=True), start(200)),
        saying(start(200), body(b"x", more=True)),
        saying(start(200), body(b"x", more=True), {"type": "nonsense"}),
        saying(start(200, (b"content-length", b"2")), body(b"x", more=True), body(b"yz")),
        saying(start(200, (b"content-length", b"9")), body(b"x", more=True), body(b"y")),
        saying(start(200), body(b"x", more=True), {"type": "http.response.pathsend", "path": "/etc/hosts"}),
    ],
)
@pytest.mark.parametrize("pause", [True, False])
async def test_in_the_middle_the_body_is_broken_off(engine, app, pause, caplog):
    async def steps(scope, receive, send):
        async def paused(message):
            await send(message)
            if pause:
                for _ in range(10):
                    await asyncio.sleep(0)

        await app(scope, receive, paused)

    async with hosted(but_good(steps), engine) as server:
        async with await Peer.dial(server.port) as peer:
            peer.writer.write((get() + GOOD).encode())
            data = await peer.ended()
        assert b"good" not in data
        if pause:
            assert data.startswith(b"HTTP/1.1 200")
            assert not data.endswith(b"0\r\n\r\n")
        assert len(errors(caplog)) == 1
        assert (await ask(server, GOOD))[2] == b"good"


async def test_what_is_said_after_the_end_is_ignored(engine, caplog):
    async with hosted(saying(start(200), body(b"x"), body(b"y"), start(200)), engine) as server:
        async with await Peer.dial(server.port) as peer:
            for _ in range(2):
                peer.writer.write(get().encode())
                assert (await whole(peer))[2] == b"x"
    assert not errors(caplog)


async def test_an_error_after_the_answer_is_logged_alone(engine, caplog):
    async def steps(scope, receive, send):
        await send(start(200))
        await send(body(b"x"))
        raise ZeroDivisionError

    async with hosted(steps, engine) as server:
        assert (await ask(server, get()))[2] == b"x"
    assert len(errors(caplog)) == 1


async def test_an_application_that_cancels_itself(engine, caplog):
    async def steps(scope, receive, send):
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    async with hosted(but_good(steps), engine) as server:
        assert (await ask(server, get()))[0] == 500
        assert (await ask(server, GOOD))[2] == b"good"


async def test_an_application_that_never_ends_is_cancelled_with_the_server(engine):
    async def steps(scope, receive, send):
        await send(start(200))
        await send(body(b"x"))
        await asyncio.Event().wait()

    app = Asked(steps)
    async with hosted(app, engine) as server:
        assert (await ask(server, get()))[2] == b"x"
        await server.http.drain(0)
    assert isinstance(app.error, asyncio.CancelledError)


async def test_where_a_request_waits_is_the_applications_line(engine):
    waiting = asyncio.Event()

    async def waits_here():
        waiting.set()
        await asyncio.Event().wait()

    async def steps(scope, receive, send):
        await waits_here()

    async with hosted(Asked(steps), engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get().encode())
        await waiting.wait()
        (task,) = server.http.tasks
        assert re.fullmatch(rf" in {re.escape(__file__)}, line \d+, waits_here", where(task))
        task.cancel()


async def test_utf8_in_a_header_is_no_line_end(engine):
    value = "хA".encode()
    assert b"\x85" in value
    async with hosted(saying(start(200, (b"x", value)), body()), engine) as server:
        assert (await ask(server, get()))[1]["x"] == value.decode("latin-1")


@pytest.mark.parametrize("mark", [*b"\0\r\x0b\x0c\x1c\x1d\x1e\x7f\x85"])
async def test_a_request_with_what_would_split_a_header_is_refused(engine, mark):
    app = saying(start(200), body())
    async with hosted(app, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get("/", f"X: a{chr(mark)}Y: b").encode("latin-1"))
        assert (await peer.answer())[0] == 400
    assert app.calls == 0


async def test_a_request_with_utf8_in_a_header_is_not(engine):
    async with hosted(saying(start(200), body()), engine) as server:
        assert (await ask(server, get("/", "X: " + "хA".encode().decode("latin-1"))))[0] == 200
