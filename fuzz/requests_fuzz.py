"""Requests with bodies under the fuzzer: both builds and h11 read the same of them, and whoever answers them answers the same.

An input's first byte chooses where to cut, the rest is what a client sends. h11 refuses other things than we do: what both accept,
as far as both come, has to be the same, or a proxy and we would differ on where a request ends.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import atheris

with atheris.instrument_imports(include=["everywire"]):
    from everywire.engine.opening import Opening
    from everywire.http import head as native
    from everywire.http.request import Request, Response
    from everywire.ws.link import Link

import h11

from fuzz import judge
from fuzz.differential_fuzz import source_of

pure = source_of(native)
LIMITS = {"head": 512, "fields": 8, "body": 64}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Place(Link):
    """A connection and its site: keeps what is answered."""

    open_timeout, idle_timeout = 10.0, 60.0

    def __init__(self) -> None:
        super().__init__()
        self.limits = native.HeadLimits(**LIMITS)
        self.written = b""
        self.over = False
        self.put(Opening(self, SimpleNamespace(loop=None)))

    def answer(self, request: Request, engine: Any) -> Response:
        """Answer by what was asked."""
        return Response(200 if request.body else 404, f"{request.method} {request.target} {request.body!r}")

    def joined(self, opening: Opening) -> None:
        """Nothing is counted."""

    def left(self, opening: Opening) -> None:
        """Nothing is counted."""

    def write(self, data: bytes) -> None:
        """Keep it."""
        if not self.over:
            self.written += data

    def finish(self) -> None:
        """Take no more."""
        self.over = True

    def queued(self) -> int:
        """All has left."""
        return 0


def answered(pieces: list[bytes]) -> list[bytes]:
    """What a connection answers to the pieces. Whether a client waits for leave, and for which fault it is refused, may depend on where they are cut."""
    place = Place()
    for piece in pieces:
        if not place.over:
            place.above.feed(piece)
    answers = place.written.replace(_CONTINUE, b"").split(b"HTTP/1.1 ")[1:]
    return [b"the last one" if b"\r\nConnection: close\r\n" in answer else answer for answer in answers]


def read(module: Any, pieces: list[bytes]) -> list[Any]:
    """The requests that a build reads in the pieces, and at last True where it refuses the rest."""
    reader, found = module.RequestReader(module.HeadLimits(**LIMITS)), []
    try:
        for piece in pieces:
            request = reader.feed(piece)
            while request is not None:
                found.append((request.method, request.target, request.body, list(request.headers)))
                if len(request.body) > LIMITS["body"] or len(request.headers) > LIMITS["fields"]:
                    raise judge.Finding(f"a request beyond the limits: {found[-1]}")
                rest, reader.rest = reader.rest, b""
                request = reader.feed(rest) if rest else None
    except module.BadRequest:
        found.append(True)
    return found


def by_h11(wire: bytes) -> list[tuple[str, str, bytes]]:
    """The requests that h11 reads, until it refuses."""
    connection, found = h11.Connection(h11.SERVER), []
    connection.receive_data(wire)
    try:
        while True:
            request, body = connection.next_event(), b""
            if not isinstance(request, h11.Request):
                return found
            while isinstance(event := connection.next_event(), h11.Data):
                body += event.data
            if not isinstance(event, h11.EndOfMessage):
                return found
            found.append((request.method.decode("latin-1"), request.target.decode("latin-1"), body))
            connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            connection.send(h11.EndOfMessage())
            connection.start_next_cycle()
    except h11.ProtocolError:
        return found


def one_input(data: bytes) -> None:
    """Try one input; any exception but a refusal is a finding."""
    wire, pieces = data[1:], judge.pieces(data[1:], data[0] if data else 0)
    whole = read(native, [wire])
    for what, other in (
        ("pure", read(pure, [wire])),
        ("in pieces", read(native, pieces)),
        ("pure, in pieces", read(pure, pieces)),
    ):
        if other != whole:
            raise judge.Finding(f"whole and {what} differ:\n  {whole}\n  {other}")
    ours = [request[:3] for request in whole if request is not True]
    for one, two in zip(ours, by_h11(wire), strict=False):
        if one != two:
            raise judge.Finding(f"h11 reads another request:\n  {one}\n  {two}")
    if answered([wire]) != answered(pieces):
        raise judge.Finding("the answers differ with the pieces")


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
