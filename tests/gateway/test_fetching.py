"""Requests that fetch payloads without numbers as a stream: what is given is gone."""

import pytest
from tests.gateway.place import CONNECT, Place, seen

from everywire.app import Everywire
from everywire.dialects.base import Deliver, Hear, Heartbeat, OpenLine, Reply
from everywire.dialects.native import NativeCodec, NativeDecoder
from everywire.payloads import BodyFormat
from everywire.testing import Net

STREAM = BodyFormat(
    "x/y", lambda payloads: b"".join(each.encode() + b"\n" for each in payloads), lambda code, reason: b"%d\n" % code
)
OCCUPIED = {"no": None, "reply": Reply(409, b"occupied"), "words": (2010, "occupied")}


class Lossy:
    """The native wire, in streams that are not acknowledged."""

    name = "lossy"
    heartbeat = Heartbeat()

    def accept(self, request, new_id):
        line = request.params.get("line", [""])[0]
        if not line:
            return OpenLine(NativeCodec(), NativeDecoder(), lambda line: Reply(201, line.encode()))
        if request.method == "POST":
            return Deliver(line, None, (request.body.decode(),), Reply(204))
        return Hear(line, STREAM, None, occupied=OCCUPIED[request.params.get("occupied", ["no"])[0]])


@pytest.fixture
def place():
    app = Everywire(path="/native")
    app.speak(lambda heartbeat: Lossy())
    with Net(app) as net:
        yield Place(net)


@pytest.fixture
def line(place):
    line = place.ask("POST", "").body.decode()
    place.ask("POST", f"?line={line}", CONNECT)
    return line


def test_a_stream_goes_on_until_its_client_is_gone(place, line):
    stream = place.ask("GET", f"?line={line}").sink
    place.net.run(24)  # longer than a line lives that nobody asks
    place.ask("POST", f"?line={line}", {"type": "ping", "id": 2})
    assert b'"connected"' in stream.body
    assert b'"pong"' in stream.body
    stream.producer.gone()
    assert place.ask("GET", f"?line={line}").status == 410


def test_a_stream_whose_client_was_gone_before_it_began(place, line):
    place.begin("GET", f"?line={line}")  # nobody starts its body
    place.net.run(11)
    assert place.ask("GET", f"?line={line}").status == 404


def test_a_second_stream_ends_the_line(place, line):
    stream = place.ask("GET", f"?line={line}").sink
    assert place.ask("GET", f"?line={line}").status == 400
    assert stream.body.endswith(b"1002\n")


def test_a_second_stream_may_be_told_that_there_is_another(place, line):
    stream = place.ask("GET", f"?line={line}").sink
    assert place.ask("GET", f"?line={line}&occupied=reply").status == 409
    second = place.begin("GET", f"?line={line}&occupied=words")
    place.net.run(0.1)  # for the first may have gone
    words = seen(second.result())
    assert (words.status, words.sink.body, words.sink.over) == (200, b"2010\n", "ended")
    place.ask("POST", f"?line={line}", {"type": "ping", "id": 2})
    assert b'"pong"' in stream.body


def test_a_closed_line_says_so_once_it_has_said_the_rest(place, line):
    place.net.app.hub.close(4000, "over")
    words = [place.ask("GET", f"?line={line}") for _ in range(2)]
    assert words[0].sink.body.endswith(b"4000\n")
    assert b"connected" in words[0].sink.body
    assert words[1].status == 410
