"""What an application learns of sessions: that one has begun, that one is over, that one did not come about."""

from __future__ import annotations

import logging
from collections.abc import Callable
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
    hook = hub.hooks.of(session.space).connected if session is not None else None
    if hook is not None and session is not None:
        try:
            await settled(hub.world, hook(Caller(hub, session, attachment.request), connecting))
        except Exception:
            _log.exception("what is done for a session that has begun failed")


def ended(hub: Hub, session: Session) -> None:
    """Tell the application of a session that is over, and that it had been told of."""
    hook = hub.hooks.of(session.space).disconnected
    if hook is not None and session.told:
        hub.world.start(_over(hub, lambda: hook(Caller(hub, session))))


def missed(hub: Hub, connecting: Connecting) -> None:
    """Tell the application of who was let in, and did not become a session."""
    hook = hub.hooks.of(connecting.space).missed
    if hook is not None:
        hub.world.start(_over(hub, lambda: hook(connecting)))


async def _over(hub: Hub, hook: Callable[[], object]) -> None:
    try:
        await settled(hub.world, hook())
    except Exception:
        _log.exception("what is done for a session that is over failed")
