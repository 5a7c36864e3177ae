"""A client's handshake on the wire, however the answer comes."""

import asyncio

import pytest
from tests.ws.raw import Pipe

from everywire.client.calling import Calling
from everywire.errors import HandshakeError
from everywire.http.head import HeadLimits
from everywire.http.request import Headers, Request
from everywire.ws.link import PlainLink

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


class Taken(PlainLink):
    """What takes the place."""

    def __init__(self):
        super().__init__()
        self.data = b""

    def feed(self, data):
        self.data += data


class Call:
    """A call on a pipe; `done` is what it comes to."""

    def __init__(self, *fields):
        self.done = asyncio.get_running_loop().create_future()
        request = Request("GET", "/a?b", Headers([("Host", "x"), *fields]))
        self.calling = Calling(request, HeadLimits(), self.done)
        self.pipe = Pipe()
        self.pipe.put(self.calling)
        self.calling.begin()

    def become(self):
        taken = Taken()
        self.calling.become(taken)
        return taken


@pytest.fixture
async def call():
    return Call()


async def test_the_request(call):
    assert call.pipe.written == b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"
    assert not call.done.done()


@pytest.mark.parametrize("field", [("A", "b\r\nC: d"), ("A\r\nC", "d"), ("A", "b\n"), ("A", "\0")])
async def test_a_header_cannot_bring_another(field):
    call = Call(field)
    assert call.pipe.written == b""
    with pytest.raises(ValueError, match="CR"):
        await call.done


async def test_the_answer_octet_by_octet(call):
    for i in range(len(SWITCH)):
        assert not call.done.done()
        call.pipe.feed(SWITCH[i : i + 1])
    response = await call.done
    assert (response.status, response.reason) == (101, "Switching Protocols")
    assert response.headers["upgrade"] == "websocket"
    assert call.pipe.calls == ["stop reading"]


async def test_what_follows_the_answer_is_the_websockets(call):
    call.pipe.feed(SWITCH + b"\x81\x00")
    call.pipe.feed(b"more\r\n\r\n")
    call.pipe.feed(b"x" * 100_000)
    taken = call.become()
    assert taken.data == b"\x81\x00more\r\n\r\n" + b"x" * 100_000
    assert call.pipe.calls == ["stop reading", "read"]
    call.pipe.feed(b"later")
    assert taken.data.endswith(b"later")


async def test_a_connection_lost_right_after_the_answer(call):
    call.pipe.feed(SWITCH)
    call.pipe.lost(ConnectionResetError())
    assert (await call.done).status == 101
    with pytest.raises(HandshakeError):
        call.become()


def answer(fields, status="403 Forbidden"):
    """The head of an answer."""
    return f"HTTP/1.1 {status}\r\n{fields}\r\n".encode()


CHUNKED = answer("Transfer-Encoding: chunked\r\n")


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (answer("Content-Length: 5\r\n") + b"hello", b"hello"),
        (answer("Content-Length: 0\r\n"), b""),
        (answer("", "204 No Content"), b""),
        (answer("", "304 Not Modified"), b""),
        (CHUNKED + b"3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\n\r\n", b"hello"),
        (CHUNKED + b"0\r\nTrailer: x\r\n\r\n", b""),
    ],
)
@pytest.mark.parametrize("together", [True, False])
async def test_a_refusal_and_its_text(call, data, body, together):
    for piece in [data] if together else [data[i : i + 1] for i in range(len(data))]:
        assert not call.calling.whole.done()
        call.pipe.feed(piece)
    assert call.calling.whole.done()
    assert (await call.done).status in (204, 304, 403)
    assert (await call.done).body == body


@pytest.mark.parametrize(
    "head",
    [
        answer("Content-Length: 500\r\n"),
        answer(""),
        answer("Connection: keep-alive\r\n"),
        CHUNKED,
        answer("Location: /there\r\nTransfer-Encoding: chunked\r\n", "302 Found"),
    ],
)
async def test_the_answer_is_known_with_its_head(call, head):
    call.pipe.feed(head[:-1])
    assert not call.done.done()
    call.pipe.feed(head[-1:])
    assert call.done.result().status in (302, 403)


@pytest.mark.parametrize(("head", "piece"), [(answer(""), b"hello"), (CHUNKED, b"9\r\nhello")])
async def test_a_text_that_stops_is_waited_for_no_longer_than_patience(call, head, piece):
    call.pipe.feed(head + piece)
    await call.calling.text(0)
    assert call.done.result().body == b"hello"


@pytest.mark.parametrize("end", ["ended", "lost"])
@pytest.mark.parametrize(
    ("head", "piece"), [(answer(""), b"hello"), (CHUNKED, b"9\r\nhello"), (answer("Content-Length: 9\r\n"), b"hello")]
)
async def test_a_text_ends_with_the_connection(call, head, piece, end):
    call.pipe.feed(head + piece)
    assert not call.calling.whole.done()
    call.pipe.ended() if end == "ended" else call.pipe.lost(None)
    await call.calling.text(1000)
    assert (await call.done).body == b"hello"


async def test_chunks_that_are_none_end_the_text(call):
    call.pipe.feed(CHUNKED + b"5\r\nhello\r\nnonsense\r\n")
    await call.calling.text(1000)
    assert (await call.done).body == b"hello"


@pytest.mark.parametrize("head", [answer(""), answer("Content-Length: 99999999999\r\n"), CHUNKED + b"fffff\r\n"])
async def test_a_long_text_is_cut(call, head):
    call.pipe.feed(head)
    for _ in range(100):
        call.pipe.feed(b"x" * 1000)
    assert call.calling.whole.done()
    assert len((await call.done).body) == 64 * 1024


@pytest.mark.parametrize(
    "before", [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
@pytest.mark.parametrize("count", [1, 2, 3000])
async def test_what_comes_before_the_answer_is_passed_over(call, before, count):
    call.pipe.feed(before * count + SWITCH)
    response = call.done.result()
    assert response.status == 101
    assert "link" not in response.headers


async def test_nothing_but_what_comes_before_an_answer(call):
    call.pipe.feed(b"HTTP/1.1 100 Continue\r\n\r\n")
    call.pipe.ended()
    with pytest.raises(HandshakeError):
        await call.done


@pytest.mark.parametrize(
    "data", [b"nonsense\r\n\r\n", b"x" * 100_000, b"HTTP/1.1 101 Switching\r\n" + b"a: b\r\n" * 1000 + b"\r\n"]
)
async def test_what_is_no_answer(call, data):
    call.pipe.feed(data)
    with pytest.raises(HandshakeError):
        await call.done


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 101 Swit"])
@pytest.mark.parametrize(
    ("end", "kind"), [("ended", HandshakeError), ("lost", HandshakeError), ("reset", ConnectionResetError)]
)
async def test_a_connection_that_ends_too_early(call, begun, end, kind):
    call.pipe.feed(begun)
    if end == "ended":
        call.pipe.ended()
    else:
        call.pipe.lost(ConnectionResetError() if end == "reset" else None)
    with pytest.raises(kind):
        await call.done


async def test_nothing_happens_to_who_no_longer_waits(call):
    call.done.cancel()
    call.pipe.feed(SWITCH)
    call.pipe.ended()
    call.pipe.lost(None)
