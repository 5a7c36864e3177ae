"""Where an application is administered: on a port of its own, or below a path of the public one."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeAlias

from everywire.hub.hub import Hub
from everywire.ops.admin import Admin, check_key, is_loopback
from everywire.ops.view import View
from everywire.servers.routes import Route
from everywire.servers.websocket import Server, serve

__all__ = ["Counter", "Listen", "served"]

Listen: TypeAlias = Callable[[str, int], list[socket.socket]]
"""Opens the sockets of a host and port that several workers share."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Where to ask, and what to show there: a `port` of `host`, or a path of the public port (`on`).

    `metrics` is a path there at which the metrics are to be had without the key.
    """

    key: str | None = field(repr=False)
    host: str = "127.0.0.1"
    port: int | None = None
    on: str | None = None
    metrics: str | None = None

    def __post_init__(self) -> None:
        check_key(self.key)
        if self.port is not None and not _is_port(self.port):
            raise ValueError(f"port is 0 (any that is free) to 65535, not {self.port!r}")
        if (self.port is None) == (self.on is None):
            raise ValueError("an application is administered on a port, or on a path of the public one")
        if self.key is None and (self.on is not None or not is_loopback(self.host)):
            raise ValueError("without a key only this machine may be listened to: give a key, or host 127.0.0.1")
        for path in (self.on, self.metrics):
            if path is not None and not (path.startswith("/") and len(path) > 1 and not path.endswith("/")):
                raise ValueError("the path begins with a slash, and does not end with one")
        if self.metrics is not None:
            try:
                import_module("prometheus_client")
            except ImportError:
                raise ImportError("metrics need prometheus_client: install everywire[metrics]") from None

    def admin(self, hub: Callable[[], Hub], view: Callable[[], Awaitable[View]]) -> Admin:
        """Make what answers there; `view` gives that of all nodes."""
        return Admin(hub, self.key, self.on or "", view)

    def routes(self, hub: Callable[[], Hub], view: Callable[[], Awaitable[View]]) -> dict[str, Route]:
        """Give what answers by its path; every path below `on` is among them."""
        admin = self.admin(hub, view)
        open_ones: dict[str, Route] = {self.metrics: admin.metrics} if self.metrics is not None else {}
        return {**dict.fromkeys(admin.paths, admin.answer), **open_ones}


def _is_port(port: object) -> bool:
    return isinstance(port, int) and not isinstance(port, bool) and 0 <= port <= 65535


@asynccontextmanager
async def served(
    counters: list[Counter], hub: Callable[[], Hub], view: Callable[[], Awaitable[View]], listen: Listen | None = None
) -> AsyncIterator[list[Server]]:
    """Serve those that have a port of their own, while the context lasts.

    A process has its port for itself, unless `listen` opens those that several workers share. Each answers for all of them, but for what is
    told of its own node (`/channels`, `/stats`).
    """
    async with AsyncExitStack() as stack:
        servers = []
        for counter in counters:
            if counter.port is not None:
                answer = _answering(counter, hub, view)
                shared = None
                if listen is not None and counter.port and not hub().broker.alone:
                    shared = listen(counter.host, counter.port)
                server = serve(
                    None, counter.host, counter.port, on_message=_nobody, process_request=answer, sock=shared
                )
                try:
                    servers.append(await stack.enter_async_context(server))
                except OSError as error:
                    raise _unavailable(error) from None
        yield servers


def _unavailable(error: OSError) -> OSError:
    """Give the error of a port that is taken with the cure, which is not that for the public one."""
    if error.errno != errno.EADDRINUSE:
        return error
    return OSError(error.errno, f"{error.strerror}; app.admin(port=…) takes another, 0 any that is free")


def _answering(counter: Counter, hub: Callable[[], Hub], view: Callable[[], Awaitable[View]]) -> Route:
    routes, admin = counter.routes(hub, view), counter.admin(hub, view)
    return lambda request: routes.get(request.path, admin.answer)(request)


def _nobody(websocket: Any, message: Any) -> None:
    """Hear nothing: no WebSocket is ever opened here."""
