"""What an application says to its clients while it runs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable
from typing import Any

from everywire.app.threads import started
from everywire.brokers.base import Draft, Receipt
from everywire.hub.asking import Question, ask, local
from everywire.hub.hub import Hub
from everywire.hub.shapes import encode

__all__ = ["Speaking"]


class Speaking:
    """The speaking half of an application."""

    @property
    @abstractmethod
    def hub(self) -> Hub:
        """The running hub; raises `EverywireError` before the start."""

    def publish(
        self, channel: str, data: Any, *, key: str | None = None, ephemeral: bool = False
    ) -> Awaitable[Receipt]:
        """Publish `data`, anything that JSON can say (bytes, too), in the server's own name.

        It is on its way when this returns; awaiting the result waits until it is in the log, and gives
        its place there. Raises `Refused` for a name that no kind of channel has, and for data that is not
        what the channel carries; `TypeError` for data that cannot be said.

        It may be called from anywhere: a handler, a route, another thread. What another thread gets has a `result(timeout)`, too,
        which waits there.
        """
        hub = self.hub
        draft = Draft(encode(data), hub.world.wall(), None, f"s\n{key}" if key is not None else None)
        place = hub.place(channel)
        return started(hub.world, lambda: hub.publish(place, draft, ephemeral=ephemeral))

    async def call(
        self, session: str, name: str, data: Any = None, *, timeout: float | None = None, returns: Any = Any
    ) -> Any:
        """Call the handler `name` of the client of a session on this node, and give what it answers, read as `returns`.

        Raises what `Caller.call` raises; `SessionGone` for a session that is not here.
        """
        hub = self.hub
        return await ask(hub, local(hub, session), Question(name, data, timeout, returns))
