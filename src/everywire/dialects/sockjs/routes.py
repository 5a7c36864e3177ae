"""Which session and which transport a request below SockJS's path is for, and what is offered there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["FRAME_PAGE", "Offer", "Route", "route"]

FRAME_PAGE = re.compile(r"iframe[0-9a-z._-]*\.html")
_LONGEST = 128  # characters of a session's name

CLIENT = "https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a server of SockJS offers, and its figures.

    `websocket`: WebSockets, too. `cookie`: a balancer that keeps clients by JSESSIONID is told so. `client_url` is the address of the script that
    pages in frames fetch. `response_limit` is how many bytes a streamed body may have, `disconnect_delay` for how many seconds a session outlives its
    last receiver, `max_payload` how many bytes a body has that brings messages.
    """

    websocket: bool = True
    cookie: bool = False
    client_url: str = CLIENT
    response_limit: int = 128 * 1024
    disconnect_delay: float = 5.0
    max_payload: int = 1_000_000


class Route(NamedTuple):
    """A transport of a session; the server's part of the address is for balancers alone."""

    session: str
    transport: str


def route(below: str) -> Route | None:
    """Read `server/session/transport`; None for another number of parts, empty ones, and dots in the first two."""
    parts = below.split("/")
    if len(parts) != 3 or not all(parts) or "." in parts[0] + parts[1] or len(parts[1]) > _LONGEST:
        return None
    return Route(parts[1], parts[2])
