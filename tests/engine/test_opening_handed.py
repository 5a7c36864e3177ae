"""Requests that another process answers: what it is given, and when it is given nothing."""

import asyncio

import pytest
from h2 import events
from tests.engine.h2_peer import SOCKET, Engine, Peer, Site, of
from tests.engine.peer import UPGRADE, until
from tests.engine.test_opening import GET, Place, bodies
from tests.ws.raw import Pipe

from everywire.engine.h2 import H2Link
from everywire.http.handed import Handed
from everywire.http.request import Response
from everywire.ws.link import PlainLink

HANDSHAKE = f"GET /line HTTP/1.1\r\n{UPGRADE}\r\n".encode()
NO = Response(404, "no such line")


class Socket(Pipe):
    """A lowest storey that has a descriptor."""

    def extra(self, name):
        return {"fd": 7, "ground": self}.get(name)


class Elsewhere:
    """Who takes sockets, unless `full`."""

    def __init__(self):
        self.given, self.full = [], False

    def __call__(self, request):
        return Handed(self.take, NO) if request.path == "/line" else Response(200, request.path)

    def take(self, descriptor, read):
        if not self.full:
            self.given.append((descriptor, read))
        return not self.full


@pytest.fixture
def elsewhere():
    return Elsewhere()


@pytest.fixture
def place(elsewhere):
    place = Place(elsewhere)
    place.pipe = Socket()
    place.pipe.put(place.opening)
    return place


def test_it_is_given_all_that_was_read_and_no_byte_goes_by_us_any_more(place, elsewhere):
    assert place.send(HANDSHAKE + b"frame") == b""
    assert elsewhere.given == [(7, HANDSHAKE + b"frame")]
    assert place.pipe.calls == ["abort"]
    place.send(b"more")
    assert elsewhere.given == [(7, HANDSHAKE + b"frame")]
    place.pipe.lost(None)
    assert (place.pipe.written, place.told) == (b"", ["joined", "left"])


def test_a_head_that_came_in_pieces_is_given_whole(place, elsewhere):
    for piece in (HANDSHAKE[:5], HANDSHAKE[5:-1], HANDSHAKE[-1:]):
        place.send(piece)
    assert elsewhere.given == [(7, HANDSHAKE)]


def test_answers_to_earlier_requests_go_ahead(place, elsewhere):
    place.pipe.push = lambda: place.told.append("pushed")
    assert bodies(place.send(GET % b"1" + HANDSHAKE)) == [b"/1"]
    assert place.told == ["joined", "pushed"]
    assert elsewhere.given == [(7, HANDSHAKE)]


@pytest.mark.parametrize("why", ["nobody takes it", "an answer waits", "a body", "chunks", "half-closed"])
def test_what_cannot_be_given_is_refused(place, elsewhere, why):
    said = HANDSHAKE
    match why:
        case "nobody takes it":
            elsewhere.full = True
        case "an answer waits":
            place.pipe.backlog = 1
        case "a body":
            said = HANDSHAKE[:-2] + b"Content-Length: 1\r\n\r\nx"
        case "chunks":
            said = HANDSHAKE[:-2] + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        case "half-closed":
            place.opening.parting = True
    assert bodies(place.send(said)) == [b"no such line"]
    assert elsewhere.given == []
    assert place.pipe.calls == ["finish"]


async def test_an_awaited_answer_may_be_given_elsewhere_with_what_came_meanwhile(place, elsewhere):
    answer = asyncio.get_running_loop().create_future()
    place.decide = lambda request: answer
    place.opening.engine.loop = asyncio.get_running_loop()
    place.send(HANDSHAKE)
    for _ in range(20):
        place.send(bytes(1000))
    answer.set_result(Handed(elsewhere.take, NO))
    await until(lambda: elsewhere.given)
    assert elsewhere.given == [(7, HANDSHAKE + bytes(20_000))]
    assert (place.pipe.written, place.pipe.calls[-1]) == (b"", "abort")


def test_what_sits_on_tls_is_refused(place, elsewhere):
    tls = PlainLink()
    tls.put(place.opening)
    place.pipe.put(tls)
    assert bodies(place.send(HANDSHAKE)) == [b"no such line"]
    assert elsewhere.given == []


def test_what_is_a_stream_among_others_is_refused(elsewhere):
    peer = Peer(H2Link(Site(lambda request: Handed(elsewhere.take, NO)), Engine()))
    peer.request(SOCKET, end=False)
    (head,) = of(events.ResponseReceived, peer.turn())
    assert dict(head.headers)[":status"] == "404"
    assert elsewhere.given == []


def test_what_was_read_before_comes_first():
    place = Place(lambda request: Response(200, request.path))
    place.opening.begin_with(GET % b"1" + b"GET /2")
    assert bodies(place.send(b"2 HTTP/1.1\r\nHost: x\r\n\r\n")) == [b"/1", b"/22"]
    place.opening.begin_with(GET % b"3")
    place.opening.resume()
    assert bodies(place.pipe.written) == [b"/3"]
    place.pipe.lost(None)
    place.opening.resume()


def test_an_error_that_nobody_handled_closes_what_was_taken_over(caplog):
    place = Place(lambda request: Response(200))
    place.pipe.write = None
    place.opening.begin_with(GET % b"1")
    place.opening.resume()
    assert place.pipe.calls == ["read", "abort"]
    assert len(caplog.records) == 1
