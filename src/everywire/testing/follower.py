"""A client that follows one channel through every drop, and writes down what it went through.

It is the reference for `docs/protocol.md`, "Positions and recovery": what it does is what a client has to
do, and no more. A live stream with a hole in it is noted as a hole, and not healed: healing is for a
server that lost something, and the servers tested here must not.
"""

from __future__ import annotations

from typing import Any

from everywire.messages import Position
from everywire.testing.checker import Log, Mark, Repeat, Seen
from everywire.testing.client import MemoryClient
from everywire.testing.net import Net

__all__ = ["Follower"]

_MOMENT = 0.01  # seconds


class Follower:
    """Follows `channel`; `position` is that of the last publication it handed on, None before the first
    subscription.

    `pages` is how many answers it takes to one subscribe, `rewind` what it wants where it has no
    position that the log continues. Publications are expected to carry {"sender", "number"} as data.
    """

    def __init__(self, net: Net, name: str, channel: str) -> None:
        self.net = net
        self.channel = channel
        self.log = Log(name)
        self.pages, self.rewind = 1, 0
        self.position: Position | None = None
        self.members: set[str] = set()  # sessions in the channel, as far as it was told
        self.answers: list[tuple[Position | None, bool]] = []  # (since, recovered) of each answer to a subscribe
        self.client: MemoryClient | None = None
        self._resume = ""
        self._asked: int | None = None

    def connect(self, *, resume: bool = True) -> None:
        """Come back on a new transport, and ask for what was missed."""
        if self.client is None:
            shown = {"resume": self._resume} if resume and self._resume else {}
            self.client = self._connected(shown)
            self._resume = self.client.resume
            self._subscribe()

    def _connected(self, shown: dict[str, str]) -> MemoryClient:
        """Give a connected client; time passes until the server has found an earlier session, or not."""
        client = self.net.client()
        asked = client.send("connect", **shown)
        while True:
            try:
                client.connected(client.answer(asked))
            except LookupError:
                self.net.run(_MOMENT)
            else:
                return client

    def drop(self) -> None:
        """Lose the transport, and whatever is on its way."""
        if self.client is not None:
            self.client.drop()
            self.client = None

    def take(self, most: int | None = None) -> None:
        """Receive what is on its way, at most `most` payloads of it."""
        if self.client is None:
            return
        for event in self.client.events(most=most):
            self._hear(event)
        if self.client.closed is not None and not self.client.transport.outbox:
            self.drop()

    def _subscribe(self) -> None:
        assert self.client is not None
        wanted: dict[str, Any] = {}
        if self.position is not None:
            wanted["since"] = {"epoch": self.position.epoch, "offset": self.position.offset}
        if self.pages > 1:
            wanted["pages"] = self.pages
        if self.rewind:
            wanted["rewind"] = self.rewind
        self._asked = self.client.send("subscribe", channel=self.channel, **wanted)

    def _hear(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "subscribed" if event["id"] == self._asked:
                self._begin(event)
            case "publication":
                self._see(event)
            case "join":
                self.members.add(event["member"]["session"])
            case "leave":
                self.members.discard(event["member"]["session"])
            case "presence" if "id" not in event:
                self.members = {member["session"] for member in event["members"]}
            case "ping" if self.client is not None:
                self.client.line.receive('{"type":"pong"}')
            case "moved":
                self._subscribe()
            case "error" if event["id"] == self._asked:
                self._subscribe()

    def _begin(self, event: dict[str, Any]) -> None:
        end = Position(event["epoch"], event["offset"])
        self.answers.append((self.position, event["recovered"]))
        if not event.get("more"):
            self.members = {member["session"] for member in event.get("members", ())}
        missed = event["publications"]
        if not event["recovered"]:
            self._mark(Position(end.epoch, end.offset - len(missed)))
        assert self.position is not None
        for publication in missed:
            self._see(publication)
        if self.position != end:  # the answer says it is whole: what it leaves out shows as a hole
            self.position = end
        if event.get("more") == "ask":
            self._subscribe()

    def _mark(self, position: Position) -> None:
        self.position = position
        self.log.entries.append(Mark(position))

    def _see(self, publication: dict[str, Any]) -> None:
        if self.position is None:
            return
        position = Position(self.position.epoch, publication["offset"])
        if position.offset <= self.position.offset:
            self.log.entries.append(Repeat(position))
            return
        self.position = position
        data = publication["data"]
        self.log.entries.append(Seen(position, data["sender"], data["number"]))
