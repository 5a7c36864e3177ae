"""A worker's broker: asks the host over a link, which may be lost and come again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from everywire.brokers.base import (
    Deliver,
    Draft,
    Gap,
    Holding,
    News,
    Occurrence,
    Pulled,
    Pushed,
    Query,
    Receipt,
    Retention,
    Seat,
    Snapshot,
    Stretch,
)
from everywire.brokers.local import wire
from everywire.brokers.local.link import Connect, Link
from everywire.brokers.local.wire import CALLS, Call, Frames, Kind, Outcome, Wrong
from everywire.errors import Refused
from everywire.messages import Member, Position, Publication
from everywire.metrics import Metrics

__all__ = ["LinkLost", "LocalBroker", "Patience"]

_log = logging.getLogger("everywire.brokers.local")
_CALL: Final = {call.name: call for call in CALLS}


class LinkLost(ConnectionError):
    """The link to the broker was lost, or its answer did not come in time: what was asked for may or may not have happened."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Times in seconds, and bytes that may wait to be written.

    answer: until a question has failed. beat: silence after which the host is asked for a sign of life.
    silence: after so much of it the link is given up. retry, retry_most: the first and the longest pause before another link is asked for.
    """

    answer: float = 2.0
    beat: float = 1.0
    silence: float = 4.0
    retry: float = 0.05
    retry_most: float = 1.0
    waiting: int = 64 * 1024 * 1024


@dataclass(slots=True)
class _Question:
    call: Call
    answer: asyncio.Future[Any]
    deadline: float


class _Watch:
    """One watched channel: `confirmed` over this link, `stands` since it ever was; `asked` while a question is under way."""

    __slots__ = ("asked", "confirmed", "stands")

    def __init__(self) -> None:
        self.confirmed = False
        self.stands = False
        self.asked: asyncio.Future[Any] | None = None


class LocalBroker:
    """The broker of one worker; the logs are in another process, behind the link.

    Everything asked for in one turn of the loop goes out in one write. While there is no link, questions wait for the
    next one, until their time is over; those that were under way when it was lost fail at once, since what they asked
    for may have happened. After each new link everything watched is watched again, and then `Gap` is delivered.

    Invariants: `_asked` holds every question without an answer, the oldest first; `_outbox` those of them not yet
    written; `_watches` every channel to be watched again after a loss; at most one link, and at most one attempt at one; `_doubtful` from a
    further link until `Gap` is delivered.
    """

    def __init__(
        self,
        connect: Connect,
        loop: asyncio.AbstractEventLoop,
        name: str,
        patience: Patience | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._connect = connect
        self._loop = loop
        self._name = name
        self._patience = patience or Patience()
        self._metrics = metrics or Metrics()
        self._deliver: Deliver = _nobody
        self._link: Link | None = None
        self._frames = Frames()
        self._asked: dict[int, _Question] = {}
        self._outbox: list[tuple[int, bytes]] = []
        self._waiting = 0  # bytes in the outbox
        self._flushing = False
        self._watches: dict[str, _Watch] = {}
        self._reads: dict[tuple[str, Query, Retention], asyncio.Future[Any]] = {}
        self._last_id = 0
        self._heard = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._pause = self._patience.retry
        self._was_linked = False
        self._doubtful = False
        self._closed = False

    @property
    def alone(self) -> bool:
        """Others share the host, and it outlives this process."""
        return False

    @property
    def linked(self) -> bool:
        """Whether there is a link at this moment."""
        return self._link is not None

    def listen(self, deliver: Deliver) -> None:
        """Have news of watched channels told to `deliver`, and look for the host."""
        self._deliver = deliver
        self._connect(self)
        self._look_after()

    # The link, which tells these.

    def opened(self, link: Link) -> None:
        """Greet the host, watch again what was watched, and ask what waited."""
        if self._closed:
            link.close()
            return
        self._link = link
        self._metrics.broker_links += 1
        self._frames = Frames()
        self._heard = self._loop.time()
        self._pause = self._patience.retry
        greeting = [wire.item(0, Kind.HELLO, self._name)]
        if self._was_linked:
            self._doubtful = True  # until `Gap` says so, nobody is told that he has everything up to what comes now
            greeting.append(self._watch_again())
        self._was_linked = True
        link.write(wire.frame(greeting))
        self._flush()

    def _watch_again(self) -> bytes:
        watches = dict(self._watches)
        again = self._loop.create_future()
        again.add_done_callback(lambda answer: self._watched_again(answer, watches))
        return self._question(_CALL["watch_all"], (tuple(watches),), again)

    def _watched_again(self, answer: asyncio.Future[Any], watches: dict[str, _Watch]) -> None:
        if answer.cancelled() or (answer.exception() is not None and self._link is None):
            return
        if answer.exception() is not None:
            self._give_up("the host does not watch again what was watched")
            return
        for watch in watches.values():
            watch.confirmed = watch.stands = True
        self._doubtful = False
        self._deliver(Gap())

    def received(self, data: bytes) -> None:
        """Take answers and news; a host that does not keep to the wire is left."""
        self._heard = self._loop.time()
        try:
            for id, kind, body in self._frames.receive(data):
                if id:
                    self._take_answer(id, kind, body)
                elif kind != Kind.BEAT:
                    self._take_news(wire.unpack_news(kind, body))
        except Wrong as fault:
            self._give_up(f"the host does not keep to the wire: {fault}")

    def _take_news(self, news: News) -> None:
        try:
            self._deliver(news.unordered() if self._doubtful and isinstance(news, Publication) else news)
        except Exception:
            _log.exception("news could not be delivered")

    def _take_answer(self, id: int, outcome: int, body: Any) -> None:
        question = self._asked.pop(id, None)
        if question is None or question.answer.done():
            return  # its time was over, or nobody waits for it any more
        try:
            if outcome == Outcome.DONE:
                question.answer.set_result(question.call.answered(body))
            else:
                question.answer.set_exception(_why(outcome, wire.failure(body)))
        except Wrong:
            question.answer.set_exception(LinkLost("the host gave an answer that cannot be read"))
            raise

    def lost(self) -> None:
        """Fail what was under way, and try again after a pause."""
        self._link = None
        for watch in self._watches.values():
            watch.confirmed = False
        unsent = {id for id, _ in self._outbox}
        for id in [id for id in self._asked if id not in unsent]:
            self._fail(id, "the link to the broker was lost")
        if self._closed:
            return
        self._loop.call_later(self._pause, self._again)
        self._pause = min(2 * self._pause, self._patience.retry_most)

    def _again(self) -> None:
        if not self._closed and self._link is None:
            self._connect(self)

    def _give_up(self, why: str) -> None:
        _log.warning("%s; another link is made", why)
        link, self._link = self._link, None
        if link is not None:
            link.close()

    # Questions and their time.

    def _ask(self, name: str, *values: Any) -> asyncio.Future[Any]:
        """Put a question; the future given back has the answer, or fails in time."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self._closed:
            answer.set_exception(LinkLost("the broker is closed"))
            return answer
        queued = self._link.queued if self._link is not None else 0
        if self._waiting + queued > self._patience.waiting:
            answer.set_exception(LinkLost("the broker does not keep up"))
            return answer
        said = self._question(_CALL[name], values, answer)
        self._outbox.append((self._last_id, said))
        self._waiting += len(said)
        if self._link is not None and not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)
        return answer

    def _question(self, call: Call, values: Sequence[Any], answer: asyncio.Future[Any]) -> bytes:
        self._last_id += 1
        self._asked[self._last_id] = _Question(call, answer, self._loop.time() + self._patience.answer)
        return call.question(self._last_id, values)

    def _flush(self) -> None:
        self._flushing = False
        if self._link is None or not self._outbox:
            return
        items = [said for id, said in self._outbox if id in self._asked]
        self._outbox.clear()
        self._waiting = 0
        if items:
            self._link.write(wire.frame(items))

    def _look_after(self) -> None:
        """See to what is late: four times in the time that an answer may take, and in that between two beats."""
        now = self._loop.time()
        while self._asked:
            id, question = next(iter(self._asked.items()))
            if question.deadline > now:
                break
            self._fail(id, "the broker did not answer in time")
        if self._link is not None:
            silence = now - self._heard
            if silence >= self._patience.silence:
                self._give_up("the broker is silent")
            elif silence >= self._patience.beat:
                self._link.write(wire.frame([wire.item(0, Kind.BEAT)]))
        self._timer = self._loop.call_later(min(self._patience.answer, self._patience.beat) / 4, self._look_after)

    def _fail(self, id: int, why: str) -> None:
        question = self._asked.pop(id)
        if not question.answer.done():
            question.answer.set_exception(LinkLost(why))

    # Logs.

    async def watch(self, channel: str) -> None:
        """Deliver the news of `channel`; what is watched already costs nothing."""
        watch = self._watches.get(channel)
        if watch is None:
            watch = self._watches[channel] = _Watch()
        if watch.confirmed:
            return
        if watch.asked is None:
            watch.asked = self._ask("watch", channel)
            watch.asked.add_done_callback(lambda answer: self._watched(channel, watch, answer))
        await asyncio.shield(watch.asked)

    def _watched(self, channel: str, watch: _Watch, answer: asyncio.Future[Any]) -> None:
        watch.asked = None
        if not answer.cancelled() and answer.exception() is None:
            watch.confirmed = watch.stands = True
        elif self._watches.get(channel) is watch and not watch.stands:
            del self._watches[channel]

    async def unwatch(self, channel: str) -> None:
        """Deliver its news no longer; without a link there is nobody to tell, and nothing comes."""
        if self._watches.pop(channel, None) is not None and self._link is not None:
            await self._ask("unwatch", channel)

    async def publish(self, channel: str, draft: Draft, retention: Retention | None) -> Receipt:
        """Append `draft` to the log and deliver it."""
        receipt: Receipt = await self._ask("publish", channel, draft, retention)
        return receipt

    async def read(self, channel: str, query: Query, retention: Retention) -> Stretch:
        """Give what the log keeps; who asks the same while the answer is on its way gets the same answer.

        That is as good as an answer of its own: no news that is later than an answer overtakes it.
        """
        key = (channel, query, retention)
        answer = self._reads.get(key)
        if answer is None or answer.done():  # one that has come is older than the news that came with it
            answer = self._reads[key] = self._ask("read", channel, query, retention)
            answer.add_done_callback(lambda answer: self._has_read(key, answer))
        stretch: Stretch = await asyncio.shield(answer)
        return stretch

    def _has_read(self, key: tuple[str, Query, Retention], answer: asyncio.Future[Any]) -> None:
        if self._reads.get(key) is answer:
            del self._reads[key]
        if not answer.cancelled():
            answer.exception()  # whoever asked may be gone

    async def entries(self, channel: str, query: Query, retention: Retention) -> Snapshot:
        """Give entries of a keyed channel."""
        snapshot: Snapshot = await self._ask("entries", channel, query, retention)
        return snapshot

    async def ends(self, channels: Sequence[str]) -> tuple[Position | None, ...]:
        """Give where each log ends."""
        ends: tuple[Position | None, ...] = await self._ask("ends", channels)
        return ends

    # Presence.

    async def enter(self, channel: str, seat: Seat, lease: float) -> str:
        """Hold a place."""
        term: str = await self._ask("enter", channel, seat, lease)
        return term

    async def exit(self, channel: str, session: str, holder: str) -> None:
        """Give a place up."""
        await self._ask("exit", channel, session, holder)

    async def renew(self, holder: str, lease: float) -> str:
        """Hold all that is the holder's for longer."""
        term: str = await self._ask("renew", holder, lease)
        return term

    async def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there."""
        members: tuple[Member, ...] = await self._ask("members", channel)
        return members

    async def count(self, channel: str) -> tuple[int, int]:
        """Give how many are there."""
        count: tuple[int, int] = await self._ask("count", channel)
        return count

    async def claim(self, holder: str, most: int, lease: float) -> tuple[Occurrence, ...]:
        """Take occurrences."""
        occurrences: tuple[Occurrence, ...] = await self._ask("claim", holder, most, lease)
        return occurrences

    async def done(self, holder: str, channel: str, sequence: int) -> None:
        """Let go of one."""
        await self._ask("done", holder, channel, sequence)

    # Queues.

    async def push(self, queue: str, draft: Draft, holding: Holding) -> Pushed:
        """Put a publication into a queue."""
        pushed: Pushed = await self._ask("push", queue, draft, holding)
        return pushed

    async def pull(self, queue: str, ticket: str) -> Pulled:
        """Take one."""
        pulled: Pulled = await self._ask("pull", queue, ticket)
        return pulled

    async def put_back(self, queue: str, ticket: str) -> None:
        """Put it back."""
        await self._ask("put_back", queue, ticket)

    async def bind(self, queue: str, channel: str, holding: Holding, ttl: float) -> None:
        """Have those of a channel put there."""
        await self._ask("bind", queue, channel, holding, ttl)

    async def unbind(self, queue: str, channel: str) -> None:
        """Have them put there no longer."""
        await self._ask("unbind", queue, channel)

    async def purge(self, prefix: str) -> None:
        """Forget queues."""
        await self._ask("purge", prefix)

    # Records, and notes from node to node.

    async def put(self, name: str, record: bytes, ttl: float) -> None:
        """Keep a record."""
        await self._ask("put", name, record, ttl)

    async def get(self, name: str) -> bytes | None:
        """Give a record."""
        record: bytes | None = await self._ask("get", name)
        return record

    async def drop(self, name: str) -> None:
        """Forget a record."""
        await self._ask("drop", name)

    async def tell(self, data: bytes) -> int:
        """Tell every node."""
        nodes: int = await self._ask("tell", data)
        return nodes

    async def close(self) -> None:
        """Ask nothing more, wait for the answers that are on their way, and let go of the link."""
        self._flush()
        self._closed = True
        if self._link is not None and self._asked:
            await asyncio.wait([question.answer for question in self._asked.values()])
        if self._timer is not None:
            self._timer.cancel()
        for id in [*self._asked]:
            self._fail(id, "the broker is closed")
        link, self._link = self._link, None
        if link is not None:
            link.close()


def _nobody(_: News) -> None:
    """Stand in for the hub until one listens."""


def _why(outcome: int, why: wire.Failed) -> Exception:
    """Give what stands for an answer that is none."""
    return (
        Refused(why.reason, why.code, temporary=why.temporary) if outcome == Outcome.REFUSED else LinkLost(why.reason)
    )
