"""The short way between a server of ours and an application of ours that is mounted in what it hosts."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from everywire.http.request import Request, Response
from everywire.http.streamed import Streamed
from everywire.servers.websocket import Early, Welcome

__all__ = ["NAME", "Native", "offered"]

NAME: Final = "everywire"  # of the ASGI extension


class Native:
    """What the scope of a WebSocket has as extension "everywire": `request` as it came, and who answers it may `take` that on himself.

    A WebSocket that is welcomed so is one of the server's own: no event of ASGI is made of what is said on it, and none is expected any more.
    """

    __slots__ = ("_answer", "request")

    def __init__(self, request: Request, answer: asyncio.Future[Early]) -> None:
        self.request: Final = request
        self._answer: Final = answer

    @property
    def taken(self) -> bool:
        """Whether there is an answer; an application that says nothing by events, and did not take it, has not given one."""
        return self._answer.done()

    def take(self, answer: Response | Streamed | Welcome) -> None:
        """Answer, instead of by events; nothing where the client is gone."""
        if not self._answer.done():
            self._answer.set_result(answer)
        elif isinstance(answer, Welcome) and answer.missed is not None:
            answer.missed()


def offered(scope: Any) -> Native | None:
    """Give what a server of ours offers; None where it is another's."""
    found = (scope.get("extensions") or {}).get(NAME)
    return found if isinstance(found, Native) else None
