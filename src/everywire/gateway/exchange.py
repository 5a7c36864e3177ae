"""One HTTP request with the means to answer it, and what is kept of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from everywire.dialects.base import Denial, Reply
from everywire.http.coding import accepted, coded
from everywire.http.origin import Pages, cors
from everywire.http.request import Request, Response
from everywire.http.streamed import Outlet, Producer, Streamed
from everywire.payloads import BodyFormat

__all__ = ["Exchange", "remembered"]

Fields: TypeAlias = tuple[tuple[str, str], ...]

_ALWAYS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
_UNBUFFERED = (("X-Accel-Buffering", "no"),)  # or a proxy would gather events until it has a page of them


def _besides(fields: Fields, usual: Fields) -> Fields:
    """Give `fields`, and of the `usual` ones those that are not among them."""
    named = [name for name, _ in fields]
    return (
        (*fields, *(field for field in usual if field[0] not in named))
        if "Cache-Control" in named
        else (*fields, *usual)
    )


class _Said:
    """The producer of a body that is over as soon as it begins."""

    __slots__ = ()

    def __init__(self, outlet: Outlet, *pieces: bytes) -> None:
        for piece in pieces:
            outlet.write(piece)
        outlet.end()

    def drained(self) -> None:
        """Leave it."""

    def gone(self) -> None:
        """Leave it."""


class Exchange:
    """A request that an allowed page, or no page, makes; `denial` words its refusals, `fields` are in the head of each answer."""

    __slots__ = ("_fields", "denial", "request")

    def __init__(self, request: Request, origins: Pages, denial: Denial, fields: Fields = ()) -> None:
        self.request = request
        self.denial = denial
        self._fields = _besides(fields, (*_ALWAYS, *cors(request, origins)))

    def reply(self, reply: Reply, headers: Iterable[tuple[str, str]] = ()) -> Response:
        """Answer."""
        return Response(reply.status, reply.body, (*_besides(reply.headers, self._fields), *headers))

    def deny(self, status: int, code: int, reason: str) -> Response:
        """Answer why not."""
        return self.reply(self.denial(status, code, reason))

    def whole(self, content_type: str, body: bytes, compress: int | None = None) -> Response:
        """Answer by a body; one of at least `compress` bytes is compressed if the client accepts that."""
        fields = (("Content-Type", content_type), *self._fields)
        if compress is not None and len(body) >= compress and (coding := accepted(self.request)) is not None:
            return Response(200, coded(body, coding), (*fields, ("Content-Encoding", coding)))
        return Response(200, body, fields)

    def stream(self, content_type: str, start: Callable[[Outlet], Producer]) -> Streamed:
        """Answer by a body that is produced over time."""
        return Streamed(200, start, (("Content-Type", content_type), *self._fields, *_UNBUFFERED))

    def farewell(self, form: BodyFormat, code: int, reason: str) -> Response | Streamed:
        """Answer by the last words of a body alone."""
        if form.one_shot:
            return self.whole(form.content_type, form.goodbye(code, reason))
        return self.stream(form.content_type, lambda outlet: _Said(outlet, form.prelude, form.goodbye(code, reason)))


class _Facts:
    """What was true of the connection that a request came by."""

    __slots__ = ("_facts",)

    def __init__(self, request: Request) -> None:
        # Not the connection itself, which would be kept for as long as the session.
        self._facts = {"peername": request.remote, "ssl_object": True if request.secure else None}

    def extra(self, name: str) -> object:
        """Tell "peername"; "ssl_object" is just True where TLS was there."""
        return self._facts.get(name)


def remembered(request: Request) -> Request:
    """Give a copy that outlives its connection, without the body."""
    copy = Request(request.method, request.target, request.headers, version=request.version)
    copy.user, copy.scope = request.user, request.scope
    copy.facts = _Facts(request)
    return copy
