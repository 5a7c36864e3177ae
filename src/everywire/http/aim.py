"""What a request is aimed at: the host that it names, and the forms of its target (RFC 9112 3.2)."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["absolute", "is_host", "is_path"]

_HOST: Final = re.compile(  # RFC 3986 3.2.2 and 3.2.3; empty where there is none; no user
    rb"(?:\[[0-9A-Za-z:.%_~-]+\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
).fullmatch
_ABSOLUTE: Final = re.compile(rb"(?:http|ws)s?://([^/?#]+)([^#]*)", re.IGNORECASE).fullmatch
_MOST_HOSTS: Final = 1024

_hosts: set[bytes] = set()  # those that were found good


def is_host(host: bytes) -> bool:
    """Say whether that is a name or an address, with a port or without."""
    if host in _hosts:
        return True
    if not _HOST(host):
        return False
    if len(_hosts) < _MOST_HOSTS:
        _hosts.add(host)
    return True


def is_path(target: bytes, method: bytes) -> bool:
    """Say whether that is a path with or without a query, or stands for the server as a whole (RFC 9112 3.2.1, 3.2.4); a fragment is no part of it."""
    return (target[:1] == b"/" and b"#" not in target) or (target == b"*" and method == b"OPTIONS")


def absolute(target: bytes) -> tuple[bytes, bytes] | None:
    """Give the host and the path, with its query, of a target as clients of proxies write it; None where it is no such address (RFC 9110 4.2)."""
    found = _ABSOLUTE(target)
    if found is None or not is_host(found[1]):
        return None
    path: bytes = found[2]
    return found[1], path if path.startswith(b"/") else b"/" + path
