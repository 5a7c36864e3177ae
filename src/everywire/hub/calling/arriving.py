"""Calls as they come: those that need not wait their turn, and the rest.

The call of a plain handler on the event loop, which nothing stands before, is answered here and now. All that a call needs which may have to
wait (its place in the inbox, a coroutine, its record among those that run) costs more than the rest of such a call does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from everywire.hub.access.permission import check_size
from everywire.hub.calling.callers import Caller
from everywire.hub.calling.running import Calls, Running
from everywire.hub.calling.shapes import told
from everywire.hub.calling.steering import steered
from everywire.hub.codes import Code
from everywire.hub.refusing import refusal
from everywire.messages import Call, Command, Refusal, Result

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.calling.handlers import Handler
    from everywire.hub.hub import Hub

__all__ = ["at_once"]


def at_once(hub: Hub, attachment: Attachment, command: Command) -> bool:
    """Deal with what must not wait for earlier commands, when it comes; false for what waits its turn nevertheless.

    A call that waits is registered, so that its items, its credit and its cancel find it even before its turn has come.
    """
    if isinstance(command, Call):
        if hub.watcher is not None and attachment.session is not None:
            hub.watcher.heard(attachment.session, command)
        return _directly(hub, attachment, command) or not _registered(hub, attachment, command)
    return steered(hub, attachment, command)


def _registered(hub: Hub, attachment: Attachment, command: Call) -> bool:
    calls = attachment.calls = attachment.calls or Calls()
    if command.ref in calls.running:
        attachment.tell(
            Refusal(command.ref, Code.BAD_REQUEST, "bad request: the id of a call that is not answered yet")
        )
        return False
    Running(hub, attachment, calls, command)
    return True


def _directly(hub: Hub, attachment: Attachment, command: Call) -> bool:
    """Answer a call if it is one that can be answered now and here."""
    session, hooks = attachment.session, hub.hooks
    if session is None:
        return False
    if hooks.spaces or hooks.parts:
        hooks = hooks.of(session.space)
    handlers = hooks.handlers
    handler = handlers.get(command.name)
    if handler is None:
        handler = hooks.other if command.awaits is None else hooks.handler(command)
    if handler is None or not handler.direct or not _free(hub, attachment, command):
        return False
    try:
        made = _made(hub, attachment, handler, command)
        if hasattr(made, "__await__"):
            _wait(hub, attachment, command, made)
            return True
        if handler.fit is not None:
            made = handler.fit(made)
        attachment.tell(Result(command.ref, told(made, attachment.codec)))
    except Exception as error:
        attachment.tell(refusal(hub, f"Call {command.name}", command.ref, error))
    hub.metrics.commands += 1
    return True


def _free(hub: Hub, attachment: Attachment, command: Call) -> bool:
    """Say whether nothing stands before a call: no command, no span, no room that is lacking, no limit that only the long way keeps."""
    if attachment.busy or hub.tracer is not None or attachment.transport.crowded:
        return False
    if command.timeout is not None or command.streaming or command.credit or command.streams:
        return False
    if command.awaits == "stream":
        return False
    calls = attachment.calls
    return calls is None or (command.ref not in calls.running and calls.working < hub.settings.max_calls)


def _made(hub: Hub, attachment: Attachment, handler: Handler, command: Call) -> Any:
    data, session = command.data, attachment.session
    assert session is not None
    check_size("data", data, hub.settings.max_data)
    caller = Caller(hub, session, attachment.request, command.name) if handler.told else None
    return handler.called(**handler.bind(caller, data, (), command.positional))


def _wait(hub: Hub, attachment: Attachment, command: Call, made: Any) -> None:
    """Have a call go on the long way whose handler gave something to wait for, as `async def` would: what the client says next waits for it."""
    calls = attachment.calls = attachment.calls or Calls()
    Running(hub, attachment, calls, command).made = made
    attachment.inbox.append(command)
    hub.work(attachment)
