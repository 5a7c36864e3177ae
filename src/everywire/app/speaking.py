"""What an application says to its clients while it runs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable
from typing import Any

import msgspec

from everywire.app.threads import started
from everywire.brokers.base import Draft, Receipt
from everywire.errors import Refused
from everywire.hub.codes import Code
from everywire.hub.enrolling import personal
from everywire.hub.hub import Hub
from everywire.messages import Raw

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
        """Publish `data`, anything that JSON can say, in the server's own name.

        It is on its way when this returns; awaiting the result waits until it is in the log, and gives
        its place there. Raises `Refused` for a name that no kind of channel has, `TypeError` for data
        that JSON cannot say.

        It may be called from anywhere: a handler, a route, another thread. What another thread gets has a `result(timeout)`, too,
        which waits there.
        """
        hub = self.hub
        text = Raw(msgspec.json.encode(data))
        draft = Draft(text, hub.world.wall(), None, f"s\n{key}" if key is not None else None)
        place = hub.place(channel)
        return started(hub.world, lambda: hub.publish(place, draft, ephemeral=ephemeral))

    def publish_to(
        self, user: str, data: Any, *, key: str | None = None, ephemeral: bool = False
    ) -> Awaitable[Receipt]:
        """Publish `data` to the personal channel of `user`, as `publish` does; raises `Refused` where `personal` was not declared."""
        hub = self.hub
        if hub.hooks.personal is None:
            raise Refused("there are no personal channels", Code.UNKNOWN_CHANNEL)
        return self.publish(personal(hub.hooks.personal, user), data, key=key, ephemeral=ephemeral)
