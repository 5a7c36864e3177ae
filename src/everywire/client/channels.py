"""The channels that a client follows: who asked for what, over every connection."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from everywire.client import wire
from everywire.client.backoff import Backoff
from everywire.client.callbacks import shielded
from everywire.client.following import Following
from everywire.client.requests import refusal
from everywire.client.subscription import Host, State, Subscription
from everywire.client.wire import Position
from everywire.errors import Refused
from everywire.wildcards import Patterns, wild

__all__ = ["Channels", "Speaker"]

Change: TypeAlias = wire.Joined | wire.Left | wire.Moved | wire.Unsubscribed | wire.Passed | wire.Roster

_NOT_SUBSCRIBED = 106


class Speaker(Host, Protocol):
    """What the channels ask of their client."""

    @property
    def ready(self) -> bool: ...

    def tell(self, **command: Any) -> int: ...


class Channels:
    """The subscriptions by channel.

    `began(subscription)` is told of what the server subscribed us to, and nobody here had asked for.

    Invariants: one subscription per channel; `_asked` holds who asked a question that is not answered over this connection; `_unclaimed` those that only the
    server wanted.
    """

    def __init__(
        self, speaker: Speaker, dice: random.Random, began: Callable[[Subscription[Any]], object] | None = None
    ) -> None:
        self._speaker = speaker
        self._dice = dice
        self._began = began
        self._all: dict[str, Subscription[Any]] = {}
        self._wild = Patterns()
        self._unclaimed: set[str] = set()
        self._offered: dict[
            str, wire.Subscribed
        ] = {}  # what the server began on this connection, while we ask ourselves
        self._asked: dict[int, Subscription[Any]] = {}
        self._retries: dict[Subscription[Any], Backoff] = {}
        self._left: set[str] = (
            set()
        )  # left, and no link was there to say so, or to hear it answered: a resumed session may hold them
        self._leaving: dict[int, str] = {}  # by the number of the command that says so

    @property
    def positions(self) -> dict[str, Position]:
        """The position in each channel that has one."""
        found = {name: each.position for name, each in self._all.items()}
        return {name: position for name, position in found.items() if position is not None}

    @property
    def all(self) -> dict[str, Subscription[Any]]:
        """The subscriptions by channel."""
        return self._all

    def add(self, channel: str, following: Following) -> Subscription[Any]:
        """Follow `channel`, or take over what the server began; ValueError where it is followed already."""
        if channel in self._unclaimed:
            self._unclaimed.discard(channel)
            self._all[channel].adopt(following)
            return self._all[channel]
        if channel in self._all:
            raise ValueError(f"{channel} is followed already")
        subscription = self._enter(channel, following)
        self.follow(subscription)
        return subscription

    def _enter(self, channel: str, following: Following) -> Subscription[Any]:
        subscription = self._all[channel] = Subscription(self._speaker, channel, following)
        if wild(channel):
            self._wild.add(channel)
        return subscription

    def _leave(self, channel: str) -> Subscription[Any] | None:
        self._wild.discard(channel)
        self._unclaimed.discard(channel)
        subscription = self._all.pop(channel, None)
        if subscription is not None:
            self._retries.pop(subscription, None)
        return subscription

    def drop(self, channel: str) -> None:
        """Follow `channel` no longer."""
        subscription = self._leave(channel)
        if subscription is None:
            return
        subscription.end()
        if self._speaker.ready:
            self._say_left(channel)
        else:
            self._left.add(channel)

    def _say_left(self, channel: str) -> None:
        self._leaving[self._speaker.tell(type="unsubscribe", channel=channel)] = channel

    def follow(self, subscription: Subscription[Any]) -> None:
        """Ask for a subscription's channel, from its position; at the next welcome where there is no connection."""
        if self._speaker.ready:
            subscription.asked = self._speaker.tell(**subscription.command())
            self._asked[subscription.asked] = subscription

    # Connections come and go.

    def welcomed(self, event: wire.Connected) -> None:
        """Ask for everything again; of what only the server wanted, for what it still wants."""
        if event.resumed:
            for channel in self._left - self._all.keys():
                self._say_left(channel)
        else:
            for channel in self._unclaimed - set(event.channels):
                if (subscription := self._leave(channel)) is not None:
                    subscription.end(Refused("the server ended it", _NOT_SUBSCRIBED))
        self._left.clear()
        for subscription in self._all.values():
            self.follow(subscription)

    def lost(self) -> None:
        """The connection is gone."""
        self._left.update(self._leaving.values())
        self._leaving.clear()
        self._asked.clear()
        self._offered.clear()
        for subscription in self._all.values():
            subscription.link_lost()

    def end(self, error: Exception | None) -> None:
        """End every subscription."""
        for subscription in self._all.values():
            subscription.end(error)
        self._all.clear()

    # What the server says.

    def published(self, event: wire.Publishing) -> None:
        """A publication comes."""
        if (subscription := self._all.get(event.channel)) is not None:
            subscription.published(event)
        if event.delta is not None:
            return  # it builds on what the channel's own subscription was told; by wildcards it comes whole
        for pattern in self._wild.matching(event.channel):
            if (subscription := self._all.get(pattern)) is not None:
                subscription.published(event)

    def answered(self, event: wire.Subscribed) -> None:
        """The server agrees, or begins by itself."""
        if event.id is None:
            self._offer(event)
        elif (subscription := self._asker(event.id, more=event.more == "follows")) is not None:
            self._retries.pop(subscription, None)
            subscription.answered(event)

    def _offer(self, event: wire.Subscribed) -> None:
        """The server begins a subscription, in this session or in the one we resumed."""
        subscription = self._all.get(event.channel)
        if subscription is None:
            subscription = self._enter(event.channel, Following())
            self._unclaimed.add(event.channel)
            subscription.answered(event)
            if self._began is not None:
                shielded("on_subscribed", self._began, subscription)
        elif subscription in self._asked.values():
            self._offered[event.channel] = event  # our own question is answered yet: by what was missed, or by 105
        elif subscription.position is None:
            subscription.answered(event)
        else:
            self.follow(subscription)  # we know more than the server, which does not know our position

    def changed(self, event: Change) -> None:
        """Something else happens in a channel."""
        if isinstance(event, wire.Unsubscribed) and event.id is not None:
            self._leaving.pop(event.id, None)
            return
        subscription = self._all.get(event.channel)
        if subscription is None:
            return
        match event:
            case wire.Passed():
                subscription.passed(event)
            case wire.Joined(member=member):
                subscription.joined(member)
            case wire.Left(member=member):
                subscription.left(member)
            case wire.Roster(members=members):
                subscription.told(members)
            case wire.Moved():
                subscription.moved()
            case wire.Unsubscribed(reason=reason):
                self._leave(event.channel)
                subscription.end(Refused(reason, _NOT_SUBSCRIBED))

    def failed(self, error: wire.Failed) -> bool:
        """Take a refusal; false where it is of no question of ours."""
        if error.id not in self._asked:
            return self._leaving.pop(error.id, None) is not None  # it was not there any more
        subscription = self._asker(error.id)
        if subscription is None:
            return True
        offered = self._offered.pop(subscription.channel, None)
        if offered is not None and not error.temporary:
            subscription.answered(offered)  # the server wants us there, though we may not ask; or did it twice
        elif error.temporary:
            backoff = self._retries.setdefault(subscription, Backoff(self._dice.random))
            asyncio.get_running_loop().call_later(backoff.next(), self._again, subscription, error.id)
        else:
            self._leave(subscription.channel)
            subscription.end(refusal(error))
        return True

    def _asker(self, number: int, *, more: bool = False) -> Subscription[Any] | None:
        """Give who asked: an older question's answer would confuse a position. With `more` another answer follows."""
        subscription = self._asked.get(number) if more else self._asked.pop(number, None)
        if subscription is None or subscription.asked != number or subscription.state is State.UNSUBSCRIBED:
            return None
        return subscription

    def _again(self, subscription: Subscription[Any], asked: int) -> None:
        if subscription.asked == asked and subscription.state is State.SUBSCRIBING:
            self.follow(subscription)
