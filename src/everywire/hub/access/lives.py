"""What an application learns of sessions: that one has begun, that one is over, that one did not come about."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from everywire.hub.calling.callers import Caller
from everywire.hub.world import settled

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hooks import Connecting
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["begun", "ended", "missed"]

_log = logging.getLogger("everywire.hub")


async def begun(hub: Hub, attachment: Attachment, connecting: Connecting) -> None:
    """Tell the application of a session that is new; what its client says next waits for that."""
    session = attachment.session
    if session is None:
        return
    caller = Caller(hub, session, attachment.request)
    told = [hooks.connected for hooks in hub.hooks.learning(session.space) if hooks.connected is not None]
    # All are called before the first is waited for: none learns of its beginning after its end.
    for said in [_called(partial(hook, caller, connecting)) for hook in told]:
        try:
            await settled(hub.world, said)
        except Exception:
            _log.exception("what is done for a session that has begun failed")


def _called(hook: Callable[[], object]) -> object:
    try:
        return hook()
    except Exception:
        _log.exception("what is done for a session that has begun failed")
        return None


def ended(hub: Hub, session: Session) -> None:
    """Tell the application of a session that is over, and that it had been told of."""
    told = [hooks.disconnected for hooks in hub.hooks.learning(session.space) if hooks.disconnected is not None]
    if told and session.told:
        hub.world.start(_over(hub, [partial(hook, Caller(hub, session)) for hook in told]))


def missed(hub: Hub, connecting: Connecting) -> None:
    """Tell the application of who was let in, and did not become a session."""
    told = [hooks.missed for hooks in hub.hooks.learning(connecting.space) if hooks.missed is not None]
    if told:
        hub.world.start(_over(hub, [partial(hook, connecting) for hook in told]))


async def _over(hub: Hub, hooks: Iterable[Callable[[], object]]) -> None:
    for hook in hooks:
        try:
            await settled(hub.world, hook())
        except Exception:
            _log.exception("what is done for a session that is over failed")
