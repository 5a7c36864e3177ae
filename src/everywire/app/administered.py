"""Where an application is administered: on a port of its own, or below a path of the public one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from everywire.hub.hub import Hub
from everywire.ops.admin import Admin, check_key, is_loopback
from everywire.servers.websocket import Server, serve

__all__ = ["Counter", "served"]


@dataclass(frozen=True, slots=True)
class Counter:
    """Where to ask, and what to show there: a `port` of `host`, or a path of the public port (`on`)."""

    key: str | None = field(repr=False)
    host: str = "127.0.0.1"
    port: int | None = None
    on: str | None = None

    def __post_init__(self) -> None:
        check_key(self.key)
        if (self.port is None) == (self.on is None):
            raise ValueError("an application is administered on a port, or on a path of the public one")
        if self.key is None and (self.on is not None or not is_loopback(self.host)):
            raise ValueError("without a key only this machine may be listened to: give a key, or host 127.0.0.1")
        if self.on is not None and not (self.on.startswith("/") and len(self.on) > 1 and not self.on.endswith("/")):
            raise ValueError("the path begins with a slash, and does not end with one")

    def admin(self, hub: Callable[[], Hub]) -> Admin:
        """Make what answers there."""
        return Admin(hub, self.key, self.on or "")


@asynccontextmanager
async def served(counters: list[Counter], hub: Callable[[], Hub]) -> AsyncIterator[list[Server]]:
    """Serve those that have a port of their own, while the context lasts.

    Several workers share the port; each answers for all of them, but for what is told of its own node.
    """
    async with AsyncExitStack() as stack:
        servers = []
        for counter in counters:
            if counter.port is not None:
                answer = counter.admin(hub).answer
                options: dict[str, Any] = {"process_request": answer, "reuse_port": counter.port != 0}
                server = serve(None, counter.host, counter.port, on_message=_nobody, **options)
                servers.append(await stack.enter_async_context(server))
        yield servers


def _nobody(websocket: Any, message: Any) -> None:
    """Hear nothing: no WebSocket is ever opened here."""
