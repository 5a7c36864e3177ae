"""A server for ASGI that a test drives by hand: it says what it likes, and takes what it is sent when it likes."""

import asyncio
from typing import Any

__all__ = ["Host", "http_scope", "websocket_scope"]


def http_scope(path: str = "/", method: str = "GET", **other: Any) -> dict[str, Any]:
    """The scope of a request, as uvicorn gives it."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"example.com")],
        "client": ("192.0.2.1", 4000),
        "server": ("192.0.2.2", 80),
        "extensions": {},
    }
    return {**scope, **other}


def websocket_scope(path: str = "/everywire", *protocols: str, **other: Any) -> dict[str, Any]:
    """The scope of a WebSocket, as uvicorn gives it."""
    scope = http_scope(path, **{"scheme": "ws", **other})
    del scope["method"]
    return {**scope, "type": "websocket", "subprotocols": [*protocols]}


class Host:
    """Runs an application for one scope: `tell` it events, `hear` what it sends.

    While `stuck` is set, whatever it sends is taken no more than the kernel's buffer of a client that does not read; once `error` is set, it is raised.
    Whatever is told by code `refuses` is no code to it.
    """

    def __init__(self, app: Any, scope: dict[str, Any]) -> None:
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._free = asyncio.Event()
        self._free.set()
        self.error: Exception | None = None
        self.refuses = 0  # a close code, as if it were none
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        return await self._events.get()

    async def _send(self, event: dict[str, Any]) -> None:
        await self._free.wait()
        if self.error is not None:
            raise self.error
        if self.refuses and event.get("code") == self.refuses:
            raise Exception("invalid close code")
        self._said.put_nowait(event)

    def stuck(self, yes: bool = True) -> None:
        """Take nothing more, or go on."""
        if yes:
            self._free.clear()
        else:
            self._free.set()

    def tell(self, kind: str, **event: Any) -> None:
        """Tell the application an event."""
        self._events.put_nowait({"type": kind, **event})

    async def hear(self) -> dict[str, Any]:
        """The next event that the application sends."""
        return await asyncio.wait_for(self._said.get(), 5)

    @property
    def silent(self) -> bool:
        """Whether nothing was sent that was not heard."""
        return self._said.empty()

    async def over(self) -> None:
        """Wait for the application to return."""
        await asyncio.wait_for(self.task, 5)
