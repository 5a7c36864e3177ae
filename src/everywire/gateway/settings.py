"""Limits and times of what is carried by HTTP requests, each with its default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from everywire.bounds import AMOUNT, COUNT, NUMBER, check
from everywire.http.origin import Pages, strictly
from everywire.http.request import Request
from everywire.transports.http import LineLimits

__all__ = ["HttpSettings", "address"]

_BOUNDS = {"max_lines": COUNT, "patience": NUMBER, "max_early": AMOUNT, "compress": replace(AMOUNT, optional=True)}


def address(request: Request) -> str | None:
    """Give the address that a request is counted under: none where a proxy on this machine passes on everybody's."""
    remote = request.remote
    if not isinstance(remote, tuple):
        return None
    try:
        return None if ip_address(remote[0]).is_loopback else remote[0]
    except ValueError:
        return remote[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """What HTTP transports may do.

    `origins` lists which pages may ask besides the server's own, by whatever carries it, WebSockets included; with `only_listed` no others may, and what
    is no page (None in the list) neither. `max_lines` are open at a time for one address, event streams
    without a client among them; `address` tells which that is, or None for one that is not counted. `patience` is how many seconds a body waits for the
    one before it, and `max_early` how many do. `compress` is from how many bytes on an answer to a poll is compressed, where its language lets it; None: never.
    Raises `ValueError` for numbers that make no sense.
    """

    origins: Pages = None
    only_listed: bool = False
    limits: LineLimits = field(default_factory=LineLimits)
    max_lines: int = 1_000
    address: Callable[[Request], str | None] = address
    patience: float = 2.0
    max_early: int = 4
    compress: int | None = 1024

    def __post_init__(self) -> None:
        check(self, _BOUNDS)

    @property
    def pages(self) -> Pages:
        """Which pages may ask."""
        return strictly(self.origins) if self.only_listed else self.origins
