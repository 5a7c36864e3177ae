"""An application beside Django in one ASGI application, for a site's asgi.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler

from everywire.app import Everywire

__all__ = ["ASGI", "asgi"]

Message: TypeAlias = MutableMapping[str, Any]
ASGI: TypeAlias = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any]


def asgi(realtime: Everywire, site: ASGI | None = None) -> ASGI:
    """Give an ASGI application in which `realtime` has its own paths, and `site` all others: in asgi.py, `application = asgi(realtime)`.

    Its own are those where its clients connect, its routes and static files. `site` is `get_asgi_application()` unless given: a router of Django
    Channels, for instance, which is given WebSockets, too. `realtime` starts and ends with the server; so does the relay of the outbox.
    """
    others = get_asgi_application() if site is None else site

    async def application(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            _begin_relay()
            await realtime(scope, receive, send)
        elif scope["type"] in ("http", "websocket") and realtime.has(_path(scope)):
            await realtime(scope, receive, send)
        elif scope["type"] == "websocket" and isinstance(others, ASGIHandler):
            await receive()
            await send({"type": "websocket.close"})  # nobody is there: Django itself knows no WebSockets
        else:
            await others(scope, receive, send)

    return application


def _path(scope: Message) -> str:
    """Give the path below the place where the server has mounted all of this."""
    root, path = scope.get("root_path", ""), str(scope["path"])
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def _begin_relay() -> None:
    from django.apps import apps

    if apps.is_installed("everywire.django"):
        from everywire.django.committing import relay

        relay.ensure()
