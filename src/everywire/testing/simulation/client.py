"""A simulated client: it follows channels and publishes through every break, and writes down what it went through.

It does what `docs/protocol.md` asks of a client and no more. A hole in a live stream is written down as a hole, not healed: a server
must not leave one without a word, whatever it lost itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from everywire.errors import reconnectable
from everywire.messages import Position
from everywire.testing.checker import Log, Mark, Published, Repeat, Seen
from everywire.testing.simulation.network import End

__all__ = ["Dial", "SimulatedClient"]

Dial = Callable[["SimulatedClient"], "End | None"]
"""Gives the client's end of a new connection to some node; None while none can be reached."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_CONNECT_PATIENCE = 3.0  # seconds for the welcome


class Follow:
    """One channel that a client follows: its position, its log, whom it believes to be there."""

    __slots__ = ("asked", "channel", "log", "members", "pages", "position", "recovered", "settled")

    def __init__(self, client: str, channel: str) -> None:
        self.channel: Final = channel
        self.log: Final = Log(f"{client} in {channel}")
        self.position: Position | None = None
        self.members: set[str] = set()
        self.asked = 0
        self.pages = 1
        self.settled = False  # attached, as far as it knows
        self.recovered = 0

    def mark(self, position: Position) -> None:
        """Begin anew after `position`."""
        self.position = position
        self.log.entries.append(Mark(position))

    def see(self, publication: dict[str, Any]) -> None:
        """Take one publication; what it has already is written down as such."""
        if self.position is None or "offset" not in publication:
            return
        position = Position(self.position.epoch, publication["offset"])
        if position.offset <= self.position.offset:
            self.log.entries.append(Repeat(position))
            return
        self.position = position
        data = publication["data"]
        self.log.entries.append(Seen(position, data["sender"], data["number"]))


@dataclass(slots=True)
class _Saying:
    """A publication that is not acknowledged yet; `since` is when it was said first."""

    channel: str
    number: int
    since: float
    id: int = 0


class SimulatedClient:
    """Follows `channels` for as long as the simulation runs.

    Invariants: at most one pipe at a time; publications are said in their order, and said again on every new
    connection under the same key, until they are answered.
    """

    def __init__(self, name: str, channels: Iterable[str], loop: Any, dice: random.Random, dial: Dial) -> None:
        self.name: Final = name
        self.follows: Final = {channel: Follow(name, channel) for channel in channels}
        self.published: Final[list[Published]] = []
        self.waits: Final[list[tuple[str, int, float, float]]] = []  # channel, number, said first, answered
        self.refused: Final[list[str]] = []
        self.session = ""
        self.resumed = 0
        self._loop = loop
        self._dice = dice
        self._dial = dial
        self._resume = ""
        self._end: End | None = None
        self._ready = False
        self._last_id = 0
        self._number = 0
        self._saying: list[_Saying] = []
        self._heard_at = 0.0
        self._patience = _CONNECT_PATIENCE
        self._stopped = False
        self.connect()

    @property
    def connected(self) -> bool:
        """Say whether it was welcomed over the connection it has."""
        return self._ready

    @property
    def unanswered(self) -> int:
        """How many publications are not acknowledged."""
        return len(self._saying)

    @property
    def end(self) -> End | None:
        """Its end of the connection, to break it by."""
        return self._end

    # The connection.

    def connect(self) -> None:
        """Try to connect; where nobody is there, again soon."""
        if self._end is not None or self._stopped:
            return
        end = self._end = self._dial(self)
        if end is None:
            self._again()
            return
        end.heard = lambda message: self._hear(end, message)
        end.closed = lambda: self._closed(end, 1006)
        self._ready = False
        self._heard_at, self._patience = self._loop.time(), _CONNECT_PATIENCE
        self._look(end)
        resume = {"resume": self._resume} if self._resume else {}
        self._say("connect", **resume)

    def stop(self) -> None:
        """Do nothing any more."""
        self._stopped = True

    def forget(self) -> None:
        """Forget who it is, as a page that is loaded again does; positions are kept."""
        self._resume = ""

    def _again(self) -> None:
        self._end, self._ready = None, False
        self._loop.call_later(self._dice.choice((0.01, 0.05, 0.2, 0.5)), self.connect)

    def _look(self, end: End) -> None:
        """Give the connection up after too long a silence."""
        if end is not self._end or self._stopped:
            return
        silent = self._loop.time() - self._heard_at
        if silent >= self._patience:
            end._pipe.abandon(end)
            self._closed(end, 1006)
        else:
            self._loop.call_later(self._patience - silent + 0.001, self._look, end)

    def _closed(self, end: End, code: int) -> None:
        if end is not self._end:
            return
        if not reconnectable(code) and code != 4409:  # its own takeover: the new connection is there or will be
            self.refused.append(f"closed with {code}")
        for follow in self.follows.values():
            follow.settled = False
        self._again()

    def _say(self, kind: str, **fields: Any) -> int:
        self._last_id += 1
        if self._end is not None:
            self._end.send(_encode({"type": kind, "id": self._last_id, **fields}).decode())
        return self._last_id

    # What it does.

    def publish(self, channel: str) -> None:
        """Publish the next number; it is said until it is answered."""
        self._number += 1
        saying = _Saying(channel, self._number, self._loop.time())
        self._saying.append(saying)
        if self._ready:
            self._publish(saying)

    def _publish(self, saying: _Saying) -> None:
        data = {"sender": self.name, "number": saying.number}
        saying.id = self._say("publish", channel=saying.channel, data=data, key=f"{self.name}-{saying.number}")

    def _subscribe(self, follow: Follow) -> None:
        wanted: dict[str, Any] = {"pages": follow.pages} if follow.pages > 1 else {}
        if follow.position is not None:
            wanted["since"] = {"epoch": follow.position.epoch, "offset": follow.position.offset}
        follow.settled = False
        follow.asked = self._say("subscribe", channel=follow.channel, **wanted)

    # What it hears.

    def _hear(self, end: End, message: Any) -> None:
        if end is not self._end:
            return
        self._heard_at = self._loop.time()
        if isinstance(message, tuple):
            self._closed(end, message[0])
            return
        event = _decode(message)
        match event["type"]:
            case "connected":
                self._welcomed(event)
            case "ping":
                end.send('{"type":"pong"}')
            case "published" | "error" if self._answered(event):
                pass
            case "error":
                self._refused(event)
            case _ if (follow := self.follows.get(event.get("channel", ""))) is not None:
                self._hear_of(follow, event)

    def _welcomed(self, event: dict[str, Any]) -> None:
        self.session, self._resume, self._ready = event["session"], event["resume"], True
        self.resumed += event["resumed"]
        self._patience = (event["heartbeat"]["every"] + event["heartbeat"]["patience"]) / 1000
        for follow in self.follows.values():
            follow.pages = 1
            self._subscribe(follow)
        for saying in self._saying:
            self._publish(saying)

    def _answered(self, event: dict[str, Any]) -> bool:
        for place, saying in enumerate(self._saying):
            if saying.id == event["id"]:
                del self._saying[place]
                if event["type"] == "published":
                    position = Position(event["epoch"], event["offset"])
                    self.published.append(Published(position, self.name, saying.number))
                    self.waits.append((saying.channel, saying.number, saying.since, self._loop.time()))
                return True
        return False

    def _refused(self, event: dict[str, Any]) -> None:
        for follow in self.follows.values():
            if follow.asked == event["id"] and event["temporary"]:
                self._loop.call_later(0.05, self._ask_again, follow, event["id"])
                return
        if not self._ready and event["temporary"]:
            return  # its connection is closed now, and it comes back
        self.refused.append(event["reason"])

    def _ask_again(self, follow: Follow, id: int) -> None:
        if follow.asked == id and self._ready:
            self._subscribe(follow)

    def _hear_of(self, follow: Follow, event: dict[str, Any]) -> None:
        match event["type"]:
            case "subscribed" if event["id"] == follow.asked:
                self._begin(follow, event)
            case "publication" if follow.settled:
                follow.see(event)
            case "passed" if follow.settled:
                follow.position = Position(event["epoch"], event["offset"])
            case "join" if follow.settled:
                follow.members.add(event["member"]["session"])
            case "leave" if follow.settled:
                follow.members.discard(event["member"]["session"])
            case "presence" if "id" not in event and follow.settled:
                follow.members = {member["session"] for member in event["members"]}
            case "moved":
                self._subscribe(follow)
            case "unsubscribed":
                self.refused.append(f"unsubscribed: {event.get('reason')}")

    def _begin(self, follow: Follow, event: dict[str, Any]) -> None:
        end = Position(event["epoch"], event["offset"])
        missed, more = event["publications"], event.get("more")
        if not event["recovered"]:
            follow.mark(Position(end.epoch, end.offset - len(missed)))
        follow.recovered += event["recovered"]
        for publication in missed:
            follow.see(publication)
        if follow.position != end:  # the answer says it is whole: what it leaves out shows as a hole
            follow.position = end
        if more == "ask":
            follow.pages = min(16, follow.pages * 2)
            self._subscribe(follow)
        elif more is None:
            follow.members = {member["session"] for member in event.get("members", ())}
            follow.settled = True
