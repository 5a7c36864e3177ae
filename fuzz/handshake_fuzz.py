"""The opening handshake under the fuzzer: whatever the headers say, it is accepted or refused, never a crash."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["everywire"]):
    from everywire.errors import AbortHandshake, HandshakeError
    from everywire.http.request import Headers, Request, Response
    from everywire.ws import handshake
    from everywire.ws.deflate import Deflate

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
    """Try one input in both roles; any other exception than a refusal is a finding."""
    fields = headers(data)
    as_server(fields)
    as_client(fields)


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
    response = handshake.answer(key, upgrade)
    for _, value in response.headers:
        assert value.isprintable() and value.isascii(), value  # nothing of the peer's may split or colour our answer


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
