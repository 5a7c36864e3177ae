"""Requests of who has no client: answered by a session of their own, which ends with the answer."""

from __future__ import annotations

from typing import Final

from everywire.dialects.base import Ask, Follow, Reply, Talk, Watch
from everywire.gateway.crowd import Crowd
from everywire.gateway.exchange import Exchange, remembered
from everywire.gateway.relay import Answer
from everywire.gateway.settings import HttpSettings
from everywire.http.request import Response
from everywire.http.streamed import Outlet, Producer
from everywire.hub.attachment import Attachment
from everywire.hub.codes import Close
from everywire.hub.hub import Hub
from everywire.payloads import BodyFormat, Payload
from everywire.transports.events import EventTransport

__all__ = ["Alone"]

_SOON = 5.0  # seconds within which a response begins whose client is there


class Asker:
    """Looks for the answer among what a session is told.

    Such a client cannot answer a beat. A call that it waits for is as good, as long as that has not reached its own deadline.
    """

    __slots__ = ("_hub", "_talk", "answer", "attachment")

    attachment: Attachment

    def __init__(self, hub: Hub, talk: Talk) -> None:
        self._hub = hub
        self._talk = talk
        self.answer: Reply | None = None

    def write(self, payload: Payload) -> bytes:
        """Read a payload."""
        if self.answer is None:
            self.answer = self._talk.read(payload)
        return b""

    def goodbye(self, code: int, reason: str) -> bytes:
        """Write nothing."""
        return b""

    def told(self) -> None:
        """Leave it to who waits."""
        calls = self.attachment.calls
        if calls is not None and calls.running:
            self.attachment.heard = self._hub.time

    def lost(self, code: int) -> None:
        """Leave it to who waits."""


class Watcher:
    """Keeps up one response of events: says what has to be said meanwhile, and that the client lives as long as it takes what it is told.

    Invariants: it stands in its keeper's `_watchers` until its transport is closed.
    """

    __slots__ = ("_alone", "_follow", "_form", "_taken", "address", "attachment", "transport")

    attachment: Attachment

    def __init__(self, alone: Alone, follow: Follow, form: BodyFormat, address: str | None) -> None:
        self._alone = alone
        self._follow = follow
        self._form = form
        self._taken = True
        self.address = address
        self.transport = EventTransport(alone.settings.limits, alone.hub.world.later, self)

    def write(self, payload: Payload) -> bytes:
        """Write one payload."""
        self._taken = self._taken or not self.transport.behind
        return self._follow.write(payload)

    def goodbye(self, code: int, reason: str) -> bytes:
        """Write why it ends."""
        return self._form.goodbye(code, reason)

    def told(self) -> None:
        """Say what the events have led to."""
        if self._taken:  # such a client cannot answer a beat; one that is gone takes nothing
            self._taken = False
            self.attachment.heard = self._alone.hub.time
        for command in self._follow.commands():
            self.attachment.receive(command)

    def lost(self, code: int) -> None:
        """End the session: nobody could resume it."""
        self.attachment.lost(Close.NORMAL)
        self._alone.forget(self)

    def start(self, outlet: Outlet) -> Producer:
        """Begin the body."""
        outlet.write(self._form.prelude)
        return self.transport.start(outlet)


class Alone:
    """Carries out requests that are all there is of a client, by the hub's own commands.

    Invariants: `_watchers` holds those whose transport is open.
    """

    def __init__(self, hub: Hub, settings: HttpSettings, crowd: Crowd) -> None:
        self.hub: Final = hub
        self.settings: Final = settings
        self._crowd = crowd
        self._watchers: dict[Watcher, None] = {}

    async def ask(self, exchange: Exchange, intent: Ask) -> Answer:
        """Answer by what the hub says to one command."""
        asker = Asker(self.hub, intent.talk)
        transport = EventTransport(self.settings.limits, self.hub.world.later, asker)
        attachment = asker.attachment = self.hub.attach(transport, intent.codec, remembered(exchange.request))
        attachment.alone = attachment.unseen = True
        try:
            for command in intent.talk.commands():
                attachment.receive(command)
            while asker.answer is None and transport.closed is None:
                await transport.news()
        finally:
            attachment.lost(Close.NORMAL)
        if asker.answer is not None:
            return exchange.reply(asker.answer)
        assert transport.closed is not None
        return exchange.reply(intent.talk.closed(*transport.closed))

    async def watch(self, exchange: Exchange, intent: Watch) -> Answer:
        """Answer by events: from when all that was asked for is granted, or there is more to tell than should be held back."""
        address = self.settings.address(exchange.request)
        if (refusal := self._crowd.enter(exchange, address)) is not None:
            return refusal
        follow = intent.follow
        watcher = Watcher(self, follow, intent.form, address)
        transport = watcher.transport
        watcher.attachment = self.hub.attach(transport, intent.codec, remembered(exchange.request))
        watcher.attachment.alone, watcher.attachment.unseen = True, not intent.seen
        self._watchers[watcher] = None
        try:
            watcher.told()
            while not (follow.settled or follow.refusal or transport.closed or transport.crowded):
                await transport.news()
        except BaseException:
            transport.close(Close.NORMAL)
            raise
        if follow.refusal is None and transport.closed is None:
            self.hub.world.later(_SOON, transport.give_up)  # where the client was gone before its answer
            return exchange.stream(intent.form.content_type, watcher.start)
        return self._refused(exchange, follow, transport)

    def _refused(self, exchange: Exchange, follow: Follow, transport: EventTransport) -> Response:
        if follow.refusal is not None:
            transport.close(Close.NORMAL)
            return exchange.reply(follow.refusal)
        assert transport.closed is not None
        return exchange.reply(follow.closed(*transport.closed))

    def forget(self, watcher: Watcher) -> None:
        """Count a watcher no longer."""
        if self._watchers.pop(watcher, self) is None:
            self._crowd.leave(watcher.address)

    def close(self, code: int, reason: str) -> None:
        """End every response of events."""
        for watcher in [*self._watchers]:
            watcher.attachment.close(code, reason)
