"""Having the application learn who comes and goes: at least once, in order, usually on one node."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from everywire.brokers.base import Occurrence
from everywire.hub.channels.channel import Subscription
from everywire.hub.world import pause, settled
from everywire.messages import Member

if TYPE_CHECKING:
    from everywire.hub.hooks import Hooks
    from everywire.hub.hub import Hub
    from everywire.hub.kinds import ChannelKind

__all__ = ["Change", "ChangeHook", "ChangeKind", "Changes", "told"]

_PAUSE = 0.5  # seconds before a hook that failed is tried again; twice that the next time

_log = logging.getLogger("everywire.hub")

ChangeKind: TypeAlias = Literal["join", "leave", "occupied", "vacated"]


@dataclass(frozen=True, slots=True)
class Change:
    """Who is in `channel` has changed; `params` are what its pattern took out of the name.

    `member` came or went; None where the channel has its first member now ("occupied") or none any more ("vacated"). `sequence` grows
    in each channel: who has seen a higher one there is being told again.
    """

    kind: ChangeKind
    channel: str
    params: Mapping[str, Any]
    member: Member | None
    sequence: int


ChangeHook: TypeAlias = Callable[[Change], Awaitable[None] | None]


def told(hooks: Hooks) -> list[ChannelKind]:
    """Give the kinds of channels whose changes are told to hooks; raises `ValueError` where a hook can never learn anything."""
    kinds = []
    for name, pattern in hooks.changes:
        kind = hooks.kinds.with_pattern(pattern)
        if kind is None or not kind.presence:
            close = get_close_matches(pattern, [each.pattern for each in hooks.kinds], n=1)
            cure = (
                f"did you mean {close[0]!r}?"
                if kind is None and close
                else f"declare app.channel({pattern!r}, presence=True)"
            )
            raise ValueError(f"the hook for {name} of {pattern!r} learns nothing: no such channel has presence; {cure}")
        kinds.append(kind)
    return kinds


class Changes:
    """Takes occurrences from the broker and gives them to the application's hooks.

    The broker gives each to one node, and the next of the same channel when that is done: so they come in order. A node that dies
    or loses its lease loses what it was at; another node begins that anew. A hook that fails is tried again, later and later, and
    after `change_tries` times what it was to learn is logged and dropped: others must not wait behind it for ever.

    Invariants: `_under_way` has an entry per channel that the application is learning of on this node, `max_changes` at most.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub: Final = hub
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._undone: dict[str, Occurrence] = {}
        self._looking = False
        self._again = False
        for kind in told(hub.hooks):
            kind.told = True
        if hub.hooks.changes:
            hub.places.changed, hub.places.renewed, hub.places.lapsed = self._changed, self.look, self.close
            hub.places.always()

    @property
    def pending(self) -> int:
        """How many occurrences this node has taken and not done yet."""
        return len(self._under_way.keys() | self._undone.keys())

    def look(self) -> None:
        """See whether there is something to learn."""
        self._again = True
        if not self._looking:
            self._hub.world.start(self._look())

    def close(self) -> None:
        """Let go of everything under way; another node will begin it anew."""
        under_way, self._under_way = self._under_way, {}
        self._undone.clear()
        for each in under_way.values():
            each.cancel()

    def _changed(self, subscription: Subscription) -> None:
        if subscription.channel.place.kind.told:
            self.look()

    async def _look(self) -> None:
        hub = self._hub
        self._looking = True
        try:
            for occurrence in [*self._undone.values()]:
                await self._done(occurrence)
            while self._again:
                self._again = False
                room = hub.settings.max_changes - len(self._under_way)
                taken = await hub.broker.claim(hub.node, room, hub.settings.lease) if room > 0 else ()
                for occurrence in taken:
                    self._begin(occurrence)
        except Exception:
            _log.exception("who came and went is not known yet")
        finally:
            self._looking = False

    def _begin(self, occurrence: Occurrence) -> None:
        learning = self._hub.world.start(self._learn(occurrence))
        if not learning.done():
            self._under_way[occurrence.channel] = learning
            learning.add_done_callback(lambda _: self._over(occurrence.channel, learning))
        self._again = True  # the next of this channel may be there already

    def _over(self, channel: str, learning: asyncio.Future[None]) -> None:
        if self._under_way.get(channel) is learning:
            del self._under_way[channel]
            self.look()

    async def _learn(self, occurrence: Occurrence) -> None:
        place = self._hub.hooks.kinds.find(occurrence.channel)
        hook = self._hub.hooks.changes.get((occurrence.kind, place.kind.pattern)) if place is not None else None
        if place is not None and hook is not None:
            change = Change(occurrence.kind, place.name, place.params, occurrence.member, occurrence.sequence)
            await self._tell(hook, change)
        await self._done(occurrence)

    async def _tell(self, hook: ChangeHook, change: Change) -> None:
        world, tries = self._hub.world, self._hub.settings.change_tries
        for attempt in range(tries):
            if attempt:
                await pause(world, _PAUSE * 2 ** (attempt - 1))
            try:
                await settled(world, hook(change))
            except Exception:
                _log.exception("the hook for %s of %s failed", change.kind, ascii(change.channel))
            else:
                return
        self._hub.metrics.changes_dropped += 1
        _log.error("nobody learns of %s of %s: the hook failed %d times", change.kind, ascii(change.channel), tries)

    async def _done(self, occurrence: Occurrence) -> None:
        """Let the broker forget it; while the broker cannot be told, that is said again with each look."""
        try:
            await self._hub.broker.done(self._hub.node, occurrence.channel, occurrence.sequence)
        except Exception:
            self._undone[occurrence.channel] = occurrence
            _log.exception("what was learnt of %s is not done yet", ascii(occurrence.channel))
            return
        if self._undone.get(occurrence.channel) is occurrence:
            del self._undone[occurrence.channel]
