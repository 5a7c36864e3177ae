"""The SignalR dialect: what is served at a hub's path."""

from __future__ import annotations

from collections.abc import Callable, Collection

from everywire.dialects.base import Heartbeat, Intent, NewId
from everywire.dialects.signalr import requests
from everywire.dialects.signalr.negotiating import TRANSPORTS, Redirect
from everywire.http.request import Request

__all__ = ["SignalRDialect"]


def _nowhere(request: Request) -> Redirect | None:
    return None


class SignalRDialect:
    """What the official clients of SignalR speak, by WebSocket, by server-sent events and by long polling, at `path` with or without a slash behind it.

    `transports` are those that clients are offered, of `TRANSPORTS`. Clients that ask for it outlive the loss of a WebSocket where the hub is
    `stateful`; with `recovery` those of them that have a key are told what they missed when they come back by another line. `max_payload` is the bytes
    of a message; `max_streams`, which may be set anew, how many a client may send for one call. `redirect` is asked at each negotiation, and gives
    where the client is to go instead, or None.

    Raises `ValueError` for a transport that there is not.
    """

    name = "signalr"

    def __init__(
        self,
        path: str = "/hub",
        heartbeat: Heartbeat | None = None,
        *,
        transports: Collection[str] = tuple(TRANSPORTS),
        stateful: bool = True,
        recovery: bool = False,
        max_payload: int = 1_000_000,
        redirect: Callable[[Request], Redirect | None] = _nowhere,
    ) -> None:
        unknown = [each for each in transports if each not in TRANSPORTS]
        if unknown or not transports:
            raise ValueError(f"transports of SignalR are some of {', '.join(TRANSPORTS)}, not {list(transports)}")
        self.path = path.rstrip("/")
        self.heartbeat = heartbeat or Heartbeat(15.0, 15.0, "both")
        self.transports = frozenset(transports)
        self.stateful = stateful
        self.recovery = recovery
        self.max_payload = max_payload
        self.max_streams = 16
        self.redirect = redirect

    def accept(self, request: Request, new_id: NewId) -> Intent | None:
        """Open, carry on or refuse a line at the path."""
        place = request.path
        if place in (self.path, self.path + "/"):
            return requests.accept(request, self)
        if place == self.path + "/negotiate":
            return requests.negotiate(request, new_id, self)
        if place == self.path + "/refresh":
            return requests.refresh(request)
        return None
