"""The seeds: inputs from which the fuzzer starts, made by script so that no binary files are kept."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

FRAMES, COMPRESSED, TAKEOVER = 32, 8, 16
MASKS = (b"\0\0\0\0", b"\x37\xfa\x21\x3d")


def write(folder: Path, target: str) -> None:
    """Write the seeds of one target into a folder, which is also where the fuzzer adds what it finds."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in OTHERS.get(target, decoder_seeds)():
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


def decoder_seeds() -> Iterator[bytes]:
    """Every kind of frame and of fault, in both roles, as a list of frames and raw."""
    for flags in range(8):  # roles and limits
        for mask in MASKS:
            for frames in frame_lists():
                body = b"".join(bytes((first, len(payload))) + payload for first, payload in frames)
                for more in (0, COMPRESSED, COMPRESSED | TAKEOVER):
                    yield bytes((flags | FRAMES | more, len(body) % 7)) + mask + body
        for wire in raw_wires():
            yield bytes((flags, len(wire) % 5)) + MASKS[0] + wire


def frame_lists() -> Iterator[list[tuple[int, bytes]]]:
    """Conversations as lists of (first byte, payload)."""
    text = "Grüße, κόσμε \U0001f642".encode()
    yield [(0x81, b"hello")]
    yield [(0x82, bytes(range(126)))]
    yield [(0x81, text), (0x89, b"ping"), (0x8A, b"pong"), (0x88, b"\x03\xe8bye")]
    yield [(0x01, text[:4]), (0x89, b""), (0x00, text[4:9]), (0x80, text[9:])]
    yield [(0x02, b"")] + [(0x00, b"")] * 8 + [(0x80, b"")]
    yield [(0x81, b"\xed\xa0\x80")]
    yield [(0x01, b"\xf0\x9f"), (0x80, b"\x99\x82")]
    yield [(0x88, b"")]
    yield [(0x88, b"\x03")]
    for code in (999, 1004, 1005, 1006, 1012, 1015, 1016, 2999, 3000, 4999, 5000, 65535):
        yield [(0x88, code.to_bytes(2, "big"))]
    for first in (0x83, 0x87, 0x8B, 0x8F, 0x09, 0x08, 0x80, 0x91, 0xA1, 0xC1, 0xC9, 0xF2):
        yield [(first, b"x"), (0x81, b"y")]
    packed = deflated(text * 9)
    yield [(0xC1, packed)]
    yield [(0x41, packed[:5]), (0x89, b""), (0x80, packed[5:])]
    yield [(0xC2, deflated(bytes(9000)))] * 2
    yield [(0xC1, b"\x03\x00")]
    yield [(0xC1, b"\x01\x00\x00\xff\xff")]
    yield [(0xC1, b"\xff\xff")]


def raw_wires() -> Iterator[bytes]:
    """Headers that no list of frames can say."""
    for first in (0x81, 0x82, 0x88, 0x89):
        for second in (0x7E, 0x7F, 0xFE, 0xFF):
            for length in (0, 125, 126, 65535, 65536, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63):
                size = 2 if second & 1 == 0 else 8
                yield bytes((first, second)) + (length & ((1 << 8 * size) - 1)).to_bytes(size, "big") + b"\0\0\0\0abc"


def deflated(data: bytes) -> bytes:
    """One compressed message, as RFC 7692 7.2.1 makes it."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    return (stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def handshake_seeds() -> Iterator[bytes]:
    """Headers that are right, wrong and strange (the first byte of a line is an index into `handshake_fuzz.NAMES`), and requests as bytes."""
    for head in (
        b"Host: a\r\n",
        b"Host: a\r\nX: y\r\nX : z\r\n",
        b"\r\nHost: a\r\n",
        b"Host: a\nX: y\r\n",
        b"Host: a\r\n b\r\n",
    ):
        for first in (
            b"GET / HTTP/1.1\r\n",
            b"\r\nPOST /a?b HTTP/1.1\r\nContent-Length: 3\r\n",
            b"GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        ):
            yield b"\x80\x05" + (first + head + b"\r\nabc") * 2
        yield (
            b"\x80\x03POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
            + head
            + b"\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        )
    extensions = (
        b"permessage-deflate",
        b"permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate",
        b"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        b'permessage-deflate; server_max_window_bits="9"; x="y z"',
        b"constructor, __proto__; a=b; a=c",
        b"permessage-deflate; server_max_window_bits=99; client_max_window_bits=08",
    )
    for flags in (0, 0x1F, 0x3F, 0x26):
        for value in extensions:
            yield bytes((flags, 6)) + value
        yield bytes((flags, 7)) + b"chat, superchat\n\x07a\x80\xff\n\x08null\n\x09a=b; c"
        yield bytes((flags, 8)) + b"https://evil.example\n\x09sid=1\n\x00example.com:443"
        yield bytes((flags, 10)) + b"0\n\x0bchunked\n\x04AAAA\nX-Y: z"
        yield bytes((flags, 1)) + b"h2c, WebSocket\n\x02keep-alive , upgrade\n\x0313\n\x038"


def request_seeds() -> Iterator[bytes]:
    """Requests with bodies of every framing, right and wrong, one after another."""
    host = b"Host: a\r\n"
    upgrade = b"Connection: Upgrade\r\nUpgrade: x\r\n"
    chunks = b"Transfer-Encoding: chunked\r\n"
    framed = (
        (b"", b""),
        (b"Content-Length: 5\r\n", b"hello"),
        (b"Content-Length: 5\r\nExpect: 100-continue\r\n", b"hello"),
        (chunks, b"3;x=y\r\nabc\r\n0\r\n\r\n"),
        (chunks, b"2\r\n\n\r\r\n1\r\nc\r\n0\r\nX: y\r\nHost: b\r\n\r\n"),
        (chunks + b"Content-Length: 5\r\n", b"0\r\n\r\n"),
        (b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
        (b"Content-Length: 1\r\nContent-Length: 1\r\n", b"x"),
    )
    for first in (b"POST /a HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n", b"CONNECT a:1 HTTP/1.1\r\n", b"HEAD /b HTTP/1.1\r\n"):
        for more in (b"", upgrade, b"Connection: close\r\n"):
            for fields, body in framed:
                yield (
                    b"\x03"
                    + (first + host + more + fields + b"\r\n" + body) * 2
                    + b"GET / HTTP/1.1\r\n"
                    + host
                    + b"\r\n"
                )


_AT = {"epoch": "e", "offset": 1}
_FIELDS = {
    "channel": "room",
    "data": {"a": [1, 2.5, None, "x"]},
    "token": "t",
    "since": _AT,
    "before": _AT,
    "rewind": 3,
    "policy": {"kind": "latest", "interval": 100},
    "pages": 2,
    "entry": "e",
    "to": {"user": "ann"},
    "exclude": ["s"],
    "name": "f",
    "timeout": 10,
    "credit": 3,
    "count": 1,
    "call": 1,
    "error": {"code": 107, "reason": "no"},
}


def command_seeds() -> Iterator[bytes]:
    """Commands of every kind, in both notations."""
    import msgspec

    kinds = "connect refresh subscribe policy unsubscribe publish history entries presence call item end credit cancel answer ping pong leave"
    for kind in kinds.split():
        for said in (
            {"type": kind, "id": 1},
            {"type": kind, "id": 1, **_FIELDS},
            [{"type": kind, "id": 2, **_FIELDS}, {"type": kind, "id": "x"}],
        ):
            yield b"\0" + msgspec.json.encode(said)
            yield b"\1" + msgspec.msgpack.encode(said)
    for text in (
        b"[" * 100,
        b'{"type":"ping","id":1e400}',
        b'{"type":"ping","id":"\\ud800"}',
        b"[]",
        b"\xff",
        b'{"a":{"__proto__":1}}',
    ):
        yield b"\0" + text
        yield b"\1" + text


def socketio_seeds() -> Iterator[bytes]:
    """Messages of Socket.IO clients with both parsers, each packet behind those that connect."""
    import msgspec

    place = '{"_placeholder":true,"num":0}'
    connect = b'\x0040{"token":"t","info":{"a":1},"pid":"p"}\xfe\x0040/a,\xfe'
    for text in (
        '42["f",{"a":1}]',
        '42/a,7["f",1,"x",null,[1.5]]',
        '42["everywire:publish",{"channel":"c","data":[1],"key":"k"}]',
        '42["everywire:subscribe",{"channel":"c","since":{"epoch":"e","offset":3}}]',
        '42["f",{"event":"g","args":[1,{"a":[2]}]}]',
        "435[1]",
        "41/a,",
        "42[5]",
    ):
        yield connect + b"\0" + text.encode() + b"\xfe\x003\xfe"
    yield connect + f'\x00451-3["f",{place},{{"a":1}}]'.encode() + b"\xfe\1binary\xfe"
    yield connect + f'\x00461-3[{{"event":null,"args":[{place}]}}]'.encode() + b"\xfe\1binary\xfe"
    packed = [
        {"type": 0, "nsp": "/", "data": {"token": "t"}},
        {"type": 2, "nsp": "/", "data": ["f", {"a": b"b"}], "id": 3},
        {"type": 2, "nsp": "/", "data": ["f", {"_placeholder": True, "num": 0}, b"b"]},
        {"type": 3, "nsp": "/", "data": [{"event": None, "args": [b"b", 1]}], "id": 3},
        {"type": 1, "nsp": "/"},
    ]
    yield b"\xfe".join(b"\1" + msgspec.msgpack.encode(each) for each in packed)


def signalr_seeds() -> Iterator[bytes]:
    """Messages of SignalR's clients in both protocols, whole and cut."""
    import msgspec

    from everywire.dialects.signalr.framing import with_length

    channel = {"channel": "c", "data": [1], "since": {"epoch": "e", "offset": 3}}
    said = [
        ({"type": 1, "invocationId": "1", "target": "f", "arguments": [{"a": 1}]}, [1, {}, "1", "f", [{"a": b"b"}]]),
        ({"type": 1, "target": "f", "arguments": [], "streamIds": ["2"]}, [1, {}, None, "f", [], ["2"]]),
        ({"type": 2, "invocationId": "2", "item": 1.5}, [2, {}, "2", 1.5]),
        ({"type": 3, "invocationId": "2", "error": "no"}, [3, {}, "2", 1, "no"]),
        ({"type": 3, "invocationId": "c1", "result": [None]}, [3, {}, "c1", 3, [None]]),
        ({"type": 4, "invocationId": "3", "target": "g", "arguments": ["x"]}, [4, {}, "3", "g", ["x"], []]),
        ({"type": 5, "invocationId": "3"}, [5, {}, "3"]),
        ({"type": 6}, [6]),
        ({"type": 8, "sequenceId": 1}, [8, 1]),
        ({"type": 9, "sequenceId": 2}, [9, 2]),
        ({"type": 12, "target": 5}, [12, "x"]),
        *(
            (
                {"type": 1, "target": f"everywire:{name}", "arguments": [channel]},
                [1, {}, "4", f"everywire:{name}", [channel]],
            )
            for name in ("subscribe", "publish", "history", "presence")
        ),
        ({"type": 7, "allowReconnect": True}, [7, None, True]),
    ]
    texts = [msgspec.json.encode(text) + b"\x1e" for text, _ in said]
    packed = [with_length(msgspec.msgpack.encode(items)) for _, items in said]
    for flags in (0, 2, 4):
        for messages in (texts, packed):
            kind = bytes((flags | (messages is packed),))
            yield kind + b"".join(messages)
            yield kind + b"\xfe".join(messages)
            yield from (kind + each for each in messages)


def sockjs_seeds() -> Iterator[bytes]:
    """What SockJS's clients ask for, what bodies and messages they send."""
    said = b'["a","\\ud83d\\ude00","\\ud83d","</script>","\\u2028"]'
    for choice, target in (
        (0, b"/info"),
        (2, b"/000/abc/xhr"),
        (0, b"/iframe-1.html?t=2"),
        (0x80, b"/000/abc/websocket"),
        (0, b"/000/abc/jsonp?c=cb"),
        (0, b"/000/abc/htmlfile?c=%3Cscript%3E"),
        (1, b"/000/abc/xhr_streaming"),
    ):
        yield bytes((choice,)) + target + b"\xfe" + b"\xfe" + said
    yield b"\1/000/abc/xhr_send\xfe" + said + b'\xfe"alone"'
    yield b"\x41/000/abc/jsonp_send\xfed=%5B%22x%22%5D\xfe[]"


def line_seeds() -> Iterator[bytes]:
    """Lives of lines, in steps of three bytes."""
    opened, said, poll, stream = b"\0\2\0", b"\1\x10\3", b"\3\0\0", b"\x13\0\0"
    yield opened + said + poll + b"\5\2\0" + poll
    yield opened + stream + said + b"\1\x30\3" + b"\1\x20\3" + b"\6\x48\0" + b"\5\5\0"
    yield opened + b"\3\0\x22" + said * 3 + b"\5\3\0" + b"\7\6\2" + poll
    yield b"\7\1\0" + b"\7\0\1" * 3 + b"\6\xfe\0" + b"\7\0\1" * 3 + b"\5\5\0"
    yield opened * 5 + b"\2\x10\4" * 4 + stream + poll + stream


def broker_seeds() -> Iterator[bytes]:
    """Frames of questions, answers and news, whole and as items."""
    from everywire.brokers.local.wire import CALLS, frame, item

    for end in (b"\3", b"\x83"):
        for number in range(len(CALLS)):
            for body in (
                [],
                ["room"],
                ["room", [None, 5, False, None, None, None], [10, 60.0]],
                ["room", {}, {}],
                [["a", "b"]],
            ):
                yield end + b"\0" + frame([item(1, number, body), item(2, number, body)])
                yield end + b"\1" + item(1, number, body)
        for kind in range(9):
            for body in (None, "worker", ["room", "e", 1], {"channel": "room"}):
                yield end + b"\0" + frame([item(0, kind, body)])
        yield end + b"\0" + frame([item(1, 1, ["no", 107, True])]) + b"\xff\xff\xff\xff"


OTHERS = {
    "handshake": handshake_seeds,
    "requests": request_seeds,
    "commands": command_seeds,
    "socketio": socketio_seeds,
    "signalr": signalr_seeds,
    "sockjs": sockjs_seeds,
    "lines": line_seeds,
    "broker": broker_seeds,
}
