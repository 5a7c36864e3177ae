"""Proxies between a client and its server: HTTP CONNECT and SOCKS, by python-socks."""

from __future__ import annotations

import socket
from typing import Any
from urllib.request import getproxies, proxy_bypass

from everywire.client.address import Address
from everywire.errors import InvalidURI, ProxyError

__all__ = ["choose", "reach"]


def choose(proxy: str | bool | None, address: Address) -> str | None:
    """Give the proxy's URL: `proxy` itself, what the environment says for True, None for no proxy."""
    if isinstance(proxy, str):
        return proxy
    if not proxy or proxy_bypass(f"{address.host}:{address.port}"):
        return None
    found = getproxies()
    names = ("wss", "socks", "https") if address.secure else ("ws", "socks", "https", "http")
    return next((found[name] for name in names if name in found), None)


async def reach(proxy: str, address: Address) -> socket.socket:
    """Connect to `address` through `proxy`; `ProxyError`, with the status that an HTTP proxy answered, where that fails.

    `InvalidURI` where `proxy` is none, ImportError without the library.
    """
    try:
        from python_socks import ProxyConnectionError, ProxyTimeoutError
        from python_socks import ProxyError as SocksError
        from python_socks.async_.asyncio import Proxy
    except ImportError:
        raise ImportError(
            f"to go through {_public(proxy)}, the extra `proxy` is missing (`everywire doctor` says how to get it)"
        ) from None
    url = proxy.replace("socks://", "socks5://", 1)
    remote_names = url.startswith(("socks5h://", "http"))
    try:
        made: Any = Proxy.from_url(
            url.replace("socks5h://", "socks5://", 1).replace("socks4a://", "socks4://", 1), rdns=remote_names
        )
    except ValueError as error:
        raise InvalidURI(f"the proxy {_public(proxy)}: {error}") from None
    try:
        return await made.connect(dest_host=address.host, dest_port=address.port)  # type: ignore[no-any-return]
    except (SocksError, ProxyConnectionError, ProxyTimeoutError, OSError, ValueError) as error:
        raise ProxyError(f"the proxy {_public(proxy)} did not connect: {error}", _status(error)) from None


def _status(error: Exception) -> int | None:
    """Give the HTTP status that the proxy answered; the numbers of SOCKS are no statuses."""
    code = getattr(error, "error_code", None)
    return code if isinstance(code, int) and code >= 100 else None


def _public(proxy: str) -> str:
    """Leave out user and password."""
    scheme, mark, rest = proxy.rpartition("://")
    return scheme + mark + rest.rpartition("@")[2]
