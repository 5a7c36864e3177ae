"""Bodies that are produced over time: on HTTP/1.1, on HTTP/1.0, on streams of HTTP/2."""

import asyncio

import pytest
from h2 import events
from tests.engine.h2_peer import GET as H2_GET
from tests.engine.h2_peer import Engine, Peer, Site, of
from tests.engine.test_opening import GET, Place

from everywire.engine.h2 import H2Link
from everywire.http.request import Response
from everywire.http.streamed import Streamed


class Producer:
    """Keeps the outlet that it is given, and what it is told."""

    def __init__(self, first=()):
        self.first = first
        self.told = []
        self.outlet = None

    def __call__(self, outlet):
        self.outlet = outlet
        for piece in self.first:
            outlet.write(piece)
        return self

    def drained(self):
        self.told.append("drained")

    def gone(self):
        self.told.append("gone")


def place(producer, headers=(("X", "y"),)):
    made = Place(lambda request: Streamed(200, producer, headers) if request.path == "/s" else Response(200, "ok"))
    made.opening.engine.loop = asyncio.get_running_loop()
    return made


async def test_pieces_are_chunks_and_the_connection_is_kept():
    producer = Producer([b"one"])
    here = place(producer)
    said = here.send(GET % b"s")
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.splitlines() == [b"HTTP/1.1 200 OK", b"X: y", b"Transfer-Encoding: chunked"]
    assert body == b"3\r\none\r\n"
    producer.outlet.write(b"")
    producer.outlet.write(b"x" * 17)
    producer.outlet.end()
    producer.outlet.end()
    producer.outlet.write(b"late")
    assert here.pipe.written == b"11\r\n" + b"x" * 17 + b"\r\n0\r\n\r\n"
    assert b"ok" in here.send(GET % b"next")
    assert producer.told == []


async def test_what_is_asked_meanwhile_is_answered_afterwards():
    producer = Producer()
    here = place(producer)
    here.send(GET % b"s" + GET % b"next")
    assert here.send(GET % b"next") == b""
    producer.outlet.end()
    assert here.pipe.written == b"0\r\n\r\n"
    await asyncio.sleep(0)
    assert here.pipe.written.count(b"HTTP/1.1 200") == 2


async def test_a_body_may_be_over_before_its_start_returns():
    class Short(Producer):
        def __call__(self, outlet):
            outlet.end()
            return self

    here = place(Short())
    assert here.send(GET % b"s").endswith(b"\r\n\r\n0\r\n\r\n")
    assert b"ok" in here.send(GET % b"next")


async def test_a_client_that_sends_too_much_ahead_is_read_no_further():
    producer = Producer()
    here = place(producer)
    here.send(GET % b"s")
    here.send(bytes(20_000))
    assert here.pipe.calls == ["stop reading"]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_body_may_end_with_the_connection(version):
    producer = Producer([b"one"])
    here = place(producer)
    said = here.send(b"GET /s HTTP/%b\r\nHost: x\r\nConnection: close\r\n\r\n" % version)
    assert b"\r\nConnection: close\r\n" in said
    assert said.endswith(b"\r\n\r\none" if version == b"1.0" else b"\r\n\r\n3\r\none\r\n")
    producer.outlet.end()
    assert here.pipe.calls == ["finish"]


async def test_the_producer_learns_that_its_client_is_gone():
    producer = Producer()
    here = place(producer)
    here.send(GET % b"s")
    here.pipe.lost(None)
    assert producer.told == ["gone"]
    producer.outlet.write(b"late")
    producer.outlet.end()
    producer.outlet.abort()
    assert here.told == ["joined", "left"]


async def test_a_client_that_half_closes_hears_no_more():
    producer = Producer()
    here = place(producer)
    here.send(GET % b"s")
    here.opening.ended()
    assert here.pipe.calls == ["abort"]


async def test_a_body_that_is_broken_off():
    producer = Producer()
    here = place(producer)
    here.send(GET % b"s")
    producer.outlet.abort()
    here.pipe.lost(None)
    assert (here.pipe.calls, producer.told) == (["abort"], [])


async def test_the_producer_is_told_that_there_is_room():
    producer = Producer()
    here = place(producer)
    here.send(GET % b"s")
    producer.outlet.crowd(0)
    here.opening.drained()
    assert producer.told == ["drained"]
    producer.outlet.end()
    here.opening.drained()
    assert producer.told == ["drained"]


async def test_a_head_that_cannot_be_written_is_our_error(caplog):
    producer = Producer()
    here = place(producer, [("X", "a\r\nb")])
    assert here.send(GET % b"s").startswith(b"HTTP/1.1 500 ")
    assert producer.outlet is None
    assert "cannot" in caplog.text or "error" in caplog.text


async def test_a_head_request_has_no_body():
    producer = Producer()
    here = place(producer)
    assert here.send(b"HEAD /s HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert producer.outlet is None
    assert b"ok" in here.send(GET % b"next")


# HTTP/2

STREAM = [(name, "/s" if name == ":path" else value) for name, value in H2_GET]


def peer(producer):
    site = Site(lambda request: Streamed(200, producer, [("X", "y")]) if request.path == "/s" else Response(200, "ok"))
    return Peer(H2Link(site, Engine()))


def test_pieces_are_data_of_a_stream():
    producer = Producer([b"one"])
    here = peer(producer)
    number = here.request(STREAM)
    (head,) = of(events.ResponseReceived, here.turn())
    assert dict(head.headers) == {":status": "200", "x": "y"}
    assert here.bodies == {number: b"one"}
    producer.outlet.write(b"two")
    assert here.ask() == (200, {"content-type": "text/plain; charset=utf-8", "content-length": "2"}, b"ok")
    producer.outlet.end()
    assert of(events.StreamEnded, here.turn())
    assert here.bodies[number] == b"onetwo"
    assert producer.told == []


def test_a_stream_that_its_client_resets_is_told():
    producer = Producer()
    here = peer(producer)
    number = here.request(STREAM)
    here.turn()
    here.conn.reset_stream(number)
    here.turn()
    assert producer.told == ["gone"]
    producer.outlet.write(b"late")
    producer.outlet.end()


def test_a_stream_that_is_broken_off_is_reset():
    producer = Producer()
    here = peer(producer)
    here.request(STREAM)
    here.turn()
    producer.outlet.abort()
    assert of(events.StreamReset, here.turn())
    assert producer.told == []


def test_a_stream_counts_what_its_window_holds_back():
    producer = Producer()
    here = peer(producer)
    number = here.request(STREAM)
    here.turn()
    producer.outlet.write(bytes(100_000))
    here.turn()
    assert producer.outlet.queued() == 100_000 - 65_535
    producer.outlet.crowd(1000)
    here.turn()
    assert producer.told == []
    here.conn.acknowledge_received_data(65_535, number)
    here.turn()
    assert producer.told == ["drained"]


def test_a_head_request_has_no_body_over_http2():
    producer = Producer()
    here = peer(producer)
    status, _, body = here.ask([(name, "HEAD" if name == ":method" else value) for name, value in STREAM])
    assert (status, body, producer.outlet) == (200, b"", None)


def test_a_client_of_http2_that_expects_leave_gets_it():
    here = peer(Producer())
    post = [(name, "POST" if name == ":method" else value) for name, value in H2_GET]
    number = here.request([*post, ("expect", "100-continue")], end=False)
    assert of(events.InformationalResponseReceived, here.turn())
    here.conn.send_data(number, b"body", end_stream=True)
    assert of(events.ResponseReceived, here.turn())
