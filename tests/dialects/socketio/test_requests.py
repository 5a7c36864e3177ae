"""Engine.IO's requests as they are on the wire: what npm's server answers, we answer."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import pytest
from tests.abuse.raw import KEY, masked
from tests.dialects.socketio.serving import serving
from tests.dialects.socketio.test_client import reference
from tests.engine.peer import until

pytestmark = pytest.mark.anyio

MOST = 100_000
OPEN = "EIO=4&transport=polling"
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13"}


class Answer(NamedTuple):
    """A response, its fields by lower-case names."""

    status: int
    fields: dict[str, str]
    body: bytes


class Wire:
    """One TCP connection to a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def begin(self, method: str, query: str, body: bytes = b"", **fields: str) -> None:
        """Send a request for the endpoint."""
        given = {"Host": "localhost", **{name.replace("_", "-"): value for name, value in fields.items()}}
        if body or method == "POST":
            given.setdefault("Content-Length", str(len(body)))
        lines = [f"{method} /socket.io/?{query} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    async def answer(self) -> Answer:
        """Read one response."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields: dict[str, str] = {}
        for name, _, value in (line.partition(":") for line in head[1:] if line):
            fields[name.lower()] = ", ".join([*filter(None, [fields.get(name.lower())]), value.strip()])
        body = b""
        if fields.get("transfer-encoding") == "chunked":
            while size := int(await self.reader.readline(), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readline()
        else:
            body = await self.reader.readexactly(int(fields.get("content-length", 0)))
        return Answer(int(head[0].split()[1]), fields, body)

    async def ask(self, method: str, query: str, body: bytes = b"", **fields: str) -> Answer:
        """Send a request, and read its response."""
        self.begin(method, query, body, **fields)
        return await self.answer()

    def say(self, text: str) -> None:
        """Send a text frame."""
        data = text.encode()
        self.writer.write(bytes((0x81, 0x80 | len(data))) + b"\x37\xfa\x21\x3d" + masked(data))

    async def hear(self) -> str | None:
        """Read a text frame; None for a close, or the end."""
        try:
            first, size = await self.reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2), "big")
            data = await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return data.decode() if first == 0x81 else None


class Place:
    """A server: npm's, or ours."""

    def __init__(self, port: int, back: str, echo: str, heard: Callable[[], bool]) -> None:
        """`back` is the event that is said back, `echo` the one that is acknowledged; `heard` says whether a poll waits, as far as it is known."""
        self.port = port
        self.back = back
        self.echo = echo
        self.heard = heard

    @contextlib.asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        """Connect."""
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port))
        try:
            async with asyncio.timeout(2):
                yield wire
        finally:
            wire.writer.close()
            with contextlib.suppress(ConnectionError):
                await wire.writer.wait_closed()

    async def ask(self, *request: Any, **fields: str) -> Answer:
        """Ask on a connection of its own."""
        async with self.wire() as wire:
            return await wire.ask(*request, **fields)

    async def beginning(self, wire: Wire, query: str) -> None:
        """Have a poll begin."""
        wire.begin("GET", query)
        await wire.writer.drain()
        await until(self.heard)

    async def session(self) -> str:
        """Open a line, and connect to the main namespace; gives what to ask further requests with."""
        opened = await self.ask("GET", OPEN)
        assert opened.status == 200
        query = f"{OPEN}&sid={json.loads(opened.body[1:])['sid']}"
        assert (await self.ask("POST", query, b"40")).body == b"ok"
        said = b""
        while b"40{" not in said or b"42[" not in said:  # an event of greeting follows
            said += (await self.ask("GET", query)).body
        return query

    async def gone(self, query: str) -> bool:
        """Say whether a session is gone."""
        said = await self.ask("GET", query)
        return said.status == 400 and said.body != b"" and json.loads(said.body)["code"] == 1


@pytest.fixture(scope="module")
def theirs() -> Iterator[Place]:
    with reference(max_payload=MOST) as url:
        yield Place(int(url.rpartition(":")[2]), "message", "message-with-ack", lambda: True)


@pytest.fixture(scope="module")
async def ours() -> AsyncIterator[Place]:
    async with serving(max_payload=MOST) as (app, url):
        lines = app.gateway.lines._lines
        yield Place(
            int(url.rpartition(":")[2]), "back", "echo", lambda: any(line.transport.heard for line in lines.values())
        )


@pytest.fixture(params=["theirs", "ours"])
def place(request: pytest.FixtureRequest, theirs: Place, ours: Place) -> Place:
    return theirs if request.param == "theirs" else ours


WORDS = ("Transport unknown", "Session ID unknown", "Bad handshake method", "Bad request", "Forbidden")
FAULTS = (
    ("GET", "", {}, 0),
    ("GET", "EIO=4", {}, 0),
    ("GET", "EIO=4&transport=", {}, 0),
    ("GET", "EIO=4&transport=constructor", {}, 0),
    ("GET", "EIO=4&transport=webtransport", {}, 0),
    ("GET", f"{OPEN}&sid=nobody", {}, 1),
    ("GET", f"{OPEN}&sid=__proto__", {}, 1),
    ("GET", f"{OPEN}&sid=a.b", {}, 1),
    ("POST", f"{OPEN}&sid=nobody", {}, 1),
    ("POST", OPEN, {}, 2),
    ("PUT", OPEN, {}, 2),
    ("DELETE", OPEN, {}, 2),
    ("POST", "EIO=4&transport=websocket", {}, 2),
    ("GET", "EIO=4&transport=websocket", {}, 3),
    ("GET", "EIO=3&transport=polling", {}, 5),
    ("GET", "transport=polling", {}, 5),
)


@pytest.mark.parametrize(("method", "query", "fields", "code"), FAULTS)
async def test_a_handshake_with_a_fault(place, method, query, fields, code):
    said = await place.ask(method, query, **fields)
    assert said.status == 400
    assert said.fields["content-type"].startswith("application/json")
    assert json.loads(said.body) == {"code": code, "message": (*WORDS, "Unsupported protocol version")[code]}


@pytest.mark.parametrize(
    "query",
    [
        "EIO=4",
        "EIO=4&transport=no",
        "EIO=4&transport=websocket&sid=nobody",
        "EIO=3&transport=websocket",  # here the reference says so on a WebSocket
        "transport=websocket",
    ],
)
async def test_an_upgrade_with_a_fault(place, query):
    async with place.wire() as wire:
        wire.begin("GET", query, **UPGRADE)
        assert (await wire.answer()).status in (400, 101 if "EIO=4" not in query else 400)
        assert not (await wire.reader.read()).startswith(b"\x810{")


async def test_a_line_is_opened(place):
    said = await place.ask("GET", f"{OPEN}&t=abc&b64=1&mine=2")
    assert (said.status, said.fields["content-type"].lower()) == (200, "text/plain; charset=utf-8")
    assert said.fields["cache-control"] == "no-store"
    assert said.body.startswith(b"0{")
    told = json.loads(said.body[1:])
    assert (told["upgrades"], told["maxPayload"], told["pingInterval"]) == (["websocket"], MOST, 25_000)


async def test_a_websocket_is_opened(place):
    async with place.wire() as wire:
        wire.begin("GET", "EIO=4&transport=websocket", Sec_WebSocket_Protocol="mine, other", **UPGRADE)
        answer = await wire.answer()
        assert (answer.status, answer.fields["sec-websocket-protocol"]) == (101, "mine")
        assert json.loads((await wire.hear())[1:])["upgrades"] == []
        wire.say("40")
        assert (await wire.hear()).startswith('40{"sid":')


async def test_packets_of_a_body_and_of_a_poll(place):
    query = await place.session()
    event = f'451-["{place.back}",{{"_placeholder":true,"num":0}}]'
    said = await place.ask("POST", query, f"{event}\x1eb{base64.b64encode(b'abc').decode()}\x1e3".encode())
    assert (said.status, said.fields["content-type"], said.body) == (200, "text/html", b"ok")
    told = await place.ask("GET", query)
    assert told.fields["cache-control"] == "no-store"
    assert told.fields["content-type"].lower() == "text/plain; charset=utf-8"
    assert told.body.endswith(b'{"_placeholder":true,"num":0}]\x1ebYWJj')


@pytest.mark.parametrize(
    ("size", "accepts", "coding"),
    [
        (2000, "gzip, deflate", "gzip"),
        (2000, "deflate", "deflate"),
        (2000, "gzip;q=0, br", None),
        (2000, "", None),
        (500, "gzip", None),
    ],
)
async def test_an_answer_to_a_poll_is_compressed_from_a_kibibyte_on(place, size, accepts, coding):
    query = await place.session()
    event = f'42["{place.back}","{"x" * size}"]'.encode()
    await place.ask("POST", query, event)
    told = await place.ask("GET", query, **({"Accept_Encoding": accepts} if accepts else {}))
    assert told.fields.get("content-encoding") == coding
    body = zlib.decompress(told.body, 47) if coding else told.body  # of either kind
    assert body.endswith(b"x" * size + b'"]')


async def test_a_second_poll_beside_one_that_waits_ends_the_session(place):
    query = await place.session()
    async with place.wire() as first, place.wire() as second:
        await place.beginning(first, query)
        assert (await second.ask("GET", query)).status == 400
    assert await place.gone(query)


@pytest.mark.parametrize(
    "body",
    [
        *(b"abc", b"", b"9", b"2", b"4", b"49", b"bAQ*", b'42["connect"]', b'45-["a"]', b"40/nowhere\x1e42/chat,[1]"),
        b"40",  # of a namespace that it is in
    ],
)
async def test_a_packet_that_is_none_ends_the_session(place, body):
    query = await place.session()
    assert (await place.ask("POST", query, body)).status in (200, 400)
    said = await place.ask("GET", query)
    while said.status == 200 and said.body != b"1":
        said = await place.ask("GET", query)
    assert await place.gone(query)


async def test_a_body_of_the_third_version_ends_the_session(place):
    query = await place.session()
    assert (await place.ask("POST", query, b"abc", Content_Type="application/octet-stream")).status == 400
    said = await place.ask("GET", query)
    assert said.status == 400 or said.body == b"1"
    assert await place.gone(query)


@pytest.mark.parametrize("size", [MOST + 1, MOST * 3])
async def test_a_body_that_is_too_large_harms_nobody(place, size):
    query = await place.session()
    async with place.wire() as wire:
        assert (await wire.ask("POST", query, b"4" * size)).status == 413
    assert (await place.ask("POST", query, b"3")).body == b"ok"


async def test_a_poll_that_is_given_up_ends_the_session(place):
    query = await place.session()
    async with place.wire() as wire:
        await place.beginning(wire, query)
    while not await place.gone(query):
        pass


async def test_a_client_that_closes_has_its_poll_answered(place):
    query = await place.session()
    async with place.wire() as poll:
        await place.beginning(poll, query)
        assert (await place.ask("POST", query, b"1")).body == b"ok"
        assert (await poll.answer()).body == b"6"
    assert await place.gone(query)


async def test_a_line_moves_to_a_websocket(place):
    query = await place.session()
    socket = query.replace("polling", "websocket")
    async with place.wire() as wire, place.wire() as poll:
        wire.begin("GET", socket, **UPGRADE)
        assert (await wire.answer()).status == 101
        wire.say("2probe")
        assert await wire.hear() == "3probe"
        assert (await poll.ask("GET", query)).body == b"6"
        wire.say("5")
        wire.say(f'427["{place.echo}",1]')
        assert await wire.hear() == "437[1]"
        assert (await poll.ask("GET", query)).status == 400
        async with place.wire() as late:
            late.begin("GET", socket, **UPGRADE)
            assert (await late.answer()).status == 101
            assert await late.hear() is None


async def test_an_upgrade_that_fails_leaves_the_polls(place):
    query = await place.session()
    async with place.wire() as wire:
        wire.begin("GET", query.replace("polling", "websocket"), **UPGRADE)
        assert (await wire.answer()).status == 101
        wire.say("2probe")
        assert await wire.hear() == "3probe"
    assert (await place.ask("POST", query, b"3")).body == b"ok"
    async with place.wire() as wire:
        wire.begin("GET", query.replace("polling", "websocket"), **UPGRADE)
        assert (await wire.answer()).status == 101
        wire.say("no probe")
        assert await wire.hear() is None
    assert (await place.ask("POST", query, b"3")).body == b"ok"
