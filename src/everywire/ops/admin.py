"""The administration of a running application over HTTP: publish, look, send away."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from everywire import messages as m
from everywire.brokers.base import Draft, Query, Receipt
from everywire.dialects.native import NativeCodec
from everywire.dialects.native.parameters import Fault, flag, needed, number, one, position
from everywire.errors import Refused
from everywire.fitness import Unfit, fit_json
from everywire.http.request import Request, Response
from everywire.hub.access.revoking import Told
from everywire.hub.access.tallies import Reached
from everywire.hub.channels import entries, pages
from everywire.hub.codes import Code
from everywire.hub.hub import Hub
from everywire.ops.asked import MOST, Kick, Publication, Publish, Revoke, Unsubscribe
from everywire.ops.prometheus import CONTENT_TYPE, exposition
from everywire.ops.view import View, look

__all__ = ["Admin", "check_key", "is_loopback"]

_log = logging.getLogger("everywire.admin")

_SHORTEST: Final = 16  # characters of a key
_STATUS = {Code.UNKNOWN_CHANNEL: 404, Code.NOT_AVAILABLE: 404, Code.CONFLICT: 409, Code.UNAUTHORIZED: 401, 405: 405}
_LOCAL = {"localhost", "127.0.0.1", "::1"}

S = TypeVar("S", bound=msgspec.Struct)
_Answer = Callable[[Request], Awaitable[Any]]
_codec = NativeCodec()


def is_loopback(host: str | None) -> bool:
    """Say whether only this machine reaches `host`."""
    return host in _LOCAL


def check_key(key: str | None) -> None:
    """Raise `ValueError` for a key that could be guessed."""
    if key is not None and len(key) < _SHORTEST:
        raise ValueError(f"a key has at least {_SHORTEST} characters")


class Admin:
    """Answers requests below `prefix` by JSON; errors are `{"code", "reason"}`.

    Whoever asks shows `Authorization: Bearer <key>`. Without a `key` only programs on this machine are answered: no page that a browser here
    has open, which is what an Origin or a foreign Host gives away.
    """

    def __init__(
        self,
        hub: Callable[[], Hub],
        key: str | None,
        prefix: str = "",
        view: Callable[[], Awaitable[View]] | None = None,
    ) -> None:
        check_key(key)
        self._hub = hub
        self._view = view or self._alone
        self._key = key.encode() if key is not None else None
        self._prefix = prefix
        self._answers: dict[str, tuple[str, _Answer]] = {
            "/publish": ("POST", self._publish),
            "/kick": ("POST", self._kick),
            "/unsubscribe": ("POST", self._unsubscribe),
            "/revoke": ("POST", self._revoke),
            "/presence": ("GET", self._presence),
            "/history": ("GET", self._history),
            "/entries": ("GET", self._entries),
            "/channels": ("GET", self._channels),
            "/stats": ("GET", self._stats),
            "/view": ("GET", self._look),
            "/metrics": ("GET", self.metrics),
        }

    @property
    def paths(self) -> list[str]:
        """Every path that is answered."""
        return [self._prefix + path for path in self._answers]

    async def answer(self, request: Request) -> Response:
        """Answer a request, whatever it is."""
        if not self._knows(request):
            denied = _error(401, Code.UNAUTHORIZED, "show the key: Authorization: Bearer …")
            return _with(denied, ("WWW-Authenticate", 'Bearer realm="admin"'))
        method, answer = self._answers.get(request.path.removeprefix(self._prefix), ("", self._stats))
        if not method:
            return _error(404, Code.BAD_REQUEST, "there is no such path")
        if request.method != method:
            return _with(_error(405, Code.BAD_REQUEST, f"{method} it"), ("Allow", method))
        try:
            said = await answer(request)
            return said if isinstance(said, Response) else _json(200, said)
        except Refused as no:
            return _json(_STATUS.get(no.code, 503 if no.temporary else 400), _refused(no))
        except Fault as fault:
            return _error(400, Code.BAD_REQUEST, str(fault))
        except Exception:
            _log.exception("%s failed", ascii(request.path))
            return _error(500, Code.INTERNAL, "internal error")

    def _knows(self, request: Request) -> bool:
        if self._key is None:
            host = urlsplit(f"//{request.headers.get('host', '')}").hostname
            foreign = "origin" in request.headers or "sec-fetch-site" in request.headers
            return not foreign and (host is None or is_loopback(host))
        values = request.headers.get_all("authorization")
        scheme, _, shown = (values[0] if len(values) == 1 else "").partition(" ")
        return hmac.compare_digest(shown.strip().encode(), self._key) and scheme.lower() == "bearer"

    # Publishing.

    async def _publish(self, request: Request) -> Any:
        asked = _read(request, Publish)
        if asked.batch is None:
            return await self._published(asked.only())
        return {"published": [await self._each(one) for one in asked.batch]}

    async def _each(self, asked: Publication) -> dict[str, Any]:
        """Publish one of a batch; what is refused is said in its place, and the others go on."""
        try:
            return await self._published(asked)
        except Refused as no:
            return {"error": _refused(no)}

    async def _published(self, asked: Publication) -> dict[str, Any]:
        hub = self._hub()
        place = hub.place(asked.channel)
        if len(asked.data) > hub.settings.max_data:
            raise Refused(f"data has more than {hub.settings.max_data} bytes", Code.LIMIT)
        key = f"s\n{asked.key}" if asked.key is not None else None
        draft = Draft(_fit(asked.data), hub.world.wall(), None, key, asked.change(), asked.audience())
        receipt: Receipt = await hub.publish(place, draft, ephemeral=asked.ephemeral)
        if receipt.conflict:
            there = receipt.position.offset if receipt.position is not None else 0
            raise Refused("conflict: the entry is not what was expected", Code.CONFLICT, data={"offset": there})
        where = {} if receipt.position is None else {"epoch": receipt.position.epoch, "offset": receipt.position.offset}
        return {"channel": place.name, **where, "repeated": receipt.repeated}

    # Looking.

    async def _presence(self, request: Request) -> Any:
        hub = self._hub()
        place = hub.place(needed(request, "channel"))
        if not place.kind.presence:
            raise Refused("nobody is listed here", Code.NOT_AVAILABLE)
        members = await hub.broker.members(place.name)
        users = len({member.user for member in members if member.user is not None})
        return _said(m.Roster(0, place.name, members, sum(member.tabs for member in members), users))

    async def _history(self, request: Request) -> Any:
        hub = self._hub()
        place, limit = hub.place(needed(request, "channel")), number(request, "limit")
        if place.kind.retention.size == 0:
            raise Refused("no history is kept here", Code.NOT_AVAILABLE)
        query = Query(None, pages.limit(100 if limit is None else limit, hub.settings), flag(request, "reverse"))
        stretch = await hub.broker.read(place.name, query, place.kind.retention)
        page = pages.cut(stretch.publications, hub.settings)
        return _said(m.Page(0, place.name, stretch.position, page, len(page) < len(stretch.publications)))

    async def _entries(self, request: Request) -> Any:
        hub = self._hub()
        place = hub.place(needed(request, "channel"))
        if not place.kind.retention.keyed:
            raise Refused("there are no entries here", Code.NOT_AVAILABLE)
        found = await entries.read(hub, place, position(request, "since"), number(request, "after"))
        more = found.after is not None
        return _said(m.Entries(0, place.name, found.position, found.page, found.recovered, more, found.after))

    async def _channels(self, request: Request) -> Any:
        """Tell of the channels that somebody on this node is subscribed to."""
        hub, prefix = self._hub(), one(request, "prefix") or ""
        found = sorted(name for name in hub.channels if name.startswith(prefix))
        listed = [{"channel": name, "subscriptions": len(hub.channels[name].subscriptions)} for name in found[:MOST]]
        return {"node": hub.node, "channels": listed, "more": len(found) > MOST}

    async def _stats(self, request: Request) -> Any:
        """Tell how much there is on this node."""
        hub = self._hub()
        connected = sum(session.attachment is not None for session in hub.sessions.values())
        users = len({session.user for session in hub.sessions.values() if session.user is not None})
        said = {"node": hub.node, "sessions": len(hub.sessions), "connected": connected}
        return {**said, "users": users, "channels": len(hub.channels)}

    # Looking at all nodes.

    async def _alone(self) -> View:
        return look(self._hub())

    async def _look(self, request: Request) -> Any:
        """Tell what there is, on all nodes."""
        return await self._view()

    async def metrics(self, request: Request) -> Response:
        """Tell the same as Prometheus reads it; needs no key by itself."""
        if request.method not in ("GET", "HEAD"):
            return _with(_error(405, Code.BAD_REQUEST, "GET it"), ("Allow", "GET, HEAD"))
        try:
            text = exposition(await self._view())
        except ImportError:
            return _error(501, Code.NOT_AVAILABLE, "this needs prometheus_client: install everywire[metrics]")
        return Response(200, text, [("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store")])

    # Sending away.

    async def _kick(self, request: Request) -> Any:
        asked, revoking = _read(request, Kick), self._hub().revoking
        whom = asked.user, asked.session, asked.code, asked.reason
        return _reached(await revoking.tallies.count(lambda number: revoking.kick(*whom, tally=number)))

    async def _unsubscribe(self, request: Request) -> Any:
        asked, revoking = _read(request, Unsubscribe), self._hub().revoking
        what = asked.user, asked.channel, asked.reason
        return _reached(await revoking.tallies.count(lambda number: revoking.remove(*what, tally=number)))

    async def _revoke(self, request: Request) -> Any:
        asked, revoking = _read(request, Revoke), self._hub().revoking
        what = asked.user, asked.token, asked.before, asked.lasting
        return _reached(await revoking.tallies.count(lambda number: revoking.revoke(*what, told=Told(tally=number))))


def _read(request: Request, kind: type[S]) -> S:
    """Read a body; raises `Fault`, which says what is wrong and where."""
    try:
        return msgspec.json.decode(request.body, type=kind)
    except msgspec.ValidationError as fault:
        raise Fault(str(fault)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault("the body is a JSON object") from None


def _fit(data: m.Raw) -> m.Raw:
    """Give what every subscriber can read; raises `Refused`. Once a number beyond a double is in a log, no client gets past it."""
    try:
        return fit_json(data)
    except Unfit as unfit:
        raise Refused(str(unfit), Code.BAD_REQUEST) from None


def _reached(reached: Reached) -> dict[str, int]:
    return reached._asdict()


def _refused(no: Refused) -> dict[str, Any]:
    said = {"code": int(no.code), "reason": no.reason}
    return said if no.data is None else {**said, "data": no.data}


def _said(event: m.Event) -> dict[str, Any]:
    """Give what the native wire says of an event, as an object, without what belongs to the wire alone."""
    (payload,) = _codec.encode(event)
    fields = msgspec.json.decode(payload.data, type=dict[str, msgspec.Raw])
    return {name: value for name, value in fields.items() if name not in ("type", "id")}


def _json(status: int, said: Any) -> Response:
    fields = [
        ("Content-Type", "application/json"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return Response(status, msgspec.json.encode(said), fields)


def _error(status: int, code: int, reason: str) -> Response:
    return _json(status, {"code": int(code), "reason": reason})


def _with(response: Response, field: tuple[str, str]) -> Response:
    return Response(response.status, response.body, [*response.headers, field])
