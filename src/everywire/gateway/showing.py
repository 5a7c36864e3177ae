"""What a line's client shows of who it is: as the line is opened, and by each request after that."""

from __future__ import annotations

from collections.abc import Awaitable
from hmac import compare_digest
from typing import TYPE_CHECKING

from everywire.dialects.base import Carry, Deliver, Hear, Leave, OpenLine, Renew
from everywire.errors import Refused
from everywire.gateway.exchange import Exchange, remembered
from everywire.http.request import Response
from everywire.hub.access.admitting import Admission, admit, forgo
from everywire.hub.access.credentials import token
from everywire.hub.access.refreshing import renew
from everywire.hub.codes import Code

if TYPE_CHECKING:
    from everywire.gateway.lines import HttpLine, Lines

__all__ = ["Shown", "let_in", "look"]

_STATUS: dict[int, int] = {Code.UNAUTHORIZED: 401, Code.INTERNAL: 500}


class Shown:
    """What a line's client has shown last, and whom it was let in as before it had a session."""

    __slots__ = ("space", "token", "user")

    def __init__(self, admission: Admission) -> None:
        self.space = admission.connecting.space
        self.token = admission.connecting.token
        self.user = admission.identity.user


async def let_in(lines: Lines, exchange: Exchange, intent: OpenLine) -> Response:
    """Open a line for whom the application lets in."""
    assert intent.asks is not None
    hub = lines.hub
    try:
        admission = await admit(hub, remembered(exchange.request), intent.asks)
    except Refused as no:
        return _denied(exchange, no)
    line = lines.begin(exchange, intent)
    if isinstance(line, Response):
        forgo(hub, admission)
        return line
    line.shown = Shown(admission)
    line.line.attachment.admission = admission
    return exchange.reply(intent.answer(line.id))


def look(
    lines: Lines, exchange: Exchange, line: HttpLine, intent: Carry | Deliver | Hear | Leave | Renew
) -> Response | Awaitable[Response | None] | None:
    """Say why a request on a line is refused for what it shows; None where it is not. A newer token takes the place of the one before."""
    shown = line.shown
    if shown is None:
        return None
    session = line.line.attachment.session
    said = token(intent.token, exchange.request, lines.hub.settings.token_parameter)
    if _same(said, shown.token):
        expires = None if session is None else session.identity.expires
        over = expires is not None and lines.hub.expiries.now() >= expires
        return exchange.deny(401, Code.UNAUTHORIZED, "the token expired") if over else None
    if said is None:
        return exchange.deny(401, Code.UNAUTHORIZED, "this line asks for a token")
    return _newer(lines, exchange, line, said)


async def _newer(lines: Lines, exchange: Exchange, line: HttpLine, newer: str) -> Response | None:
    shown, attachment = line.shown, line.line.attachment
    assert shown is not None
    try:
        user = await renew(lines.hub, attachment, newer, shown.space)
    except Refused as no:
        return _denied(exchange, no)
    if user != shown.user:
        return exchange.deny(403, Code.DENIED, "this line is another user's")
    shown.token = newer
    return None


def _same(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    return compare_digest(one.encode(), other.encode())


def _denied(exchange: Exchange, no: Refused) -> Response:
    late = 429 if no.code == Code.LIMIT else 503
    status = late if no.temporary and no.code not in _STATUS else _STATUS.get(no.code, 403)
    return exchange.deny(status, no.code, no.reason)
