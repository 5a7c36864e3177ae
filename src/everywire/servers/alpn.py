"""Which protocols a server's TLS offers (RFC 7301)."""

from __future__ import annotations

import ssl
from importlib.util import find_spec

__all__ = ["available", "offer"]


def available() -> bool:
    """Say whether HTTP/2 can be spoken here: the extra `everywire[h2]` is installed."""
    return find_spec("h2") is not None


def offer(context: ssl.SSLContext, *, http2: bool) -> None:
    """Have `context` offer HTTP/1.1 and, if `http2` is wanted and there is the library for it, HTTP/2 before that."""
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 and available() else ["http/1.1"])
