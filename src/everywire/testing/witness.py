"""What the real client's application sees of a channel, written down for the checker."""

from __future__ import annotations

from typing import Any

from everywire.client.hub import Client, HistoryLost, Publication, Subscription
from everywire.messages import Position
from everywire.testing.checker import Log, Mark, Seen

__all__ = ["Witness"]


class Witness:
    """Follows `channel` as an application does. Publications are expected to carry {"sender", "number"} as data.

    Invariants: the log holds what was handed on, in its order; a `Mark` stands where the client said that its view begins anew.
    """

    def __init__(self, client: Client, name: str, channel: str, **how: Any) -> None:
        self.log = Log(name)
        self._begun = False
        self.subscription: Subscription[Any] = client.subscribe(
            channel, on_publication=self._see, on_lost=self._lose, **how
        )

    async def ready(self) -> None:
        """Wait until it follows."""
        await self.subscription.ready()
        self.settle()

    def settle(self) -> None:
        """Say where it is, if nothing was seen since its view began."""
        position = self.subscription.position
        if not self._begun and position is not None:
            self._begin(position)

    def _begin(self, position: Position) -> None:
        self._begun = True
        self.log.entries.append(Mark(position))

    def _see(self, publication: Publication[Any]) -> None:
        position = self.subscription.position
        if position is None or publication.offset is None:
            return
        if not self._begun:
            self._begin(Position(position.epoch, publication.offset - 1))
        data = publication.data
        self.log.entries.append(Seen(position, data["sender"], data["number"]))

    def _lose(self, lost: HistoryLost) -> None:
        self._begun = False
