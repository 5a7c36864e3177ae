"""Requests passed on to another worker, over real Unix sockets."""

import asyncio
import contextlib

import pytest

from everywire.http.request import Headers, Request, Response
from everywire.http.streamed import Streamed
from everywire.servers import listening
from everywire.servers.websocket import Server, serve
from everywire.servers.workers.relay import WorkerRelay, private

PATIENCE = 10


class Outlet:
    """Where a streamed answer goes in a test; `full` makes it look as if nothing left."""

    def __init__(self):
        self.data, self.over, self.full, self.asked = b"", None, False, 0
        self.changed = asyncio.Event()

    def write(self, data):
        self.data += data
        self.changed.set()

    def queued(self):
        return len(self.data) if self.full else 0

    def crowd(self, low):
        self.asked += 1

    def end(self):
        self.over = "end"
        self.changed.set()

    def abort(self):
        self.over = "abort"
        self.changed.set()

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


class Body:
    """Who produces a streamed body at the holder."""

    def __init__(self):
        self.outlet, self.begun, self.ended = None, asyncio.Event(), asyncio.Event()

    def start(self, outlet):
        self.outlet = outlet
        self.begun.set()
        return self

    def drained(self):
        pass

    def gone(self):
        self.ended.set()


@contextlib.asynccontextmanager
async def holder(folder, answer, node="other"):
    sock = listening.unix(str(private(folder, node)))
    async with serve(None, on_message=lambda *_: None, process_request=answer, sock=sock, close_timeout=0.2) as server:
        yield server


@pytest.fixture
def relay(tmp_path):
    relay = WorkerRelay(tmp_path)
    yield relay
    relay.close()


def request(method="GET", target="/x", body=b"", **fields):
    return Request(method, target, Headers([(n.replace("_", "-"), v) for n, v in fields.items()]), body=body)


async def test_a_request_comes_as_it_was_and_its_answer_too(tmp_path, relay):
    seen = []

    def answer(asked):
        seen.append(asked)
        return Response(201, asked.body[::-1], [("X-A", "1"), ("X-A", "2"), ("Content-Type", "text/odd")])

    async with holder(tmp_path, answer):
        assert relay.takes("other")
        fields = {"Host": "shop.example", "Origin": "https://shop.example", "Connection": "close", "Cookie": "a=b"}
        given = await relay.forward("other", request("POST", "/a%20b?c=d&e", b"body", **fields))
    assert (given.status, given.body, given.headers.get_all("x-a")) == (201, b"ydob", ["1", "2"])
    assert given.headers["content-type"] == "text/odd"
    assert (seen[0].method, seen[0].target, seen[0].body) == ("POST", "/a%20b?c=d&e", b"body")
    assert dict(seen[0].headers)["Origin"] == "https://shop.example"
    assert "connection" not in seen[0].headers


async def test_connections_are_kept_and_used_again(tmp_path, relay):
    connections = set()

    def answer(asked):
        connections.add(id(asked.facts))
        return Response(200, b"x")

    async with holder(tmp_path, answer) as server:
        for _ in range(5):
            assert (await relay.forward("other", request())).status == 200
        assert isinstance(server, Server)
        assert len(server._openings) == 1


async def test_an_answer_without_an_end_is_streamed_and_its_end_is_told(tmp_path, relay):
    body = Body()
    async with holder(tmp_path, lambda _: Streamed(200, body.start, [("Content-Type", "text/event-stream")])):
        given = await relay.forward("other", request())
        assert isinstance(given, Streamed)
        assert given.headers["content-type"] == "text/event-stream"
        outlet = Outlet()
        given.start(outlet)
        await body.begun.wait()
        body.outlet.write(b"one\n")
        await outlet.until(lambda: outlet.data == b"one\n")
        body.outlet.write(b"two\n")
        body.outlet.end()
        await outlet.until(lambda: outlet.over == "end")
        assert outlet.data == b"one\ntwo\n"
        assert relay._pooled("other") is not None


async def test_a_client_that_is_gone_is_gone_at_the_holder(tmp_path, relay):
    body = Body()
    async with holder(tmp_path, lambda _: Streamed(200, body.start)):
        given = await relay.forward("other", request())
        producer = given.start(Outlet())
        await body.begun.wait()
        producer.gone()
        async with asyncio.timeout(PATIENCE):
            await body.ended.wait()
    assert relay._pooled("other") is None


async def test_a_client_that_does_not_keep_up_makes_the_holder_wait(tmp_path, relay):
    body = Body()
    async with holder(tmp_path, lambda _: Streamed(200, body.start)):
        given = await relay.forward("other", request())
        outlet = Outlet()
        outlet.full = True
        producer = given.start(outlet)
        await body.begun.wait()
        for _ in range(100):
            body.outlet.write(bytes(100_000))
        await outlet.until(lambda: outlet.asked)
        assert len(outlet.data) < 1_000_000
        outlet.full = False
        producer.drained()
        await outlet.until(lambda: len(outlet.data) == 10_000_000)
        producer.gone()


async def test_a_holder_that_ends_breaks_its_stream_off(tmp_path, relay):
    body = Body()
    async with holder(tmp_path, lambda _: Streamed(200, body.start)):
        given = await relay.forward("other", request())
        outlet = Outlet()
        given.start(outlet)
        await body.begun.wait()
        body.outlet.abort()
        await outlet.until(lambda: outlet.over == "abort")


async def test_who_gives_a_request_up_does_not_leave_its_answer_to_the_next(tmp_path, relay):
    asked = asyncio.Event()

    async def answer(one):
        if one.target == "/slow":
            asked.set()
            await asyncio.Event().wait()
        return Response(200, one.target.encode())

    async with holder(tmp_path, answer):
        slow = asyncio.ensure_future(relay.forward("other", request(target="/slow")))
        await asked.wait()
        slow.cancel()
        assert (await relay.forward("other", request(target="/next"))).body == b"/next"


async def test_a_holder_that_does_not_answer_is_not_waited_for(tmp_path, relay, monkeypatch):
    async def answer(one):
        if one.target == "/never":
            await asyncio.Event().wait()
        return Response(200, one.target.encode())

    async with holder(tmp_path, answer):
        with monkeypatch.context() as changed:
            changed.setattr("everywire.servers.workers.relay._PATIENCE", 0.01)
            assert (await relay.forward("other", request(target="/never"))).status == 504
        assert (await relay.forward("other", request(target="/next"))).body == b"/next"


async def test_a_poll_may_be_held_for_as_long_as_it_says(tmp_path, relay, monkeypatch):
    """The holder answers a poll only once the patience for all else is over."""
    over = asyncio.Event()

    async def answer(one):
        await over.wait()
        return Response(200, b"late")

    async with holder(tmp_path, answer):
        monkeypatch.setattr("everywire.servers.workers.relay._PATIENCE", 0.01)
        poll = asyncio.ensure_future(relay.forward("other", request(), wait=PATIENCE))
        assert (await relay.forward("other", request())).status == 504
        over.set()
        assert (await poll).body == b"late"


async def test_a_kept_connection_that_ended_is_replaced(tmp_path, relay):
    async with holder(tmp_path, lambda _: Response(200)):
        assert (await relay.forward("other", request())).status == 200
    async with holder(tmp_path, lambda _: Response(200)):
        assert (await relay.forward("other", request())).status == 200


class Holder(asyncio.Protocol):
    """Answers the first request of each connection; ends at the next one, having heard it."""

    def __init__(self, heard):
        self.heard, self.count = heard, 0

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.heard.append(data.split()[1].decode())
        self.count += 1
        if self.count > 1 or b"/fatal" in data:
            self.transport.abort()
        else:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def test_what_must_not_be_heard_twice_is_said_once_over_a_connection_of_its_own(tmp_path, relay):
    heard = []
    path = str(private(tmp_path, "other"))
    async with await asyncio.get_running_loop().create_unix_server(lambda: Holder(heard), path):
        assert relay.takes("other")
        assert (await relay.forward("other", request(target="/1"))).status == 200
        assert (await relay.forward("other", request("POST", target="/2"), once=True)).status == 200
        assert (await relay.forward("other", request(target="/3"))).status == 200
        assert heard == ["/1", "/2", "/3", "/3"]
        assert (await relay.forward("other", request("POST", target="/fatal"), once=True)).status == 502
        assert heard[4:] == ["/fatal"]
        relay.close()


async def test_it_goes_over_no_connection_that_was_made_before(tmp_path, relay):
    """The holder ends one that says nothing for a while, with an answer that is none to this."""
    async with holder(tmp_path, lambda asked: Response(200, asked.body)):
        assert relay.takes("other")
        stale = relay._fresh["other"]
        assert (await relay.forward("other", request("POST", body=b"1"), once=True)).body == b"1"
        assert stale.fileno() == -1
        assert relay._fresh == {}


async def test_a_node_that_is_gone_is_not_taken(tmp_path, relay):
    async with holder(tmp_path, lambda _: Response(200)):
        assert relay.takes("other")
        await relay.forward("other", request())
    assert private(tmp_path, "other").exists()  # as after a kill
    assert (await relay.forward("other", request())).status == 404
    assert not relay.takes("other")


@pytest.mark.parametrize("node", ["", "unknown", "../other", "a/b", "a\0b", "é", "x" * 65])
def test_names_that_are_none_are_not_looked_for(relay, node):
    assert not relay.takes(node)
