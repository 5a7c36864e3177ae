"""A router of FastAPI that leads to an application: for all its clients, whatever they speak and however they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, Request, Response, WebSocket, params
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import WebSocketException
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from everywire.app import Everywire
from everywire.errors import EverywireError, Refused
from everywire.fastapi.opening import Opening, authorized
from everywire.fastapi.resolving import check_dependencies
from everywire.fastapi.users import connect_hook
from everywire.hub.access.credentials import token
from everywire.hub.codes import Code
from everywire.servers.asgi import from_scope

__all__ = ["router"]

_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_PATH: Final = "everywire_path"
_ENTERING: Final = "everywire.entering"
_DENIAL: Final = "websocket.http.response"
_STATUSES: Final = {1013: 503, 3000: 401, 4401: 401}  # of a close code, where there is no WebSocket to close
_REFUSALS: Final[dict[int, int]] = {Code.UNAUTHORIZED: 401, Code.BAD_REQUEST: 400, Code.LIMIT: 429}
_HANDLERS: Final = "starlette.exception_handlers"


def router(
    app: Everywire,
    *,
    prefix: str = "",
    dependencies: Sequence[params.Depends] | None = None,
    user: Callable[..., Any] | None = None,
    user_name: Callable[[Any], str | None] | None = None,
) -> APIRouter:
    """Give a router that leads to `app`, for `FastAPI.include_router`: below `prefix`, and only at paths that the application has.

    `dependencies` are FastAPI's: they are solved for every request and every WebSocket before the application learns of it, and what they raise is
    the answer, also to a WebSocket. `user` is a dependency, too, that says who a client is, once for each session: a name, None, an `Identity`, or an
    object with an `id` or a `username`; `user_name` tells another name of it. A handler that takes `Depends(user)` is given that object.

    The application starts and ends with FastAPI's. Raises `TypeError` for dependencies that need a body, `ValueError` where `user` is
    given and the application has a hook already that says who connects.
    """
    check_dependencies(dependencies or ())
    if user is not None:
        app.on_connect(connect_hook(user, user_name))
    elif user_name is not None:
        raise TypeError("user_name tells the name of what `user` gives: say that, too")
    made = APIRouter(prefix=prefix, dependencies=dependencies, route_class=_Entry, lifespan=_life(app))
    made.add_api_route(
        f"/{{{_PATH}:path}}", _entrance(app), methods=_METHODS, include_in_schema=False, response_model=None
    )
    return made


def _life(app: Everywire) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def life(host: Any) -> AsyncIterator[None]:
        if _runs(app):  # by everywire.lifespan, which ends it later
            yield
        else:
            async with app.embedded():
                yield

    return life


def _runs(app: Everywire) -> bool:
    try:
        return app.hub is not None
    except EverywireError:
        return False


def _entrance(app: Everywire) -> Callable[[Request], Awaitable[Response]]:
    """Make what the route calls once all dependencies are there: a plain function, whose hints every FastAPI understands."""

    async def enter(request: Request) -> Response:
        return _Handover(app, request.scope[_ENTERING])

    enter.app = app  # type: ignore[attr-defined]
    return enter


class _Handover(Response):
    """A response that is the application's to give, or a WebSocket: who asked first is handed over to it."""

    def __init__(self, app: Everywire, entering: _Entering) -> None:
        super().__init__()
        self._app, self._entering = app, entering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        entering = self._entering
        if entering.opens:
            receive, send = entering.receive, entering.send
        await self._app(entering.scope, receive, send)


class _Entry(APIRoute):
    """A route that takes WebSockets, too: their dependencies are solved as those of a request, so that all that work for one work for both."""

    endpoint: Any

    @property
    def leads_to(self) -> tuple[str, Everywire]:
        """Say where the application is mounted, and which, for those who tell of it."""
        app: Everywire = self.endpoint.app
        return self.path.removesuffix(f"/{{{_PATH}:path}}"), app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether the application has the path."""
        asked = {**scope, "type": "http", "method": "GET"} if scope["type"] == "websocket" else scope
        match, found = super().matches(asked)
        if match is not Match.NONE and not self.endpoint.app.has(f"/{found['path_params'][_PATH]}"):
            return Match.NONE, {}
        return match, found

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Solve with what is a `Request` and a `WebSocket`."""
        handle = super().get_route_handler()

        async def opening(request: Request) -> Response:
            return await handle(Opening(request.scope, request.receive, request._send))

        return opening

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have dependencies solved, and hand over."""
        app: Everywire = self.endpoint.app
        entering = _Entering(scope, receive, send)
        if scope.get("method") == "OPTIONS":  # a page's browser asks what it may ask, and shows no credentials yet
            await app(entering.scope, receive, send)
            return
        shown = token(None, from_scope(entering.scope), app.settings.token_parameter)
        asked = {**scope, "type": "http", _ENTERING: entering, "headers": authorized(scope["headers"], shown)}
        asked.setdefault("method", "GET")
        errors, statuses = scope.get(_HANDLERS, ({}, {}))
        closes = [kind for kind in errors if isinstance(kind, type) and issubclass(kind, WebSocketException)]
        denying = dict.fromkeys([*closes, WebSocketException], entering.denying(errors))
        asked[_HANDLERS] = {Refused: _refused, **errors, **denying}, statuses
        await super().handle(asked, receive, entering.deny if entering.opens else send)


async def _refused(request: Request, no: Refused) -> Response:
    """Answer to a dependency that says no in our own words."""
    return JSONResponse({"detail": no.reason}, _REFUSALS.get(no.code, 503 if no.temporary else 403))


class _Entering:
    """Somebody at the door: a request or a WebSocket as it came, and how it is denied. `scope` is what the application is told, as if it were mounted."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.opens: Final = scope["type"] == "websocket"
        self.receive, self.send = receive, send
        params, root = dict(scope["path_params"]), scope.get("root_path", "")
        below = params.pop(_PATH)
        mounted = {"root_path": scope["path"][: -len(below) - 1], "app_root_path": scope.get("app_root_path", root)}
        self.scope = {**scope, **mounted, "path_params": params}
        self._able = _DENIAL in (scope.get("extensions") or {})

    async def deny(self, message: MutableMapping[str, Any]) -> None:
        """Answer a WebSocket by a response, where its server can say that; without a WebSocket in any case."""
        if self._able:
            await self.send({**message, "type": f"websocket.{message['type']}"})
        elif message["type"] == "http.response.start":
            await self.send({"type": "websocket.close", "code": 1008, "reason": ""})

    def denying(self, errors: Any) -> Callable[[Any, Any], Awaitable[Response | None]]:
        """Give what answers to a `WebSocketException`: whoever does so for the routes of the application that we are in, where there is a WebSocket."""

        async def denied(request: Request, error: WebSocketException) -> Response | None:
            if not self.opens:
                return JSONResponse({"detail": error.reason}, _STATUSES.get(error.code, 403))
            websocket = WebSocket(self.scope, self.receive, self.send)
            own = next((errors[kind] for kind in type(error).__mro__ if kind in errors), None)
            if own is not None:
                await own(websocket, error)
            else:
                await websocket.close(error.code, error.reason)
            return None

        return denied
