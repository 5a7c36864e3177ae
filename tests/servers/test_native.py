"""The short way between a server of ours and an application of ours that is mounted in what it hosts."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import everywire
from everywire import Client, Everywire, HandshakeError, Request, Response, connect
from everywire.engine.websocket import WebSocket
from everywire.http.request import Headers
from everywire.servers.host.hosting import Hosted
from everywire.servers.native import NAME, Native, offered
from everywire.servers.websocket import Welcome

V1 = "everywire.v1.json"


@pytest.fixture
def app():
    app = Everywire(secret="a secret of some length")
    app.on("echo")(lambda data: data)
    app.on("scope")(lambda caller: [caller.scope["root_path"], caller.request.path, caller.request.remote[0]])
    app.channel("room", may_publish=True)
    return app


@pytest.fixture
async def url(app):
    """Where the application is mounted in another, which our own server hosts."""
    host = Starlette(routes=[Mount("/live", app=app)], lifespan=everywire.lifespan(app))
    async with Hosted(host).serving() as server:
        yield f"ws://127.0.0.1:{server.port}/live/everywire"


async def test_its_websockets_are_the_servers_own(app, url):
    async with Client(url, transports=("websocket",)) as client:
        assert await client.call("echo", 1) == 1
        assert await client.call("scope") == ["/live", "/everywire", "127.0.0.1"]
        (attachment,) = app.hub.attachments
        assert isinstance(attachment.transport.wire, WebSocket)
        room = client.subscribe("room")
        await room.ready()
        await app.publish("room", "news")
        assert (await anext(room)).data == "news"
    while app.hub.attachments:
        await asyncio.sleep(0)


async def test_others_go_by_asgi(url):
    async with Client(url, transports=("sse",)) as client:
        assert await client.call("echo", 1) == 1


async def test_refusals_are_told_in_full(url):
    with pytest.raises(HandshakeError) as caught:
        await connect(url, origin="http://elsewhere.example", subprotocols=[V1])
    assert caught.value.status == 403
    assert b"this Origin may not connect" in caught.value.response.body


async def test_who_is_gone_misses_it():
    answer, missed = asyncio.get_running_loop().create_future(), []
    native = Native(Request("GET", "/", Headers()), answer)
    native.take(Response(404))
    native.take(Response(200))
    native.take(Welcome(print, missed=lambda: missed.append(1)))
    assert (answer.result().status, missed) == (404, [1])


def test_another_server_offers_nothing():
    native = Native(Request("GET", "/", Headers()), None)
    assert offered({"extensions": {NAME: native}}) is native
    for scope in ({}, {"extensions": None}, {"extensions": {NAME: {}}}):
        assert offered(scope) is None
