"""Calls to clients whose sessions are on other nodes, by notes."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec

from everywire import messages as m
from everywire.errors import SessionGone
from everywire.hub.calling.asking import Question, ask, carry, read
from everywire.hub.calling.outcomes import Outcome, outcome
from everywire.hub.calling.shapes import Shape, encode

if TYPE_CHECKING:
    from everywire.hub.hub import Hub

__all__ = ["Reaching"]

_TRAVEL = 1.0  # seconds that notes may take, there and back, beyond what the client is given

_log = logging.getLogger("everywire.hub")


class _Ask(msgspec.Struct):
    """Whoever has `session`: call its client, and tell me what comes of it, under `number`."""

    number: int
    session: str
    name: str
    data: bytes
    packed: bool
    timeout: float


class _Over(msgspec.Struct):
    """I wait no longer for `number`."""

    number: int


class _Told(msgspec.Struct):
    """What came of `number`, for `node`."""

    node: str
    number: int
    outcome: Outcome


class Reaching:
    """Asks all nodes for a session that is not here, and answers other nodes for those that are.

    Invariants: `_waiting` holds the calls of this node that another is to answer, by number; `_carried` those that this node carries
    out for others.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub: Final = hub
        self._last_call = 0
        self._waiting: dict[int, asyncio.Future[m.Answer]] = {}
        self._carried: dict[tuple[str, int], asyncio.Future[None]] = {}
        hub.notes.add("ask", _Ask, self._asked)
        hub.notes.add("ask-over", _Over, self._over)
        hub.notes.add("ask-told", _Told, self._told)

    def next_call(self) -> int:
        """Number a call of the server; no number is used twice, so that no late answer is taken for another."""
        self._last_call += 1
        return self._last_call

    async def ask(self, session: str, question: Question) -> Any:
        """Call the client of the session with that public id, wherever it is; raises what `Everywire.call` says."""
        hub = self._hub
        here = hub.sessions.get(session)
        if here is not None:
            return await ask(hub, here, question)
        if hub.broker.alone:
            raise SessionGone(f"there is no session {session}")
        shape, said = Shape(question.returns), encode(question.data)
        timeout = hub.settings.answer_deadline if question.timeout is None else question.timeout
        packed = isinstance(said, m.Packed)
        wanted = _Ask(self.next_call(), session, question.name, bytes(said), packed, timeout)
        return read(shape, question, await self._elsewhere(wanted))

    async def _elsewhere(self, wanted: _Ask) -> m.Answer:
        hub, number = self._hub, wanted.number
        answer = self._waiting[number] = hub.world.promise()
        gone = SessionGone(f"no node says that it has the session {wanted.session}")
        timer = hub.world.later(wanted.timeout + _TRAVEL, lambda: _break(answer, gone))
        try:
            await hub.notes.tell("ask", wanted)
            given: m.Answer = await answer
            return given
        except asyncio.CancelledError:
            hub.world.task(self._say("ask-over", _Over(number)))
            raise
        finally:
            timer.cancel()
            self._waiting.pop(number, None)

    def _told(self, told: _Told, node: str) -> None:
        answer = self._waiting.get(told.number) if told.node == self._hub.node else None
        if answer is None or answer.done():
            return
        came = told.outcome.read(told.number)
        if isinstance(came, Exception):
            answer.set_exception(came)
        else:
            answer.set_result(came)

    # For other nodes.

    def _asked(self, wanted: _Ask, node: str) -> None:
        if wanted.session in self._hub.sessions:
            work = self._hub.world.task(self._carry(wanted, node))
            self._carried[node, wanted.number] = work
            work.add_done_callback(lambda _: self._carried.pop((node, wanted.number), None))

    def _over(self, over: _Over, node: str) -> None:
        if (work := self._carried.get((node, over.number))) is not None:
            work.cancel()

    async def _carry(self, wanted: _Ask, node: str) -> None:
        hub = self._hub
        data: m.Data = m.Packed(wanted.data) if wanted.packed else m.Raw(wanted.data)
        calling = m.Calling(self.next_call(), wanted.name, data, wanted.timeout)
        came: m.Answer | Exception
        try:
            if (session := hub.sessions.get(wanted.session)) is None:
                raise SessionGone(f"the session {wanted.session} is over")
            came = await carry(hub, session, calling)
        except Exception as no:
            came = no
        await self._say("ask-told", _Told(node, wanted.number, outcome(came)))

    async def _say(self, kind: str, body: msgspec.Struct) -> None:
        try:
            await self._hub.notes.tell(kind, body)
        except Exception:
            _log.exception("another node was not told what became of its call")


def _break(answer: asyncio.Future[m.Answer], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
