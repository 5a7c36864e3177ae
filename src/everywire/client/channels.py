"""The channels that a client follows: who asked for what, over every connection."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Protocol

from everywire.client import wire
from everywire.client.backoff import Backoff
from everywire.client.requests import refusal
from everywire.client.subscription import Following, Host, State, Subscription
from everywire.client.wire import Position
from everywire.errors import Refused

__all__ = ["Channels", "Speaker"]

_NOT_SUBSCRIBED = 106


class Speaker(Host, Protocol):
    """What the channels ask of their client."""

    @property
    def ready(self) -> bool: ...

    def tell(self, **command: Any) -> int: ...


class Channels:
    """The subscriptions by channel.

    Invariants: one subscription per channel; `_asked` holds who asked a question that is not answered over this connection.
    """

    def __init__(self, speaker: Speaker, dice: random.Random) -> None:
        self._speaker = speaker
        self._dice = dice
        self._all: dict[str, Subscription] = {}
        self._asked: dict[int, Subscription] = {}
        self._retries: dict[Subscription, Backoff] = {}
        self._left: set[str] = set()  # left while no link was there to say so: a resumed session still holds them

    @property
    def positions(self) -> dict[str, Position]:
        """The position in each channel that has one."""
        found = {name: each.position for name, each in self._all.items()}
        return {name: position for name, position in found.items() if position is not None}

    def add(self, channel: str, following: Following) -> Subscription:
        """Follow `channel`; ValueError where it is followed already."""
        if channel in self._all:
            raise ValueError(f"{channel} is followed already")
        subscription = self._all[channel] = Subscription(self._speaker, channel, following)
        self.follow(subscription)
        return subscription

    def drop(self, channel: str) -> None:
        """Follow `channel` no longer."""
        subscription = self._all.pop(channel, None)
        if subscription is None:
            return
        self._retries.pop(subscription, None)
        subscription.end()
        if self._speaker.ready:
            self._speaker.tell(type="unsubscribe", channel=channel)
        else:
            self._left.add(channel)

    def follow(self, subscription: Subscription) -> None:
        """Ask for a subscription's channel, from its position; at the next welcome where there is no connection."""
        if self._speaker.ready:
            subscription.asked = self._speaker.tell(**subscription.command())
            self._asked[subscription.asked] = subscription

    # Connections come and go.

    def welcomed(self, *, resumed: bool) -> None:
        """Ask for everything again."""
        if resumed:
            for channel in self._left - self._all.keys():
                self._speaker.tell(type="unsubscribe", channel=channel)
        self._left.clear()
        for subscription in self._all.values():
            self.follow(subscription)

    def lost(self) -> None:
        """The connection is gone."""
        self._asked.clear()
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

    def answered(self, event: wire.Subscribed) -> None:
        """The server agrees."""
        if (subscription := self._asker(event.id, more=event.more == "follows")) is not None:
            self._retries.pop(subscription, None)
            subscription.answered(event)

    def changed(self, event: wire.Joined | wire.Left | wire.Moved | wire.Unsubscribed) -> None:
        """Something else happens in a channel."""
        subscription = self._all.get(event.channel)
        if subscription is None:
            return
        match event:
            case wire.Joined(member=member):
                subscription.joined(member)
            case wire.Left(member=member):
                subscription.left(member)
            case wire.Moved():
                subscription.moved()
            case wire.Unsubscribed(id=None, reason=reason):
                del self._all[event.channel]
                subscription.end(Refused(reason, _NOT_SUBSCRIBED))

    def failed(self, error: wire.Failed) -> bool:
        """Take a refusal; false where it is of no question of ours."""
        if error.id not in self._asked:
            return False
        subscription = self._asker(error.id)
        if subscription is None:
            return True
        if error.temporary:
            backoff = self._retries.setdefault(subscription, Backoff(self._dice.random))
            asyncio.get_running_loop().call_later(backoff.next(), self._again, subscription, error.id)
        else:
            self._all.pop(subscription.channel, None)
            subscription.end(refusal(error))
        return True

    def _asker(self, number: int, *, more: bool = False) -> Subscription | None:
        """Give who asked: an older question's answer would confuse a position. With `more` another answer follows."""
        subscription = self._asked.get(number) if more else self._asked.pop(number, None)
        if subscription is None or subscription.asked != number or subscription.state is State.UNSUBSCRIBED:
            return None
        return subscription

    def _again(self, subscription: Subscription, asked: int) -> None:
        if subscription.asked == asked and subscription.state is State.SUBSCRIBING:
            self.follow(subscription)
