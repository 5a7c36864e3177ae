"""Conversations after RFC 6455 and RFC 7692, spoken on bare sockets with our server and with our client.

Each case is what the peer says and what it must hear, frame by frame, up to the close. The same table is run in both roles: the peer's frames are masked
towards a server and unmasked towards a client. The other end echoes every message.
"""

import asyncio
import socket
import zlib
from dataclasses import dataclass

import pytest
from tests.abuse.raw import (
    BINARY,
    CLOSE,
    FIN,
    MASK,
    PING,
    PONG,
    RSV1,
    TEXT,
    Frame,
    Peer,
    accept,
    close_frame,
    frame,
    offered_key,
    request,
)

import everywire
from everywire import engine as engines

COP, GREEK = 0, "κόσμε".encode()
NORMAL = (FIN | CLOSE, b"\x03\xe8")


@dataclass(frozen=True)
class Case:
    """`says` are frames, or raw bytes where a frame cannot say it; `hears` ends with `code`, None for an empty close frame."""

    name: str
    says: tuple[Frame | bytes, ...]
    hears: tuple[Frame, ...] = ()
    code: int | None = 1000
    deflate: str = ""  # what is offered, or answered, as permessage-deflate


def text(payload: bytes) -> Frame:
    """A whole text message."""
    return FIN | TEXT, payload


def closing(code: int, reason: bytes = b"") -> Frame:
    """A close frame."""
    return FIN | CLOSE, code.to_bytes(2, "big") + reason


def packed(data: bytes, *, final: bool = False) -> bytes:
    """A compressed message (RFC 7692 7.2.1); `final`: ended by a final block instead (7.2.3.4)."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    if final:
        return stream.compress(data) + stream.flush(zlib.Z_FINISH) + b"\0"
    return (stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


DEFLATE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
HELLO = bytes((0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00))  # "Hello" in RFC 7692 7.2.3.1

MESSAGES = (
    Case("5.6 text", (text(b"Hello"),), (text(b"Hello"),)),
    Case("5.6 binary", ((FIN | BINARY, bytes(range(256))),), ((FIN | BINARY, bytes(range(256))),)),
    Case("5.6 empty text", (text(b""),), (text(b""),)),
    Case("5.6 empty binary", ((FIN | BINARY, b""),), ((FIN | BINARY, b""),)),
    *(
        Case(f"5.2 length {size}", (text(b"x" * size),), (text(b"x" * size),))
        for size in (1, 125, 126, 127, 128, 65535, 65536)
    ),
    Case("5.4 two fragments", ((TEXT, b"Hel"), (FIN, b"lo")), (text(b"Hello"),)),
    Case("5.4 empty fragments", ((TEXT, b""), (COP, b"a"), (COP, b""), (FIN, b"")), (text(b"a"),)),
    Case("5.4 a binary message in fragments", ((BINARY, b"\xff"), (FIN, b"\xfe")), ((FIN | BINARY, b"\xff\xfe"),)),
    Case(
        "5.4 a ping between fragments",
        ((TEXT, b"a"), (FIN | PING, b"p"), (FIN, b"b")),
        ((FIN | PONG, b"p"), text(b"ab")),
    ),
    Case("5.4 a message after a fragmented one", ((TEXT, b"a"), (FIN, b"b"), text(b"c")), (text(b"ab"), text(b"c"))),
)
CONTROL = (
    Case("5.5.2 ping", ((FIN | PING, b"Hello"),), ((FIN | PONG, b"Hello"),)),
    Case("5.5.2 empty ping", ((FIN | PING, b""),), ((FIN | PONG, b""),)),
    Case("5.5.2 ping of 125 bytes", ((FIN | PING, b"\xff" * 125),), ((FIN | PONG, b"\xff" * 125),)),
    Case(
        "5.5.2 pings in order",
        tuple((FIN | PING, bytes([i])) for i in range(10)),
        tuple((FIN | PONG, bytes([i])) for i in range(10)),
    ),
    Case("5.5.3 unasked pong", ((FIN | PONG, b"x"), text(b"a")), (text(b"a"),)),
    Case("5.5 ping of 126 bytes", ((FIN | PING, b"x" * 126),), code=1002),
    Case("5.5 fragmented ping", ((PING, b"a"), (FIN, b"b")), code=1002),
    Case("5.5 fragmented close", ((CLOSE, b"\x03\xe8"),), code=1002),
)
BROKEN = (
    *(Case(f"5.2 RSV bits {bits >> 4}", ((FIN | TEXT | bits, b"a"),), code=1002) for bits in range(0x10, 0x80, 0x10)),
    *(
        Case(f"5.2 opcode {opcode}", ((FIN | opcode, b""),), code=1002)
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    ),
    Case("5.2 what preceded is answered", (text(b"a"), text(b"b"), (FIN | 3, b"")), (text(b"a"), text(b"b")), 1002),
    Case("5.4 continuation of nothing", ((FIN, b"a"),), code=1002),
    Case("5.4 continuation of nothing, unfinished", ((COP, b"a"),), code=1002),
    Case("5.4 continuation after the end", ((TEXT, b"a"), (FIN, b"b"), (FIN, b"c")), (text(b"ab"),), 1002),
    Case("5.4 a message inside a message", ((TEXT, b"a"), text(b"b")), code=1002),
    Case("5.4 a message begun inside a message", ((TEXT, b"a"), (BINARY, b"b")), code=1002),
    Case("8.1 invalid UTF-8", (text(b"\xff"),), code=1007),
    Case("8.1 overlong", (text(b"\xc0\xaf"),), code=1007),
    Case("8.1 surrogate", (text(b"\xed\xa0\x80"),), code=1007),
    Case("8.1 beyond Unicode", (text(b"\xf4\x90\x80\x80"),), code=1007),
    Case("8.1 cut at the end", (text(GREEK[:-1]),), code=1007),
    Case("8.1 invalid in the first fragment", ((TEXT, b"\xce\xba\xed\xa0"),), code=1007),
    Case("8.1 cut at the end of the last fragment", ((TEXT, GREEK[:3]), (FIN, GREEK[3:5])), code=1007),
    Case("8.1 invalid in a frame that is not over", (b"head:32:" + b"\xce\xba\xff",), code=1007),
    Case("5.6 not checked in binary", ((FIN | BINARY, b"\xff"),), ((FIN | BINARY, b"\xff"),)),
    *(
        Case(f"8.1 split after {i}", ((TEXT, GREEK[:i]), (FIN, GREEK[i:])), (text(GREEK),))
        for i in range(1, len(GREEK))
    ),
    Case(
        "8.1 every octet a fragment",
        ((TEXT, GREEK[:1]), *((COP, GREEK[i : i + 1]) for i in range(1, len(GREEK))), (FIN, b"")),
        (text(GREEK),),
    ),
    Case("10.4 message too big", ((FIN | BINARY, bytes(70_000)),), code=1009),
    Case("10.4 fragments too big", ((BINARY, bytes(60_000)), (FIN, bytes(60_000))), code=1009),
    Case("10.4 too many fragments", ((TEXT, b""), *[(COP, b"")] * 20), code=1008),
)
CLOSING = (
    Case("7.1 close", (closing(1000),)),
    Case("7.1 close with a reason", (closing(1000, b"bye"),)),
    Case("7.1 close without a code", ((FIN | CLOSE, b""),), code=None),
    Case("5.5.1 reason of 123 bytes", (closing(1000, b"x" * 123),)),
    Case("5.5.1 close of one byte", ((FIN | CLOSE, b"\x03"),), code=1002),
    Case("5.5.1 close of 126 bytes", (closing(1000, b"x" * 124),), code=1002),
    Case("5.5.1 reason is not UTF-8", (closing(1000, b"\xce\xba\xe1\xbd"),), code=1007),
    Case("5.5.1 nothing after a close", (closing(1000), text(b"a"), (FIN | PING, b""))),
    Case("5.5.1 what precedes a close is answered", (text(b"a"), closing(1000)), (text(b"a"),)),
    Case("7.1 close inside a message", ((TEXT, b"a"), closing(1000))),
    *(
        Case(f"7.4 code {code}", (closing(code),), code=code)
        for code in (1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    ),
    *(
        Case(f"7.4 code {code}", (closing(code),), code=1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ),
)
COMPRESSED = (
    Case("7.2.3.1 one block", ((FIN | RSV1 | TEXT, HELLO),), (text(b"Hello"),), deflate=DEFLATE),
    Case("7.2.3.1 in fragments", ((RSV1 | TEXT, HELLO[:3]), (FIN, HELLO[3:])), (text(b"Hello"),), deflate=DEFLATE),
    Case(
        "7.2.3.3 a stored block", ((FIN | RSV1 | TEXT, b"\0\x05\0\xfa\xffHello\0"),), (text(b"Hello"),), deflate=DEFLATE
    ),
    Case(
        "7.2.3.4 a final block",
        ((FIN | RSV1 | TEXT, packed(b"Hello", final=True)),),
        (text(b"Hello"),),
        deflate=DEFLATE,
    ),
    Case(
        "7.2.3.5 two blocks",
        ((FIN | RSV1 | TEXT, b"\xf2\x48\x05\0\0\0\xff\xff\xca\xc9\xc9\x07\0"),),
        (text(b"Hello"),),
        deflate=DEFLATE,
    ),
    Case("7.2.3.6 an empty message", ((FIN | RSV1 | TEXT, b"\0"),), (text(b""),), deflate=DEFLATE),
    Case(
        "6 uncompressed among compressed",
        (text(b"a"), (FIN | RSV1 | TEXT, HELLO)),
        (text(b"a"), text(b"Hello")),
        deflate=DEFLATE,
    ),
    Case(
        "6.1 a ping between fragments",
        ((RSV1 | TEXT, HELLO[:3]), (FIN | PING, b""), (FIN, HELLO[3:])),
        ((FIN | PONG, b""), text(b"Hello")),
        deflate=DEFLATE,
    ),
    Case("6.1 RSV1 on a continuation", ((RSV1 | TEXT, HELLO[:3]), (FIN | RSV1, HELLO[3:])), code=1002, deflate=DEFLATE),
    Case("6.1 RSV1 on a ping", ((FIN | RSV1 | PING, b""),), code=1002, deflate=DEFLATE),
    Case("6.1 RSV1 not agreed on", ((FIN | RSV1 | TEXT, HELLO),), code=1002),
    Case("7.2.2 not deflate", ((FIN | RSV1 | TEXT, b"\xff\xff\xff"),), code=1007, deflate=DEFLATE),
    Case("7.2.2 invalid UTF-8 inside", ((FIN | RSV1 | TEXT, packed(b"\xff")),), code=1007, deflate=DEFLATE),
    Case("8 inflates beyond the limit", ((FIN | RSV1 | BINARY, packed(bytes(1 << 20))),), code=1009, deflate=DEFLATE),
    Case("8 endless empty streams", ((FIN | RSV1 | BINARY, b"\x03\0" * 30_000),), code=1007, deflate=DEFLATE),
)
CASES = MESSAGES + CONTROL + BROKEN + CLOSING + COMPRESSED

# A wider limit would need more bytes for the same cases; nothing here is compressed on the way back, so that frames can be compared.
LIMITS = {
    "max_size": 66_000,
    "max_fragments": 16,
    "compression": everywire.Deflate(threshold=1 << 20),
    "ping_interval": None,
}


@pytest.fixture(params=engines.available())
def engine(request: pytest.FixtureRequest) -> str:
    """Every engine that runs here."""
    return str(request.param)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_server(case: Case, engine: str) -> None:
    async with everywire.serve(echo, "127.0.0.1", 0, engine=engine, **LIMITS) as server:
        await asyncio.to_thread(talk_to_server, server.port, case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_client(case: Case, engine: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        uri = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(talk_to_client, listener, case))
            async with everywire.connect(uri, engine=engine, proxy=None, **LIMITS) as ws:
                await echo(ws)


async def echo(ws: everywire.WebSocket) -> None:
    """Send everything back, whatever the end."""
    try:
        async for message in ws:
            await ws.send(message)
    except everywire.ConnectionClosedError:
        pass


def talk_to_server(port: int, case: Case) -> None:
    """Be the client of one case."""
    offer = [f"Sec-WebSocket-Extensions: {case.deflate}"] if case.deflate else []
    with Peer.connect(port) as peer:
        peer.send(request(*offer))
        answer = peer.answer()
        assert (answer.status, answer.fields["sec-websocket-accept"]) == (101, accept("dGhlIHNhbXBsZSBub25jZQ=="))
        assert answer.fields.get("sec-websocket-extensions") == (case.deflate or None)
        talk(peer, case, MASK)
        assert peer.rest() == b"", "nothing may follow the close frame"  # and the server closes first (7.1.1)


def talk_to_client(listener: socket.socket, case: Case) -> None:
    """Be the server of one case."""
    sock, _ = listener.accept()
    with Peer(sock) as peer:
        head = peer.until(b"\r\n\r\n")
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {accept(offered_key(head))}")
        if case.deflate:
            lines.append(f"Sec-WebSocket-Extensions: {case.deflate}")
        peer.send("\r\n".join([*lines, "", ""]).encode())
        talk(peer, case, None)
        peer.sock.shutdown(socket.SHUT_WR)
        assert peer.rest() == b"", "nothing may follow the close frame"


def talk(peer: Peer, case: Case, key: bytes | None) -> None:
    """Say everything at once, with a normal close at the end, and compare what is heard."""
    said = b"".join(unfinished(one, key) if isinstance(one, bytes) else frame(one[0], one[1], key) for one in case.says)
    peer.send(said + close_frame(1000, key=key))
    heard = list(peer.frames())
    close = heard.pop() if heard else None
    assert tuple(heard) == case.hears
    assert close is not None
    assert close[0] == FIN | CLOSE
    assert (int.from_bytes(close[1][:2], "big") if close[1] else None) == case.code


def unfinished(said: bytes, key: bytes | None) -> bytes:
    """`head:SIZE:PAYLOAD`: a text frame that announces SIZE bytes and breaks off."""
    _, size, payload = said.split(b":", 2)
    whole = frame(FIN | TEXT, payload.ljust(int(size), b"."), key)
    return whole[: len(whole) - int(size) + len(payload)]


async def test_every_octet_by_itself(engine: str) -> None:
    """The handshake and a conversation, in pieces of one octet."""
    said = request() + frame(TEXT, GREEK[:3]) + frame(FIN | PING, b"p") + frame(FIN, GREEK[3:]) + close_frame(1000)
    async with everywire.serve(echo, "127.0.0.1", 0, engine=engine, **LIMITS) as server:
        heard = await asyncio.to_thread(octets, server.port, said)
    assert heard == [(FIN | PONG, b"p"), text(GREEK), NORMAL]


def octets(port: int, said: bytes) -> list[Frame]:
    """Say it octet by octet."""
    with Peer.connect(port) as peer:
        peer.send(*(said[i : i + 1] for i in range(len(said))))
        assert peer.answer().status == 101
        return list(peer.frames())
