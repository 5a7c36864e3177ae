"""A simulated client: it follows channels and publishes through every break, and writes down what it went through.

It does what `docs/protocol.md` asks of a client and no more. A hole in a live stream is written down as a hole, not healed: a server
must not leave one without a word, whatever it lost itself. What it is told of its recoveries and of its session is compared with what the
broker knows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from everywire.errors import reconnectable
from everywire.messages import Position
from everywire.testing.checker import Fault, Published
from everywire.testing.simulation.follow import Follow, LeftOut
from everywire.testing.simulation.network import End

__all__ = ["Dial", "Oracle", "Saying", "SimulatedClient", "Surroundings"]

Dial = Callable[["SimulatedClient"], "End | None"]
"""Gives the client's end of a new connection to some node; None while none can be reached."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_CONNECT_PATIENCE = 3.0  # seconds for the welcome
_READING = 1.0  # seconds that a reading may be under way, at most
_CONFLICT, _LIMIT = 111, 108


class Oracle(Protocol):
    """Who knows what the broker has at this moment."""

    def owes(self, channel: str, since: Position) -> bool:
        """Say whether everything after `since` is kept."""

    def owed(self, channel: str, since: Position) -> float:
        """Say when somebody last asked and everything after `since` was kept."""

    def remembers(self, session: str) -> bool:
        """Say whether the session can be continued."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What clients need of a simulation; `shared`: all of them are one user."""

    loop: Any
    dice: random.Random
    oracle: Oracle
    shared: bool = False


@dataclass(slots=True)
class Saying:
    """A publication: `since` is when it was said first, `answered` when it was acknowledged, and `position` where it is then.

    `fields` are what the command says besides: its audience, its entry.
    """

    channel: str
    number: int
    since: float
    fields: dict[str, Any] = field(default_factory=dict)
    id: int = 0
    position: Position | None = None
    answered: float = 0.0


class SimulatedClient:
    """Follows `channels` for as long as the simulation runs.

    Invariants: at most one pipe at a time; publications are said in their order, and said again on every new
    connection under the same key, until they are answered. `said` has all of them by number, `heard` everything that came, and when.
    """

    def __init__(self, name: str, follows: Iterable[Follow], surroundings: Surroundings, dial: Dial) -> None:
        self.name: Final = name
        self.user: Final = name.rstrip("0123456789") if surroundings.shared else name
        self.follows: Final = {follow.channel: follow for follow in follows}
        self.said: Final[dict[int, Saying]] = {}
        self.heard: Final[list[tuple[float, Any]]] = []
        self.broken: Final[list[Fault]] = []
        self.refused: Final[list[str]] = []
        self.session = ""
        self.resumed = 0
        self._loop = surroundings.loop
        self._dice = surroundings.dice
        self._oracle = surroundings.oracle
        self._dial = dial
        self._resume = self._shown = ""
        self._remembered = False
        self._end: End | None = None
        self._ready = False
        self._last_id = 0
        self._saying: list[Saying] = []
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
    def published(self) -> list[Published]:
        """What was acknowledged."""
        return [Published(each.position, self.name, each.number) for each in self.said.values() if each.position]

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
        self._shown = self._resume
        resume = {"resume": self._shown} if self._shown else {}
        self._remembered = bool(resume) and self._oracle.remembers(self.session)
        self._say("connect", token=self.user, **resume)

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
            follow.part()
        self._again()

    def _say(self, kind: str, **fields: Any) -> int:
        self._last_id += 1
        if self._end is not None:
            self._end.send(_encode({"type": kind, "id": self._last_id, **fields}).decode())
        return self._last_id

    # What it does.

    def publish(self, channel: str, **fields: Any) -> None:
        """Publish the next number; it is said until it is answered."""
        number = len(self.said) + 1
        saying = self.said[number] = Saying(channel, number, self._loop.time(), fields)
        self._saying.append(saying)
        if self._ready:
            self._publish(saying)

    def _publish(self, saying: Saying) -> None:
        data = {"sender": self.name, "number": saying.number}
        key = f"{self.name}-{saying.number}"
        saying.id = self._say("publish", channel=saying.channel, data=data, key=key, **saying.fields)

    def _subscribe(self, follow: Follow) -> None:
        wanted = follow.wanted()
        follow.owed = follow.since is not None and self._oracle.owes(follow.channel, follow.since)
        follow.begun = self._loop.time()
        follow.asked = self._say("subscribe", channel=follow.channel, **wanted)

    # What it hears.

    def _hear(self, end: End, message: Any) -> None:
        if end is not self._end:
            return
        self._heard_at = self._loop.time()
        self.heard.append((self._heard_at, message))
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
        self._compare(event)
        self.session, self._resume, self._ready = event["session"], event["resume"], True
        self.resumed += event["resumed"]
        self._patience = (event["heartbeat"]["every"] + event["heartbeat"]["patience"]) / 1000
        for follow in self.follows.values():
            follow.pages = 1
            self._subscribe(follow)
        for saying in self._saying:
            self._publish(saying)

    def _compare(self, event: dict[str, Any]) -> None:
        """Look whether it is who it has to be: whoever can be continued is, and nobody else."""
        if event["resumed"] and not (self._shown and event["session"] == self.session):
            self._fault("session", f"was {self.session} and went on as {event['session']}")
        elif not event["resumed"] and self._remembered and self._oracle.remembers(self.session):
            self._fault("session", f"{self.session} was not continued, and could have been")

    def _fault(self, promise: str, what: str) -> None:
        self.broken.append(Fault(promise, self.name, what))

    def _answered(self, event: dict[str, Any]) -> bool:
        for place, saying in enumerate(self._saying):
            if saying.id == event["id"]:
                del self._saying[place]
                saying.answered = self._loop.time()
                if event["type"] == "published":
                    saying.position = Position(event["epoch"], event["offset"])
                elif not ("entry" in saying.fields and event["code"] in (_CONFLICT, _LIMIT)):
                    self.refused.append(event["reason"])
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
                follow.see(event, self.session)
            case "passed" if follow.settled:
                follow.passed(event, self.session)
            case "join" if follow.settled:
                follow.members.add(follow.who(event["member"]))
            case "leave" if follow.settled:
                follow.members.discard(follow.who(event["member"]))
            case "presence" if "id" not in event and follow.settled:
                follow.members = {follow.who(member) for member in event["members"]}
            case "moved":
                self._subscribe(follow)
            case "unsubscribed":
                self.refused.append(f"unsubscribed: {event.get('reason')}")

    def _begin(self, follow: Follow, event: dict[str, Any]) -> None:
        self._judge(follow, event)
        follow.begin(event, self.session)
        follow.since = follow.since if follow.after is not None else follow.position
        if event.get("more") == "ask":
            follow.pages = min(16, follow.pages * 2)
            self._subscribe(follow)

    def _judge(self, follow: Follow, event: dict[str, Any]) -> None:
        """Compare what is said of its view with what the log has: what the log lost once it never has again."""
        since, recovered = follow.since, event["recovered"]
        if since is None:
            return
        if not recovered and follow.after is None and self._oracle.owes(follow.channel, since):
            self._fault("P5", f"asked in {follow.channel} from {since}, is not recovered, and the log has everything")
        elif recovered and follow.first and not follow.owed and not follow.keyed:
            # One reading answers all who ask while it is under way, and it may have begun when the log still had more:
            # then what the client is told has to prove it.
            if follow.begun - self._oracle.owed(follow.channel, since) > _READING or event["epoch"] != since.epoch:
                self._fault(
                    "P5", f"asked in {follow.channel} from {since}, is recovered, and the log had not everything"
                )
            else:
                first = event["publications"][0]["offset"] if event["publications"] else event["offset"] + 1
                before = Position(since.epoch, first - 1)
                follow.doubtful.append(LeftOut(since, before, self.session, audience=True))
