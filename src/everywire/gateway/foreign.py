"""What is said of requests that are refused for where they come from: to who sent them, and in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from everywire.http.origin import OWN, source
from everywire.http.request import Request

__all__ = ["Foreign"]

_MOST_ORIGINS: Final = 100  # that are warned of: who makes them up fills no log
_MOST: Final = 100  # characters of a name
_WHERE: Final = "of app.run or app.embed, or EVERYWIRE_HTTP__ORIGINS"
_log = logging.getLogger("everywire.gateway")


class Foreign:
    """Tells why requests are refused; each origin, at each host, is warned of once.

    `listed` is what those are listed in who may ask, and where.

    Invariants: `_warned` holds at most `_MOST_ORIGINS` pairs of an origin and a host.
    """

    def __init__(self, address: Callable[[Request], str | None]) -> None:
        self._address = address
        self.listed = "origins", _WHERE
        self._warned: set[tuple[str | None, str]] = set()

    def reason(self, request: Request, what: str) -> str:
        """Say why whoever sent `request` may not do that: what is no page has no Origin that could be listed."""
        if source(request) is not None:
            return f"this Origin may not {what}; list it in `{self.listed[0]}`"
        if "cookie" in request.headers:
            return f"a request with a Cookie and without an Origin may not {what}; leave the Cookie out and show a token, or list None in `origins`"
        return f"a request without an Origin may not {what}; list None in `origins`"

    def tell(self, request: Request, what: str) -> None:
        """Log that `what` was refused: as a warning that says how to allow it, where its like was not refused before."""
        origin, host = source(request), _cut(request.headers.get("host") or "")
        shown = f"http://{host}" if origin == OWN else origin if origin is None else _cut(origin)
        key = (shown, host)
        level = logging.INFO
        if key not in self._warned and len(self._warned) < _MOST_ORIGINS:
            self._warned.add(key)
            level = logging.WARNING
        _log.log(level, "refused %s %s", what, self._why(shown, host), extra=self.who(request))

    def _why(self, origin: str | None, host: str) -> str:
        """Say what was refused, and what lets it in."""
        if origin is None:
            return f"without an Origin at {host}: programs may ask with a token and without cookies, or by None in the `origins` {_WHERE}"
        if origin == "null":
            return f"at {host} of a page that does not say where it is from, as files and sandboxed frames: it has to be served over HTTP"
        listing, where = self.listed
        return f"of a page of {origin} at {host}: if that page may ask, {listing}=[{origin!r}] {where}, says so; a proxy has to pass on Host"

    def who(self, request: Request) -> dict[str, object]:
        """Give what a line of the log says of who asked, as far as it is known: this machine, for one, has no address."""
        told = {"address": self._address(request), "origin": request.headers.get("origin")}
        return {name: value for name, value in told.items() if value is not None}


def _cut(name: str) -> str:
    """Give a name as a log may have it: in ASCII, and not too long."""
    shown = ascii(name)[1:-1]
    return shown if len(shown) <= _MOST else shown[:_MOST] + "..."
