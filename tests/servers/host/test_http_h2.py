"""Requests to applications over HTTP/2."""

import asyncio

import httpx
import pytest
from h2 import events
from h2.errors import ErrorCodes
from tests.certificates import client_context, server_context
from tests.engine.h2_peer import GET, Engine, Peer, Site, of
from tests.servers.host.asking import body, echo, hosted, saying, start

from everywire.engine.h2 import H2Link
from everywire.http.head import HeadLimits
from everywire.servers.host.http import EXTENSIONS, HttpApp
from everywire.servers.host.scope import Facts, scope

POST = [(":method", "POST"), *GET[1:]]


class Hosting(Site):
    """A site whose requests `app` answers."""

    def __init__(self, app, most=1 << 60):
        super().__init__()
        self.http = HttpApp(app, clock=lambda: 0)
        self.limits = HeadLimits(body=most, next_line=False)
        self.streamed_bodies = True
        self.answer_one = lambda request: self.http.answer(
            request, scope(request, "http", Facts(extensions=EXTENSIONS))
        )


def connected(app, **limits):
    return Peer(H2Link(Hosting(app, **limits), Engine(asyncio.get_running_loop())))


async def turned(peer, turns=30):
    """Carry bytes while the application runs; give what the client heard."""
    heard = []
    for _ in range(turns):
        heard += peer.turn()
        await asyncio.sleep(0)
    return heard


def answered(heard):
    (head,) = of(events.ResponseReceived, heard)
    return {name.decode() if isinstance(name, bytes) else name: value for name, value in head.headers}


async def test_a_response():
    peer = connected(saying(start(200, (b"Content-Type", b"text/plain"), (b"connection", b"x")), body(b"hello")))
    for number in (1, 3):
        peer.request()
        heard = await turned(peer)
        assert answered(heard) == {
            ":status": "200",
            "content-type": "text/plain",
            "content-length": "5",
            "date": "Thu, 01 Jan 1970 00:00:00 GMT",
            "server": "everywire",
        }
        assert peer.bodies[number] == b"hello"
        assert of(events.StreamEnded, heard)


async def test_pieces():
    async def steps(scope, receive, send):
        assert (scope["http_version"], scope["headers"]) == ("2", [(b"host", b"here")])
        await send(start())
        for _ in range(3):
            await send(body(b"x", more=True))
            await asyncio.sleep(0)
        await send(body())

    peer = connected(steps)
    peer.request()
    heard = await turned(peer)
    assert "content-length" not in answered(heard)
    assert peer.bodies[1] == b"xxx"
    assert of(events.StreamEnded, heard)


async def test_a_field_that_has_no_place_in_http2_costs_nobody_the_connection():
    peer = connected(saying(start(200, (b"te", b"gzip"), (b"keep-alive", b"5")), body(b"hello")))
    for _ in range(2):
        peer.request()
        head = answered(await turned(peer))
        assert head[":status"] == "200"
        assert not {"te", "keep-alive"} & set(head)


async def test_head_of_an_unknown_length():
    peer = connected(saying(start(), body(b"x", more=True), body()))
    peer.request([(":method", "HEAD"), *GET[1:]])
    assert "content-length" not in answered(await turned(peer))


@pytest.mark.parametrize("wanted", [True, False])
async def test_trailers(wanted):
    app = saying(
        start(200, trailers=True), body(b"abc"), {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}
    )
    peer = connected(app)
    peer.request([*GET, ("te", "trailers")] if wanted else GET)
    heard = await turned(peer)
    assert [list(event.headers) for event in of(events.TrailersReceived, heard)] == (
        [[("x-sum", "1")]] if wanted else []
    )
    assert peer.bodies[1] == b"abc"
    assert of(events.StreamEnded, heard)


async def test_early_hints():
    async def steps(scope, receive, send):
        await send({"type": "http.response.early_hint", "links": [b"</a>"]})
        await asyncio.sleep(0)
        await send(start())
        await send(body(b"x"))

    peer = connected(steps)
    peer.request()
    (hint,) = of(events.InformationalResponseReceived, await turned(peer))
    assert list(hint.headers) == [(":status", "103"), ("link", "</a>")]


async def test_a_body_is_heard_as_it_comes():
    heard = []

    async def steps(scope, receive, send):
        while not heard or heard[-1]["more_body"]:
            heard.append(await receive())
        await send(start())
        await send(body(b"ok"))

    peer = connected(steps)
    number = peer.request(POST, end=False)
    await turned(peer)
    for data, end in ((b"a", False), (b"b", False), (b"", True)):
        peer.conn.send_data(number, data, end_stream=end)
        await turned(peer, 5)
    assert b"".join(event["body"] for event in heard) == b"ab"
    assert len(heard) == 3
    assert peer.bodies[number] == b"ok"


async def test_leave_to_send_the_body():
    peer = connected(echo)
    number = peer.request([*POST, ("expect", "100-continue")], end=False)
    (leave,) = of(events.InformationalResponseReceived, await turned(peer))
    assert list(leave.headers) == [(":status", "100")]
    peer.conn.send_data(number, b"abc", end_stream=True)
    await turned(peer)
    assert peer.bodies[number] == b"abc"


async def test_who_does_not_receive_gives_no_room():
    gate = asyncio.Event()

    async def steps(scope, receive, send):
        await gate.wait()
        await echo(scope, receive, send)

    peer = connected(steps)
    number = peer.request(POST, end=False)
    await turned(peer)
    sent = 0
    for _ in range(100):
        room = min(peer.conn.local_flow_control_window(number), peer.conn.max_outbound_frame_size)
        if room:
            peer.conn.send_data(number, bytes(room))
            sent += room
        await turned(peer, 2)
    assert sent <= 1 << 18
    gate.set()
    await turned(peer)
    assert peer.conn.local_flow_control_window(number) > 0


async def test_an_answer_before_the_end_of_the_body():
    peer = connected(saying(start(403), body(b"no")))
    number = peer.request(POST, end=False)
    heard = await turned(peer)
    assert answered(heard)[":status"] == "403"
    assert peer.bodies[number] == b"no"
    peer.conn.send_data(number, bytes(1000))
    await turned(peer)


@pytest.mark.parametrize("more", [True, False])
async def test_a_reset_is_heard(more):
    heard = []
    done = asyncio.Event()

    async def steps(scope, receive, send):
        if more:
            await send(start())
            await send(body(b"x", more=True))
        while not heard or heard[-1]["type"] == "http.request":
            heard.append(await receive())
        with pytest.raises(OSError):
            await send(body(b"x", more=True) if more else start())
        done.set()

    peer = connected(steps)
    number = peer.request()
    await turned(peer)
    peer.conn.reset_stream(number)
    await turned(peer)
    assert heard[-1] == {"type": "http.disconnect"}
    assert done.is_set()


@pytest.mark.parametrize("begun", [True, False])
async def test_an_error_resets_or_is_500(begun, caplog):
    async def steps(scope, receive, send):
        if begun:
            await send(start())
            await send(body(b"x", more=True))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        raise ZeroDivisionError

    peer = connected(steps)
    peer.request()
    heard = await turned(peer)
    if begun:
        assert of(events.StreamReset, heard)[0].error_code == ErrorCodes.CANCEL
    else:
        assert answered(heard)[":status"] == "500"
    assert caplog.text.count("failed at") == 1


async def test_a_lone_next_line_is_refused():
    peer = connected(saying(start(), body()))
    peer.request([*GET, ("x", "a\x85b")])
    assert answered(await turned(peer))[":status"] == "400"


async def test_a_body_that_does_not_come():
    heard = []

    async def steps(scope, receive, send):
        heard.append(await receive())

    peer = connected(steps)
    peer.request(POST, end=False)
    await turned(peer)
    peer.pipe.sweep(1.0)
    peer.pipe.sweep(50.0)
    assert answered(await turned(peer))[":status"] == "408"
    assert heard == [{"type": "http.disconnect"}]


@pytest.mark.parametrize("said", [[], [("content-length", "11")]])
async def test_a_body_beyond_the_limit_is_refused_and_the_next_request_served(said):
    told = []

    async def steps(scope, receive, send):
        while (event := await receive())["type"] == "http.request":
            told.append(len(event["body"]))
            if not event["more_body"]:
                await saying(start(), body(b"all"))(scope, receive, send)
                return
        told.append(event["type"])

    peer = connected(steps, most=10)
    peer.request([*POST, *said], end=False)
    peer.conn.send_data(1, bytes(6))
    heard = await turned(peer)
    if not said:
        peer.conn.send_data(1, bytes(5))
        heard += await turned(peer)
    assert answered(heard)[":status"] == "413"
    assert told == ([] if said else [6, "http.disconnect"])
    number = peer.request(POST, end=False)
    peer.conn.send_data(number, bytes(10), end_stream=True)
    assert answered(await turned(peer))[":status"] == "200"


async def test_a_body_beyond_the_limit_breaks_off_an_answer_that_has_begun():
    told = []

    async def steps(scope, receive, send):
        await send(start())
        await send(body(b"a", more=True))
        while (event := await receive())["type"] == "http.request":
            told.append(len(event["body"]))
        told.append(event["type"])

    peer = connected(steps, most=10)
    peer.request(POST, end=False)
    await turned(peer)
    for size in (6, 4, 1):
        peer.conn.send_data(1, bytes(size))
        heard = await turned(peer)
    assert told == [6, 4, "http.disconnect"]
    assert of(events.StreamReset, heard)


async def test_a_client_of_another_make(engine, tmp_path):
    (tmp_path / "file").write_bytes(bytes(range(256)) * 4000)

    async def app(scope, receive, send):
        if scope["path"] == "/file":
            await send(start())
            await send({"type": "http.response.pathsend", "path": str(tmp_path / "file")})
        else:
            assert scope["extensions"]["tls"]["tls_version"] == 0x0304
            await echo(scope, receive, send)

    async with hosted(app, engine, ssl=server_context()) as server:
        async with httpx.AsyncClient(http2=True, verify=client_context()) as client:
            url = f"https://localhost:{server.port}"
            data = bytes(3_000_000)
            answers = await asyncio.gather(*(client.post(url, content=data) for _ in range(3)))
            assert [(answer.http_version, answer.content == data) for answer in answers] == [("HTTP/2", True)] * 3
            assert (await client.get(url + "/file")).content == (tmp_path / "file").read_bytes()
