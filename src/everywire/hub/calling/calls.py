"""Calls of the application's handlers.

An ordinary call keeps its place in its session's order: what the client says after it waits for its answer. One that has a stream, or
whose handler is concurrent, goes on by itself once it has begun.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from everywire import messages as m
from everywire.errors import Refused
from everywire.hub.access.permission import check_size
from everywire.hub.calling.callers import Caller
from everywire.hub.calling.handlers import Handler
from everywire.hub.calling.running import Running
from everywire.hub.calling.shapes import encode, told
from everywire.hub.codes import Code
from everywire.hub.quoting import quoted
from everywire.hub.world import settled

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hooks import Tracer
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["call"]

_MAX_NAME = 128  # characters of a name that a reason repeats


async def call(hub: Hub, attachment: Attachment, session: Session, command: m.Call) -> None:
    """Have a `Call` answered; comes back when the next command may be handled. Raises what an ordinary call failed with."""
    assert attachment.calls is not None
    running = attachment.calls.running.get(command.ref)
    if running is None or running.command is not command:
        return  # it was cancelled, or is too late, while it waited its turn
    try:
        handler = _handler(hub, attachment, session, running)
        caller = Caller(hub, session, attachment.request, command.name)
        bound = handler.bind(caller, command.data, running.opened(handler.inflows), positional=command.positional)
        running.given = handler.resolution.given(caller) if handler.resolution is not None else None
    except Exception:
        running.finish(None)
        raise
    work = _stream(running, handler, bound) if handler.streams else _result(hub, attachment, running, handler, bound)
    if handler.detached and hub.tracer is not None:
        work = _traced(hub.tracer, running, work)
    running.begin(handler, work)
    if not handler.detached:
        await running.wait()


def _handler(hub: Hub, attachment: Attachment, session: Session, running: Running) -> Handler:
    """Give the handler that is to answer, if the call is one that it can answer now."""
    command, settings, calls = running.command, hub.settings, attachment.calls
    handler = hub.hooks.of(session.space).handler(command)
    if handler is None:
        raise Refused(_unknown(command), Code.UNKNOWN_NAME)
    if calls is not None and calls.working >= settings.max_calls:
        raise Refused(f"no more than {settings.max_calls} calls at a time", Code.LIMIT, temporary=True)
    if handler.steadfast and len(hub.unfinished) >= settings.max_unfinished:
        raise Refused("too many handlers are at work", Code.LIMIT, temporary=True)
    check_size("data", command.data, settings.max_data)
    if command.credit > settings.max_credit:
        raise Refused(f"more credit than {settings.max_credit}", Code.LIMIT)
    if attachment.alone and (handler.streams or handler.inflows):
        verb, code = ("answers with", Code.NO_CREDIT) if handler.streams else ("takes", Code.BAD_REQUEST)
        raise Refused(f"{command.name} {verb} a stream, which one HTTP request cannot carry: connect for it", code)
    _check_streams(running, handler)
    return handler


def _unknown(command: m.Call) -> str:
    if command.awaits is None:
        return f"unknown name {quoted(command.name)}"
    return f"Failed to invoke '{command.name[:_MAX_NAME]}' due to an error on the server. HubException: Method does not exist."


def _check_streams(running: Running, handler: Handler) -> None:
    """Refuse a call that awaits what its handler does not give, or that has other streams than it takes."""
    command, given, taken = running.command, running.streams, len(handler.inflows)
    if command.awaits is None:
        if handler.streams and not command.credit:
            raise Refused("the answer is a stream, and the call gave no credit", Code.NO_CREDIT)
    elif handler.streams != (command.awaits == "stream"):
        kind, said = ("streaming", "non-streaming") if handler.streams else ("non-streaming", "streaming")
        name = command.name[:_MAX_NAME]
        raise Refused(
            f"The client attempted to invoke the {kind} '{name}' method with a {said} invocation.", Code.BAD_REQUEST
        )
    if given != taken:
        if not taken:
            wants = "takes no stream"
        elif taken == 1 and command.awaits is None:
            wants = "takes a stream: the call is not `streaming`"
        else:
            wants = f"takes {taken} stream{'s' if taken > 1 else ''}, not {given}"
        raise Refused(f"bad request: {command.name} {wants}", Code.BAD_REQUEST)


async def _result(hub: Hub, attachment: Attachment, running: Running, handler: Handler, bound: dict[str, Any]) -> None:
    """Answer by what the handler returns."""
    try:
        if running.given is None:
            said = told(await _returned(hub, running, handler, bound), attachment.codec)
        else:
            async with running.given as given:
                # While what it came from is open: rows of a database cannot be read after their session.
                said = told(await _returned(hub, running, handler, bound | given), attachment.codec)
        running.finish(m.Result(running.command.ref, said))
    except Exception as error:
        running.fail(handler, error)


async def _returned(hub: Hub, running: Running, handler: Handler, bound: dict[str, Any]) -> Any:
    if running.made is not None:
        result, running.made = running.made, None
    elif handler.threaded:
        result = await hub.world.aside(partial(_in_thread, handler, bound))
    else:
        result = handler.called(**bound)
    if hasattr(result, "__await__"):
        result = await settled(hub.world, result)
    return result if handler.fit is None else handler.fit(result)


async def _traced(tracer: Tracer, running: Running, work: Coroutine[Any, Any, None]) -> None:
    """Follow a call that goes on by itself until it is answered, with what it failed with."""
    with contextlib.suppress(Exception), tracer.span(running.command):
        await work
        if running.failure is not None:
            raise running.failure


def _in_thread(handler: Handler, bound: dict[str, Any]) -> Any:
    try:
        return handler.called(**bound)
    except StopIteration as stop:
        raise RuntimeError("the handler raised StopIteration") from stop  # a future would never be told of it


async def _stream(running: Running, handler: Handler, bound: dict[str, Any]) -> None:
    """Answer by what the handler yields, one item for each that the client takes."""
    try:
        if running.given is None:
            await _yielded(running, handler, bound)
        else:
            async with running.given as given:
                await _yielded(running, handler, bound | given)
        running.finish(m.End(running.command.ref))
    except Exception as error:
        running.fail(handler, error)


async def _yielded(running: Running, handler: Handler, bound: dict[str, Any]) -> None:
    source = handler.called(**bound)
    if inspect.isawaitable(source):
        source = await source
    try:
        while await running.room():
            item = await anext(source)
            running.give(encode(item if handler.fit is None else handler.fit(item)))
    except StopAsyncIteration:
        pass
    finally:
        # Its own cleaning up, now and here, not when its memory is collected.
        if hasattr(source, "aclose"):
            await source.aclose()
