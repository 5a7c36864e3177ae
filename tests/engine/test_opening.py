"""Requests on one connection, until one becomes a WebSocket."""

import asyncio
import logging
from types import SimpleNamespace

import pytest
from tests.engine.peer import UPGRADE, until
from tests.ws.raw import Pipe

from everywire.engine.opening import Accepted, Opening
from everywire.errors import AbortHandshake, HandshakeError
from everywire.http.head import HeadLimits
from everywire.http.request import Response
from everywire.ws.link import PlainLink

GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"


class Taken(PlainLink):
    """What a request becomes."""

    def __init__(self):
        super().__init__()
        self.data = b""
        self.inbox = None
        self.opened_by = None

    def feed(self, data):
        self.data += data


class Place:
    """A site whose answers are `answer(request)`, with one connection to it."""

    def __init__(self, answer, **limits):
        self.limits = HeadLimits(**limits)
        self.open_timeout = 10
        self.idle_timeout = 60
        self.told = []
        self.decide = answer
        self.pipe = Pipe()
        self.opening = Opening(self, SimpleNamespace(loop=None))
        self.pipe.put(self.opening)

    def answer(self, request, engine):
        return self.decide(request)

    def joined(self, opening):
        self.told.append("joined")

    def left(self, opening):
        self.told.append("left")

    def send(self, data):
        """Bring bytes; give what was written for them."""
        self.pipe.feed(data)
        written, self.pipe.written = self.pipe.written, b""
        return written

    def sweep(self, *times):
        for now in times:
            self.pipe.sweep(now)


def page(request):
    return Response(200, request.path)


def bodies(data):
    """The bodies of answers in bytes, all with a Content-Length."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        found.append(data[:length])
        data = data[length:]
    return found


def test_requests_are_answered_one_after_another():
    place = Place(page)
    assert bodies(place.send(GET % b"1")) == [b"/1"]
    assert bodies(place.send(GET % b"2" + GET % b"3")) == [b"/2", b"/3"]
    assert place.send((GET % b"4")[:10]) == b""
    assert bodies(place.send((GET % b"4")[10:])) == [b"/4"]
    assert place.pipe.calls == []
    assert place.told == ["joined"]


@pytest.mark.parametrize(
    ("request_", "keeps"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", False),
    ],
)
def test_who_is_kept_alive(request_, keeps):
    place = Place(page)
    written = place.send(request_)
    assert (b"\r\nConnection: close\r\n" in written) is not keeps
    assert place.pipe.calls == ([] if keeps else ["finish"])
    assert place.send(GET % b"") != b"" if keeps else place.send(GET % b"") == b""


def test_the_answer_to_head_has_no_body():
    written = Place(page).send(b"HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n")
    assert written.endswith(b"\r\nContent-Length: 4\r\n\r\n")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 100 + b"\r\n", 431),
        (b"GET /" + b"x" * 20_000, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", 413),
    ],
)
def test_what_is_no_request_is_refused_once(data, status, caplog):
    caplog.set_level(logging.INFO)
    place = Place(page)
    written = place.send(data)
    assert written.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nConnection: close\r\n" in written
    assert place.pipe.calls == ["finish"]
    assert place.send(GET % b"") == b""
    assert len(caplog.records) == 1


def test_what_precedes_a_bad_request_is_answered():
    place = Place(page)
    written = place.send(GET % b"1" + b"nonsense\r\n\r\n")
    assert written.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 400 " in written


def refuse(error):
    def answer(request):
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (AbortHandshake(426, "upgrade", (("Upgrade", "websocket"),)), 426, b"Upgrade: websocket\r\n"),
        (AbortHandshake(403, "no"), 403, b""),
        (HandshakeError("what?"), 400, b""),
        (HandshakeError("what?", 401), 401, b""),
        (ZeroDivisionError("secret"), 500, b""),
    ],
)
def test_refusals(error, status, header):
    written = Place(refuse(error)).send(GET % b"")
    assert written.startswith(b"HTTP/1.1 %d " % status)
    assert header in written
    assert b"secret" not in written


def test_our_own_error_is_logged_once(caplog):
    Place(refuse(ZeroDivisionError())).send(GET % b"")
    (record,) = caplog.records
    assert record.exc_info[0] is ZeroDivisionError


def test_an_answer_that_cannot_be_written_is_our_error(caplog):
    place = Place(lambda request: Response(200, headers=[("X", "a\r\nb")]))
    written = place.send(GET % b"")
    assert written.startswith(b"HTTP/1.1 500 ")
    assert place.pipe.calls == ["finish"]
    assert len(caplog.records) == 1


# Becoming a WebSocket


def accept(taken, response=b"HTTP/1.1 101 Switching Protocols\r\n\r\n"):
    opened = []
    return opened, lambda request: Accepted(response, taken, opened.append)


def test_the_websocket_takes_the_place():
    taken = Taken()
    opened, answer = accept(taken)
    place = Place(answer)
    assert place.send(GET % b"") == b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    assert place.pipe.above is taken
    assert taken.below is place.pipe
    assert opened == [taken]
    assert taken.opened_by == GET % b""
    assert place.told == ["joined", "left"]
    place.pipe.feed(b"frame")
    assert taken.data == b"frame"


def test_what_follows_the_handshake_is_the_websockets():
    taken = Taken()
    place = Place(accept(taken)[1])
    place.send(GET % b"" + b"\x81\x00")
    assert taken.data == b"\x81\x00"


def test_a_page_and_then_an_upgrade():
    taken = Taken()
    _opened, answer = accept(taken)
    place = Place(lambda request: answer(request) if request.path == "/ws" else page(request))
    written = place.send(GET % b"1" + GET % b"ws" + b"frame")
    assert written.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 101 " in written
    assert taken.data == b"frame"


# Answers that take time


class Later:
    """Answers each request when the test says so."""

    def __init__(self):
        self.waiting = []

    async def __call__(self, request):
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((request.path, future))
        return await future


async def later(**limits):
    """A place whose answers the test gives."""
    decide = Later()
    place = Place(decide, **limits)
    place.opening.engine.loop = asyncio.get_running_loop()
    return place, decide.waiting


async def test_while_an_answer_is_awaited_no_further_request_is_answered():
    place, waiting = await later()
    assert place.send(GET % b"1") == b""
    place.send(GET % b"2")
    await until(lambda: waiting)
    assert place.pipe.calls == []  # it reads on: how else would it learn that the client goes
    assert [path for path, _ in waiting] == ["/1"]
    waiting[0][1].set_result(Response(200, "one"))
    await until(lambda: len(waiting) == 2)
    assert bodies(place.pipe.written) == [b"one"]
    waiting[1][1].set_result(Response(200, "two"))
    await until(lambda: b"two" in place.pipe.written)


async def test_a_flood_of_requests_ahead_of_an_answer_waits_in_the_kernel():
    place, waiting = await later()
    place.send(GET % b"1")
    for _ in range(16):
        place.send(GET % (b"2" * 1000))
    assert place.pipe.calls[0] == "stop reading"
    await until(lambda: waiting)
    waiting[0][1].set_result(Response(200, "one"))
    await until(lambda: len(waiting) == 2)
    assert place.pipe.calls[-1] == "read"


@pytest.mark.parametrize(("error", "status"), [(AbortHandshake(403, "no"), 403), (ZeroDivisionError(), 500)])
async def test_an_awaited_answer_may_fail(error, status):
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    waiting[0][1].set_exception(error)
    await until(lambda: place.pipe.written)
    assert place.pipe.written.startswith(b"HTTP/1.1 %d " % status)


async def test_an_awaited_answer_that_cannot_be_written_is_our_error(caplog):
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    waiting[0][1].set_result(Response(200, headers=[("X", "a\r\nb")]))
    await until(lambda: place.pipe.written)
    assert place.pipe.written.startswith(b"HTTP/1.1 500 ")
    assert len(caplog.records) == 1


async def test_an_awaited_upgrade():
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    place.send(b"early frame")
    taken = Taken()
    waiting[0][1].set_result(accept(taken)[1](None))
    await until(lambda: taken.data)
    assert taken.data == b"early frame"
    assert place.pipe.calls == []


async def test_an_awaited_upgrade_behind_which_much_came_reads_on():
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    place.send(bytes(20_000))
    taken = Taken()
    waiting[0][1].set_result(accept(taken)[1](None))
    await until(lambda: taken.data)
    assert taken.data == bytes(20_000)
    assert place.pipe.calls == ["stop reading", "read"]


async def test_a_client_that_is_gone_before_its_answer():
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    place.pipe.lost(None)
    assert place.told == ["joined", "left"]
    await until(waiting[0][1].cancelled)
    assert place.pipe.written == b""


async def test_a_client_that_half_closes_before_its_answer_ends_the_work():
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    place.pipe.ended()
    assert place.pipe.calls == ["finish"]
    await until(waiting[0][1].cancelled)
    assert place.pipe.written == b""


async def test_an_answer_that_was_never_begun_is_given_up():
    place, waiting = await later()
    place.send(GET % b"1")
    place.pipe.lost(None)
    for _ in range(3):
        await asyncio.sleep(0)
    assert waiting == []


async def test_an_application_that_does_not_let_itself_be_cancelled():
    stubborn = asyncio.Event()

    async def answer(request):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stubborn.set()
        return Response(200, "all the same")

    place = Place(answer)
    place.opening.engine.loop = asyncio.get_running_loop()
    place.send(GET % b"1")
    await asyncio.sleep(0)
    place.pipe.ended()
    await stubborn.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    assert place.pipe.written == b""


async def test_an_answer_that_is_cancelled_by_the_application_is_an_error(caplog):
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    waiting[0][1].cancel()
    await until(lambda: place.pipe.written)
    assert place.pipe.written.startswith(b"HTTP/1.1 500 ")


# Time


def test_a_head_that_does_not_come_is_refused():
    place = Place(page)
    place.sweep(100, 109)
    place.pipe.feed(b"GET / HTTP/1.1\r\n")
    assert place.pipe.written == b""
    place.sweep(110.1)
    assert place.pipe.written.startswith(b"HTTP/1.1 408 ")
    assert place.pipe.calls == ["finish"]
    place.sweep(200)
    assert place.pipe.calls == ["finish"]


def test_an_idle_connection_ends_without_a_word():
    place = Place(page)
    place.sweep(100)
    place.send(GET % b"")
    place.sweep(105, 164)
    assert place.pipe.calls == []
    place.sweep(166)
    assert place.pipe.calls == ["finish"]
    assert place.pipe.written == b""


def test_a_second_head_has_no_more_time_than_the_first():
    place = Place(page)
    place.send(GET % b"")
    place.sweep(100, 120)
    place.send(b"GET / HT")
    place.sweep(121, 130)
    assert place.pipe.written == b""
    place.sweep(131.5)
    assert place.pipe.written.startswith(b"HTTP/1.1 408 ")


def test_no_time_limit():
    place = Place(page)
    place.open_timeout = None
    place.sweep(1, 1e9)
    assert place.pipe.calls == []


async def test_the_time_of_an_answer_is_not_the_clients():
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    place.sweep(1, 1000)
    assert place.pipe.written == b""
    waiting[0][1].set_result(Response(200, "late"))
    await until(lambda: place.pipe.written)


async def test_an_awaited_handshake_has_no_more_time_than_any_other():
    place, waiting = await later()
    place.sweep(100)
    place.send(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())
    await until(lambda: waiting)
    place.sweep(109)
    assert place.pipe.written == b""
    place.sweep(110.1)
    assert place.pipe.written.startswith(b"HTTP/1.1 503 ")
    await until(waiting[0][1].cancelled)


def test_a_client_that_half_closes_is_done():
    place = Place(page)
    place.send(GET % b"")
    place.pipe.ended()
    assert place.pipe.calls == ["finish"]
    place.pipe.lost(None)
    assert place.told == ["joined", "left"]


def test_a_request_knows_its_connection():
    seen = []
    place = Place(lambda request: seen.append(request.remote) or page(request))
    place.send(GET % b"")
    assert seen == [("peer", 1)]


def test_upgrades_are_requests_like_any_other():
    place = Place(lambda request: Response(200, request.headers["upgrade"]))
    assert bodies(place.send(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())) == [b"websocket"]
