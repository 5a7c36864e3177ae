"""How a channel is followed, and what may be wrong with what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

import msgspec

from everywire.client import given
from everywire.client.wire import Member, Policy, Position, Publication
from everywire.errors import EverywireError

__all__ = ["Following", "HistoryLost", "How", "Misfit"]


class HistoryLost(EverywireError):
    """What was published after `since` is gone for good: forget what was built from it. Iterating again goes on after the gap.

    `since` is None where there are no positions: in a channel with wildcards, after each reconnection and wherever an iteration was too slow.
    """

    def __init__(self, channel: str, since: Position | None) -> None:
        after = "some publications" if since is None else f"publications after offset {since.offset}"
        super().__init__(f"{channel}: {after} are lost")
        self.channel = channel
        self.since = since


class Misfit(EverywireError):
    """The data of `publication` is not of the type that was asked for. Iterating again goes on after it."""

    def __init__(self, channel: str, publication: Publication[Any], reason: str) -> None:
        super().__init__(f"{channel}: {reason}")
        self.channel = channel
        self.publication = publication


class How(TypedDict, total=False):
    """The options of `Client.subscribe`.

    rewind: how many of the latest publications are wanted where there is no position to go on from; rewind_from: instead, those from this time on, in
    milliseconds since 1970. since: a position to go on from; not for a keyed channel, whose map it would not give. policy: what becomes
    of publications that we cannot take at once. delta: have the server send differences where they are shorter. max_queue: publications that wait for an
    iteration. The callbacks are plain functions: on_publication takes the place of iterating, on_lost that of the `HistoryLost` it raises.
    """

    rewind: int
    rewind_from: int | None
    since: Position | None
    policy: Policy | None
    delta: bool
    on_publication: Callable[[Publication[Any]], object] | None
    on_join: Callable[[Member], object] | None
    on_leave: Callable[[Member], object] | None
    on_lost: Callable[[HistoryLost], object] | None
    max_queue: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How a channel is followed; see `How`. The data of its publications is of type `kind`.

    Raises TypeError for what is of another type, `ValueError` for what makes no sense.
    """

    rewind: int = 0
    rewind_from: int | None = None
    since: Position | None = None
    policy: Policy | None = None
    delta: bool = False
    on_publication: Callable[[Publication[Any]], object] | None = None
    on_join: Callable[[Member], object] | None = None
    on_leave: Callable[[Member], object] | None = None
    on_lost: Callable[[HistoryLost], object] | None = None
    max_queue: int = 1000
    kind: Any = Any

    def __post_init__(self) -> None:
        given.count("rewind", self.rewind)
        given.count("rewind_from, in milliseconds since 1970,", self.rewind_from, none=True)
        given.count("max_queue", self.max_queue, 1)
        given.choice(self.policy, self.since)
        for name in ("on_publication", "on_join", "on_leave", "on_lost"):
            given.callback(name, getattr(self, name))
        given.shape(self.kind)

    def typed(self, channel: str, publication: Publication[Any]) -> Publication[Any] | Misfit:
        """Give `publication` with its data as it was asked for."""
        if self.kind is Any or publication.removed:
            return publication
        try:
            data = msgspec.convert(publication.data, self.kind)
        except msgspec.ValidationError as error:
            return Misfit(channel, publication, str(error))
        return msgspec.structs.replace(publication, data=data)
