"""What SockJS's clients ask before there is a session, and what browsers ask for them: greeting, info, the page for a frame, preflights."""

from __future__ import annotations

import hashlib
import html
import json
import re
from typing import Final

from everywire.dialects.base import Embed, Intent, NewId, Reply
from everywire.http.request import Request

__all__ = ["GREETING", "NOT_FOUND", "TEXT", "UNCACHED", "Page", "anybody", "info", "not_allowed", "permission"]

TEXT = ("Content-Type", "text/plain; charset=UTF-8")
UNCACHED = ("Cache-Control", "no-store, no-cache, no-transform, must-revalidate, max-age=0")
_A_YEAR = 31_536_000  # seconds
# Who understands max-age goes by that; others need a date, and this knows no clock.
_CACHED = (("Cache-Control", f"public, max-age={_A_YEAR}"), ("Expires", "Thu, 31 Dec 2099 23:59:59 GMT"))
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_PAGE = """<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="{client}"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>"""

GREETING: Final = Reply(200, b"Welcome to SockJS!\n", (TEXT,))
NOT_FOUND: Final = Reply(404, b"not found\n", (TEXT,))


def not_allowed(*methods: str) -> Reply:
    """Refuse a method where only these are."""
    return Reply(405, b"", (("Allow", ", ".join(methods)),))


def anybody(request: Request) -> tuple[tuple[str, str], ...]:
    """Give the header fields that let every page read an answer in which nothing is anybody's: "null", too, as a page from a file has it."""
    origin = request.headers.get("origin")
    if origin is None:
        return (("Access-Control-Allow-Origin", "*"), ("Vary", "Origin"))
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    )


def permission(request: Request, *methods: str) -> Reply:
    """Answer a preflight (Fetch 4.8). What a page is allowed here is to ask: who asks is judged then."""
    wanted = ",".join(request.headers.get_all("access-control-request-headers")).split(",")
    named = ", ".join(name for each in wanted if _NAME.fullmatch(name := each.strip()))
    fields = [*anybody(request), *_CACHED, ("Access-Control-Max-Age", str(_A_YEAR))]
    fields.append(("Access-Control-Allow-Methods", ", ".join(("OPTIONS", *methods))))
    return Reply(204, b"", (*fields, ("Access-Control-Allow-Headers", named)) if named else tuple(fields))


def info(request: Request, new_id: NewId, *, websocket: bool, cookie: bool) -> Reply:
    """Say what there is: whether WebSockets, and whether a balancer needs a cookie; and a number that nobody could guess."""
    entropy = int.from_bytes(hashlib.sha256(new_id().encode()).digest()[:4])
    said = {"websocket": websocket, "origins": ["*:*"], "cookie_needed": cookie, "entropy": entropy}
    kind = ("Content-Type", "application/json; charset=UTF-8")
    return Reply(200, json.dumps(said).encode(), (kind, UNCACHED, *anybody(request)))


class Page:
    """The page that a client of another origin has in a frame, which fetches `client`, the script of SockJS, and speaks for it."""

    def __init__(self, client: str) -> None:
        self._body: Final = _PAGE.format(client=html.escape(client)).encode()
        self._tag: Final = f'"{hashlib.sha256(self._body).hexdigest()[:32]}"'

    def answer(self, request: Request) -> Intent:
        """Give the page, or say that the browser has it."""
        fields = (*_CACHED, ("ETag", self._tag))
        if self._tag in request.headers.tokens("if-none-match"):
            return Embed(Reply(304, b"", fields))
        return Embed(Reply(200, self._body, (("Content-Type", "text/html; charset=UTF-8"), *fields)))
