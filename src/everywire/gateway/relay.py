"""How a request reaches the node that holds its line."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from everywire.http.request import Request, Response
from everywire.http.streamed import Streamed

__all__ = ["Answer", "Relay"]

Answer: TypeAlias = Response | Streamed


class Relay(Protocol):
    """Passes requests on to other nodes, so that no balancer needs to be sticky."""

    def takes(self, node: str) -> bool:
        """Say whether `node` is one that requests can be passed on to. `node` is what a client sent."""

    async def forward(self, node: str, request: Request, *, once: bool = False, wait: float = 0.0) -> Answer:
        """Have `node` answer `request`, whole as it came: head, target and body; 502 or 504 where it does not.

        With `once` it is sent no second time, whatever becomes of the first. The node may hold the answer back for `wait` seconds.
        The answer is cancelled when the client is gone. A response that does not end is given as a `Streamed` as soon as its head is there.
        """

    def hand(self, node: str, descriptor: int, read: bytes) -> bool:
        """Give `node` the socket of a connection, of which `read` was read: a request's head, and what followed. False where that cannot be done.

        The descriptor stays the caller's. `node` is what a client sent.
        """
