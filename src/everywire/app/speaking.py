"""What an application says to its clients while it runs."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Awaitable, Iterable
from typing import Any, TypedDict, Unpack

from everywire.brokers.base import Draft, Receipt
from everywire.errors import Refused
from everywire.hub.access.permission import check_draft
from everywire.hub.calling.asking import Question
from everywire.hub.calling.shapes import encode
from everywire.hub.channels.enrolling import personal
from everywire.hub.codes import Code
from everywire.hub.hooks import Hooks
from everywire.hub.hub import Hub
from everywire.hub.kinds import Place
from everywire.hub.quoting import quoted
from everywire.hub.threads import started
from everywire.messages import Audience, EntryChange
from everywire.wildcards import wild

__all__ = ["PublishOptions", "Speaking"]

_MOST_KINDS = 20  # that a traceback names


class PublishOptions(TypedDict, total=False):
    """How something is published.

    Published again under the same `key` it is the same publication. An `ephemeral` one is told to who listens now, and not kept. In a keyed
    channel it sets `entry`, for `ttl` seconds, or with `remove` deletes it; where `expect` is given (an offset, 0 for none) and another
    publication is there, nothing happens and the receipt says `conflict`. Elsewhere it may be for all sessions but those in `exclude`, or
    for one session or user alone; and not for who is subscribed to one of the channels in `outside`. Of these one may be given by itself.
    """

    key: str | None
    ephemeral: bool
    entry: str
    expect: int
    ttl: float
    remove: bool
    exclude: str | Iterable[str]
    outside: str | Iterable[str]
    to_session: str
    to_user: str


class Speaking:
    """The speaking half of an application."""

    _hooks: Hooks

    @property
    @abstractmethod
    def hub(self) -> Hub:
        """The running hub; raises `EverywireError` before the start."""

    def publish(self, channel: str, data: Any = None, **options: Unpack[PublishOptions]) -> Awaitable[Receipt]:
        """Publish `data`, anything that JSON can say (bytes, too), in the server's own name.

        It is on its way when this returns; awaiting the result waits until it is in the log, and gives
        its place there. Raises `Refused` for a name that no kind of channel has, and for data that is not
        what the channel carries; `TypeError` for data that cannot be said; `ValueError` for a `ttl` that is no time.

        It may be called from anywhere: a handler, a route, another thread. What another thread gets has a `result(timeout)`, too,
        which waits there.
        """
        hub = self.hub
        draft = _draft(data, hub.world.wall(), options)
        place, ephemeral = self._place_of(channel), options.get("ephemeral", False)
        return started(hub.world, lambda: hub.publish(place, draft, ephemeral=ephemeral))

    def _place_of(self, channel: str) -> Place:
        try:
            return self.hub.place(channel)
        except Refused as no:
            if no.code == Code.UNKNOWN_CHANNEL:
                self._with_kinds(no)
            raise

    def _with_kinds(self, no: Refused) -> Refused:
        """Have a traceback say which channels there are; the reason does not, for a handler's goes to its client."""
        patterns = [kind.pattern for kind in self._hooks.kinds]
        shown = ", ".join(map(repr, patterns[:_MOST_KINDS])) + (", …" if len(patterns) > _MOST_KINDS else "")
        no.add_note(f"declared by app.channel: {shown or 'none'}")
        return no

    def check_publication(self, channel: str, data: Any = None, **options: Unpack[PublishOptions]) -> None:
        """Raise what publishing this would raise, as far as the declarations tell; nothing need run, and nothing is published."""
        place = None if wild(channel) else self._hooks.kinds.find(channel)
        if place is None:
            raise self._with_kinds(Refused(f"unknown channel {quoted(channel)}", Code.UNKNOWN_CHANNEL))
        check_draft(place, _draft(data, 0, options), ephemeral=options.get("ephemeral", False))

    def publish_to(self, user: str, data: Any, **options: Unpack[PublishOptions]) -> Awaitable[Receipt]:
        """Publish `data` to the personal channel of `user`, as `publish` does; raises `Refused` where `personal` was not declared."""
        pattern = self.hub.hooks.personal
        if pattern is None:
            raise Refused("there are no personal channels", Code.UNKNOWN_CHANNEL)
        return self.publish(personal(pattern, user), data, **options)

    async def call(
        self, session: str, name: str, data: Any = None, *, timeout: float | None = None, returns: Any = Any
    ) -> Any:
        """Call the handler `name` of a session's client, on whatever node it is, and give what it answers, read as `returns`.

        Raises what `Caller.call` raises; `SessionGone` also where no node says within `timeout` that it has the session.
        """
        return await self.hub.reaching.ask(session, Question(name, data, timeout, returns))


def _draft(data: Any, time: int, options: PublishOptions) -> Draft:
    key = f"s\n{options['key']}" if options.get("key") is not None else None
    return Draft(encode(data), time, None, key, _change(options), _audience(options))


def _change(options: PublishOptions) -> EntryChange | None:
    ttl = options.get("ttl")
    if ttl is not None and not 0 <= ttl < math.inf:  # nan is neither
        raise ValueError(f"ttl is a number of seconds, finite and not negative, not {ttl!r}")
    if (entry := options.get("entry")) is None:
        return None
    return EntryChange(entry, options.get("expect"), ttl, options.get("remove", False))


def _audience(options: PublishOptions) -> Audience | None:
    exclude, outside = _several(options.get("exclude", ())), _several(options.get("outside", ()))
    audience = Audience(exclude, options.get("to_session"), options.get("to_user"), outside)
    return audience if audience != Audience() else None


def _several(given: str | Iterable[str]) -> tuple[str, ...]:
    """Give several names where one may be given by itself: its letters would leave out nobody."""
    return (given,) if isinstance(given, str) else tuple(given)
