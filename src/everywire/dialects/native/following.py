"""Channels as an event stream, for who has no client: subscribes, asks on, and writes where it is into every event's id."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from everywire import messages as m
from everywire.dialects.base import Reply, Watch
from everywire.dialects.native.asking import by_close, by_refusal
from everywire.dialects.native.bodies import NAMED_EVENTS, denied, event
from everywire.dialects.native.parameters import Fault, flag, number, place, token, written
from everywire.dialects.native.writing import EventCodec, EventPayload
from everywire.http.request import Request
from everywire.payloads import Payload

__all__ = ["Following", "follow"]

_CODEC = EventCodec(typed=True)
_CONNECT = 1
_PAGES = 1 << 30  # answers to one command: as many as the server gives
_NOWHERE = "-"


class Following:
    """One request that follows channels: what a client would do, done here.

    Invariants: `_places` has each channel once, in the order of the request, with the position that the events written so far lead to; `_asked`
    the subscribes that are not answered to the end.
    """

    def __init__(self, shown: str | None, places: dict[str, m.Position | None], rewind: int) -> None:
        self._places = places
        self._rewind = rewind
        self._asked: dict[m.Ref, str] = {}
        self._next = _CONNECT + 1
        self._todo: deque[m.Command] = deque([m.Connect(_CONNECT, shown)])
        self.refusal: Reply | None = None
        for channel, since in places.items():
            self._ask(channel, since)

    @property
    def settled(self) -> bool:
        """Whether no channel waits for its first answer any more."""
        return not self._asked

    def _ask(self, channel: str, since: m.Position | None, after: int | None = None) -> None:
        self._todo.append(m.Subscribe(self._next, channel, since, self._rewind, _PAGES, after=after))
        self._asked[self._next] = channel
        self._next += 1

    def commands(self) -> Iterator[m.Command]:
        """Give what is to be said now."""
        while self._todo:
            yield self._todo.popleft()

    def write(self, payload: Payload) -> bytes:
        """Give the event that `payload` is to who follows."""
        if not isinstance(payload, EventPayload) or isinstance(payload.data, str):
            return b""
        name = self._heard(payload.event)
        if name is None:
            return b":\n\n" if isinstance(payload.event, m.Beat) else b""
        return event(name, payload.data, self._id())

    def _heard(self, heard: m.Event) -> str | None:
        """Take notice of an event; give the name that it has on the wire, None where it is not for who follows."""
        match heard:
            case m.Publication(channel=channel, position=position):
                self._move(channel, position)
                return "publication"
            case m.Passed(channel=channel, position=position):
                self._move(channel, position)
                return "passed"
            case m.Joined():
                return "join"
            case m.Left():
                return "leave"
            case m.Unsubscribed():
                return "unsubscribed"
            case _:
                return self._answered(heard)

    def _answered(self, heard: m.Event) -> str | None:
        match heard:
            case m.Subscribed():
                self._subscribed(heard)
                return "subscribed"
            case m.Moved(channel=channel):
                self._places[channel] = None  # it begins anew
                self._ask(channel, None)
                return "moved"
            case m.Refusal():
                self._asked.pop(heard.ref, None)
                self.refusal = self.refusal or by_refusal(heard)
                return "error"
            case _:
                return None

    def _subscribed(self, heard: m.Subscribed) -> None:
        if heard.after is None:
            self._move(heard.channel, heard.position)
        elif heard.channel in self._places:
            self._places[heard.channel] = None  # a part of the entries is no place to go on from, later
        if heard.more != "follows" and heard.ref is not None:
            self._asked.pop(heard.ref, None)
        if heard.more == "ask":
            self._ask(heard.channel, heard.position, heard.after)

    def _move(self, channel: str, position: m.Position | None) -> None:
        if position is not None and channel in self._places:  # one with wildcards has no position
            self._places[channel] = position

    def _id(self) -> str:
        """Write all positions, for `Last-Event-ID`."""
        return ",".join(_NOWHERE if each is None else written(each) for each in self._places.values())

    def closed(self, code: int, reason: str) -> Reply:
        """Give the answer where the hub closed before there were events."""
        return by_close(code, reason)


def follow(request: Request) -> Watch:
    """Follow the channels that a request names, from where its `Last-Event-ID` says; raises `Fault`."""
    channels = list(dict.fromkeys(request.params.get("channel", ())))
    if not channels or "" in channels:
        raise Fault("channel is missing")
    latest = (request.headers.get("last-event-id") or "").split(",")
    found = [place(each) for each in latest] if len(latest) == len(channels) else [None] * len(channels)
    following = Following(token(request), dict(zip(channels, found, strict=True)), number(request, "rewind") or 0)
    return Watch(_CODEC, following, NAMED_EVENTS, denied, flag(request, "presence"))
