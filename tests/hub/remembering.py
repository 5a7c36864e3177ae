"""A client that remembers one order for all its channels, and checks that it is told what it missed: all of it, in order, once."""

from dataclasses import dataclass, field
from typing import Any

from everywire.messages import Closing, Connect, Connected, Moved, Publication, Refusal, Subscribed, Unsubscribed
from everywire.payloads import Payload
from everywire.testing.transport import MemoryTransport


class Plainly:
    """A codec that says events as they are, and leaves the end to the transport."""

    dialect = "plain"

    def encode(self, event: Any) -> tuple[Payload, ...]:
        return () if isinstance(event, Closing) else (Payload(event),)


CODEC = Plainly()


@dataclass
class Life:
    """What a client went through in one session, by channel.

    at        where it is
    leaving   given up, by it or by the server, and it was not told so
    instead   where it is if it was subscribed again after that, not told so either
    moving    began anew, and it was not told where
    late      subscribed after it had lost its line
    ghosts    told, though it is not there
    moves     where it was in logs that another life followed: it has to have had all of them; `unheard` are those if it goes on
    doubts    what is wrong if the session lasts: who goes on at another node at the moment of its being subscribed is there before that is
              known there, and ends
    """

    session: str
    at: dict[str, Any] = field(default_factory=dict)
    data: list[Any] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    leaving: set[str] = field(default_factory=set)
    moving: set[str] = field(default_factory=set)
    instead: dict[str, Any] = field(default_factory=dict)
    ghosts: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    moves: list[tuple[str, Any]] = field(default_factory=list)
    unheard: list[tuple[str, Any]] = field(default_factory=list)


class Remembering:
    """One client; `faults` are what it finds wrong, `lives` its sessions, the latest last; `ended` learns of each `Connected` that does not go on.

    It is owed what its server said over lines that were lost, too: where it was subscribed, if its session goes on. `lost` are those lines."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self.resume: str | None = None
        self.order = ""
        self.lives: list[Life] = []
        self.resumed: bool | None = None
        self.faults: list[str] = []
        self.events: list[Any] = []
        self.lost: list[MemoryTransport] = []
        self.ended: Any = None
        self.began = 0.0
        self.transport = MemoryTransport()
        self.attachment: Any = None

    @property
    def life(self) -> Life:
        return self.lives[-1]

    @property
    def connected(self) -> bool:
        return self.attachment is not None

    def connect(self, net: Any) -> "Remembering":
        """Begin to connect, as it always does: with what it remembers."""
        self.transport, self.resumed = MemoryTransport(), None
        self.attachment = net.app.hub.attach(self.transport, CODEC)
        self.attachment.receive(Connect("connect", self.token, resume=self.resume, caught_up=self.order))
        return self

    def drop(self) -> "Remembering":
        """Lose the transport, and what was on its way."""
        attachment = self.attachment
        self.vanish()
        if attachment is not None:
            attachment.lost(1006)
        return self

    def vanish(self) -> None:
        """Lose the transport, which the server does not notice."""
        if self.attachment is not None:
            self.attachment = None
            self.lost.append(self.transport)
            self.owed(late=False)

    def say(self, command: Any) -> None:
        if self.attachment is not None:
            self.attachment.receive(command)

    def take(self, most: int = 1_000_000) -> list[Any]:
        """Receive some of what was sent; gives the data of the publications among it."""
        before = len(self.events)
        while self.transport.outbox and most and self.connected:
            self._hear(self.transport.take())
            most -= 1
        if self.transport.closed is not None and not self.transport.outbox:
            self.attachment = None
        return [int(bytes(each.data)) for each in self.events[before:] if isinstance(each, Publication)]

    def _hear(self, event: Any) -> None:
        self.events.append(event)
        match event:
            case Connected():
                self._connected(event)
            case Subscribed():
                self._subscribed(event)
            case Unsubscribed(channel=channel):
                self._unsubscribed(channel)
            case Moved(channel=channel):
                self.life.moving.add(channel)
            case Publication():
                self._told(event)
            case Refusal(ref="connect", temporary=False):
                self.faults.append(f"refused: {event.reason}")

    def _connected(self, event: Connected) -> None:
        self.resumed = event.resumed
        if not event.resumed:
            if self.ended is not None:
                self.ended(self)
            self.lives.append(Life(event.session))
            self.order = ""
            self.lost.clear()
        elif event.session != self.life.session:
            self.faults.append("went on with another session")
        else:
            self.owed()
            self.life.moves += self.life.unheard
            self.life.unheard.clear()
        self.resume = event.resume

    def owed(self, *, late: bool = True) -> None:
        """Take notice of where it was subscribed, and was not any more, when it did not hear it; `late`: it could not hear it any more."""
        for line in [*self.lost]:
            while line.outbox:
                match line.outbox.popleft():
                    case Connected(session=session) if not self.lives or session != self.life.session:
                        self.lost.remove(line)
                        break
                    case Subscribed() as event:
                        if late and event.channel not in self.life.at:
                            self.life.late.add(event.channel)
                        self._subscribed(event, heard=False)
                    case Unsubscribed(channel=channel):
                        self.removed(channel)
                    case Moved(channel=channel):
                        self.life.moving.add(channel)

    def removed(self, channel: str) -> None:
        """Take notice that the server has it in a channel no longer, and could not tell it."""
        if channel in self.life.at:
            self.life.leaving.add(channel)
            self.life.ghosts.add(channel)

    def _subscribed(self, event: Subscribed, *, heard: bool = True) -> None:
        channel, life, before = event.channel, self.life, self.life.at.get(event.channel)
        if not heard and before is not None and channel in life.leaving:
            life.instead[channel] = event.position  # another node may not know yet that it was away meanwhile
            life.ghosts.discard(channel)
            return
        if channel in life.moving:
            if event.recovered and before is not None and event.position.epoch != before.epoch:
                (life.moves if heard else life.unheard).append((channel, before))
        elif before is not None and before != event.position and channel not in life.leaving:
            life.doubts.append(f"subscribed to {channel} once more")
        life.at[channel] = event.position
        for marks in (life.leaving, life.moving, life.ghosts, life.late if heard else set()):
            marks.discard(channel)

    def _unsubscribed(self, channel: str) -> None:
        self.life.at.pop(channel, None)
        for marks in (self.life.leaving, self.life.moving, self.life.ghosts):
            marks.discard(channel)

    def _told(self, told: Publication) -> None:
        at, before = told.position, self.life.at.get(told.channel)
        self.life.late.discard(told.channel)
        if before is None:
            self.life.ghosts.add(told.channel)
        instead = self.life.instead.pop(told.channel, None)
        if at is not None:
            if instead is not None and (at.epoch, at.offset) == (instead.epoch, instead.offset + 1):
                before = instead
            if before is not None and (at.epoch, at.offset) != (before.epoch, before.offset + 1):
                if at.epoch == before.epoch or at.offset != 1:
                    self.faults.append(f"{told.channel} was at {before}, was told {at}")
                self.life.moves.append((told.channel, before))  # on, into another life of the log
            self.life.at[told.channel] = at
        era, _, number = self.order.rpartition(":")
        if told.order and era == told.era and told.order < int(number.partition(".")[0] or 0):
            self.faults.append(f"had {self.order}, was told {told.order}")
        self.life.data.append(told.data)
        self.order = f"{told.era}:{told.order}"
