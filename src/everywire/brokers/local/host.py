"""The host: lets the clients of many links use one broker, which it was given."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from everywire.brokers.base import Broker, Gap, News, Note
from everywire.brokers.local import wire
from everywire.brokers.local.link import Link, Ready, Surroundings
from everywire.brokers.local.wire import CALLS, Call, Failed, Frames, Kind, Outcome, Wrong
from everywire.errors import Refused
from everywire.wildcards import Patterns, wild

__all__ = ["Bounds", "Host"]

_log = logging.getLogger("everywire.brokers.local")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes and seconds.

    queue: bytes that a client may leave untaken; beyond them its link is dropped. silence: after so much of it, too.
    """

    queue: int = 64 * 1024 * 1024
    silence: float = 5.0


class Host:
    """Carries questions to `broker`, answers back, and its news to whoever watches.

    A piece of news is encoded once, for all clients. What one client is told goes out in one write per turn.

    Invariants: a channel is in `_watchers` while a peer watches it, and is watched at the broker then; `_patterns` are those of
    them with wildcards; `_due` holds the peers with something to write.
    """

    def __init__(self, broker: Broker, world: Surroundings, bounds: Bounds | None = None) -> None:
        self.broker: Final = broker
        self.bounds: Final = bounds or Bounds()
        self._world = world
        self._peers: dict[Peer, None] = {}
        self._watchers: dict[str, dict[Peer, None]] = {}
        self._patterns = Patterns()
        self._due: dict[Peer, None] = {}
        self._flushing = False
        self._timer = world.later(self.bounds.silence / 5, self._look_after)
        broker.listen(self._deliver)

    @property
    def links(self) -> int:
        """How many clients are there."""
        return len(self._peers)

    def join(self) -> Peer:
        """Give the receiver for a new link."""
        return Peer(self, self._world)

    def close(self) -> None:
        """Drop all links; the broker stays as it is."""
        self._timer.cancel()
        for peer in [*self._peers]:
            peer.drop()

    # News, and what else goes out.

    def _deliver(self, news: News) -> None:
        if isinstance(news, Note | Gap):
            told: Any = self._peers
        else:
            told = self._watchers.get(news.channel)
            for pattern in self._patterns.matching(news.channel):
                told = {**(told or {}), **self._watchers[pattern]}
        if told:
            said = wire.news_item(news)
            for peer in told:
                self.send(peer, said)

    def send(self, peer: Peer, item: bytes) -> None:
        """Have `item` written to the peer's link at the end of this turn."""
        peer.outbox.append(item)
        self._due[peer] = None
        if not self._flushing:
            self._flushing = True
            self._world.later(0, self.flush)

    def flush(self) -> None:
        """Write what is due, and drop who does not take it."""
        self._flushing = False
        due, self._due = self._due, {}
        for peer in due:
            peer.flush()

    # Peers, which call these.

    def came(self, peer: Peer) -> None:
        """Learn of a link."""
        self._peers[peer] = None

    def greeted(self, peer: Peer) -> None:
        """Drop an earlier link of the same client: what still comes over it was given up, and would undo what is asked over the new one."""
        for other in [*self._peers]:
            if peer.name and other.name == peer.name and other is not peer:
                other.drop()

    def left(self, peer: Peer) -> None:
        """Unwatch for a peer that is gone."""
        self._peers.pop(peer, None)
        self._due.pop(peer, None)
        for channel in [*peer.watched]:
            self._run(self.unwatch(peer, channel))

    async def watch(self, peer: Peer, channel: str) -> None:
        """Let a peer hear of `channel`."""
        if peer.link is None:
            return
        watchers = self._watchers.setdefault(channel, {})
        watchers[peer] = None
        peer.watched[channel] = None
        if wild(channel):
            self._patterns.add(channel)
        await self.broker.watch(channel)

    async def unwatch(self, peer: Peer, channel: str) -> None:
        """Let it hear no more of it."""
        peer.watched.pop(channel, None)
        watchers = self._watchers.get(channel)
        if watchers is None or watchers.pop(peer, self) is self or watchers:
            return
        del self._watchers[channel]
        self._patterns.discard(channel)
        await self.broker.unwatch(channel)

    async def tell(self, data: bytes) -> int:
        """Tell all peers a note, and give how many they are."""
        told = len(self._peers)
        await self.broker.tell(data)
        return told

    def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        def over(done: Ready[Any]) -> None:
            try:
                done.result()
            except Exception:
                _log.exception("what a worker left behind was not put in order")

        done = self._world.start(work)
        if done.done():
            over(done)
        else:
            done.add_done_callback(over)

    def _look_after(self) -> None:
        self._timer = self._world.later(self.bounds.silence / 5, self._look_after)
        late = self._world.now() - self.bounds.silence
        for peer in [*self._peers]:
            if peer.heard < late:
                _log.warning("%s is silent; its link is dropped", peer.shown)
                peer.drop()


class Peer:
    """The host's end of one link.

    Invariants: `link` is there from `opened` to `lost`, or until it is dropped; `watched` holds the channels whose watchers it is among.
    """

    def __init__(self, host: Host, world: Surroundings) -> None:
        self._host = host
        self._world = world
        self._frames = Frames()
        self.link: Link | None = None
        self.name = ""
        self.heard = 0.0
        self.outbox: list[bytes] = []
        self.watched: dict[str, None] = {}

    @property
    def shown(self) -> str:
        """How the log calls it."""
        return f"worker {self.name!r}" if self.name else "a worker without a name"

    def opened(self, link: Link) -> None:
        """Begin."""
        self.link = link
        self.heard = self._world.now()
        self._host.came(self)

    def received(self, data: bytes) -> None:
        """Carry questions to the broker; who does not keep to the wire is dropped."""
        if self.link is None:
            return
        self.heard = self._world.now()
        try:
            for id, kind, body in self._frames.receive(data):
                if id:
                    self._asked(id, kind, body)
                else:
                    self._told(kind, body)
        except Wrong as fault:
            _log.warning("%s does not keep to the wire: %s", self.shown, fault)
            self.drop()
        self._host.flush()

    def _told(self, kind: int, body: Any) -> None:
        if kind == Kind.HELLO:
            self.name = wire.text(body)
            self._host.greeted(self)
        elif kind == Kind.BEAT:
            self._host.send(self, wire.item(0, Kind.BEAT))
        else:
            raise Wrong(f"kind {kind} is not known")

    def _asked(self, id: int, number: int, body: Any) -> None:
        if not 0 <= number < len(CALLS):
            raise Wrong(f"question {number} is not known")
        call = CALLS[number]
        done = self._world.start(self._carried_out(call, call.asked(body)))
        if done.done():
            self._answer(id, call, done)
        else:
            done.add_done_callback(lambda done: self._answer(id, call, done))

    def _carried_out(self, call: Call, values: Any) -> Coroutine[Any, Any, Any]:
        match call.name:
            case "watch":
                return self._host.watch(self, *values)
            case "watch_all":
                return self._watch_all(*values)
            case "unwatch":
                return self._host.unwatch(self, *values)
            case "tell":
                return self._host.tell(*values)
        question: Coroutine[Any, Any, Any] = getattr(self._host.broker, call.name)(*values)
        return question

    async def _watch_all(self, channels: tuple[str, ...]) -> None:
        for channel in channels:
            await self._host.watch(self, channel)

    def _answer(self, id: int, call: Call, done: Ready[Any]) -> None:
        try:
            said = call.answer(id, done.result())
        except Refused as no:
            said = wire.item(id, Outcome.REFUSED, Failed(no.reason, no.code, no.temporary))
        except Exception as error:
            _log.exception("the broker's %s failed", call.name)
            said = wire.item(id, Outcome.FAILED, Failed(f"the broker failed: {type(error).__name__}"))
        if self.link is not None:
            self._host.send(self, said)

    def flush(self) -> None:
        """Write what is in the outbox; a client with too much untaken is dropped, and will ask for what it missed."""
        items, self.outbox = self.outbox, []
        if self.link is None:
            return
        if self.link.queued > self._host.bounds.queue:
            _log.warning("%s does not keep up; its link is dropped", self.shown)
            self.drop()
        else:
            self.link.write(wire.frame(items))

    def lost(self) -> None:
        """Take notice that the link is gone."""
        if self.link is not None:
            self.link = None
            self.outbox.clear()
            self._host.left(self)

    def drop(self) -> None:
        """End the link."""
        link = self.link
        self.lost()
        if link is not None:
            link.close()
