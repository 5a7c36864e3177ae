"""Which protocols a server's TLS offers (RFC 7301)."""

from __future__ import annotations

import ssl
from importlib.util import find_spec

__all__ = ["available", "offer", "wanted"]


def available() -> bool:
    """Say whether HTTP/2 can be spoken here: the extra `everywire[h2]` is installed."""
    return find_spec("h2") is not None


def offer(context: ssl.SSLContext, *, http2: bool) -> None:
    """Have `context` offer HTTP/1.1 and, if `http2` is wanted and there is the library for it, HTTP/2 before that."""
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 and available() else ["http/1.1"])


def wanted(http2: object) -> bool | None:
    """Give True where a client wants HTTP/2, None where its ALPN is to be left as it is; ImportError where it wants what is not installed."""
    if http2 and not available():
        raise ImportError("http2=True needs the extra everywire[h2]")
    return True if http2 else None
