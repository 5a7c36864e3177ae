"""What no official client of Socket.IO says: its own connection ends, or it is told no, and nobody else notices."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from conformance.processes import EchoServer
from tests.abuse.hub_speakers import HubServer
from tests.abuse.raw import Peer
from tests.abuse.socketio_speakers import OPEN, Packets, Polls, connected, socketio_unharmed

EACH = pytest.mark.parametrize("kind", ["websocket", "polling"])
PLACE = '{"_placeholder":true,"num":%d}'
DEEP = "[" * 50_000 + "]" * 10


@pytest.fixture(scope="module")
def server(engine: str) -> Iterator[EchoServer]:
    """An application for all tests of this module."""
    with HubServer(engine) as running:
        yield running


# Each ends the connection of whoever says it, when it is in the main namespace.
ENDS: dict[str, tuple[str | bytes, ...]] = {
    "an empty packet": ("",),
    "no packet": ("nonsense",),
    "a packet of Engine.IO that there is not": ("9",),
    "a server's handshake": ("0{}",),
    "a server's beat": ("2",),
    "a probe where there is nothing to move": ("5",),
    "an empty message": ("4",),
    "a type that there is not": ("49[]",),
    "an event without a name": ("42[]",),
    "an event that is no array": ('42{"a":1}',),
    "an event that is text": ('42"a"',),
    "an event that is no JSON": ('42["a"',),
    "an event that is a mere number": ("42",),
    "a name that is null": ("42[null]",),
    "a name that is true": ("42[true]",),
    "a name that is an object": ("42[{}]",),
    **{f"the reserved name {name}": (f'42["{name}"]',) for name in ("connect", "connect_error", "disconnect")},
    **{f"the reserved name {name}": (f'42["{name}"]',) for name in ("disconnecting", "newListener", "removeListener")},
    "an acknowledgement of nothing": ("43[]",),
    "an acknowledgement that is no array": ("431{}",),
    "why there is no connection": ('44{"message":"no"}',),
    "a DISCONNECT that says more": ('41{"why":1}',),
    "two CONNECTs": ("40",),
    "a CONNECT that shows a list": ("40/chat,[1]",),
    "a CONNECT that shows text": ('40/chat,"1"',),
    "an event of a namespace before its CONNECT": ('42/chat,["a"]',),
    "an event of a namespace that there is not": ('42/nowhere,["a"]',),
    "a DISCONNECT of a namespace before its CONNECT": ("41/chat,",),
    "a count without attachments": ('42-["a"]',),
    "a binary event without a count": ('45["a"]',),
    "a count that is no number": ('45x-["a"]',),
    "a count below zero": ('45-1-["a"]',),
    "a count beyond all bounds": ('45451000000000-["a"]',),
    "eleven attachments": ('4511-["a"]',),
    "text where an attachment is due": (f'451-["a",{PLACE % 0}]', '42["b"]'),
    "a placeholder beyond the last attachment": (f'451-["a",{PLACE % 1}]', b"x"),
    "a placeholder far beyond": (f'451-["a",{PLACE % (2**62)}]', b"x"),
    "a placeholder below zero": (f'451-["a",{PLACE % -1}]', b"x"),
    "a placeholder that is half a number": ('451-["a",{"_placeholder":true,"num":0.5}]', b"x"),
    "a placeholder that is text": ('451-["a",{"_placeholder":true,"num":"splice"}]', b"x"),
    "a placeholder without a number": ('451-["a",{"_placeholder":true}]', b"x"),
    "one attachment told twice": (f'451-["a",{PLACE % 0},{PLACE % 0}]', b"x"),
    "an attachment without a placeholder": ('451-["a"]', b"x"),
    "a name that is an attachment": (f"451-[{PLACE % 0}]", b"x"),
    "an attachment of nothing": (b"x",),
    "a number of an acknowledgement beyond all bounds": ("43" + "9" * 400 + "[]",),
    "a namespace without an end": ("40/" + "x" * 60_000 + "\x00", '42/other,["a"]'),
}


@EACH
@pytest.mark.parametrize("packets", ENDS.values(), ids=ENDS)
def test_what_ends_a_connection(server: EchoServer, kind: str, packets: tuple[str | bytes, ...]) -> None:
    with socketio_unharmed(server, lines=None):
        client = connected(kind, server.port)
        client.say(*packets)
        assert client.over()


# Each is answered by no, or by nothing, and the connection lives.
LIVES: dict[str, tuple[str | bytes, ...]] = {
    "a namespace that there is not": ("40/nowhere,",),
    "a namespace that is called as what JavaScript has": ("40/__proto__,", "40/constructor,"),
    "a name that is called as what JavaScript has": ('42["__proto__",{"__proto__":1}]', '42["constructor"]'),
    "an event that nobody knows": ('42["nobody"]',),
    "an acknowledgement of what was never asked": ('43999999["a"]',),
    "data that is too deep": ('42["number",' + "[" * 70 + "]" * 70 + "]",),
    "a number beyond all bounds": ('42["number",' + "9" * 5_000 + "]",),
    "half of a surrogate pair": (r'42["number","\ud800"]', r'42["\udc00"]', r'430["\ud800"]'),
    "channels that there are not": ('42["everywire:subscribe",{"channel":"cellar:a"}]', '42["everywire:publish",{}]'),
    "own events that there are not": ('42["everywire:nothing",{}]', '42["everywire:subscribe",1]'),
    "beats without end": ("3",) * 200,
    "nothing new without end": ("6",) * 200,
}


@EACH
@pytest.mark.parametrize("packets", LIVES.values(), ids=LIVES)
def test_what_a_connection_outlives(server: EchoServer, kind: str, packets: tuple[str | bytes, ...]) -> None:
    with socketio_unharmed(server, lines=None):
        client = connected(kind, server.port)
        client.say(*packets)
        client.say('427["number",1]')
        while (said := client.next()) != "437[1]":
            assert said is not None
        client.end()


@EACH
def test_packets_before_the_first_connect(server: EchoServer, kind: str) -> None:
    for packet in ('42["number",1]', "41", "430[]"):
        with socketio_unharmed(server, lines=1):
            client = (Packets if kind == "websocket" else Polls)(server.port)
            client.say(packet)
            assert client.over()


@EACH
def test_depth_costs_little(server: EchoServer, kind: str) -> None:
    with socketio_unharmed(server, lines=None, memory=6):
        client = connected(kind, server.port)
        client.say(f'420["number",{DEEP}]')
        assert client.over()


@EACH
def test_attachments_that_never_come_cost_little(server: EchoServer, kind: str) -> None:
    with socketio_unharmed(server, lines=None, memory=6):
        some = [connected(kind, server.port) for _ in range(20)]
        for client in some:
            client.say(f'4510-["number",{",".join(PLACE % number for number in range(10))}]', *[b"x" * 6_000] * 7)
        for client in some:
            client.say("41")  # text where an attachment is due
            assert client.over()


@EACH
def test_attachments_beyond_the_bound(server: EchoServer, kind: str) -> None:
    with socketio_unharmed(server, lines=None, memory=8):
        client = connected(kind, server.port)
        client.say(f'4510-["number",{",".join(PLACE % number for number in range(10))}]')
        for _ in range(3):
            client.say(b"x" * 30_000)
        assert client.over()


@pytest.mark.slow
@EACH
def test_more_packets_than_one_session_may_say(server: EchoServer, kind: str) -> None:
    with socketio_unharmed(server, lines=None, memory=16, seconds=4):
        client = connected(kind, server.port)
        for _ in range(26):
            client.say(*['42["nobody"]'] * 4_500)
        assert client.over()


@EACH
def test_empty_attachments_without_end(server: EchoServer, kind: str) -> None:
    with socketio_unharmed(server, lines=None):
        client = connected(kind, server.port)
        client.say(*[b""] * 5_000)
        assert client.over()


def test_a_message_beyond_the_bound(server: EchoServer) -> None:
    with socketio_unharmed(server, lines=None):
        client = connected("websocket", server.port)
        client.say("4" + "x" * (1 << 16))
        assert client.over()


def test_a_body_beyond_the_bound_leaves_the_session(server: EchoServer) -> None:
    with socketio_unharmed(server, lines=None):
        client = connected("polling", server.port)
        assert isinstance(client, Polls)
        for size in ((1 << 16) + 1, 1 << 40):
            with Peer.connect(server.port) as peer:
                head = f"POST {client.target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
                peer.send(head.encode() + b"4" * min(size, (1 << 16) + 1))
                assert client.read(peer)[0].status == 413
        client.say('427["number",1]')
        assert client.next() == "437[1]"


def test_a_body_of_separators(server: EchoServer) -> None:
    with socketio_unharmed(server, lines=None):
        client = connected("polling", server.port)
        client.say("\x1e" * 60_000)
        assert client.over()


def test_another_page_has_nothing_of_a_session(server: EchoServer) -> None:
    with socketio_unharmed(server, lines=None):
        client = connected("polling", server.port)
        assert isinstance(client, Polls)
        for fields in (["Origin: http://evil.example"], ["Origin: null"], ["Cookie: a=1"]):
            for method, body in (("GET", b""), ("POST", b"3")):
                answer, said = client.ask(method, client.target, body, *fields)
                assert (answer.status, json.loads(said)) == (403, {"code": 4, "message": "Forbidden"})
            answer, _ = client.ask("GET", OPEN + "polling", b"", *fields)
            assert answer.status == 403
        client.say('427["number",1]')
        assert client.next() == "437[1]"


def test_guessing_sessions_is_turned_away(server: EchoServer) -> None:
    with socketio_unharmed(server, lines=None):
        client = connected("polling", server.port)
        assert isinstance(client, Polls)
        node = client.target.partition("sid=")[2].partition(".")[0]
        guess = f"{OPEN}polling&sid={node}.guess"
        statuses = [client.ask("GET", guess, b"", "X-Forwarded-For: 203.0.113.9")[0].status for _ in range(8)]
        assert statuses == [400] * 5 + [429] * 3
        client.say('427["number",1]')
        assert client.next() == "437[1]"


def opened(port: int, count: int, field: str) -> list[int]:
    """Open lines without ever connecting, many requests at once on one connection; gives the statuses."""
    statuses = []
    one = f"GET {OPEN}polling HTTP/1.1\r\nHost: localhost\r\n{field}\r\n\r\n".encode()
    with Peer.connect(port, patience=30) as peer:
        for _ in range(count // 200):
            peer.send(one * 200)
            for _ in range(200):
                answer = peer.answer()
                peer.exactly(int(answer.fields["content-length"]))
                statuses.append(answer.status)
    return statuses


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_hundred_thousand_lines_that_nobody_connects(server: EchoServer) -> None:
    with socketio_unharmed(server, lines=None, memory=20, seconds=60) as watcher:
        statuses = opened(server.port, 100_000, "X-Forwarded-For: 203.0.113.77")
        assert statuses[:1_000] == [200] * 1_000
        assert set(statuses) == {200, 429}
        assert statuses.count(200) <= 10_000  # a thousand in each ten seconds
        watcher.works(b"meanwhile")
        elsewhere = opened(server.port, 200, "X-Forwarded-For: 203.0.113.78")
        assert elsewhere == [200] * 200  # of another address
