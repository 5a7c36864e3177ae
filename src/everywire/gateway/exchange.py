"""One HTTP request with the means to answer it: which pages may make it, and read the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from everywire.dialects.base import Denial, Reply
from everywire.http.origin import Origins, cors
from everywire.http.request import Request, Response
from everywire.http.streamed import Outlet, Producer, Streamed

__all__ = ["Exchange"]

_ALWAYS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
_UNBUFFERED = (("X-Accel-Buffering", "no"),)  # or a proxy would gather events until it has a page of them


class Exchange:
    """A request that an allowed page, or no page, makes; `denial` words its refusals."""

    __slots__ = ("_fields", "denial", "request")

    def __init__(self, request: Request, origins: Origins | None, denial: Denial) -> None:
        self.request = request
        self.denial = denial
        self._fields = (*_ALWAYS, *cors(request, origins))

    def reply(self, reply: Reply, headers: Iterable[tuple[str, str]] = ()) -> Response:
        """Answer."""
        return Response(reply.status, reply.body, (*reply.headers, *self._fields, *headers))

    def deny(self, status: int, code: int, reason: str) -> Response:
        """Answer why not."""
        return self.reply(self.denial(status, code, reason))

    def whole(self, content_type: str, body: bytes) -> Response:
        """Answer by a body."""
        return Response(200, body, (("Content-Type", content_type), *self._fields))

    def stream(self, content_type: str, start: Callable[[Outlet], Producer]) -> Streamed:
        """Answer by a body that is produced over time."""
        return Streamed(200, start, (("Content-Type", content_type), *self._fields, *_UNBUFFERED))
