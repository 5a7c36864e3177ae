"""Coming back: one connection after another, for as long as that may help."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from everywire.client.backoff import STABLE, Backoff, soon
from everywire.engine.websocket import WebSocket
from everywire.errors import (
    CloseCode,
    ConnectionClosedError,
    HandshakeError,
    InvalidURI,
    RedirectError,
    closed,
    reconnectable,
)
from everywire.http.redaction import shown

__all__ = ["PASSING", "passing", "returning"]

log = logging.getLogger("everywire.client")

# Statuses after which another attempt may help: "too early" (RFC 8470 5.2) and "too many" (RFC 6585 4) are about this moment alone.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
_SERVERS_FAULT = "TLSV1_ALERT_INTERNAL_ERROR"


async def returning(
    dial: Callable[[], Awaitable[WebSocket]],
    backoff: Backoff,
    uri: str,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncGenerator[WebSocket, None]:
    """Give what `dial()` opens, and when the caller comes for the next one close it, wait, and dial again.

    The waits come from `backoff`, which begins anew only after a connection that lasted `STABLE` seconds: a server that ends each one at once is left in
    peace. Raises what `dial` raises unless it is `passing`, and `ConnectionClosedError` after a close code that is final: an error, and not `reconnectable`,
    whichever end chose it.

    `aclose` closes the last connection and waits for that.
    """
    warned = False  # that there is no connection: once, until there is one
    while True:
        level = logging.INFO
        try:
            websocket = await dial()
        except Exception as error:
            if not passing(error):
                raise
            why = str(error) or type(error).__name__
            level, warned = logging.INFO if warned else logging.WARNING, True
        else:
            since, warned = clock(), False
            try:
                yield websocket
            finally:
                lasted = clock() - since
                await websocket.close()
            if lasted >= STABLE:
                backoff.reset()
            why = _ending(websocket)
        delay = backoff.next()
        log.log(level, "no connection to %s (%s); next attempt %s", shown(uri), why, soon(delay))
        await pause(delay)


def _ending(websocket: WebSocket) -> str:
    """Say how a connection ended; raise that where no other is to follow."""
    end = closed(websocket.close_code or CloseCode.ABNORMAL, websocket.close_reason)
    if isinstance(end, ConnectionClosedError) and not reconnectable(end.code):
        raise end
    return str(end)


def passing(error: Exception) -> bool:
    """Say whether another attempt to connect may succeed after `error`.

    Of TLS's errors those pass that say that the connection was cut, or that the server failed within; not a certificate, nor a peer that speaks no TLS, or
    none that we speak.
    """
    match error:
        case InvalidURI() | RedirectError():
            return False
        case HandshakeError(status=status):
            return status is None or status in PASSING
        case ssl.SSLError():
            return isinstance(error, _CUT) or getattr(error, "reason", None) == _SERVERS_FAULT
        case _:
            return isinstance(error, OSError | TimeoutError)
