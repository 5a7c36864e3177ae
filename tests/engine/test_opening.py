"""Requests on one connection, until one becomes a WebSocket."""

import gc
import logging
from types import SimpleNamespace

import httptools
import pytest
from tests.engine.peer import UPGRADE
from tests.ws.raw import Pipe

from everywire.engine.answers import Accepted
from everywire.engine.opening import Opening
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
        self.streamed_bodies = False
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


POST = b"POST /p HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n"


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it():
    place = Place(lambda request: Response(200, request.body))
    assert place.send(POST % b"Content-Length: 4\r\nExpect: 100-Continue") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert place.send(b"bo") == b""
    assert place.send(b"dy").endswith(b"\r\n\r\nbody")


def test_leave_is_not_given_where_the_body_comes_anyhow():
    place = Place(lambda request: Response(200, request.body))
    assert place.send(POST % b"Content-Length: 4\r\nExpect: 100-continue" + b"bo") == b""


def test_leave_is_not_given_to_too_much():
    place = Place(lambda request: Response(200), body=3)
    assert place.send(POST % b"Content-Length: 4\r\nExpect: 100-continue").startswith(b"HTTP/1.1 413 ")


def test_other_expectations_cannot_be_met():
    place = Place(lambda request: Response(200))
    assert place.send(POST % b"Content-Length: 4\r\nExpect: miracles").startswith(b"HTTP/1.1 417 ")


def test_a_body_that_does_not_come_in_time():
    place = Place(lambda request: Response(200))
    place.send(POST % b"Content-Length: 4" + b"bo")
    place.sweep(1, 12)
    assert place.pipe.written.startswith(b"HTTP/1.1 408 ")


# Clients that do not read, or are slow


class Loop:
    """Runs what is due when it is told to."""

    def __init__(self):
        self.due = []

    def call_soon(self, action):
        self.due.append(action)

    def run(self):
        due, self.due = self.due, []
        for action in due:
            action()


def test_who_does_not_read_its_answers_is_asked_nothing_more():
    place = Place(page)
    place.opening.engine.loop = loop = Loop()
    place.pipe.backlog = 1 << 17
    assert bodies(place.send(GET % b"a" + GET % b"b")) == [b"/a"]
    assert place.send(GET % b"c") == b""
    place.send(GET % b"d" * 1000)
    assert place.pipe.calls == ["stop reading"]
    place.pipe.backlog = 0
    place.opening.drained()
    loop.run()
    assert place.pipe.calls == ["stop reading", "read"]
    assert bodies(place.pipe.written) == [b"/b", b"/c", *[b"/d"] * 1000]


def test_who_never_reads_is_left_when_its_idle_time_is_over():
    place = Place(page)
    place.pipe.backlog = 1 << 17
    place.send(GET % b"a" * 2)
    place.sweep(1, 30)
    assert place.pipe.calls == []
    place.sweep(62)
    assert place.pipe.calls == ["finish"]


def test_what_was_asked_before_a_half_close_waits_for_who_reads():
    place = Place(page)
    place.opening.engine.loop = loop = Loop()
    place.pipe.backlog = 1 << 17
    place.send(GET % b"a" + GET % b"b")
    place.opening.ended()
    assert place.pipe.calls == []
    place.pipe.backlog = 0
    place.opening.drained()
    loop.run()
    assert b"/b" in place.pipe.written
    assert place.pipe.calls[-1] == "finish"


@pytest.mark.parametrize("status", [403, 404, 429])
def test_what_follows_an_upgrade_that_was_refused_is_never_parsed(status):
    place = Place(lambda request: Response(status, "no"))
    said = place.send(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode() + GET % b"smuggled")
    assert said.count(b"HTTP/1.1") == 1
    assert b"Connection: close" in said
    assert place.pipe.calls == ["finish"]


POSTED = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


def test_a_slow_body_that_comes_is_waited_for():
    place = Place(lambda request: Response(200, str(len(request.body))), rate=10)
    place.send(POSTED)
    for now in range(1, 100):  # ten bytes a second
        place.send(b"x" * 10)
        place.sweep(now)
    assert place.pipe.calls == []
    assert bodies(place.send(b"x" * 10)) == [b"1000"]


def test_a_body_that_comes_slower_than_the_rate_is_refused_and_one_that_stops():
    for pace in (1, 0):
        place = Place(page, rate=10)
        place.send(POSTED)
        for now in range(1, 15):
            place.pipe.feed(b"x" * pace)
            place.sweep(now)
        assert place.pipe.calls == ["finish"]
        assert place.pipe.written.startswith(b"HTTP/1.1 408")


def test_what_is_said_to_proxies_does_not_end_a_connection():
    place = Place(lambda request: Response(200, request.path))
    sent = b"GET /1 HTTP/1.1\r\nHost: x\r\nProxy-Connection: close\r\n\r\n"
    assert place.send(sent + GET % b"2").count(b"HTTP/1.1 200 ") == 2
    assert b"/3" in place.send(GET % b"3")
    assert place.pipe.calls == []


@pytest.mark.parametrize("last", ["its loss", "a WebSocket"])
def test_a_connection_leaves_no_parser_to_the_garbage_collector(last):
    def parsers():
        return sum(issubclass(type(thing), httptools.HttpRequestParser) for thing in gc.get_objects())

    taken = Accepted(b"yes", Taken(), lambda websocket: None)
    gc.collect()
    gc.disable()
    try:
        before = parsers()
        place = Place(lambda request: taken if "upgrade" in request.headers else Response(200))
        place.send(GET % b"")
        assert parsers() == before + 1
        if last == "its loss":
            place.pipe.lost(None)
        else:
            place.send(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())
        del place
        assert parsers() == before
    finally:
        gc.enable()
