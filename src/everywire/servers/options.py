"""How connections behave: the options that `serve` and `connect` share."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from everywire.bounds import AMOUNT, COUNT, TIME, check
from everywire.errors import CloseCode, sendable
from everywire.http.head import HeadLimits
from everywire.ws.connection import Manner
from everywire.ws.deflate import Deflate
from everywire.ws.frames import Limits

__all__ = ["Options"]

_ENDLESS = 1 << 60  # bytes
_BOUNDS = {
    **dict.fromkeys(("max_size", "max_fragments", "write_limit", "slow_requests"), replace(COUNT, optional=True)),
    **dict.fromkeys(("read_limit", "write_high"), replace(AMOUNT, optional=True)),
    **dict.fromkeys(
        ("ping_interval", "ping_timeout", "close_timeout", "open_timeout", "idle_timeout"), replace(TIME, optional=True)
    ),
}

Origins = Sequence[str | re.Pattern[str] | None]


@dataclass(frozen=True, slots=True)
class Options:
    """How connections behave, a server's and a client's. Sizes in bytes, times in seconds; None means no limit, or never.

    max_size: of one message, after inflating. max_fragments: frames of one message. read_limit: received messages that wait for a coroutine; above it reading
    stops. write_high: queued bytes above which `await send` waits. write_limit: queued bytes above which a slow reader is cut off,
    with slow_code. bare_code: what answers a close frame that has no code; 1005 is a frame that has none either.
    ping_interval: silence after which a ping is sent. ping_timeout: further silence after which the connection is closed. close_timeout: for the closing
    handshake. open_timeout: for the whole opening handshake, TLS and an awaited `process_request` included. idle_timeout: for an HTTP connection kept alive.
    fin_timeout: how long a socket waits for the peer's FIN after ours; five times as long for last bytes that the peer does not take; never None.
    compression: a `Deflate`, "deflate" for its defaults, or None for none.
    slow_requests: of one address (one IPv4 address, or a /64 of IPv6) that are waited for at a time; beyond that, who is slow is answered by 429.
    This machine's are not counted.
    streamed_bodies: have `process_request` answer before a request's body has come; that is its `incoming` then.
    http2: offer HTTP/2 on TLS, where the extra `everywire[h2]` is installed: WebSockets then share connections (RFC 8441).

    Raises `ValueError` for numbers that make no sense.
    """

    max_size: int | None = 1 << 20
    max_fragments: int | None = 1024
    read_limit: int | None = 1 << 18
    write_high: int | None = 1 << 16
    write_limit: int | None = 1 << 20
    slow_code: int = 1008
    bare_code: int = 1005
    ping_interval: float | None = 20
    ping_timeout: float | None = 20
    close_timeout: float | None = 10
    open_timeout: float | None = 10
    idle_timeout: float | None = 60
    fin_timeout: float = 2
    compression: Deflate | None = field(default_factory=Deflate)
    subprotocols: Sequence[str] = ()
    select_subprotocol: Callable[[Sequence[str]], str | None] | None = None
    origins: Origins | None = None
    head_limits: HeadLimits = field(default_factory=HeadLimits)
    server_header: str | None = "everywire"
    slow_requests: int | None = 64
    http2: bool = True
    streamed_bodies: bool = False

    def __post_init__(self) -> None:
        check(self, _BOUNDS)
        if not sendable(self.slow_code):
            raise ValueError(f"slow_code is {self.slow_code!r}: a close code that may be sent is needed")
        if not sendable(self.bare_code) and self.bare_code != CloseCode.NO_STATUS:
            raise ValueError(f"bare_code is {self.bare_code!r}: a close code that may be sent, or 1005, is needed")
        limits: object = self.head_limits
        if not isinstance(limits, HeadLimits):
            raise TypeError(f"head_limits are HeadLimits, not {limits!r}")
        wait: object = self.fin_timeout
        if not isinstance(wait, int | float) or wait <= 0:
            raise ValueError(
                f"fin_timeout is a time in seconds, not {self.fin_timeout!r}: a socket cannot wait for ever"
            )
        compression: object = self.compression
        if compression == "deflate":
            object.__setattr__(self, "compression", Deflate())
        elif not isinstance(compression, Deflate | None):
            raise TypeError(f'compression is "deflate", a Deflate or None, not {compression!r}')

    def manner(self, clock: Callable[[], float], mask: Callable[[], int] | None = None) -> Manner:
        """Make what the connections themselves need of this."""
        manner = Manner(Limits(self.max_size, self.max_fragments), clock, mask)
        manner.ping_interval, manner.ping_timeout, manner.close_timeout = (
            self.ping_interval,
            self.ping_timeout,
            self.close_timeout,
        )
        manner.high, manner.write_limit, manner.read_limit = (
            _ENDLESS if limit is None else limit for limit in (self.write_high, self.write_limit, self.read_limit)
        )
        manner.slow_code, manner.bare_code = self.slow_code, self.bare_code
        return manner

    def shortest(self) -> float:
        """Give the shortest of the timeouts."""
        times = (self.ping_interval, self.ping_timeout, self.close_timeout, self.open_timeout, self.idle_timeout)
        return min(time for time in (*times, self.fin_timeout * 2) if time)
