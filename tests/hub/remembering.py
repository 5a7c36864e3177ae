"""A client that remembers one order for all its channels, and checks that it is told what it missed: all of it, in order, once."""

from dataclasses import dataclass, field
from typing import Any

from everywire.messages import Connect, Connected, Moved, Publication, Refusal, Subscribed, Unsubscribed
from everywire.payloads import Payload
from everywire.testing.transport import MemoryTransport


class Plainly:
    """A codec that says events as they are."""

    def encode(self, event: Any) -> tuple[Payload, ...]:
        return (Payload(event),)


CODEC = Plainly()


@dataclass
class Life:
    """What a client went through in one session: `at` is where it is in each channel; `leaving` it may have left, and not been told; `moves` are where it
    was in logs that another life followed, without its being told: it has to have had all of them; `doubts` are faults unless the
    server soon ends the session for them."""

    session: str
    at: dict[str, Any] = field(default_factory=dict)
    data: list[Any] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    leaving: set[str] = field(default_factory=set)
    moves: list[tuple[str, Any]] = field(default_factory=list)


class Remembering:
    """One client; `faults` are what it finds wrong, `lives` its sessions, the latest last."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self.resume: str | None = None
        self.order = ""
        self.lives: list[Life] = []
        self.resumed: bool | None = None
        self.faults: list[str] = []
        self.events: list[Any] = []
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
        attachment, self.attachment = self.attachment, None
        if attachment is not None:
            self.transport.outbox.clear()
            attachment.lost(1006)
        return self

    def say(self, command: Any) -> None:
        if self.attachment is not None:
            self.attachment.receive(command)

    def take(self, most: int = 1_000_000) -> list[Any]:
        """Receive some of what was sent; gives the data of the publications among it."""
        before = len(self.events)
        while self.transport.outbox and most:
            self._hear(self.transport.take())
            most -= 1
        if self.transport.closed is not None and not self.transport.outbox:
            self.attachment = None
        return [int(bytes(each.data)) for each in self.events[before:] if isinstance(each, Publication)]

    def _hear(self, event: Any) -> None:
        self.events.append(event)
        match event:
            case Connected():
                self.resumed, self.resume = event.resumed, event.resume
                if not event.resumed:
                    self.lives.append(Life(event.session))
                    self.order = ""
                elif event.session != self.life.session:
                    self.faults.append("went on with another session")
            case Subscribed(channel=channel, position=position):
                if channel in self.life.at and channel not in self.life.leaving:
                    self.life.doubts.append(f"subscribed to {channel} once more")
                self.life.at[channel] = position
                self.life.leaving.discard(channel)
            case Unsubscribed(channel=channel):
                self.life.at.pop(channel, None)
                self.life.leaving.discard(channel)
            case Moved(channel=channel):
                self.life.at.pop(channel, None)
            case Publication():
                self._told(event)
            case Refusal(ref="connect", temporary=False):
                self.faults.append(f"refused: {event.reason}")

    def _told(self, told: Publication) -> None:
        at, before = told.position, self.life.at.get(told.channel)
        if at is not None:
            known = before is not None and told.channel not in self.life.leaving
            if known and (at.epoch, at.offset) != (before.epoch, before.offset + 1):
                if at.epoch == before.epoch or at.offset != 1:
                    self.faults.append(f"{told.channel} was at {before}, was told {at}")
                self.life.moves.append((told.channel, before))  # on, into another life of the log
            self.life.at[told.channel] = at
        era, _, number = self.order.rpartition(":")
        if told.order and era == told.era and told.order < int(number.partition(".")[0] or 0):
            self.faults.append(f"had {self.order}, was told {told.order}")
        self.life.data.append(told.data)
        self.order = f"{told.era}:{told.order}"
