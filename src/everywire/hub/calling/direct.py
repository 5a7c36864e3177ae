"""Calls that are answered as they come: those of plain handlers on the event loop, which nothing stands before.

All that a call needs which may have to wait (its place in the inbox, a coroutine, its record among those that run) costs more than the
rest of such a call does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from everywire.hub.access.permission import check_size
from everywire.hub.calling.callers import Caller
from everywire.hub.calling.running import Calls, Running
from everywire.hub.calling.shapes import encode
from everywire.hub.refusing import refusal
from everywire.messages import Call, Result

if TYPE_CHECKING:
    from typing import Any

    from everywire.hub.attachment import Attachment
    from everywire.hub.calling.handlers import Handler
    from everywire.hub.hub import Hub

__all__ = ["directly"]


def directly(hub: Hub, attachment: Attachment, command: Call) -> bool:
    """Answer a call if it is one that can be answered now and here; false for one that has to take the long way."""
    session = attachment.session
    handler = hub.hooks.of(session.space).handler(command.name) if session is not None else None
    if handler is None or not handler.direct or not _free(hub, attachment, command):
        return False
    made = None
    try:
        made = _made(hub, attachment, handler, command)
        if not hasattr(made, "__await__"):
            attachment.tell(Result(command.ref, encode(made)))
    except Exception as error:
        attachment.tell(refusal(hub, f"Call {command.name}", command.ref, error))
    if hasattr(made, "__await__"):
        _wait(hub, attachment, command, made)
    else:
        hub.metrics.commands += 1
    return True


def _free(hub: Hub, attachment: Attachment, command: Call) -> bool:
    """Say whether nothing stands before a call: no command, no span, no room that is lacking, no limit that only the long way keeps."""
    if attachment.busy or hub.tracer is not None or attachment.transport.crowded:
        return False
    if command.timeout is not None or command.streaming or command.credit:
        return False
    calls = attachment.calls
    return calls is None or (command.ref not in calls.running and calls.working < hub.settings.max_calls)


def _made(hub: Hub, attachment: Attachment, handler: Handler, command: Call) -> Any:
    assert attachment.session is not None
    check_size("data", command.data, hub.settings.max_data)
    caller = Caller(hub, attachment.session, attachment.request, command.name)
    return handler.called(**handler.bind(caller, command.data, None, positional=command.positional))


def _wait(hub: Hub, attachment: Attachment, command: Call, made: Any) -> None:
    """Have a call go on the long way whose handler gave something to wait for, as `async def` would: what the client says next waits for it."""
    calls = attachment.calls = attachment.calls or Calls()
    Running(hub, attachment, calls, command).made = made
    attachment.inbox.append(command)
    hub.work(attachment)
