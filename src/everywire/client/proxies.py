"""Proxies between a client and its server: HTTP CONNECT and SOCKS, by python-socks."""

from __future__ import annotations

import socket
from typing import Any
from urllib.request import getproxies, proxy_bypass

from everywire.client.address import Address
from everywire.errors import ProxyError

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
    """Connect to `address` through `proxy`; `ProxyError` where that fails, ImportError without the library."""
    try:
        from python_socks import ProxyConnectionError, ProxyTimeoutError
        from python_socks import ProxyError as SocksError
        from python_socks.async_.asyncio import Proxy
    except ImportError:
        raise ImportError(f"to go through {_public(proxy)}, install everywire[proxy]") from None
    url = proxy.replace("socks://", "socks5://", 1)
    remote_names = url.startswith(("socks5h://", "http"))
    try:
        made: Any = Proxy.from_url(
            url.replace("socks5h://", "socks5://", 1).replace("socks4a://", "socks4://", 1), rdns=remote_names
        )
        return await made.connect(dest_host=address.host, dest_port=address.port)  # type: ignore[no-any-return]
    except (SocksError, ProxyConnectionError, ProxyTimeoutError, OSError, ValueError) as error:
        raise ProxyError(f"the proxy {_public(proxy)} did not connect: {error}") from None


def _public(proxy: str) -> str:
    """Leave out user and password."""
    scheme, _, rest = proxy.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
