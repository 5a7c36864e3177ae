"""Clients that know no credit and send faster than handlers read: what they say next waits, as long as that may help."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.calling.running import Calls
    from everywire.hub.hub import Hub

__all__ = ["held"]


def held(hub: Hub, attachment: Attachment) -> Coroutine[Any, Any, None] | None:
    """Give what comes to its end when the client may be heard again; None where it may be heard now.

    It takes `hold_deadline` seconds at most, and is not begun again before handlers have caught up: whatever frees them, a cancel or the other
    stream that they read, may be what waits. Who brings more than `max_stream_bytes` then has its call ended.
    """
    calls = attachment.calls
    return _until_room(hub, calls) if calls is not None and calls.full else None


async def _until_room(hub: Hub, calls: Calls) -> None:
    room = hub.world.promise()
    calls.held.append(room)
    timer = hub.world.later(hub.settings.hold_deadline, calls.tire)
    try:
        await room
    finally:
        timer.cancel()
        calls.held.remove(room)
