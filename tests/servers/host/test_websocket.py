"""An ASGI application's WebSockets on our own server: the handshake, the talk, the end, and what it may not do."""

import asyncio

import pytest
from tests.certificates import client_context, server_context
from tests.engine.peer import UPGRADE, Peer, code, loud, until
from tests.servers.host.talking import ACCEPT, CLOSE, app, echo, hosted, text
from tests.ws.raw import BINARY, FIN, TEXT

from everywire import Response, connect
from everywire.errors import Disconnected, HandshakeError
from everywire.servers.websocket import Welcome

DENY = {"type": "websocket.http.response.start", "status": 402, "headers": [(b"x-why", b"money")]}


def piece(body, more=False):
    return {"type": "websocket.http.response.body", "body": body, "more_body": more}


async def alive(server):
    """See that the server still serves."""
    async with connect(f"ws://127.0.0.1:{server.port}") as ws:
        await ws.send("alive?")
        return await ws.recv() == "alive?"


def first_then_echo(steps):
    """An application that is `steps` for the first WebSocket, and an echo for those after it."""
    first = app(steps)
    apps = iter([first])

    async def chosen(scope, receive, send):
        await next(apps, echo)(scope, receive, send)

    chosen.first = first
    return chosen


async def status_of(server, headers=""):
    peer = await Peer.dial(server.port)
    async with peer:
        status, fields = await peer.ask(f"GET / HTTP/1.1\r\n{UPGRADE}{headers}\r\n")
        return status, fields, await peer.body(fields) if "content-length" in fields else None


# The handshake


async def test_a_talk(engine):
    async with hosted(echo, engine) as server, connect(f"ws://127.0.0.1:{server.port}") as ws:
        for said in ("hello", b"bytes", "", "ж" * 1000, "a" * 100_000):
            await ws.send(said)
            assert await ws.recv() == said


async def test_the_events_and_their_order(engine):
    async def steps(receive, send):
        await receive()
        await send(ACCEPT)
        for _ in range(3):
            await receive()

    talk = app(steps)
    async with hosted(talk, engine) as server:
        async with await Peer.open(server.port) as peer:
            peer.send(FIN | TEXT, b"one")
            peer.send(FIN | BINARY, b"two")
            peer.close(4321)
            await talk.ended.wait()
    assert talk.heard == [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "one"},
        {"type": "websocket.receive", "bytes": b"two"},
        {"type": "websocket.disconnect", "code": 4321, "reason": ""},
    ]


async def test_accepting_with_a_subprotocol_and_headers(engine):
    async def steps(receive, send):
        await receive()
        await send({**ACCEPT, "subprotocol": "b", "headers": [(b"x-one", b"1"), (b"set-cookie", b"a=b")]})
        await receive()

    async with hosted(app(steps), engine) as server:
        async with connect(f"ws://127.0.0.1:{server.port}", subprotocols=["a", "b"]) as ws:
            assert ws.subprotocol == "b"
            assert ws.response.headers["x-one"] == "1"
            assert ws.response.headers["set-cookie"] == "a=b"


async def test_closing_before_accepting_is_a_403(engine):
    async def steps(receive, send):
        await receive()
        await send(CLOSE)
        await receive()

    talk = app(steps)
    async with hosted(talk, engine) as server:
        assert (await status_of(server))[0] == 403
        await talk.ended.wait()
    assert talk.heard[-1] == {"type": "websocket.disconnect", "code": 1006}


async def test_a_denial(engine):
    async def steps(receive, send):
        await receive()
        await send({**DENY, "headers": [(b"x-why", b"money"), (b"content-length", b"4"), (b"connection", b"x")]})
        await send(piece(b"paid"))

    async with hosted(app(steps), engine) as server:
        status, fields, body = await status_of(server)
    assert (status, fields["x-why"], body) == (402, "money", b"paid")


async def test_a_streamed_denial(engine):
    rest = asyncio.Event()

    async def steps(receive, send):
        await receive()
        await send(DENY)
        await send(piece(b"one", True))
        await rest.wait()
        await send(piece(b"", True))
        await send(piece(b"two"))

    async with hosted(app(steps), engine) as server:
        peer = await Peer.dial(server.port)
        async with peer:
            assert (await peer.ask(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n"))[0] == 402
            assert await peer.reader.readexactly(8) == b"3\r\none\r\n"
            rest.set()
            assert await peer.ended() == b"3\r\ntwo\r\n0\r\n\r\n"


async def test_a_denial_without_a_body_has_its_status(engine):
    async def steps(receive, send):
        await receive()
        await send(DENY)

    async with hosted(app(steps), engine) as server:
        assert (await status_of(server))[0] == 402


async def test_a_denial_that_is_not_completed_is_broken_off(engine):
    async def steps(receive, send):
        await receive()
        await send(DENY)
        await send(piece(b"one", True))
        await send(piece(b"two", True))

    async with hosted(app(steps), engine) as server:
        peer = await Peer.dial(server.port)
        async with peer:
            await peer.ask(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n")
            assert b"0\r\n\r\n" not in await peer.ended()


async def test_the_scopes_extensions_are_a_websockets():
    scopes = []

    async def steps(scope, receive, send):
        scopes.append(scope)
        await echo(scope, receive, send)

    async with hosted(steps) as server:
        await alive(server)
    assert [*scopes[0]["extensions"]] == ["websocket.http.response", "everywire"]


async def test_the_way_past_asgi(engine):
    ended = asyncio.Event()

    def opened(websocket):
        left = websocket.on_close  # the server's

        def over(ws, code, reason):
            left(ws, code, reason)
            ended.set()

        websocket.on_message = lambda ws, message: ws.send(message)
        websocket.on_close = over

    async def steps(scope, receive, send):
        native = scope["extensions"]["everywire"]
        if native.request.target == "/no":
            native.take(Response(418, "no"))
        else:
            native.take(Welcome(opened, "b"))

    async with hosted(steps, engine) as server:
        async with connect(f"ws://127.0.0.1:{server.port}", subprotocols=["a", "b"]) as ws:
            await ws.send("hello")
            assert (await ws.recv(), ws.subprotocol) == ("hello", "b")
        await ended.wait()
        assert not server.connections
        with pytest.raises(HandshakeError, match="418"):
            await connect(f"ws://127.0.0.1:{server.port}/no")


async def test_what_is_no_handshake_never_reaches_the_application(engine):
    asked = []

    async def steps(scope, receive, send):
        asked.append(scope)

    async with hosted(steps, engine) as server:
        for request in (
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            f"GET / HTTP/1.1\r\n{UPGRADE}".replace("13", "12") + "\r\n",
        ):
            peer = await Peer.dial(server.port)
            async with peer:
                assert (await peer.ask(request))[0] == 426
    assert not asked


async def test_a_message_sent_right_after_accepting_waits_for_the_opening(engine):
    async def steps(receive, send):
        async with asyncio.TaskGroup() as group:
            group.create_task(send(ACCEPT))
            group.create_task(send(text("at once")))
        await receive()

    async with hosted(app(steps), engine) as server, connect(f"ws://127.0.0.1:{server.port}") as ws:
        assert await ws.recv() == "at once"


async def test_compression_is_agreed_on(engine):
    async with hosted(echo, engine) as server, connect(f"ws://127.0.0.1:{server.port}") as ws:
        assert "permessage-deflate" in ws.response.headers["sec-websocket-extensions"]
        await ws.send("z" * 5000)
        assert await ws.recv() == "z" * 5000


# The end


async def test_a_close_without_a_code_is_a_1005(engine):
    async def steps(receive, send):
        await receive()
        await send(ACCEPT)
        await receive()

    talk = app(steps)
    async with hosted(talk, engine) as server, await Peer.open(server.port) as peer:
        peer.send(FIN | 8)
        await talk.ended.wait()
    assert talk.heard[-1] == {"type": "websocket.disconnect", "code": 1005, "reason": ""}


async def test_a_loss_is_a_1006(engine):
    async def steps(receive, send):
        await receive()
        await send(ACCEPT)
        await receive()

    talk = app(steps)
    async with hosted(talk, engine) as server:
        await (await Peer.open(server.port)).leave()
        await talk.ended.wait()
    assert talk.heard[-1] == {"type": "websocket.disconnect", "code": 1006}


async def test_a_client_that_goes_before_the_answer_is_a_1006(engine):
    async def steps(receive, send):
        await receive()
        await receive()
        await send(ACCEPT)

    talk = app(steps)
    async with hosted(talk, engine) as server:
        peer = await Peer.open_later(server.port)
        await until(lambda: talk.heard)
        await peer.leave()
        await talk.ended.wait()
    assert talk.heard[-1] == {"type": "websocket.disconnect", "code": 1006}
    assert isinstance(talk.error, Disconnected)


async def test_the_application_closes(engine):
    async def steps(receive, send):
        await receive()
        await send(ACCEPT)
        await send({**CLOSE, "code": 4000, "reason": "enough"})
        await receive()

    talk = app(steps)
    async with hosted(talk, engine) as server, await Peer.open(server.port) as peer:
        assert await peer.frame() == code(4000, b"enough")
        await talk.ended.wait()
    assert talk.heard[-1] == {"type": "websocket.disconnect", "code": 4000, "reason": "enough"}


async def test_sending_to_who_is_gone_is_an_oserror_that_is_no_news(engine, caplog):
    async def steps(receive, send):
        await receive()
        await send(ACCEPT)
        await receive()
        while True:
            await send(text("still there?"))

    talk = first_then_echo(steps)
    async with hosted(talk, engine) as server:
        async with await Peer.open(server.port) as peer:
            peer.close()
            await talk.first.ended.wait()
        assert isinstance(talk.first.error, OSError)
        assert await alive(server)
    assert not loud(caplog)


async def test_returning_early_closes_with_1000(engine):
    async def steps(receive, send):
        await receive()
        await send(ACCEPT)

    async with hosted(app(steps), engine) as server, await Peer.open(server.port) as peer:
        assert await peer.frame() == code(1000)


async def test_over_http2(engine):
    pytest.importorskip("h2")

    async def steps(scope, receive, send):
        await receive()
        if scope["path"] == "/closed":
            await send(CLOSE)
        elif scope["path"] == "/denied":
            await send(DENY)
            await send(piece(b"one", True))
            await send(piece(b"two"))
        else:
            await send({**ACCEPT, "subprotocol": "b", "headers": [(b"X-One", b"1")]})
            while (event := await receive())["type"] == "websocket.receive":
                await send({**event, "type": "websocket.send"})

    async with hosted(steps, engine, ssl=server_context()) as server:
        options = {"ssl": client_context(), "http2": True, "proxy": None}
        base = f"wss://localhost:{server.port}"
        async with connect(f"{base}/", subprotocols=["a", "b"], **options) as ws:
            assert ws.request.version == "2"
            assert (ws.subprotocol, ws.response.headers["x-one"]) == ("b", "1")
            for said in ("hello", b"b" * 100_000):
                await ws.send(said)
                assert await ws.recv() == said
        for path, status in (("closed", 403), ("denied", 402)):
            with pytest.raises(HandshakeError) as failure:
                await connect(f"{base}/{path}", **options)
            assert failure.value.status == status
