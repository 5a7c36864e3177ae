"""Where a client is: the address that a connection comes from, or the one that a trusted proxy names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from everywire.http.request import Request

__all__ = ["UNIX", "Networks", "believes", "client_address", "first_untrusted", "hop", "networks", "site"]

UNIX = "unix"  # among the trusted: whoever comes by a Unix socket

Networks: TypeAlias = tuple[IPv4Network | IPv6Network | str, ...]
_MOST_HOPS = 32
_SITE = 64  # bits of an IPv6 address that a site has; it has all addresses within


def networks(names: Iterable[str]) -> Networks:
    """Read what proxies may be trusted: addresses, networks ("10.0.0.0/8"), "unix"; raises `ValueError` for anything else."""
    return tuple(name if name == UNIX else ip_network(name) for name in names)


@lru_cache(1024)  # who connects again and again, and this machine
def site(host: str) -> str | None:
    """Give the address of a peer, of IPv6 the first 64 bits; None for this machine's own, and what is none."""
    found = _read(host)
    return None if found is None or found.is_loopback else _shown(found)


def client_address(request: Request, trusted: Networks = ()) -> str | None:
    """Give the address of the client, of IPv6 the first 64 bits; None for this machine's own, a Unix socket's, or an unknown one.

    X-Forwarded-For is believed as far as trusted proxies wrote it, from its end on: whatever stands before that, the client may have made up.
    """
    remote = request.remote
    if isinstance(remote, tuple):
        if not trusted:
            return site(remote[0])
        here = _read(remote[0])
        if here is None:
            return None
        believed = _trusts(trusted, here)
    else:
        here, believed = None, UNIX in trusted
    if believed:
        here = _before(request.headers.get_all("x-forwarded-for"), trusted, here)
        return _shown(here) if here is not None else None
    return None if here is None or here.is_loopback else _shown(here)


def believes(trusted: Networks, remote: object) -> bool:
    """Say whether the peer of a connection, a Unix socket's where it has no address, is a trusted proxy."""
    if not isinstance(remote, tuple):
        return UNIX in trusted
    here = _read(remote[0])
    return here is not None and _trusts(trusted, here)


def first_untrusted(hops: Sequence[str], trusted: Networks) -> int | None:
    """Give which of the `hops`, each written by the one behind it, is the client: the last that is no trusted proxy, or the first of all.

    None where there is none, or the last says nothing; what stands before one that cannot be read is not believed.
    """
    found = None
    for index in range(len(hops) - 1, max(-1, len(hops) - 1 - _MOST_HOPS), -1):
        address = _read(hops[index].strip())
        if address is None:
            return found
        found = index
        if not _trusts(trusted, address):
            return found
    return found


def hop(text: str) -> tuple[str, int] | None:
    """Read the address, and the port (0 where it says none), of somebody that a proxy names."""
    found = _read(text.strip())
    if found is None:
        return None
    rest = text.rpartition("]")[2] if text.lstrip().startswith("[") else text
    port = rest.rpartition(":")[2].strip() if rest.count(":") == 1 else ""
    return str(found), int(port) if port.isascii() and port.isdecimal() and len(port) < 6 else 0


def _before(
    values: Sequence[str], trusted: Networks, proxy: IPv4Address | IPv6Address | None
) -> IPv4Address | IPv6Address | None:
    """Go back from one proxy to the one before, until somebody is not trusted: that is the client."""
    hops = [hop for value in values for hop in value.split(",")]
    for hop in hops[-1 : -_MOST_HOPS - 1 : -1]:
        found = _read(hop.strip())
        if found is None:
            return proxy
        proxy = found
        if not _trusts(trusted, found):
            return found
    return proxy


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with a port or without."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _trusts(trusted: Networks, address: IPv4Address | IPv6Address) -> bool:
    return any(not isinstance(network, str) and address in network for network in trusted)


def _shown(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, _SITE), strict=False).network_address)
