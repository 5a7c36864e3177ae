"""May it? The session's capabilities, the application's rules, and the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from everywire import messages as m
from everywire.brokers.base import Draft
from everywire.errors import Refused
from everywire.hub.codes import Code
from everywire.hub.kinds import Access, Action, Place
from everywire.hub.quoting import quoted
from everywire.hub.world import settled

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["check_draft", "check_size", "permit"]

_DOING: dict[Action, str] = {
    "subscribe": "subscribe to",
    "publish": "publish to",
    "history": "read the history of",
    "presence": "see who is in",
}


async def permit(hub: Hub, session: Session, place: Place, action: Action) -> None:
    """Raise `Refused` unless the session's capabilities and the channel's rule both allow `action`.

    Where the server subscribes the session by itself nobody is asked: a client that comes back asks for what it missed there.
    """
    if action == "subscribe" and place.name in session.enrolled:
        return
    if not session.may(action, place.name):
        raise _denied(place, action)
    rule = place.kind.rules.get(action, True)
    if not isinstance(rule, bool):
        request = session.attachment.request if session.attachment is not None else None
        access = Access(session.member, place.name, place.params, action, place.wild, request, session.identity)
        rule = await settled(hub.world, rule(access))
    if rule is not True:
        raise _denied(place, action)


def _denied(place: Place, action: Action) -> Refused:
    return Refused(f"permission denied: may not {_DOING[action]} {quoted(place.name)}", Code.DENIED)


def check_draft(place: Place, draft: Draft, *, ephemeral: bool) -> None:
    """Raise `Refused` for a publication that this kind of channel does not take, or whose data is of another type."""
    if not place.kind.retention.keyed:
        if draft.entry is not None:
            raise Refused("there are no entries here", Code.NOT_AVAILABLE)
    elif draft.entry is None:
        raise Refused("a publication here names its entry", Code.BAD_REQUEST)
    elif ephemeral or draft.audience is not None:
        raise Refused("entries are for everybody, and kept", Code.BAD_REQUEST)
    if place.kind.shape is not None and not (draft.entry is not None and draft.entry.remove):
        place.kind.shape.read(draft.data)


def check_size(what: str, data: m.Data | None, limit: int) -> None:
    """Raise `Refused` where `data` has more than `limit` bytes."""
    if data is not None and len(data) > limit:
        raise Refused(f"{what} has more than {limit} bytes", Code.LIMIT)
