"""Requests over HTTP/2 that are slow, or a handshake and yet none."""

import pytest
from h2 import events
from tests.engine.h2_peer import GET, SOCKET, Engine, Peer, Site, of

from everywire.engine.body import BodyLink
from everywire.engine.h2 import H2Link
from everywire.http.request import Response
from everywire.http.streamed import Streamed
from everywire.ws.link import PlainLink


class Producer:
    """Produces nothing."""

    def drained(self):
        pass

    def gone(self):
        pass


@pytest.mark.parametrize("answer", [Streamed(200, lambda outlet: Producer()), Response(200, "page"), Response(204)])
def test_a_handshake_is_answered_by_a_websocket_or_by_no(answer):
    """Anything else with a 2xx would be taken for an open WebSocket, and what its client says then has nowhere to go."""
    peer = Peer(H2Link(Site(lambda request: answer), Engine()))
    number = peer.request(SOCKET, end=False)
    (head,) = of(events.ResponseReceived, peer.turn())
    assert dict(head.headers)[":status"] == "400"
    peer.conn.reset_stream(number)
    peer.turn()
    assert peer.ask()[0] in (200, 204) or isinstance(answer, Streamed)


@pytest.mark.parametrize("status", [302, 404])
def test_other_answers_to_a_handshake_stay_as_they_are(status):
    peer = Peer(H2Link(Site(lambda request: Response(status)), Engine()))
    peer.request(SOCKET, end=False)
    (head,) = of(events.ResponseReceived, peer.turn())
    assert dict(head.headers)[":status"] == str(status)


def test_bytes_for_storeys_that_take_none_are_dropped():
    """They must not go round and round between `feed` and `receive`."""
    BodyLink(lambda: None, chunked=False).feed(b"x")
    PlainLink().feed(b"x")


def slow(**limits):
    peer = Peer(H2Link(Site(lambda request: Response(200, str(len(request.body))), **limits), Engine()))
    number = peer.request([(":method", "POST"), *GET[1:]], end=False)
    peer.turn()
    return peer, number


def test_a_slow_body_that_comes_is_waited_for():
    peer, number = slow(rate=10)
    for now in range(1, 100):
        peer.conn.send_data(number, b"x" * 10)
        peer.turn()
        peer.link.sweep(now)
    peer.conn.send_data(number, b"", end_stream=True)
    peer.turn()
    assert peer.bodies == {number: b"990"}


def test_a_body_that_does_not_come_is_refused():
    peer, _ = slow(rate=10)
    assert not peer.link.slow()
    peer.link.sweep(1)
    assert peer.link.slow()
    peer.link.sweep(12)
    (head,) = of(events.ResponseReceived, peer.turn())
    assert dict(head.headers)[":status"] == "408"
    assert not peer.link.slow()


def test_bodies_that_do_not_come_are_turned_away_with_their_connection_kept():
    peer, _ = slow()
    peer.link.sweep(1)
    peer.link.turn_away()
    (head,) = of(events.ResponseReceived, peer.turn())
    assert dict(head.headers)[":status"] == "429"
    assert peer.ask()[0] == 200
