"""Taps: parts of this process that hear a channel, or of a queue, without being sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from everywire.brokers.base import Broker, Filled
from everywire.messages import Publication

__all__ = ["Take", "Taps"]

Take: TypeAlias = Callable[[Publication | Filled], None]


class Taps:
    """Tells each publication of a channel, and each `Filled` of a queue, to those who tapped its name, in the order in which sessions are told.

    What is lost with the link to the broker is told again only in channels that sessions here are subscribed to, too; `gaps` are called when
    something may have been.

    Invariants: a name is in `_takers` while anybody taps it, and is watched at the broker then.
    """

    def __init__(self, broker: Broker) -> None:
        self.gaps: Final[list[Callable[[], None]]] = []
        self._broker: Final = broker
        self._takers: dict[str, list[Take]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._takers

    async def open(self, name: str, take: Take) -> None:
        """Have `take` told what comes from now on; raises what the broker raises, and nothing is told then."""
        self._takers.setdefault(name, []).append(take)
        try:
            await self._broker.watch(name)
        except BaseException:
            self._forget(name, take)
            raise

    async def close(self, name: str, take: Take, *, heard: bool) -> None:
        """Have it told no more; `heard` says whether sessions here still listen to it."""
        self._forget(name, take)
        if name not in self._takers and not heard:
            await self._broker.unwatch(name)

    def _forget(self, name: str, take: Take) -> None:
        takers = self._takers.get(name, [])
        if take in takers:
            takers.remove(take)
        if not takers:
            self._takers.pop(name, None)

    def tell(self, news: Publication | Filled) -> None:
        """Tell who tapped it."""
        for take in [*self._takers.get(news.channel, ())]:
            take(news)

    def gap(self) -> None:
        """Take notice that news may have been lost."""
        for each in [*self.gaps]:
            each()
