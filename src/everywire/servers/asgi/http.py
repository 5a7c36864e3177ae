"""HTTP exchanges over ASGI (asgiref, specs/www.rst, "HTTP")."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from inspect import isawaitable
from typing import Any, Protocol

from everywire.engine.answers import excuse, given_up
from everywire.gateway import Answer
from everywire.http.handed import Handed
from everywire.http.head import HeadLimits
from everywire.http.request import Request, Response, one_head
from everywire.http.streamed import Streamed
from everywire.servers.asgi.outlet import ForeignOutlet
from everywire.servers.asgi.request import Receive, Scope, Send, from_scope

__all__ = ["Answering", "Departure", "answer_http", "respond", "settled"]

_OURS = frozenset({"connection", "transfer-encoding", "keep-alive", "upgrade"})  # what the host alone says
_NO_UPGRADE = Response(426, "this address speaks WebSocket\n", [("Upgrade", "websocket")])
_BODILESS = (204, 304)

Given = Answer | Handed | Awaitable[Answer | None] | None


class Answering(Protocol):
    """The application, as an exchange sees it."""

    limits: HeadLimits
    open_timeout: float

    def answer(self, request: Request) -> Given:
        """Answer a request; None where it is to become a WebSocket."""


class _Gone(Exception):
    """The client left before its request was there."""


class Departure:
    """Notices that the client is gone while it is answered: the next thing that the host tells after the request."""

    __slots__ = ("_receive", "_task", "_whom")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._whom: Any = None
        self._task = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        with contextlib.suppress(OSError):
            while (await self._receive())["type"] != "http.disconnect":
                pass
        if self._whom is not None:
            self._whom()

    def tell(self, whom: Any) -> None:
        """Call `whom` once the client is gone, instead of whom it was before; at once where it is gone already."""
        self._whom = whom
        if self._task.done() and whom is not None:
            whom()

    def end(self) -> None:
        """Watch no longer."""
        self._whom = None
        self._task.cancel()


async def answer_http(site: Answering, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one exchange."""
    try:
        refused, body = await _body(site, scope, receive)
    except _Gone:
        return
    request = from_scope(scope, body)
    if refused is not None:
        await respond(send, request, refused)
        return
    given = begun(site, request)
    if isinstance(given, Response):
        await respond(send, request, given)
        return
    departure = Departure(receive)
    try:
        answer = await settled(request, given, departure) if isawaitable(given) else given
        if isinstance(answer, Streamed) and request.method != "HEAD":
            await stream(send, request, answer, departure)
        elif answer is not None:
            await respond(send, request, answer)
    finally:
        departure.end()


async def _body(site: Answering, scope: Scope, receive: Receive) -> tuple[Response | None, bytes]:
    """Give the whole body, or why it is not taken: it is longer than may be, or comes too slowly. `_Gone` where it does not come to its end."""
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if length.isdigit() and int(length) > site.limits.body:
        return Response(413, "request body too large\n", [("Connection", "close")]), b""
    pieces, size, loop = [], 0, asyncio.get_running_loop()
    since = loop.time()
    try:
        async with asyncio.timeout(site.open_timeout) as limit:
            while True:
                event = await receive()
                if event["type"] != "http.request":
                    raise _Gone
                piece = event.get("body", b"")
                pieces.append(piece)
                size += len(piece)
                if size > site.limits.body:
                    return Response(413, "request body too large\n"), b""
                if not event.get("more_body", False):
                    return None, pieces[0] if len(pieces) == 1 else b"".join(pieces)
                limit.reschedule(since + site.limits.patience(site.open_timeout, size))
    except TimeoutError:
        return Response(408, "the request did not come in time\n"), b""


def begun(site: Answering, request: Request) -> Answer | Awaitable[Answer | None]:
    """Ask for the answer; an error is one, too."""
    try:
        given = site.answer(request)
    except Exception as error:
        return excuse(request, error)
    if isinstance(given, Handed):
        return given.refusal
    return _NO_UPGRADE if given is None else given


async def settled(request: Request, given: Awaitable[Answer | None], departure: Departure) -> Answer | None:
    """Wait for an answer; None where the client leaves meanwhile, which cancels it."""
    asked = asyncio.ensure_future(given)
    departure.tell(asked.cancel)
    try:
        await asyncio.wait([asked])
    finally:
        departure.tell(None)
        if not asked.done():  # the host gives up
            asked.cancel()
            asked.add_done_callback(lambda task: given_up(request, task))
    if asked.cancelled():
        return None
    if (error := asked.exception()) is not None:
        return excuse(request, error)
    return asked.result() or _NO_UPGRADE


async def respond(send: Send, request: Request, answer: Answer, kind: str = "http.response") -> None:
    """Send a response with its whole body; one that cannot be said is 500, and told in the log."""
    try:
        head = _head(answer, kind)
    except (ValueError, AttributeError, TypeError) as error:
        answer = excuse(request, error)
        head = _head(answer, kind)
    body = answer.body if isinstance(answer, Response) else b""
    bare = request.method == "HEAD" or answer.status in _BODILESS
    if answer.status not in _BODILESS and isinstance(answer, Response) and "content-length" not in answer.headers:
        head["headers"].append((b"content-length", b"%d" % len(body)))
    with contextlib.suppress(OSError):  # it is gone
        await send(head)
        await send({"type": f"{kind}.body", "body": b"" if bare else body})


def _head(answer: Answer, kind: str) -> dict[str, Any]:
    """Make the event that begins a response; ValueError for a field that would split it."""
    one_head([str(answer.status), *(f"{name}: {value}" for name, value in answer.headers)])
    fields = [
        (name.lower().encode("latin-1"), value.strip().encode("latin-1"))
        for name, value in answer.headers
        if name.lower() not in _OURS
    ]
    return {"type": f"{kind}.start", "status": answer.status, "headers": fields}


async def stream(send: Send, request: Request, answer: Streamed, departure: Departure) -> None:
    """Send a body that is produced from now on, until it ends or the client is gone."""
    try:
        head = _head(answer, "http.response")
    except ValueError as error:
        await respond(send, request, excuse(request, error))
        return
    outlet = ForeignOutlet()
    try:
        await send(head)
        outlet.begin(answer)
        departure.tell(outlet.lost)
        while (piece := await outlet.next()) is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not outlet.broken:
            await send({"type": "http.response.body", "body": b""})
    except OSError:  # it is gone
        pass
    finally:
        if outlet.begun:
            outlet.lost()
        elif answer.missed is not None:
            answer.missed()
