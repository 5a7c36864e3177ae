"""An application beside Django in one ASGI application, for a site's asgi.py."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from django.apps import apps
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler

from everywire.app import Everywire
from everywire.django.application import check_shared
from everywire.django.settings import chosen

__all__ = ["ASGI", "asgi"]

_log = logging.getLogger("everywire.django")

Message: TypeAlias = MutableMapping[str, Any]
ASGI: TypeAlias = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any]


def asgi(realtime: Everywire, site: ASGI | None = None) -> ASGI:
    """Give an ASGI application in which `realtime` has its own paths, and `site` all others: in asgi.py, `application = asgi(realtime)`.

    Its own are those where its clients connect, its routes and static files. `site` is `get_asgi_application()` unless given: a router of Django
    Channels, for instance, which is given WebSockets, too. `realtime` and the relay of the outbox start with the server, or with the first request of a
    server that tells nothing of its start. While DEBUG is on, files of django.contrib.staticfiles are served as `runserver` does, unless EVERYWIRE["STATIC"]
    is False. Raises `ImproperlyConfigured` for a plain `everywire.Everywire` without a broker, which other processes of the site would publish past.
    """
    check_shared(realtime, "what asgi() is given")
    pages = get_asgi_application() if site is None else site
    deaf, others = isinstance(pages, ASGIHandler), _with_static_files(pages)

    async def application(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            _begin_relay()
            await realtime(scope, receive, send)
            return
        await _begin(realtime)
        if scope["type"] in ("http", "websocket") and realtime.has(_path(scope)):
            await realtime(scope, receive, send)
        elif scope["type"] == "websocket" and deaf:
            await receive()
            await send({"type": "websocket.close"})  # nobody is there: Django itself knows no WebSockets
        else:
            await others(scope, receive, send)

    application.leads_to = "", realtime  # type: ignore[attr-defined]  # for those who tell of it: see servers/host/mounts.py
    return application


def _with_static_files(site: ASGI) -> ASGI:
    """Have static files found in the site's apps while it is developed; what else is asked for is the site's."""
    if not (settings.DEBUG and settings.STATIC_URL and apps.is_installed("django.contrib.staticfiles")):
        return site
    if not chosen().static:
        return site
    from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

    served: ASGI = ASGIStaticFilesHandler(site)
    return served


async def _begin(realtime: Everywire) -> None:
    """Have it run before anything is published, which would otherwise begin a companion; the site is served, whatever hinders it."""
    try:
        await realtime.begin()
    except Exception:
        _log.exception("the application beside Django does not start")


def _path(scope: Message) -> str:
    """Give the path below the place where the server has mounted all of this."""
    root, path = scope.get("root_path", ""), str(scope["path"])
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def _begin_relay() -> None:
    if apps.is_installed("everywire.django"):
        from everywire.django.committing import relay

        relay.ensure()
