"""A request that another process answers, over the very connection that it came by."""

from __future__ import annotations

from collections.abc import Callable

from everywire.http.request import Response

__all__ = ["Handed"]


class Handed:
    """An answer that somebody else gives: `give(descriptor, read)` hands over the connection's socket, with the bytes that were read of it.

    `give` says whether they were taken, all of them; the descriptor stays the caller's, to be closed. Where the socket cannot be given (there is TLS on
    it, it carries several streams, an answer is still to leave), or nobody takes it, `refusal` is the answer.
    """

    __slots__ = ("give", "refusal")

    def __init__(self, give: Callable[[int, bytes], bool], refusal: Response) -> None:
        self.give = give
        self.refusal = refusal
