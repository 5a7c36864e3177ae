"""What a client has, of whom the hub remembers it: the client acknowledges payloads by number, and remembers no order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from everywire.hub.channels.channel import State

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Acknowledgement", "acknowledged"]

_LISTENING = (State.LIVE, State.AHEAD)


class Acknowledgement:
    """How far a client has come.

    Which order of publications is behind the number of a payload is not kept for each: now and then it is noted how far its client has come
    once it has the payloads that there are then. So `told`, as `caught_up` of a `Connect` says it, is never more than the client has, and lags
    behind what it acknowledged by as long as it takes to acknowledge once more.

    Invariants: `mark` is None, or up to where the client has everything (as in `told`) once it has acknowledged that number, over the line that
    the session was joined to at `since`.
    """

    __slots__ = ("mark", "since", "told")

    def __init__(self, told: str = "") -> None:
        self.told = told
        self.mark: tuple[int, str] | None = None
        self.since = 0

    def reached(self, number: int) -> bool:
        """Take notice of an acknowledged number; say whether its client has more now than was known."""
        if self.mark is None or number < self.mark[0]:
            return False
        (_, told), self.mark = self.mark, None
        known, self.told = self.told, told
        return told != known


def acknowledged(hub: Hub, attachment: Attachment, number: int, last: int) -> None:
    """Take notice that a client has all payloads of its line up to `number`; `last` is the number of the last that it was told so far.

    Whatever waits to be said counts as told. Nothing comes of it unless the session is one that the hub remembers this of (`Connect.keyed` with
    `caught_up`). What comes of it is written down for other nodes within a second.
    """
    session = attachment.session
    known = session.acknowledged if session is not None else None
    if session is None or known is None:
        return
    if known.since != session.since:  # another line counts anew
        known.since, known.mark = session.since, None
    further = known.reached(number)
    if known.mark is None and (here := _here(hub, session)) is not None:
        known.mark = (last, here)
        further = known.reached(number) or further
    if further:
        hub.records.acknowledged(session)


def _here(hub: Hub, session: Session) -> str | None:
    """Give up to where the session was told everything; None where that cannot be said now."""
    order = hub.repairs.ordering.here
    if order is None or not all(each.state in _LISTENING for each in session.subscriptions.values()):
        return None
    count = session.aside.count if session.aside is not None else 0
    if not order.epoch and not count:
        return ""
    return f"{order.epoch}:{order.offset}.{count}" if count else f"{order.epoch}:{order.offset}"
