"""Whatever a client says wrong is answered by one clear error to that client alone; what closes it is in the log once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from conformance.processes import EchoServer
from tests.abuse.hub_server import KEY
from tests.abuse.hub_speakers import CONNECT, HubServer, Line, WebSocket, hub_unharmed, speaker

KINDS = ("json", "packed", "line")
Speak = Callable[..., WebSocket | Line]


@pytest.fixture(scope="module")
def server(engine: str) -> Iterator[EchoServer]:
    """An application for all tests of this module."""
    with HubServer(engine) as running:
        yield running


@pytest.fixture
def speak(server: EchoServer) -> Iterator[Speak]:
    """Give what opens connections, which all are closed in the end."""
    with ExitStack() as stack:

        def opened(kind: str, *fields: str) -> WebSocket | Line:
            client = speaker(kind, server.port, *fields)
            if isinstance(client, WebSocket):
                stack.callback(client.peer.sock.close)
            return client

        yield opened


@dataclass(frozen=True)
class Bad:
    """What a connected client says, under the id 9, and the code that answers it: of an `error`, or from 1000 on of the close.

    `packed` is said instead where it is MessagePack; None where that cannot be said there. `first` is said before, and is right.
    """

    name: str
    said: Any
    code: int
    packed: Any = field(default=...)
    first: tuple[Any, ...] = ()

    def on(self, kind: str) -> Any:
        """What is said on this kind of connection."""
        return self.packed if kind == "packed" and self.packed is not ... else self.said


def command(kind: str, **fields: Any) -> dict[str, Any]:
    """A command under the id 9."""
    return {"type": kind, "id": 9, **fields}


def publish(**fields: Any) -> dict[str, Any]:
    """A publication, that others would hear."""
    return command("publish", **{"channel": "plain:a", "data": 1, **fields})


def subscribe(channel: Any, **fields: Any) -> dict[str, Any]:
    """A subscription."""
    return command("subscribe", channel=channel, **fields)


def nested(depth: int) -> Any:
    """Arrays in arrays."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


DEEP = b'{"type":"publish","id":9,"channel":"plain:a","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
PACKED_HEAD = b"\x84\xa4type\xa7publish\xa2id\x09\xa7channel\xa7plain:a\xa4data"
SUBSCRIBED = tuple({"type": "subscribe", "id": 20 + n, "channel": f"plain:{n}"} for n in range(8))
MALFORMED = (
    Bad("no JSON", b"{", 4400, b"\xc1"),
    Bad("an empty message", b"", 4400),
    Bad("no object", 7, 4400),
    Bad("no type", {"id": 9}, 4400),
    Bad("an unknown type", command("sing"), 4400),
    Bad("a type that is no text", {"type": ["publish"], "id": 9}, 4400),
    Bad("more than a batch", [{"type": "ping", "id": 9}] * 1_001, 4400),
    Bad("arrays without an end", b"[" * 200_000, 4400, b"\x91" * 200_000),
    Bad("a bomb of an array", b"[" * 1_000, 4400, b"\xdd\xff\xff\xff\xff"),
    Bad("a bomb of a map", b'{"a":' * 1_000, 4400, b"\xdf\xff\xff\xff\xff"),
    Bad("a bomb of a text", b'"', 4400, b"\xdb\xff\xff\xff\xff"),
    Bad("no id", {"type": "publish", "channel": "plain:a", "data": 1}, 107),
    Bad("an id that is no number", {"type": "ping", "id": "9"}, 107),
    Bad("an id below all", {"type": "ping", "id": -1}, 107),
    Bad("an id beyond what numbers say", {"type": "ping", "id": 2**60}, 107),
    Bad("a channel that is no text", publish(channel=7), 107),
    Bad("no channel", command("subscribe"), 107),
    Bad("no data", command("publish", channel="plain:a"), 107),
    Bad("a position that is none", subscribe("room:a", since={"epoch": 7, "offset": "x"}), 107),
    Bad("an offset below all", subscribe("room:a", since={"epoch": "e", "offset": -1}), 107),
    Bad("a rewind below all", subscribe("room:a", rewind=-1), 107),
    Bad("no pages", subscribe("room:a", pages=0), 107),
    Bad("an unknown policy", subscribe("room:a", policy={"kind": "best"}), 107),
    Bad("a limit that is no number", command("history", channel="room:a", limit="all"), 107),
    Bad("a long key", publish(key="k" * 129), 107),
    Bad("many that are excluded", publish(exclude=["s"] * 65), 107),
    Bad("deep data", publish(data=nested(65)), 107),
    Bad("data of great depth", DEEP, 4400, PACKED_HEAD + b"\x91" * 100_000 + b"\xc0"),
    Bad(
        "a number beyond all",
        b'{"type":"publish","id":9,"channel":"plain:a","data":1e999}',
        107,
        PACKED_HEAD + b"\xcb\x7f\xf0" + bytes(6),
    ),
    Bad(
        "half a character",
        b'{"type":"publish","id":9,"channel":"plain:a","data":"\\ud800"}',
        107,
        PACKED_HEAD + b"\xa1\xff",
    ),
    Bad("an extension type", publish(data="x" * 70_000), 108, PACKED_HEAD + b"\xd4\x05\x00"),
    Bad("info that is no object", CONNECT | {"id": 9, "info": 7}, 107),
)
REFUSED = (
    Bad("much data", publish(data="x" * 65_536), 108),
    Bad("a second connect", CONNECT | {"id": 9}, 107),
    Bad("an unknown channel", subscribe("cellar:a"), 104),
    Bad("no name", subscribe(""), 108),
    Bad("a long name", subscribe("room:" + "a" * 300), 108),
    Bad("a NUL in a name", subscribe("room:\0"), 107),
    Bad("lines in a name", subscribe("room:a\r\nPUBLISH b c"), 107),
    Bad("a colour in a name", publish(channel="plain:\x1b[31m"), 107),
    Bad("a turned name", subscribe("room:\u202ea"), 107),
    Bad("a star to publish to", publish(channel="plain:*"), 107),
    Bad("an arrow to publish to", publish(channel="plain:>"), 107),
    Bad("a star where there are none", subscribe("plain:*"), 110),
    Bad("everything", subscribe(">", policy={"kind": "latest", "interval": 0}), 110),
    Bad("a closed channel", subscribe("closed:a"), 103),
    Bad("publishing to a closed channel", publish(channel="closed:a"), 103),
    Bad("the history of a closed channel", command("history", channel="closed:a"), 103),
    Bad("a history that is none", command("history", channel="plain:a"), 110),
    Bad("nobody's presence", command("presence", channel="plain:a"), 110),
    Bad("entries that are none", command("entries", channel="plain:a"), 110),
    Bad("an entry where there are none", publish(entry="a"), 110),
    Bad("no entry where there are some", publish(channel="map:a"), 107),
    Bad("nothing to unsubscribe", command("unsubscribe", channel="plain:a"), 106),
    Bad("nothing to adjust", command("policy", channel="plain:a", policy={"kind": "latest"}), 106),
    Bad("twice", subscribe("plain:b"), 105, first=({"type": "subscribe", "id": 8, "channel": "plain:b"},)),
    Bad("one channel too many", subscribe("plain:more"), 108, first=SUBSCRIBED),
    Bad("an unknown call", command("call", name="dig"), 109),
    Bad("a call's bad data", command("call", name="number", data="seven"), 107),
    Bad("a stream nobody takes", command("call", name="number", data=7, streaming=True), 107),
    Bad("much credit", command("call", name="number", data=7, credit=1 << 40), 108),
    Bad("an id that a call has", command("call", name="wait"), 107, first=(command("call", name="wait"),)),
    Bad("a token that is none", command("refresh", token="made up"), 101),
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", MALFORMED + REFUSED, ids=lambda bad: bad.name)
def test_is_answered_by_one_error(server: EchoServer, speak: Speak, kind: str, bad: Bad) -> None:
    """The connection ends with a code from 1000 on only; otherwise it works on."""
    code = 107 if bad.name == "an extension type" and kind == "packed" else bad.code
    with hub_unharmed(server, lines=int(code >= 1000)):
        client = speak(kind)
        assert client.connect()["type"] == "connected"
        for first in bad.first:
            client.say(first)
        client.say(bad.on(kind))
        answer = client.hear(9)
        assert (answer["type"], answer["code"]) == ("close" if code >= 1000 else "error", code), answer
        if code < 1000:
            client.say({"type": "ping", "id": 10})
            if not bad.name.startswith("an id that a call"):
                assert client.hear(10)["type"] == "pong"
        client.end()


def token(**claims: Any) -> str:
    """A token of ours, of ann's for an hour unless told otherwise."""
    return jwt.encode({"sub": "ann", "exp": int(time.time()) + 3_600, **claims}, KEY, "HS256")


TOKENS = {
    "no token": "made up",
    "of nobody": jwt.encode({"sub": "ann", "exp": 1 << 40}, KEY[::-1], "HS256"),
    "unsigned": jwt.encode({"sub": "ann", "exp": 1 << 40}, "", "none"),
    "expired": token(exp=1),
    "without an end": jwt.encode({"sub": "ann"}, KEY, "HS256"),
    "very long": "x" * 10_000,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shown", TOKENS.values(), ids=TOKENS)
def test_a_bad_token_closes(server: EchoServer, speak: Speak, kind: str, shown: str) -> None:
    with hub_unharmed(server, lines=1):
        client = speak(kind)
        assert client.connect(token=shown)["code"] == 101
        assert client.hear()["code"] == 4401


@pytest.mark.parametrize("kind", KINDS)
def test_commands_before_the_connect_close(server: EchoServer, speak: Speak, kind: str) -> None:
    with hub_unharmed(server, lines=1):
        client = speak(kind)
        client.say(publish())
        assert client.hear(9)["code"] == 4401


@pytest.mark.parametrize("kind", KINDS)
def test_anothers_session_is_not_to_be_had(server: EchoServer, speak: Speak, kind: str) -> None:
    with hub_unharmed(server, lines=0):
        ann = speak(kind)
        mine = ann.connect(token=token())
        head, _, mac = mine["resume"].rpartition(".")
        for fields in (
            {"resume": mine["session"]},
            {"resume": f"{head}.{mac[::-1]}"},
            {"resume": "x" * 5_000},
            {"resume": "\0.é.b"},
            {"resume": mine["resume"], "token": token(sub="ben")},
        ):
            thief = speak(kind)
            answer = thief.connect(**fields)
            assert not answer["resumed"]
            assert answer["session"] != mine["session"]
            thief.end()
        ann.say({"type": "ping", "id": 10})
        assert ann.hear(10)["type"] == "pong"
        ann.end()


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_that_goes_on_trying_is_turned_away(server: EchoServer, speak: Speak, kind: str) -> None:
    where = f"X-Forwarded-For: 203.0.113.{KINDS.index(kind)}"
    with hub_unharmed(server, lines=1):
        ann = speak(kind, where)
        made_up = ann.connect()["resume"][:-8] + "AAAAAAAA"
        for _ in range(5):
            thief = speak(kind, where)
            assert not thief.connect(resume=made_up)["resumed"]
            thief.end()
        thief = speak(kind, where)
        assert thief.connect(resume=made_up)["code"] == 1008
        ann.end()


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_commands_that_wait_close(server: EchoServer, speak: Speak, kind: str) -> None:
    with hub_unharmed(server, lines=1):
        client = speak(kind)
        client.connect()
        client.say([command("call", name="wait"), *({"type": "ping", "id": 10 + n} for n in range(20))])
        assert client.hear(10)["code"] == 1008


@pytest.mark.parametrize("packed", [False, True])
def test_a_message_of_the_other_kind_closes(server: EchoServer, speak: Speak, packed: bool) -> None:
    with hub_unharmed(server, lines=1):
        client = speak("packed" if packed else "json")
        assert isinstance(client, WebSocket)
        client.connect()
        client.other_kind(publish())
        assert client.hear(9)["code"] == 4400
