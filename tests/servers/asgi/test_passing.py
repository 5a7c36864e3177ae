"""WebSockets of a foreign server whose line another process holds."""

import asyncio
import os
import socket
from types import SimpleNamespace

import pytest
from tests.servers.asgi.hosting import Host, websocket_scope

from everywire import Options, serve
from everywire.http.handed import Handed
from everywire.http.head import HeadLimits
from everywire.http.request import Response
from everywire.servers.asgi.websocket import answer_websocket

DENIAL = {"websocket.http.response": {}}
ELSEWHERE = Response(404, "no such line")


class Holder:
    """The process that holds a line: a server of ours, which is handed sockets."""

    def __init__(self, server):
        self._server = server
        self.taking = []

    def give(self, descriptor, read):
        sock = socket.socket(fileno=os.dup(descriptor))
        sock.setblocking(False)
        self.taking.append(asyncio.ensure_future(self._server.adopt(sock, read)))
        return True


class Site(SimpleNamespace):
    """An application whose WebSockets are all somebody else's."""

    limits, open_timeout, close_timeout, max_size = HeadLimits(), 5.0, 5.0, 100

    def answer(self, request):
        return Handed(self.give, ELSEWHERE)

    async def __call__(self, scope, receive, send):
        await answer_websocket(self, scope, receive, send)


async def echo(websocket):
    async for message in websocket:
        if message == "bye":
            await websocket.close(4403, "no")
        await websocket.send(message)


@pytest.fixture
async def holder():
    async with serve(echo, sock=(), subprotocols=["one"], origins=None) as server:
        yield Holder(server)


async def opened(give):
    host = Host(Site(give=give), websocket_scope("/x?y=1", "one", extensions=DENIAL))
    host.tell("websocket.connect")
    return host


async def test_what_is_said_is_passed_on_both_ways(holder):
    host = await opened(holder.give)
    assert await host.hear() == {"type": "websocket.accept", "subprotocol": "one"}
    host.tell("websocket.receive", text="a")
    host.tell("websocket.receive", bytes=b"b", text=None)
    assert await host.hear() == {"type": "websocket.send", "text": "a"}
    assert await host.hear() == {"type": "websocket.send", "bytes": b"b"}
    host.tell("websocket.receive", text="bye")
    assert await host.hear() == {"type": "websocket.close", "code": 4403, "reason": "no"}
    await host.over()


@pytest.mark.parametrize(("code", "told"), [(1000, 1000), (4000, 4000), (1005, 1005), (None, 1005), (1006, 1006)])
async def test_how_its_client_ended_is_passed_on(code, told):
    ended = asyncio.get_running_loop().create_future()
    async with serve(
        None, sock=(), on_message=print, on_close=lambda websocket, code, reason: ended.set_result(code)
    ) as server:
        host = await opened(Holder(server).give)
        await host.hear()
        host.tell("websocket.disconnect", code=code)
        await host.over()
        assert await asyncio.wait_for(ended, 5) == told


async def test_a_refusal_is_the_holders():
    async with serve(None, sock=(), on_message=print, process_request=lambda request: Response(403, "no")) as server:
        host = await opened(Holder(server).give)
        assert (await host.hear())["status"] == 403


async def test_nobody_takes_it():
    host = await opened(lambda descriptor, read: False)
    assert (await host.hear())["status"] == 404


async def test_a_holder_that_dies_or_never_answers(monkeypatch):
    host = await opened(lambda descriptor, read: True)  # it was killed: nobody has the socket
    assert (await host.hear())["status"] == 504
    kept = []
    monkeypatch.setattr(Site, "open_timeout", 0.02)
    host = await opened(lambda descriptor, read: kept.append(socket.socket(fileno=os.dup(descriptor))) or True)
    assert (await host.hear())["status"] == 504
    kept[0].close()


async def test_a_holder_that_dies_later(holder):
    host = await opened(holder.give)
    await host.hear()
    for websocket in [*holder._server.connections]:
        websocket.abort()
    await host.over()
    assert host.silent  # without a close, as it had none


async def test_options_of_the_way_between():
    from everywire.servers.asgi import passing

    assert isinstance(passing._OPTIONS, Options)
    assert passing._OPTIONS.max_size is None  # who holds the line says what is too big
