"""How an application serves npm's Admin UI: who is let in, how much is told, what things are called there."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

__all__ = ["Channels", "Check", "Instrument", "Names"]

Check: TypeAlias = Callable[[Mapping[str, Any]], bool | Awaitable[bool]]
"""Says whether what somebody shows (`username` and `password`, or a `token`) lets him in."""

_MODES = ("development", "production")


class Names(Protocol):
    """How rooms, of which a UI knows, are called as channels."""

    def channel(self, namespace: str, name: str, /) -> str:
        """Give the channel that a room is; raises `ValueError` for what is no room's name."""

    def room(self, namespace: str, channel: str, /) -> str | None:
        """Give the room that a channel is; None for one that stands for something else."""


class Channels:
    """Rooms are channels, by their own names."""

    def channel(self, namespace: str, name: str) -> str:
        """Give the same name."""
        return name

    def room(self, namespace: str, channel: str) -> str | None:
        """Give the same name."""
        return channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What a UI may see and do: one that `check` lets in, in `namespace`.

    In `mode` "development" each client is listed, with its rooms and events; in "production" numbers alone are told. With `read_only` nothing can
    be done. `server_id` names the node, with its process id where there are several; the host's name unless it is given. Numbers are told every
    `server_stats_interval` seconds, and `max_events` events of clients at most between two times. A list has `max_clients` at most. Who was let in
    comes back without a password for `session_ttl` seconds, unless `seal` has changed meanwhile. Pages of `origins` may be such a UI, and ask for nothing
    else here.

    Raises `ValueError` for what makes no sense.
    """

    check: Check
    seal: str = field(default="", repr=False)
    mode: str = "development"
    read_only: bool = False
    server_id: str | None = None
    namespace: str = "/admin"
    server_stats_interval: float = 2.0
    max_events: int = 1_000
    max_clients: int = 1_000
    session_ttl: float = 86_400.0
    origins: Sequence[str | re.Pattern[str]] = ()

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise ValueError(f"instrument: mode is 'development' or 'production', not {self.mode!r}")
        if not self.namespace.startswith("/") or self.namespace == "/":
            raise ValueError("instrument: the namespace begins with a slash, and is not the main one")
        if not 0.1 <= self.server_stats_interval < math.inf:
            raise ValueError("instrument: server_stats_interval is at least 0.1 seconds")
        if isinstance(self.origins, str) or not all(_named(origin) for origin in self.origins):
            raise ValueError("instrument: origins are several by name, or patterns: ['https://admin.socket.io']")
        for name in ("max_events", "max_clients", "session_ttl"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"instrument: {name} is not negative")

    @property
    def verbose(self) -> bool:
        """Whether each client is told of."""
        return self.mode == "development"


def _named(origin: object) -> bool:
    return isinstance(origin, re.Pattern) or (isinstance(origin, str) and "://" in origin)
