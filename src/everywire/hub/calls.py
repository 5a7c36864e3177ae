"""Calls of the application's handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from everywire import messages as m
from everywire.errors import Refused
from everywire.hub.codes import Code
from everywire.hub.permission import check_size
from everywire.hub.world import settled

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["call"]


async def call(hub: Hub, session: Session, command: m.Call) -> m.Event:
    """Answer a `Call`."""
    handler = hub.hooks.handlers.get(command.name)
    if handler is None:
        raise Refused("unknown name", Code.UNKNOWN_NAME)
    check_size("data", command.data, hub.settings.max_data)
    data = _decoded(command.data)
    result = await settled(hub.world, handler(session.member, data))
    return m.Result(command.ref, m.Raw(msgspec.json.encode(result)))


def _decoded(data: m.Data | None) -> Any:
    if isinstance(data, m.Packed):
        return msgspec.msgpack.decode(data)
    return msgspec.json.decode(data) if data is not None else None
