"""What a client says of calls that are under way, which must not wait its turn behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from everywire import messages as m
from everywire.hub.access.refreshing import refresh_at_once
from everywire.hub.calling.asking import answered
from everywire.hub.codes import Code

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.calling.running import Running
    from everywire.hub.hub import Hub

__all__ = ["steered"]


def steered(hub: Hub, attachment: Attachment, command: m.Command) -> bool:
    """Deal with what is said of a call, with a newer token, with what cannot be read; false for what waits its turn nevertheless."""
    calls = attachment.calls
    match command:
        case m.Answer() | m.Decline():
            answered(hub, calls, command)
        case m.Refresh() if attachment.session is not None:
            begin = hub.world.start if hub.tracer is None else hub.world.task  # as for all that is traced
            begin(refresh_at_once(hub, attachment, command))
        case m.Malformed(ref, reason):
            # An item that could not be read is an item lost: its call cannot go on.
            if calls is None or (running := calls.running.get(ref)) is None:
                return False
            running.refuse(reason, Code.BAD_REQUEST)
            return True
        case m.Item(ref) | m.End(ref) | m.Credit(ref) | m.Cancel(ref):
            if calls is not None and (running := calls.running.get(ref)) is not None:
                _steer(running, command)
                return True
    return attachment.session is not None  # of a call that is over; or to be told to connect first


def _steer(running: Running, command: m.Command) -> None:
    match command:
        case m.Item():
            running.take(command)
        case m.End():
            running.end(command)
        case m.Credit(_, count):
            running.grant(count)
        case m.Cancel():
            running.give_up()
