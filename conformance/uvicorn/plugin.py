"""A pytest plugin: uvicorn's tests of its WebSocket implementations, with everywire's in their place.

Some look into the implementation: when it sent its last ping, whether a timer is set. `Observed` answers that from what ours knows.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from everywire.uvicorn import WebSocketProtocol
from everywire.ws.connection import CLOSING

REPLACED = ("WebSocketsSansIOProtocol", "_WSProtocol")  # what the tests name


class Observed(WebSocketProtocol):
    """Ours, with the attributes that the tests look for."""

    read_limit = 64  # as uvicorn's own: reading stops while one message waits

    @property
    def ping_sent_at(self) -> float:
        """When a ping went out; 0.0 before the first."""
        websocket = self.guest.websocket if self.guest is not None else None
        if websocket is not None and websocket.pinged:
            self.last_ping = websocket.since
        return getattr(self, "last_ping", 0.0)

    @property
    def ping_timer(self) -> object:
        """None where no pings are sent."""
        return self.server.options.ping_interval

    @property
    def close_timer(self) -> object:
        """None where no answer to a close frame is waited for."""
        websocket = self.guest.websocket if self.guest is not None else None
        waiting = (
            websocket is not None and websocket.state == CLOSING and not self.ground.finishing and not self.ground.over
        )
        return self.close_timeout if waiting else None


class Other(Observed):
    """The same, where a test tells two implementations apart."""


# What ours does otherwise, and why.
DIFFERENT = {
    "test_close_gives_up_when_the_peer_never_replies": "there is no timer for each connection: a sweep over all ends the late ones, within a quarter second",
}

OURS: dict[str, Any] = {"everywire": Observed}


def _mend_asyncio() -> None:
    """Let a client abort a transport that is closed: before Python 3.12 that fails where bytes were left when it was closed."""
    from asyncio.selector_events import _SelectorTransport  # type: ignore[attr-defined]

    before = _SelectorTransport.abort

    def abort(self: Any) -> None:
        if self._loop is not None:
            before(self)

    _SelectorTransport.abort = abort


_mend_asyncio()


def _subject() -> list[Any]:
    name = os.environ["UVICORN_SUBJECT"]
    if name in OURS:
        return [OURS[name]]
    from uvicorn.config import WS_PROTOCOLS
    from uvicorn.importer import import_from_string

    return [import_from_string(WS_PROTOCOLS[name])]


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have each test run once, with the implementation under test."""
    if "ws_protocol_cls" in metafunc.fixturenames:
        metafunc.parametrize("ws_protocol_cls", _subject(), ids=[os.environ["UVICORN_SUBJECT"]])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put ours where tests name one of uvicorn's."""
    if os.environ["UVICORN_SUBJECT"] in OURS:
        for item in items:
            if why := DIFFERENT.get(item.originalname if isinstance(item, pytest.Function) else ""):
                item.add_marker(pytest.mark.skip(reason=f"different: {why}"))
        for module in {item.module for item in items if isinstance(item, pytest.Function)}:
            for name, ours in zip(REPLACED, (Observed, Other), strict=True):
                setattr(module, name, ours)
