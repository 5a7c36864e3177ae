"""The opening handshake under the fuzzer: whatever the bytes and the headers say, it is accepted or refused, never a crash.

An input whose first byte has its highest bit set is what a client sends, to be read whole and in pieces; any other is a list of header fields.
"""

from __future__ import annotations

import sys
from typing import Any

import atheris

with atheris.instrument_imports(include=["everywire"]):
    from everywire.errors import AbortHandshake, HandshakeError
    from everywire.http.head import BadRequest, HeadLimits, RequestReader
    from everywire.http.request import Headers, Request, Response
    from everywire.ws import handshake
    from everywire.ws.deflate import Deflate

from fuzz import judge

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
DEFLATE = Deflate()
# Bits of the first byte: headers that are there and right, unless the input brings its own.
USUAL = (
    ("Host", "example.com"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", KEY),
    ("Sec-WebSocket-Accept", handshake.accept_key(KEY)),
)
# A first byte of a line stands for a whole name, so that the fuzzer need not spell it.
NAMES = (
    "Host Upgrade Connection Sec-WebSocket-Version Sec-WebSocket-Key Sec-WebSocket-Accept Sec-WebSocket-Extensions "
    "Sec-WebSocket-Protocol Origin Cookie Content-Length Transfer-Encoding"
).split()


def headers(data: bytes) -> Headers:
    """Read an input: a byte of flags, then lines `name:value`, in Latin-1 as they come from the wire."""
    flags, lines = data[:1] or b"\0", data[1:].split(b"\n")
    fields = [field for bit, field in enumerate(USUAL) if flags[0] >> bit & 1]
    for line in lines:
        text = line.decode("latin-1")
        if text and ord(text[0]) < len(NAMES):
            fields.append((NAMES[ord(text[0])], text[1:]))
        elif ":" in text:
            name, _, value = text.partition(":")
            fields.append((name, value))
    return Headers(fields)


def one_input(data: bytes) -> None:
    """Try one input; any other exception than a refusal is a finding."""
    if data[:1] >= b"\x80":
        as_bytes(data[2:], data[1:2])
        return
    fields = headers(data)
    as_server(fields)
    as_client(fields)


def as_bytes(wire: bytes, seed: bytes) -> None:
    """Read a client's bytes whole and in pieces: the same requests, the same refusal."""
    whole = requests([wire])
    cut = requests(judge.pieces(wire, seed[0] if seed else 0))
    if whole != cut:
        raise judge.Finding(f"whole and in pieces differ:\n  {whole}\n  {cut}")


def requests(pieces: list[bytes]) -> list[Any]:
    """The requests in the bytes, and at last the status that refuses the rest."""
    reader, found = RequestReader(HeadLimits(head=512, fields=8, body=64)), []
    try:
        for piece in pieces:
            request = reader.feed(piece)
            while request is not None:
                found.append((request.method, request.target, list(request.headers), bytes(request.body)))
                assert len(request.headers) <= 8 and len(request.body) <= 64, request
                rest, reader.rest = reader.rest, b""
                request = reader.feed(rest) if rest else None
            if len(reader.rest) > 512:
                raise judge.Finding(f"{len(reader.rest)} bytes of a head are kept")
    except BadRequest as refusal:
        found.append(refusal.status >= 400)
    return found


def as_server(fields: Headers) -> None:
    """Judge the headers as a request's, answer it where it is right."""
    request = Request("GET", "/?q", fields)
    try:
        key = handshake.check_request(request)
        handshake.check_origin(request, None)
        handshake.check_origin(request, ["https://example.com", None])
        protocols = handshake.parse_protocols(fields.get_all("sec-websocket-protocol"))
        deflate = handshake.choose_deflate(fields, DEFLATE)
    except (AbortHandshake, HandshakeError) as refusal:
        assert refusal.status is None or 400 <= refusal.status < 600, refusal
        return
    upgrade = handshake.Upgrade(protocols[0] if protocols else None, deflate)
    lines = handshake.answer(key, upgrade).decode("ascii").split("\r\n")
    assert all(line.isprintable() for line in lines), lines  # nothing of the peer's may split or colour our answer
    assert len(lines) == 6 + (upgrade.subprotocol is not None) + (deflate is not None), lines


def as_client(fields: Headers) -> None:
    """Judge the headers as a response's."""
    try:
        upgrade = handshake.check_response(Response(101, headers=fields), KEY, protocols=["chat"], deflate=DEFLATE)
    except HandshakeError:
        return
    assert upgrade.subprotocol in (None, "chat")


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
