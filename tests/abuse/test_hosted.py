"""Floods at an application that we host: it costs bounded memory and time, whatever the application does."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from conformance.processes import EchoServer, build_environment
from tests.abuse.raw import Peer
from tests.abuse.test_requests import pour
from tests.abuse.unharmed import BUILD, measured

GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"POST /%s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
COST = {"pure": 6, "native": 3}[BUILD]


class HostedServer(EchoServer):
    """`hosted_server.py` in a process of its own."""

    def __init__(self, engine: str) -> None:
        super().__init__()
        self.command = [sys.executable, str(Path(__file__).with_name("hosted_server.py")), engine]
        self.environment = build_environment(BUILD)


@pytest.fixture(scope="module")
def server(engine: str) -> Iterator[EchoServer]:
    with HostedServer(engine) as running:
        yield running


def unharmed(server: EchoServer, *, memory: float = 4, seconds: float = 1) -> AbstractContextManager[None]:
    """As for our own: another client is answered before and after, nothing has grown or run away."""

    def works(word: bytes) -> None:
        with Peer.connect(server.port) as peer:
            peer.send(GET % b"plain")
            assert peer.answer().status == 200

    return measured(server, works, lines=None, memory=memory, seconds=seconds)


@pytest.mark.slow
@pytest.mark.parametrize("path", [b"plain", b"later", b"deaf"])
def test_21_mb_of_pipelined_requests(server: EchoServer, path: bytes) -> None:
    """Whoever does not read answers is not read, either."""
    with unharmed(server, seconds=COST), Peer.connect(server.port, receive_buffer=4096) as peer:
        flood = GET % path * 1000
        sent = [0]
        peer.sock.settimeout(1)

        def send() -> None:
            try:
                while sent[0] < 21 << 20:
                    sent[0] += peer.sock.send(flood)
            except OSError:
                pass

        sending = threading.Thread(target=send)
        sending.start()
        sending.join(20)
        assert not sending.is_alive()


ENDLESS = (
    ("a header", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"a" * 4096),
    ("headers", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n" * 512),
    ("a chunk's extension", CHUNKED % b"body" + b"1;", b"a" * 4096),
    ("chunks' extensions", CHUNKED % b"body", b"1;" + b"a" * 100 + b"\r\nx\r\n"),
    ("trailers", CHUNKED % b"body" + b"0\r\n", b"X: y\r\n" * 512),
    ("a trailer", CHUNKED % b"body" + b"0\r\nX: ", b"a" * 4096),
    ("a body to who does not receive", CHUNKED % b"deaf", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
    ("a body to who has answered", CHUNKED % b"plain", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
)


@pytest.mark.parametrize(("begin", "more"), [case[1:] for case in ENDLESS], ids=[case[0] for case in ENDLESS])
def test_endless(server: EchoServer, begin: bytes, more: bytes) -> None:
    """Something without an end is refused, or not read on, having cost little memory."""
    with unharmed(server), Peer.connect(server.port) as peer:
        peer.send(begin)
        assert pour(peer, more, limit=16 << 20) < 16 << 20


def test_a_long_body_to_who_receives_costs_no_memory(server: EchoServer) -> None:
    with unharmed(server, seconds=COST), Peer.connect(server.port) as peer:
        peer.send(CHUNKED % b"body")
        piece = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
        for _ in range(1000):
            peer.send(piece)
        peer.send(b"0\r\n\r\n")
        answer = peer.answer()
        assert answer.status == 200
        assert answer.fields["content-length"] == str(len(str(1000 << 16)))


SLOW = (
    ("nothing", b""),
    ("half a head", b"GET / HTTP/1.1\r\nHost: loc"),
    ("a body", CHUNKED % b"body"),
    ("a body that has begun", CHUNKED % b"body" + b"5\r\nabc"),
)


@pytest.mark.parametrize("begin", [case[1] for case in SLOW], ids=[case[0] for case in SLOW])
def test_what_does_not_come_is_given_up(server: EchoServer, begin: bytes) -> None:
    with unharmed(server), Peer.connect(server.port) as peer:
        peer.send(begin)
        assert peer.answer().status == 408
