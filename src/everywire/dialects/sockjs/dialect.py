"""The SockJS dialect: which requests are for it, and what they want."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias
from urllib.parse import parse_qs

from everywire.dialects.base import Deliver, Hear, Heartbeat, Intent, NewId, Open, OpenLine, Reply
from everywire.dialects.sockjs import hixie
from everywire.dialects.sockjs.forms import Forms, fault_of
from everywire.dialects.sockjs.frames import OPEN, BrokenFraming, FramedCodec, FramedDecoder, Speech, strings
from everywire.dialects.sockjs.pages import GREETING, NOT_FOUND, TEXT, UNCACHED, Page, info, not_allowed, permission
from everywire.dialects.sockjs.routes import FRAME_PAGE, Offer, Route, route
from everywire.http.request import Request
from everywire.payloads import BodyFormat, Payload

__all__ = ["SockJSDialect"]

_OCCUPIED = (2010, "Another connection still open")
_COOKIE = "JSESSIONID"
_FIT_COOKIE = re.compile(r"[!#$%&'()*+./:<=>?@\[\]^_`{|}~0-9A-Za-z-]{1,256}")
_MAX_FIELDS = 16
_FORM = "application/x-www-form-urlencoded"

Answered: TypeAlias = Callable[["SockJSDialect", Request, Route], Intent]


class SockJSDialect:
    """What sockjs-client speaks, at `path` and below: strings, in which `speech` is spoken. `offer` says the rest."""

    name = "sockjs"

    def __init__(self, path: str, speech: Speech, heartbeat: Heartbeat, offer: Offer | None = None) -> None:
        self.path: Final = path
        self.heartbeat: Final = speech.heartbeat or heartbeat
        self._speech: Final = speech
        self._offer: Final = offer or Offer()
        self._codec: Final = FramedCodec(speech.codec)
        self._forms: Final = Forms(self._offer.response_limit)
        self._page: Final = Page(self._offer.client_url)
        self._wait: Final = self.heartbeat.every + self.heartbeat.patience

    def accept(self, request: Request, new_id: NewId) -> Intent | None:
        """Say what a request at the path or below wants."""
        path = request.path
        if not path.startswith(self.path):
            return None
        below = path[len(self.path) :]
        if below in ("", "/"):
            return GREETING if request.method in ("GET", "HEAD") else not_allowed("GET")
        if below[0] != "/":
            return None
        if below == "/info":
            return self._info(request, new_id)
        if below == "/websocket":
            return self._websocket(request, framed=False)
        if FRAME_PAGE.fullmatch(below[1:]):
            return self._page.answer(request) if request.method in ("GET", "HEAD") else not_allowed("GET")
        found = route(below[1:])
        answered = None if found is None else _TRANSPORTS.get(found.transport)
        if found is None or answered is None:
            return NOT_FOUND
        method, carry = answered
        if request.method == "OPTIONS":
            return self._with_cookie(request, permission(request, method))
        if request.method != method and not (method == "GET" and request.method == "CONNECT"):  # RFC 8441 4
            return not_allowed("OPTIONS", method)
        return carry(self, request, found)

    def _info(self, request: Request, new_id: NewId) -> Reply:
        if request.method == "OPTIONS":
            return permission(request, "GET")
        if request.method != "GET":
            return not_allowed("OPTIONS", "GET")
        return info(request, new_id, websocket=self._offer.websocket, cookie=self._offer.cookie)

    # WebSockets

    def _framed(self, request: Request, found: Route) -> Intent:
        return self._websocket(request, framed=True)

    def _websocket(self, request: Request, *, framed: bool) -> Intent:
        """Open a WebSocket: what is said on it are frames, or what the inner dialect says as it is."""
        if not self._offer.websocket:
            return NOT_FOUND
        if request.method not in ("GET", "CONNECT"):
            return not_allowed("GET")
        if "websocket" not in request.headers.tokens("upgrade"):
            return Reply(400, b'Can "Upgrade" only to "WebSocket".', (TEXT,))
        if request.version == "1.1" and "upgrade" not in request.headers.tokens("connection"):
            return Reply(400, b'"Connection" must be "Upgrade".', (TEXT,))
        if hixie.asked(request):
            return hixie.greeting(request)
        speech = self._speech
        if not framed:
            return Open(speech.codec, speech.decoder(), begins=speech.begins, heartbeat=speech.heartbeat)
        return Open(
            self._codec,
            FramedDecoder(speech.decoder()),
            greeting=_GREETING,
            begins=speech.begins,
            heartbeat=speech.heartbeat,
        )

    # What fetches frames

    def _xhr(self, request: Request, found: Route) -> Intent:
        return self._hear(request, found, self._forms.xhr)

    def _xhr_streaming(self, request: Request, found: Route) -> Intent:
        return self._hear(request, found, self._forms.xhr_streaming)

    def _eventsource(self, request: Request, found: Route) -> Intent:
        return self._hear(request, found, self._forms.eventsource)

    def _htmlfile(self, request: Request, found: Route) -> Intent:
        return self._called(request, found, self._forms.htmlfile)

    def _jsonp(self, request: Request, found: Route) -> Intent:
        return self._called(request, found, self._forms.jsonp)

    def _called(self, request: Request, found: Route, form: Callable[[str], BodyFormat]) -> Intent:
        """Answer by what calls a function of the page."""
        params = request.params
        callback = params.get("c", params.get("callback", [""]))[0]
        if (fault := fault_of(callback)) is not None:
            return Reply(500, fault.encode(), (TEXT, UNCACHED))
        return self._hear(request, found, form(callback))

    def _hear(self, request: Request, found: Route, form: BodyFormat) -> Hear:
        return Hear(
            self._line(found),
            form,
            None,
            self._wait,
            denied,
            occupied=_OCCUPIED,
            opens=self._opening(),
            fields=(UNCACHED, *self._cookie(request)),
        )

    def _opening(self) -> OpenLine:
        speech = self._speech
        return OpenLine(
            self._codec,
            speech.decoder(),
            _unasked,
            denial=denied,
            greeting=_GREETING,
            begins=speech.begins,
            heartbeat=speech.heartbeat,
            linger=self._offer.disconnect_delay,
        )

    def _line(self, found: Route) -> str:
        return f"{self.path}/{found.session}"

    # What brings messages

    def _xhr_send(self, request: Request, found: Route) -> Intent:
        return self._send(request, found, request.body, Reply(204, b"", (TEXT,)))

    def _jsonp_send(self, request: Request, found: Route) -> Intent:
        form = (request.headers.get("content-type") or "").partition(";")[0].strip().lower() == _FORM
        body = _field(request.body) if form else request.body
        return self._send(request, found, body, Reply(200, b"ok", (TEXT,)))

    def _send(self, request: Request, found: Route, body: bytes, answer: Reply) -> Intent:
        if len(body) > self._offer.max_payload:
            return Reply(413, b"Payload too large.\n", (TEXT,))
        if not body:
            return Reply(500, b"Payload expected.", (TEXT,))
        try:
            said = strings(body.decode())
        except (BrokenFraming, UnicodeDecodeError):
            return Reply(500, b"Broken JSON encoding.", (TEXT,))
        fields = (*answer.headers, UNCACHED, *self._cookie(request))
        return Deliver(
            self._line(found), None, tuple(said), Reply(answer.status, answer.body, fields), denied, named=True
        )

    # The cookie

    def _cookie(self, request: Request) -> tuple[tuple[str, str], ...]:
        """Give the cookie by which a balancer may keep a client where it is: the client's own, or one that says nothing."""
        if not self._offer.cookie:
            return ()
        found = request.cookies.get(_COOKIE, "")
        value = found if _FIT_COOKIE.fullmatch(found) else "dummy"
        return (("Set-Cookie", f"{_COOKIE}={value}; path=/"),)

    def _with_cookie(self, request: Request, reply: Reply) -> Reply:
        return Reply(reply.status, reply.body, (*reply.headers, *self._cookie(request)))


_GREETING = (Payload(OPEN),)
_TRANSPORTS: Final[dict[str, tuple[str, Answered]]] = {
    "websocket": ("GET", SockJSDialect._framed),
    "xhr": ("POST", SockJSDialect._xhr),
    "xhr_send": ("POST", SockJSDialect._xhr_send),
    "xhr_streaming": ("POST", SockJSDialect._xhr_streaming),
    "eventsource": ("GET", SockJSDialect._eventsource),
    "htmlfile": ("GET", SockJSDialect._htmlfile),
    "jsonp": ("GET", SockJSDialect._jsonp),
    "jsonp_send": ("POST", SockJSDialect._jsonp_send),
}


def _field(body: bytes) -> bytes:
    """Give what a form has in its field `d`; nothing where there is no such field."""
    try:
        found = parse_qs(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
        return found.get("d", [""])[0].encode()
    except ValueError:
        return b""


def denied(status: int, code: int, reason: str) -> Reply:
    """Refuse in plain words; a session that is over is as one that never was."""
    return Reply(404 if status == 410 else status, f"{reason}\n".encode(), (TEXT,))


def _unasked(line: str) -> Reply:
    """Give what nobody is told: the client has named the line itself."""
    return Reply(204)
