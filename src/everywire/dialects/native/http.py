"""The native wire over HTTP: which requests are for it, and what they want."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from everywire.dialects.base import Deliver, Hear, Intent, Leave, OpenLine, Preflight, Reply
from everywire.dialects.native.asking import (
    ask_call,
    ask_entries,
    ask_history,
    ask_presence,
    ask_publish,
    set_entry,
)
from everywire.dialects.native.bodies import EVENT_STREAM, LINES, POLL, denied, said
from everywire.dialects.native.following import follow
from everywire.dialects.native.parameters import Fault, number
from everywire.dialects.native.reading import NativeDecoder
from everywire.http.request import Request
from everywire.payloads import BodyFormat, Codec

__all__ = ["accept"]

_BAD_REQUEST = 107
_LONGEST_WAIT = 25_000  # milliseconds
_LINE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_FORMS: dict[str, BodyFormat] = {"stream": LINES, "sse": EVENT_STREAM, "poll": POLL}

_Handler: TypeAlias = Callable[[Request], Intent]
_LONE: dict[str, dict[str, _Handler]] = {
    "sse": {"GET": follow},
    "publish": {"POST": ask_publish},
    "history": {"GET": ask_history},
    "entries": {"GET": ask_entries, "POST": set_entry},
    "presence": {"GET": ask_presence},
}
_CALL = "call/"
_decoder = NativeDecoder()


def accept(request: Request, place: str, codec: Codec) -> Intent | None:
    """Say what a request for `place`, the path below the endpoint, wants; None where nothing is there. `codec` is what lines speak."""
    found = _find(place, codec)
    if found is None:
        return None
    if request.method == "OPTIONS":
        return Preflight(denied)
    handler = found.get(request.method)
    if handler is None:
        return Reply(405, b"", (("Allow", ", ".join(found)),))
    try:
        return handler(request)
    except Fault as fault:
        return denied(400, _BAD_REQUEST, f"bad request: {fault}")


def _find(place: str, codec: Codec) -> dict[str, _Handler] | None:
    """Give what answers at `place`, by method."""
    if place in _LONE:
        return _LONE[place]
    if name := place[len(_CALL) :] if place.startswith(_CALL) else "":
        return {"POST": lambda request: ask_call(request, name)}
    parts = place.split("/")
    if parts[0] != "lines" or len(parts) > 3:
        return None
    if len(parts) == 1:
        return {"POST": lambda request: _open(request, codec)}
    line = parts[1]
    if not _LINE.match(line):
        return None
    if len(parts) == 2:
        return {"POST": lambda request: _deliver(request, line), "DELETE": lambda _: _leave(line)}
    form = _FORMS.get(parts[2])
    return {"GET": lambda request: _hear(request, line, form)} if form is not None else None


def _open(request: Request, codec: Codec) -> Intent:
    payload = _text(request) if request.body else None
    return OpenLine(codec, _decoder, lambda line: said(201, {"line": line}), payload, denied)


def _deliver(request: Request, line: str) -> Intent:
    count = number(request, "seq")
    if not count:
        raise Fault("seq numbers the bodies, from 1")
    return Deliver(line, count, (_text(request),), Reply(204), denied)


def _hear(request: Request, line: str, form: BodyFormat) -> Intent:
    wait = number(request, "wait")
    wait = _LONGEST_WAIT if wait is None else min(wait, _LONGEST_WAIT)
    return Hear(line, form, number(request, "after") or 0, wait / 1000, denied)


def _leave(line: str) -> Intent:
    return Leave(line, Reply(204), denied)


def _text(request: Request) -> str | bytes:
    """Give the body as text; what is none is left for the decoder to refuse."""
    try:
        return request.body.decode()
    except UnicodeDecodeError:
        return request.body
