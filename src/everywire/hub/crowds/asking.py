"""Calls to many clients at once, and what they answer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from everywire import messages as m
from everywire.errors import Declined, Refused, SessionGone
from everywire.hub.calling.asking import Question, expect, forget, late, read
from everywire.hub.calling.outcomes import Outcome, outcome
from everywire.hub.calling.shapes import Shape, encode
from everywire.hub.codes import Code
from everywire.hub.crowds.choice import Choice
from everywire.hub.crowds.rounds import Rounds
from everywire.hub.session import Session
from everywire.hub.world import pause

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub
    from everywire.payloads import Codec, Payload

__all__ = ["Answers", "Asker"]

_TRAVEL: Final = 1.0  # seconds that notes may take, there and back, beyond what the clients are given
_TOGETHER: Final = 0.01  # seconds for which answers are gathered, to be told another node as one
_PART: Final = 64 * 1024  # bytes of answers told as one, about
_NAMES: Final = 2_000  # sessions named at once
_LARGEST: Final = 900 * 1024  # bytes of one answer; more does not fit in a note


class Answers(NamedTuple):
    """What clients answered, by the public ids of their sessions, in the order it came; and why there is no answer of the others that were asked.

    `failures` are what `Caller.call` raises: `TimeoutError`, `SessionGone`, `Declined`, `Refused`. `nodes` answered for all their sessions,
    `silent` others did not; what is known of those is among the failures.
    """

    answers: dict[str, Any]
    failures: dict[str, Exception]
    nodes: int
    silent: int

    @property
    def complete(self) -> bool:
        """Whether all that were asked have answered, and all nodes."""
        return not self.failures and not self.silent


class _Asked(msgspec.Struct):
    number: int
    choice: Choice
    name: str
    data: bytes
    packed: bool
    timeout: float


class _Over(msgspec.Struct):
    """I wait no longer for `number`."""

    number: int


class _Part(msgspec.Struct, omit_defaults=True):
    """The sessions that are asked; what came of some of them; or, in place of all that, how many it would be, which is too many."""

    asked: tuple[str, ...] = ()
    came: tuple[tuple[str, Outcome], ...] = ()
    many: int = 0


class Asker:
    """Calls the clients of sessions on all nodes, and those of this node for others.

    Each node fixes whom it asks when it is told to, in one turn of the loop. An answer counts once.

    Invariants: `_errands` holds what this node does for who asked, by the node and its number.
    """

    def __init__(self, hub: Hub, rounds: Rounds) -> None:
        self._hub: Final = hub
        self._rounds: Final = rounds
        self._errands: dict[tuple[str, int], asyncio.Future[None]] = {}
        hub.notes.add("ask-all", _Asked, self._asked)
        hub.notes.add("ask-all-over", _Over, self._over)

    async def ask(self, choice: Choice, question: Question) -> Answers:
        """Call the clients of sessions, and give what they answer within the time.

        Raises `Refused` (108) where there are more than `Settings.max_gathered`: on one node, and nobody there is called; together, and those that
        are called are told that nobody waits any more.
        """
        hub, said, shape = self._hub, encode(question.data), Shape(question.returns)
        timeout = hub.settings.answer_deadline if question.timeout is None else question.timeout
        ballot = _Ballot(hub.settings.max_gathered, hub.settings.max_gathered_bytes, timeout)
        asked = _Asked(0, choice, question.name, bytes(said), isinstance(said, m.Packed), timeout)

        async def tell(number: int) -> int:
            asked.number = number
            return await hub.notes.tell("ask-all", asked)

        whole = False
        try:
            heard = await self._rounds.hold(tell, _Part, ballot.take, timeout + _TRAVEL)
            whole = not heard.silent
        finally:
            if not whole and asked.number:
                hub.world.task(self._give_up(asked.number))
        answers, failures = ballot.count(shape, question)
        return Answers(answers, failures, *heard)

    async def _give_up(self, number: int) -> None:
        try:
            await self._hub.notes.tell("ask-all-over", _Over(number))
        except Exception:  # then they find out by their own deadlines
            return

    # For whoever asks.

    def _asked(self, asked: _Asked, node: str) -> None:
        hub = self._hub
        sessions = asked.choice.of(hub)
        if len(sessions) > hub.settings.max_gathered:
            hub.world.task(self._rounds.say(node, asked.number, _Part(many=len(sessions))))
            return
        key = node, asked.number
        errand = _Errand(hub, self._rounds, key)
        errand.put(asked, sessions)
        # At once: a task that is given up before its first step would never tell the clients that nobody waits.
        work = self._errands[key] = hub.world.start(errand.run())
        work.add_done_callback(lambda _: self._errands.pop(key, None))

    def _over(self, over: _Over, node: str) -> None:
        if (work := self._errands.get((node, over.number))) is not None:
            work.cancel()


class _Ballot:
    """What has come in of one question, within bounds.

    Invariants: each session that was asked is a key of `_came`, with what came of it, or None as long as nothing did.
    """

    def __init__(self, most: int, room: int, timeout: float) -> None:
        self._most: Final = most
        self._room = room
        self._timeout: Final = timeout
        self._came: dict[str, Outcome | None] = {}

    def take(self, node: str, part: _Part) -> None:
        """Take a part of a node's answer; raises `Refused` where these are too many."""
        for name in part.asked:
            self._came.setdefault(name, None)
        if part.many or len(self._came) > self._most:
            raise Refused(f"no more than {self._most} sessions can be asked at once", Code.LIMIT)
        for name, came in part.came:
            known = self._came.pop(name)
            if known is None or known.why != "answered":  # a session that went on elsewhere may have failed before
                known = _fitting(came, self._room)
                self._room -= len(known.data)
            self._came[name] = known

    def count(self, shape: Shape, question: Question) -> tuple[dict[str, Any], dict[str, Exception]]:
        """Give the answers, as they are to be read, and why others are missing."""
        answers: dict[str, Any] = {}
        failures: dict[str, Exception] = {}
        for name, came in self._came.items():
            found = came.read(0) if came is not None else self._unheard()
            if isinstance(found, Exception):
                failures[name] = found
                continue
            try:
                answers[name] = read(shape, question, found)
            except Refused as no:
                failures[name] = no
        return answers, failures

    def _unheard(self) -> Exception:
        return TimeoutError(
            f"the node of the client did not say what it answered, or was lost, within {self._timeout} seconds"
        )


class _Errand:
    """One question that this node puts to clients, for the node that asked.

    Invariants: `_open` holds those whose answers are waited for; `_ready` what came of others and is not told yet, with answers of
    `max_gathered_bytes` in all at most; `_wake` is there while `run` waits for more of that.
    """

    def __init__(self, hub: Hub, rounds: Rounds, key: tuple[str, int]) -> None:
        self._hub: Final = hub
        self._rounds: Final = rounds
        self._key: Final = key
        self._room = hub.settings.max_gathered_bytes
        self._open: dict[str, tuple[Attachment, asyncio.Future[m.Answer]]] = {}
        self._names: tuple[str, ...] = ()
        self._ready: deque[tuple[str, Outcome]] = deque()
        self._wake: asyncio.Future[None] | None = None

    def put(self, asked: _Asked, sessions: Iterable[Session]) -> None:
        """Call them all, in this turn of the loop: the call has one number, and so it is encoded once for each codec."""
        hub, data = self._hub, m.Packed(asked.data) if asked.packed else m.Raw(asked.data)
        self._calling = calling = m.Calling(hub.reaching.next_call(), asked.name, data, asked.timeout)
        self._names = tuple(session.id for session in sessions)
        words: dict[Codec, tuple[Payload, ...]] = {}
        for session in sessions:
            try:
                attachment, answer = expect(hub, session, calling)
            except (Refused, SessionGone) as no:
                self._ready.append((session.id, outcome(no)))
                continue
            self._open[session.id] = attachment, answer
            answer.add_done_callback(partial(self._came, session.id))
            codec = attachment.codec
            if codec not in words:
                words[codec] = codec.encode(calling)
            attachment.transport.send(words[codec])

    async def run(self) -> None:
        """Tell who asked whom that concerns, then what comes of them, until that is all."""
        timer = self._hub.world.later(self._calling.timeout or 0, self._expire)
        try:
            with self._rounds.at_it(*self._key):
                await self._tell()
        finally:
            timer.cancel()
            for attachment, answer in [*self._open.values()]:
                answer.cancel()
                forget(attachment, self._calling.call)
                attachment.tell(m.Cancel(self._calling.call))
            self._open.clear()

    async def _tell(self) -> None:
        for start in range(0, len(self._names), _NAMES):
            await self._say(_Part(asked=self._names[start : start + _NAMES]))
        while self._open or self._ready:
            if not self._ready:
                self._wake = self._hub.world.promise()
                await self._wake
                await pause(self._hub.world, _TOGETHER)
            await self._say(_Part(came=self._some()))
        await self._say(_Part(), last=True)

    async def _say(self, part: _Part, *, last: bool = False) -> None:
        node, number = self._key
        await self._rounds.say(node, number, part, last=last)

    def _some(self) -> tuple[tuple[str, Outcome], ...]:
        some: list[tuple[str, Outcome]] = []
        size = 0
        while self._ready and size < _PART:
            name, came = self._ready.popleft()
            some.append((name, came))
            size += len(name) + len(came.data) + len(came.reason)
        return tuple(some)

    def _expire(self) -> None:
        for _, answer in [*self._open.values()]:
            late(answer, self._calling)

    def _came(self, name: str, answer: asyncio.Future[m.Answer]) -> None:
        found = self._open.pop(name, None)
        if found is None or answer.cancelled():
            return
        attachment, error = found[0], answer.exception()
        forget(attachment, self._calling.call)
        if isinstance(error, TimeoutError):
            attachment.tell(m.Cancel(self._calling.call))
        came = _fitting(outcome(error if error is not None else answer.result()), self._room)
        self._room -= len(came.data)
        self._ready.append((name, came))
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def _fitting(came: Outcome, room: int) -> Outcome:
    """Give what came, or, where there is no room for it, why it is missing."""
    if len(came.data) <= min(room, _LARGEST):
        return came
    return outcome(Declined("there is no room for the answer", Code.LIMIT))
