"""What is kept of a request whose connection may be gone."""

from __future__ import annotations

from everywire.http.request import Request

__all__ = ["remembered"]


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
    copy.user = request.user
    copy.facts = _Facts(request)
    return copy
