"""An application as the servers of other frameworks run it: what all its exchanges share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from everywire.errors import EverywireError
from everywire.gateway import Gateway
from everywire.http.request import Request, Response
from everywire.hub.codes import Close
from everywire.hub.draining import Draining
from everywire.servers import here
from everywire.servers.asgi.http import Given, answer_http
from everywire.servers.asgi.request import Receive, Scope, Send
from everywire.servers.asgi.websocket import Opened, answer_websocket
from everywire.servers.options import Options

__all__ = ["Embedding"]

_ENDLESS = float("inf")


class Embedding:
    """Answers the scopes "http" and "websocket" of a running application, within the limits of `options`.

    Invariants: `opened` are the WebSockets that were accepted and are not over; none comes to them once it is `closing`.
    """

    def __init__(
        self,
        gateway: Gateway,
        answer: Callable[[Request], Given],
        subprotocol: Callable[[Sequence[str]], str | None],
        options: Options,
    ) -> None:
        self.gateway = gateway
        self._answer = answer
        self.subprotocol = subprotocol
        self.limits = options.head_limits
        self.open_timeout = _limit(options.open_timeout)
        self.close_timeout = _limit(options.close_timeout)
        self.max_size = _limit(options.max_size)
        self.opened: set[Opened] = set()
        self.closing = self.over = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one exchange, or carry one WebSocket."""
        match scope["type"]:
            case "http":
                await answer_http(self, scope, receive, send)
            case "websocket":
                here.set_apart()
                await answer_websocket(self, scope, receive, send)
            case other:
                raise EverywireError(f"a scope of type {other!r} is not for us")

    def answer(self, request: Request) -> Given:
        """Answer a request; None where it is to become a WebSocket."""
        if self.over or (self.closing and "websocket" in request.headers.tokens("upgrade")):
            return Response(503, "the server is going away\n", [("Retry-After", "1")])
        return self._answer(request)

    async def close(self, finish: float, refrain: Callable[[], None]) -> None:
        """Open nothing more, and `refrain`; let what is under way end for `finish` seconds, and tell every client that the server goes away."""
        self.closing = True
        refrain()
        if finish:
            await Draining(self.gateway.hub, 0, 1, finish, Close.GOING_AWAY).wait()
        self.gateway.close()
        waiting = [*self.opened]
        for each in waiting:
            each.websocket.close(Close.GOING_AWAY, "the server is going away")
        for each in waiting:
            await each.over.wait()


def _limit(value: float | None) -> float:
    return _ENDLESS if value is None else value
