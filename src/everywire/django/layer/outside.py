"""The way out of a process: groups that are channels of the hub, letters to other processes, queues that all of them share."""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from functools import partial
from typing import Any, Final

from everywire.app import Everywire
from everywire.brokers.base import Draft, Filled, Holding, Pulled, Seat
from everywire.django.layer import words
from everywire.django.layer.drops import Drop
from everywire.django.layer.inside import Inside
from everywire.django.layer.words import Answer, Asked, Clear, Join, Leave, List, Mail
from everywire.hub.channels.taps import Take
from everywire.hub.world import Timer
from everywire.messages import Data, Member, Packed, Publication

__all__ = ["Outside"]

PATIENCE: Final = 2.0  # seconds for another process to answer
LEASE: Final = 9.0  # seconds after its last sign of life for which a process counts as there

_log = logging.getLogger("everywire.django")


class Outside:
    """What one layer has with others by way of an application's hub; all of it belongs to that hub's loop.

    `before` is the way out until this one has begun. Both hear the same then, and the one that is `inside.way` takes it.

    Invariants: `_open` has the taps of the groups with members here; `_asked` the questions without an answer; `_bound` the queues that
    this process has put into groups, which the broker is told again if it was lost; `_empty` who waits for which queue.
    """

    def __init__(self, app: Everywire, inside: Inside, prefix: str, before: Outside | None = None) -> None:
        self.app: Final = app
        self._inside: Final = inside
        self._before = before
        self._holder: Final = secrets.token_hex(6)  # the end of the one before is not to take our place away
        self._prefix: Final = prefix
        self._processes_of: Final = f"{words.PROCESSES} {prefix}"
        self._queue: Final = f"{words.PROCESSES}/{prefix}/"
        self._hub: Final = app.hub
        self.world: Final = app.hub.world
        self._broker: Final = app.hub.broker
        self._sender: Final = words.sender(inside.process)
        self._open: dict[str, Take] = {}
        self._opening: dict[str, asyncio.Future[Any]] = {}
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._bound: dict[tuple[str, str], tuple[Holding, float]] = {}
        self._empty: dict[str, set[asyncio.Future[Any]]] = {}
        self._watched: set[str] = set()
        self._known: dict[str, float] = {}  # processes that were there lately, and until when that is believed
        self._last = secrets.randbits(48)  # answers to the one before come here, too
        self._term = ""
        self._timer: Timer | None = None
        self._begun: asyncio.Future[Any] | None = None
        inside.drops.meter = self._count

    def _count(self, drop: Drop) -> None:
        """Count dropped messages where the hub counts, by "channels" and the reason; in any thread."""

        def count() -> None:
            counts, name = self._hub.metrics.dropped, f"channels {drop.reason}"
            counts[name] = counts.get(name, 0) + drop.count

        with suppress(RuntimeError):  # its loop is closed
            count() if self.world.here() else self.world.hop(count)

    @property
    def begun(self) -> bool:
        """Whether it is there for other processes, and hears them."""
        return self._begun is not None and self._begun.done() and self._begun.exception() is None

    async def begin(self) -> None:
        """Be there for other processes; whoever asks meanwhile waits for the same."""
        if self._begun is None or (self._begun.done() and self._begun.exception() is not None):
            self._begun = self.world.start(self._begin())
        await asyncio.shield(self._begun)

    async def _begin(self) -> None:
        await self._hub.delivering.taps.open(words.inbox(self._inside.process), self._letter)
        if self._again not in self._hub.delivering.taps.gaps:
            self._hub.delivering.taps.gaps.append(self._again)
        await self._enter()
        if self._timer is None:
            self._timer = self.world.later(LEASE / 3, self._renew)
        for group in self._inside.groups_here():
            await self.open(group)
        self._inside.way = self
        self._end_before()

    def _end_before(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            before.end()

    def end(self) -> None:
        """Let go of everything, in any thread: another application's hub is the way out now, or none."""
        with suppress(RuntimeError):  # its loop is closed, and everything gone with it
            self.world.hop(self._end)

    def _end(self) -> None:
        self._begun = None
        self._end_before()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._again in self._hub.delivering.taps.gaps:
            self._hub.delivering.taps.gaps.remove(self._again)
        self._quietly(self._hub.delivering.taps.close(words.inbox(self._inside.process), self._letter, heard=False))
        self._quietly(self._broker.exit(self._processes_of, self._inside.process, self._holder))
        for group in [*self._open]:
            self._quietly(self._shut(group))

    # Which processes there are.

    async def _enter(self) -> None:
        seat = Seat(Member(self._inside.process, dialect=words.DIALECT), self._holder)
        self._term = await self._broker.enter(self._processes_of, seat, LEASE)

    def _renew(self) -> None:
        self._timer = self.world.later(LEASE / 3, self._renew)
        self._quietly(self._stay())

    async def _stay(self) -> None:
        if await self._broker.renew(self._holder, LEASE) != self._term:
            await self._enter()

    async def _processes(self) -> list[str]:
        """Give the others."""
        there = await self._broker.members(self._processes_of)
        self._known = {each.session: self.world.now() + LEASE for each in there}
        return [each.session for each in there if each.session != self._inside.process]

    def _again(self) -> None:
        """Tell a broker that may have been lost what it has to know; whoever waits at a queue asks again. What was for us is lost, too."""
        if self._inside.way is self:
            self._inside.dropped(Drop("link", ""))
        self._quietly(self._enter())
        for (queue, channel), (holding, ttl) in self._bound.items():
            self._quietly(self._broker.bind(queue, channel, holding, ttl))
        for name in [*self._empty]:
            self._fill(name)

    def _quietly(self, work: Any) -> None:
        """Do what is tried again by itself, or is of no use any more."""

        async def tried() -> None:
            try:
                await work
            except Exception as fault:
                _log.debug("the broker was not told: %r", fault)

        self.world.start(tried())

    # Groups.

    async def open(self, group: str) -> None:
        """Hear a group from before this returns."""
        if group in self._open:
            return
        opening = self._opening.get(group)
        if opening is None or opening.done():  # one that is done was for a group that was shut since
            opening = self._opening[group] = self.world.start(self._tap(group))
            opening.add_done_callback(partial(self._opened, group))
        await asyncio.shield(opening)

    def _opened(self, group: str, opening: asyncio.Future[Any]) -> None:
        if self._opening.get(group) is opening:
            del self._opening[group]

    async def _tap(self, group: str) -> None:
        take = partial(self._take, group)
        await self._hub.delivering.taps.open(self._prefix + group, take)
        self._open[group] = take

    async def shut(self, group: str) -> None:
        """Hear it no longer, unless somebody here is in it again."""
        opening = self._opening.get(group)
        if opening is not None and not opening.done() and not self._inside.members_here(group):
            await asyncio.wait([opening])  # who was cancelled while he came leaves before that is done
        if not self._inside.members_here(group):
            await self._shut(group)

    async def _shut(self, group: str) -> None:
        take = self._open.pop(group, None)
        if take is not None:
            name = self._prefix + group
            await self._hub.delivering.taps.close(name, take, heard=name in self._hub.channels)

    def _take(self, group: str, news: Publication | Filled) -> None:
        if not isinstance(news, Publication) or self._inside.way is not self:
            return
        data = words.heard(news, self._inside.message_type)
        if data is not None and not self._inside.deliver(group, data):
            self._quietly(self.shut(group))  # the time of all members here is over, and nobody took them out

    async def publish(self, group: str, data: Data) -> None:
        """Send to a group: to whoever is in it in any process, and to the clients that are subscribed to the channel."""
        hub, name = self._hub, self._prefix + group
        draft = Draft(data, self.world.wall(), self._sender)
        if (place := hub.hooks.kinds.find(name)) is not None:
            await hub.publish(place, draft)
        else:
            await self._broker.publish(name, draft, None)
            hub.metrics.publications += 1

    async def members(self, group: str) -> list[Member]:
        """Give who is in a group: channels of all processes, and clients where the channel has presence."""
        others = await asyncio.gather(*[self._ask(each, List(group)) for each in await self._processes()])
        names = [*self._inside.members_here(group), *(name for found in others if found for name in found.names)]
        names += [queue for queue, channel in self._bound if channel == self._prefix + group]
        found = [Member(name.removeprefix(self._queue), dialect=words.DIALECT) for name in names]
        return [*found, *await self._broker.members(self._prefix + group)]

    # Letters to other processes, and from them.

    async def send(self, process: str, channel: str, message: Packed) -> bool:
        """Send a message to a channel of another process; false where that is full there. To a process that is gone it is dropped."""
        answer = await self._ask(process, Mail(channel, bytes(message)))
        if answer is None:
            self._inside.dropped(Drop("gone", channel))
        return answer is None or answer.done

    async def join(self, process: str, group: str, channel: str) -> None:
        """Have a channel of another process in a group."""
        await self._ask(process, Join(group, channel))

    async def leave(self, process: str, group: str, channel: str) -> None:
        """Have it there no longer."""
        await self._ask(process, Leave(group, channel))

    async def _ask(self, process: str, what: Mail | Join | Leave | List | Clear) -> Answer | None:
        """Ask another process; None where it is gone, or does not answer in time."""
        self._last += 1
        number, answer = self._last, self.world.promise()
        self._asked[number] = answer
        timer = self.world.later(PATIENCE, lambda: None if answer.done() else answer.set_result(None))
        try:
            if self._known.get(process, 0.0) < self.world.now() and process not in await self._processes():
                return None
            reached = await self._write(process, Asked(number, self._inside.process, what))
            if not reached and not answer.done():
                answer.set_result(None)  # it was killed: its place is kept until its lease is over, and nobody hears it
            found: Answer | None = await answer
            if found is None:
                self._known.pop(process, None)
            return found
        finally:
            timer.cancel()
            del self._asked[number]

    async def _write(self, process: str, letter: Asked | Answer) -> bool:
        """Write to a process; false where nobody reads it."""
        draft = Draft(words.written(letter), self.world.wall(), self._sender)
        return (await self._broker.publish(words.inbox(process), draft, None)).heard

    def _letter(self, news: Publication | Filled) -> None:
        letter = words.read_letter(news.data) if isinstance(news, Publication) else None
        if isinstance(letter, Answer):
            asked = self._asked.get(letter.number)
            if asked is not None and not asked.done():
                asked.set_result(letter)
        elif letter is not None and self._inside.way is self:
            done = (
                self._inside.put(letter.what.channel, Packed(letter.what.message))
                if isinstance(letter.what, Mail)
                else True
            )
            self.world.task(self._answer(letter, done=done))

    async def _answer(self, letter: Asked, *, done: bool) -> None:
        names: list[str] = []
        try:
            match letter.what:
                case Join(group, channel):
                    self._inside.join(group, channel)
                    await self.open(group)
                case Leave(group, channel):
                    self._inside.leave(group, channel)
                    await self.shut(group)
                case List(group):
                    names = self._inside.members_here(group)
                case Clear():
                    await self._clear()
            await self._write(letter.back, Answer(letter.number, done, tuple(names)))
        except Exception as fault:
            _log.warning("a question of another process is not answered: %r", fault)

    # Queues that all processes share.

    async def push(self, channel: str, message: Packed, holding: Holding) -> bool:
        """Put a message into a channel that belongs to no process; false where that is full."""
        pushed = await self._broker.push(
            self._queue + channel, Draft(message, self.world.wall(), self._sender), holding
        )
        if pushed.expired:
            self._inside.dropped(Drop("expired", channel, count=pushed.expired))
        for queue, count in pushed.elsewhere:
            self._inside.dropped(Drop("expired", queue.rpartition("/")[2], count=count))
        return pushed.taken

    async def pull(self, channel: str, ticket: str) -> Pulled:
        """Take its first message, if there is one."""
        pulled = await self._broker.pull(self._queue + channel, ticket)
        if pulled.expired:
            self._inside.dropped(Drop("expired", channel, count=pulled.expired))
        if pulled.full:
            self._inside.dropped(Drop("capacity", channel, count=pulled.full))
        return pulled

    def put_back(self, channel: str, ticket: str) -> None:
        """Put back what nobody reads any more."""
        self._quietly(self._broker.put_back(self._queue + channel, ticket))

    async def watch(self, channel: str) -> None:
        """Learn when there is something in a queue."""
        if channel not in self._watched:
            await self._hub.delivering.taps.open(self._queue + channel, lambda _: self._fill(channel))
            self._watched.add(channel)

    def filled(self, channel: str) -> asyncio.Future[Any]:
        """Give what is done when it is worth while to pull again; who does not wait for it any more cancels it."""
        waiting: asyncio.Future[Any] = self.world.promise()
        self._empty.setdefault(channel, set()).add(waiting)
        waiting.add_done_callback(self._empty[channel].discard)
        return waiting

    def _fill(self, channel: str) -> None:
        for each in self._empty.pop(channel, ()):
            if not each.done():
                each.set_result(None)

    async def bind(self, group: str, channel: str, holding: Holding, ttl: float) -> None:
        """Have a channel that belongs to no process in a group."""
        await self._broker.bind(self._queue + channel, self._prefix + group, holding, ttl)
        self._bound[self._queue + channel, self._prefix + group] = holding, ttl

    async def unbind(self, group: str, channel: str) -> None:
        """Have it there no longer."""
        self._bound.pop((self._queue + channel, self._prefix + group), None)
        await self._broker.unbind(self._queue + channel, self._prefix + group)

    # Flush.

    async def flush(self) -> None:
        """Have no messages and no groups, in all processes."""
        await self._clear()
        await asyncio.gather(*[self._ask(each, Clear()) for each in await self._processes()])
        await self._broker.purge(self._queue)

    async def _clear(self) -> None:
        self._inside.clear()
        self._bound.clear()
        for group in [*self._open]:
            await self.shut(group)
