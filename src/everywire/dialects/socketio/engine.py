"""Engine.IO, version 4: which requests are for it, what they want, and how its packets stand in bodies."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from everywire import messages as m
from everywire.dialects.base import Decoder, Deliver, Hear, Intent, Move, NewId, Open, OpenLine, Preflight, Reply
from everywire.errors import CloseCode
from everywire.http.request import Request
from everywire.payloads import BodyFormat, Codec, Part, Payload

__all__ = ["POLL", "EngineCodec", "Speech", "accept", "binary", "denied", "split"]

_SEPARATOR = "\x1e"
_TEXT = "text/plain; charset=UTF-8"
_TRANSPORT_UNKNOWN, _SESSION_UNKNOWN, _BAD_METHOD, _BAD_REQUEST, _FORBIDDEN, _BAD_VERSION = range(6)
_WORDS = {
    _TRANSPORT_UNKNOWN: "Transport unknown",
    _SESSION_UNKNOWN: "Session ID unknown",
    _BAD_METHOD: "Bad handshake method",
    _BAD_REQUEST: "Bad request",
    _FORBIDDEN: "Forbidden",
    _BAD_VERSION: "Unsupported protocol version",
}
_LINE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_TRY_LATER, _BROKEN = 429, 500
_TAKEN = Reply(200, b"ok", (("Content-Type", "text/html"),))

_write = msgspec.json.Encoder().encode


class Speech(Protocol):
    """What is spoken on the transports of Engine.IO, and their figures: `max_payload` is the bytes of a body."""

    @property
    def heartbeat(self) -> m.Heartbeat: ...

    @property
    def max_payload(self) -> int: ...

    def decoder(self) -> Decoder:
        """Give the reader of a new transport."""

    @property
    def part(self) -> Part: ...


class EngineCodec:
    """Says what concerns a transport alone."""

    __slots__ = ()
    dialect = "socketio"

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give the packet that asks whether the client is there; there are no other words."""
        return (_PING,) if isinstance(event, m.Beat) else ()


_PING = Payload("2")
_CODEC: Final[Codec] = EngineCodec()


def denied(status: int, code: int, reason: str) -> Reply:
    """Refuse in Engine.IO's words; who may try later is told so by the status."""
    if status in (404, 410):  # here no id is remembered after its end
        return _fault(_SESSION_UNKNOWN)
    if status == 403:
        return _fault(_FORBIDDEN)
    late = status == _TRY_LATER or status >= _BROKEN
    return _fault(_BAD_REQUEST, status if late else 400)


def _fault(code: int, status: int | None = None) -> Reply:
    body = _write({"code": code, "message": _WORDS[code]})
    return Reply(status or (403 if code == _FORBIDDEN else 400), body, (("Content-Type", "application/json"),))


def accept(request: Request, new_id: NewId, speech: Speech) -> Intent:
    """Say what a request for the endpoint wants."""
    if request.method == "OPTIONS":
        return Preflight(denied, any_header=True)  # the client's `extraHeaders`
    params = {name: values[0] for name, values in request.params.items()}
    transport, sid = params.get("transport"), params.get("sid")
    if transport not in ("polling", "websocket"):
        return _fault(_TRANSPORT_UNKNOWN)
    if sid is None and request.method not in ("GET", "CONNECT"):  # RFC 8441 4
        return _fault(_BAD_METHOD)
    if (transport == "websocket") != ("websocket" in request.headers.tokens("upgrade")):
        return _fault(_BAD_REQUEST)
    if sid is not None:
        return _carry(request, sid, transport, speech) if _LINE.match(sid) else _fault(_SESSION_UNKNOWN)
    if params.get("EIO") != "4":
        return _fault(_BAD_VERSION)
    if transport == "polling":
        return OpenLine(_CODEC, speech.decoder(), lambda line: _answer(speech, line), denial=denied, part=speech.part)
    greeting = Payload(_open(speech, new_id(), []))
    return Open(_CODEC, speech.decoder(), _subprotocol(request), (greeting,), speech.part, _deaf(request))


def _carry(request: Request, line: str, transport: str, speech: Speech) -> Intent:
    """Say what a request wants that carries `line` on."""
    if transport == "websocket":
        return Move(line, "2probe", Payload("3probe"), "5", Payload("6"), denial=denied, abrupt=_deaf(request))
    match request.method:
        case "GET":
            return Hear(line, POLL, None, speech.heartbeat.every + speech.heartbeat.patience, denied)
        case "POST":
            return _deliver(request, line, speech.max_payload)
        case _:
            return _fault(_BAD_REQUEST)


def _deliver(request: Request, line: str, max_payload: int) -> Intent:
    if (request.headers.get("content-type") or "").lower().startswith("application/octet-stream"):
        return Deliver(
            line, None, ("",), _fault(_BAD_REQUEST), denied
        )  # how version 3 carried what is binary: it is no packet
    if len(request.body) > max_payload:
        return Reply(413)
    return Deliver(line, None, split(request.body), _TAKEN, denied)


def _answer(speech: Speech, line: str) -> Reply:
    body = _open(speech, line, ["websocket"]).encode()
    return Reply(200, body, (("Content-Type", _TEXT),))


def _open(speech: Speech, sid: str, upgrades: list[str]) -> str:
    said = {
        "sid": sid,
        "upgrades": upgrades,
        "pingInterval": _milliseconds(speech.heartbeat.every),
        "pingTimeout": _milliseconds(speech.heartbeat.patience),
        "maxPayload": speech.max_payload,
    }
    return "0" + _write(said).decode()


def _milliseconds(seconds: float) -> float:
    exact = round(seconds * 1000, 3)
    return int(exact) if exact == int(exact) else exact


def _subprotocol(request: Request) -> str | None:
    """Give the first of the offered ones: a browser that offered some leaves where none is chosen."""
    offered = ",".join(request.headers.get_all("sec-websocket-protocol"))
    return next((each.strip() for each in offered.split(",") if each.strip()), None)


def _deaf(request: Request) -> bool:
    """Say whether a close frame would go unheard: the Java client's OkHttp reads nothing behind one, not even the end, and so waits for the next beat.

    Apps for React Native have OkHttp, too, and answer; unlike Java's, they send an Origin.
    """
    return (request.headers.get("user-agent") or "").startswith("okhttp/") and "origin" not in request.headers


def split(body: bytes) -> tuple[str | bytes, ...]:
    """Give the packets in a body; what is broken in one is left for the decoder to refuse, as is a body that is no text."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return ("",)
    return tuple(binary(each) if each.startswith("b") else each for each in text.split(_SEPARATOR))


def binary(packet: str) -> str | bytes:
    """Give what a packet that begins with "b" holds, the packet itself where that is no base64; Java's client breaks it into lines."""
    try:
        return base64.b64decode(packet[1:].replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return packet


def _pack(payloads: Sequence[str | bytes]) -> bytes:
    if not payloads:
        return b"6"  # nothing at all is no packet
    return _SEPARATOR.encode().join(
        each.encode() if isinstance(each, str) else b"b" + base64.b64encode(each) for each in payloads
    )


def _goodbye(code: int, reason: str) -> bytes:
    """Give the last packet of a poll: nothing new where the client itself has closed."""
    return b"6" if code == CloseCode.NORMAL else b"1"


POLL = BodyFormat(_TEXT, _pack, _goodbye, one_shot=True, compressed=True)
