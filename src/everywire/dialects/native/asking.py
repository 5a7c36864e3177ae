"""Requests of who has no client: one command each, and its answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from everywire import messages as m
from everywire.dialects.base import Ask, Reply
from everywire.dialects.native.bodies import denied, plain, said
from everywire.dialects.native.parameters import Fault, flag, needed, number, position, token
from everywire.dialects.native.reading import NativeDecoder
from everywire.dialects.native.writing import EventCodec, EventPayload
from everywire.errors import ProtocolError
from everywire.fitness import to_json
from everywire.http.request import Request
from everywire.payloads import Payload

__all__ = [
    "Asking",
    "ask_call",
    "ask_entries",
    "ask_history",
    "ask_presence",
    "ask_publish",
    "by_close",
    "by_refusal",
    "set_entry",
]

_CONNECT, _COMMAND = 1, 2  # what the two commands are called by
_CODEC = EventCodec(typed=False)
_FORBIDDEN, _TRY_LATER, _FAILED = 403, 503, 500
_STATUS = {100: 500, 101: 401, 103: 403, 104: 404, 105: 400, 106: 400, 107: 400, 108: 400, 109: 404, 110: 404, 111: 409}
_STATUS |= {112: 400, 113: 504}
_LIMIT, _TOO_MANY = 108, 429
_CLOSED = {1001: 503, 1008: 429, 1012: 503, 1013: 503, 4400: 400, 4401: 401, 4402: 401, 4403: 403, 4404: 403, 4413: 503}

_read = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_any = msgspec.json.Decoder(msgspec.Raw).decode
_write = msgspec.json.Encoder().encode
_decoder = NativeDecoder()


def by_refusal(refusal: m.Refusal) -> Reply:
    """Answer by what a refusal means to HTTP, with the `data` that it has."""
    status = _STATUS.get(refusal.code, _TRY_LATER if refusal.temporary else _FORBIDDEN)
    if refusal.temporary and refusal.code == _LIMIT:
        status = _TOO_MANY
    fields: dict[str, Any] = {"code": refusal.code, "reason": refusal.reason}
    return said(status, fields if refusal.data is None else {**fields, "data": to_json(refusal.data)})


def by_close(code: int, reason: str) -> Reply:
    """Answer by what a close code means to HTTP."""
    return denied(_CLOSED.get(code, _FAILED), code, reason)


class Asking:
    """Connects, says one command, and is done with its answer."""

    def __init__(self, shown: str | None, command: m.Command) -> None:
        self._shown = shown
        self._command = command

    def commands(self) -> Iterator[m.Command]:
        """Give the two commands."""
        yield m.Connect(_CONNECT, self._shown)
        yield self._command

    def read(self, payload: Payload) -> Reply | None:
        """Give the answer where `payload` is it."""
        event = payload.event if isinstance(payload, EventPayload) else None
        match event:
            case m.Refusal():
                return by_refusal(event)
            case m.Published() | m.Page() | m.Entries() | m.Roster() | m.Result():
                return plain(200, payload.data)
            case _:
                return None

    def closed(self, code: int, reason: str) -> Reply:
        """Give the answer where the hub closed."""
        return by_close(code, reason)


def _ask(request: Request, command: m.Command) -> Ask:
    return Ask(_CODEC, Asking(token(request), command), denied)


def ask_publish(request: Request) -> Ask:
    """Publish what the body says; raises `Fault`."""
    return _ask(request, _publication(request))


def set_entry(request: Request) -> Ask:
    """Publish what the body says about an entry; raises `Fault`."""
    meant = _publication(request)
    if isinstance(meant, m.Publish) and meant.entry is None:
        raise Fault("entry is missing")
    return _ask(request, meant)


def _publication(request: Request) -> m.Command:
    try:
        return _meant("publish", _read(request.body))
    except (ValueError, RecursionError, ProtocolError):
        raise Fault("the body is a JSON object") from None


def ask_call(request: Request, name: str) -> Ask:
    """Call the handler `name` with the body, if there is one, as its data; raises `Fault`."""
    fields: dict[str, Any] = {"name": name, "timeout": number(request, "timeout")}
    try:
        if request.body:
            fields["data"] = _read_any(request.body)
        return _ask(request, _meant("call", fields))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ProtocolError):
        raise Fault("the body is JSON, or left out") from None


def _meant(kind: str, fields: dict[str, Any]) -> m.Command:
    """Read a command of a `kind` as the wire has it."""
    (meant,) = _decoder.decode(_write({**fields, "type": kind, "id": _COMMAND}).decode())
    return meant


def ask_entries(request: Request) -> Ask:
    """Read the entries of a keyed channel; raises `Fault`."""
    since, after = position(request, "since"), number(request, "after")
    return _ask(request, m.ReadEntries(_COMMAND, needed(request, "channel"), since, after))


def ask_history(request: Request) -> Ask:
    """Read the history of a channel; raises `Fault`."""
    history = m.History(
        _COMMAND,
        needed(request, "channel"),
        since=position(request, "since"),
        limit=number(request, "limit"),
        reverse=flag(request, "reverse"),
        before=position(request, "before"),
        from_time=number(request, "from_time"),
    )
    return _ask(request, history)


def ask_presence(request: Request) -> Ask:
    """Ask who is in a channel; raises `Fault`."""
    return _ask(request, m.Presence(_COMMAND, needed(request, "channel"), flag(request, "brief")))
