"""Calls from the server to a client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from everywire import messages as m
from everywire.errors import Declined, Refused, SessionGone
from everywire.hub.calling.running import Calls
from everywire.hub.calling.shapes import Shape, elements, encode, told
from everywire.hub.codes import Code
from everywire.messages import Raw

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Question", "answered", "ask", "carry", "expect", "forget", "late", "read", "say", "tell"]


@dataclass(frozen=True, slots=True)
class Question:
    """A call to a client: its handler's `name`, the `data`, in how many seconds it has to answer, and the hint of its answer.

    With `apart` the answer is a list of all that the client's handler gave, where its language has several; the hint is that of each then.
    """

    name: str
    data: Any = None
    timeout: float | None = None
    returns: Any = Any
    apart: bool = False


async def ask(hub: Hub, session: Session, question: Question) -> Any:
    """Call a handler of a session's client and give what it answers; what is raised is what `Caller.call` says."""
    shape, said = Shape(question.returns), encode(question.data)
    timeout = hub.settings.answer_deadline if question.timeout is None else question.timeout
    return read(
        shape, question, await carry(hub, session, m.Calling(hub.reaching.next_call(), question.name, said, timeout))
    )


def read(shape: Shape, question: Question, answer: m.Answer) -> Any:
    """Give what a client answered as the question wants it; raises `Refused` where it is not as the hint says."""
    if not question.apart:
        return shape.read(answer.data)
    if not answer.positional:
        return [shape.read(answer.data)]
    return [shape.read(each) for each in elements(answer.data)] if answer.data != Raw(b"null") else []


def tell(hub: Hub, session: Session, name: str, arguments: tuple[Any, ...]) -> None:
    """Call a handler of a session's client, and wait for no answer; raises `SessionGone` where the client is not connected."""
    several = len(arguments) != 1
    codec = session.attachment.codec if session.attachment is not None else None
    data = told(arguments if several else arguments[0], codec) if arguments else None
    say(hub, session, name, data, positional=several and data is not None)


def say(hub: Hub, session: Session, name: str, data: m.Data | None, *, positional: bool) -> None:
    """Do the same with data that is encoded, where it is `positional` an array of the arguments."""
    attachment = session.attachment
    if attachment is None or attachment.alone:
        raise SessionGone("the session's client is not connected")
    ordering, count = hub.repairs.ordering, 0
    if session.ordered:  # what it may have missed of this is not told again: it is known then that it did
        session.aside = ordering.aside(session.aside)
        count = session.aside.count
        hub.records.telling(session)
    number = -hub.reaching.next_call()
    calling = m.Calling(number, name, data, positional=positional, order=ordering.here, aside=count)
    if hub.watcher is not None:
        hub.watcher.told(session, calling)
    attachment.tell(calling)


def expect(hub: Hub, session: Session, calling: m.Calling) -> tuple[Attachment, asyncio.Future[m.Answer]]:
    """Give where a call goes to a session's client, and what its answer is kept in, until `forget`; who calls tells it, and minds the time.

    It is broken where the client is lost. Raises `SessionGone` where that is not connected, `Refused` where too many calls to it wait.
    """
    attachment = session.attachment
    if attachment is None:
        raise SessionGone("the session's client is not connected")
    if attachment.alone:
        raise SessionGone("the session's client is one HTTP request, which cannot be called")
    calls = attachment.calls = attachment.calls or Calls()
    if len(calls.asked) >= hub.settings.max_asked:
        raise Refused("too many calls to this client wait for its answer", Code.LIMIT, temporary=True)
    if hub.watcher is not None:
        hub.watcher.told(session, calling)
    answer = calls.asked[calling.call] = hub.world.promise()
    return attachment, answer


def forget(attachment: Attachment, number: int) -> None:
    """Keep no answer to that call any more."""
    if attachment.calls is not None:
        attachment.calls.asked.pop(number, None)


async def carry(hub: Hub, session: Session, calling: m.Calling) -> m.Answer:
    """Tell a session's client that it is called, and give what it answers."""
    attachment, answer = expect(hub, session, calling)
    timer = hub.world.later(calling.timeout or 0, lambda: late(answer, calling))
    attachment.tell(calling)
    try:
        return await answer
    except (TimeoutError, asyncio.CancelledError):
        attachment.tell(m.Cancel(calling.call))
        raise
    finally:
        timer.cancel()
        forget(attachment, calling.call)


def late(answer: asyncio.Future[m.Answer], calling: m.Calling) -> None:
    """Break what waits for an answer that did not come in time."""
    if not answer.done():
        answer.set_exception(
            TimeoutError(f"the client did not answer {calling.name!r} within {calling.timeout} seconds")
        )


def answered(hub: Hub, calls: Calls | None, command: m.Answer | m.Decline) -> None:
    """Hand on what a client answers; an answer that nobody waits for any more is dropped."""
    answer = calls.asked.get(command.call) if calls is not None else None
    if answer is None or answer.done():
        return
    match command:
        case m.Decline(_, code, reason):
            answer.set_exception(Declined(reason, code))
        case m.Answer(_, data) if memoryview(data).nbytes > hub.settings.max_data:
            answer.set_exception(Declined("the answer is too big", Code.LIMIT))
        case m.Answer():
            answer.set_result(command)
