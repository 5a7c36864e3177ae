"""What all exchanges of an application share that another server runs."""

import asyncio

import pytest
from tests.servers.asgi.hosting import Host, http_scope, websocket_scope

import everywire
from everywire import Everywire

V1 = "everywire.v1.json"
CONNECT = '{"type":"connect","id":1}'
AWAY = {"type": "websocket.close", "code": 1001, "reason": "the server is going away"}


@pytest.fixture
async def app():
    app = Everywire(secret="a secret of some length")
    app.free, app.called = asyncio.Event(), asyncio.Event()

    @app.on("wait", finish=True)
    async def wait(data):
        app.called.set()
        await app.free.wait()
        return "done"

    return app


async def connected(app):
    """A client that is connected."""
    host = Host(app, websocket_scope("/everywire", V1))
    host.tell("websocket.connect")
    await host.hear()
    host.tell("websocket.receive", text=CONNECT)
    assert '"type":"connected"' in (await host.hear())["text"]
    return host


async def test_what_is_under_way_comes_to_its_end_first(app):
    life = everywire.lifespan(app)(None)
    await life.__aenter__()
    host = await connected(app)
    host.tell("websocket.receive", text='{"type":"call","id":2,"name":"wait"}')
    await app.called.wait()
    ending = asyncio.ensure_future(life.__aexit__(None, None, None))
    await asyncio.sleep(0)
    assert host.silent
    late = Host(app, websocket_scope("/everywire", V1, extensions={"websocket.http.response": {}}))
    late.tell("websocket.connect")
    assert (await late.hear())["status"] == 503
    app.free.set()
    assert '"data":"done"' in (await host.hear())["text"]
    assert await host.hear() == AWAY
    await ending
    later = Host(app, http_scope("/healthz"))
    later.tell("http.request")
    assert (await later.hear())["status"] == 503  # and nothing begins again
    async with everywire.lifespan(app)(None):
        await connected(app)


async def test_lines_are_told_and_their_responses_end(app):
    async with everywire.lifespan(app)(None):
        host = Host(app, http_scope("/everywire/lines", "POST"))
        host.tell("http.request", body=CONNECT.encode())
        assert (await host.hear())["status"] == 201
        line = (await host.hear())["body"].split(b'"')[3].decode()
        stream = Host(app, http_scope(f"/everywire/lines/{line}/sse", query_string=b"after=0"))
        stream.tell("http.request")
        assert (await stream.hear())["status"] == 200
        assert b"connected" in (await stream.hear())["body"]
    assert b'"code":1001' in (await stream.hear())["body"]
    assert await stream.hear() == {"type": "http.response.body", "body": b""}
    await stream.over()


async def test_a_client_that_never_reads_does_not_hold_up_the_end(app):
    app.embed(close_timeout=0.02)
    async with everywire.lifespan(app)(None):
        host = await connected(app)
        host.stuck()
    await host.over()


async def test_the_scope_is_there_for_hooks_and_handlers(app):
    seen = []

    @app.on_connect
    async def who(connecting):
        seen.append(connecting.request.scope["user"])
        return connecting.request.scope["user"]

    app.on("whoami")(lambda caller: [caller.user, caller.scope["user"]])
    async with everywire.lifespan(app)(None):
        host = Host(app, websocket_scope("/everywire", V1, user="ann"))
        host.tell("websocket.connect")
        await host.hear()
        host.tell("websocket.receive", text=CONNECT)
        assert '"user":"ann"' in (await host.hear())["text"]
        host.tell("websocket.receive", text='{"type":"call","id":2,"name":"whoami"}')
        assert '"data":["ann","ann"]' in (await host.hear())["text"]
    assert seen == ["ann"]
