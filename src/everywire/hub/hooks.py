"""What an application gives the hub: kinds of channels, a connect hook, handlers of calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from everywire.hub.handlers import Handler
from everywire.hub.kinds import Kinds
from everywire.messages import Raw

__all__ = ["ConnectHook", "Connecting", "Hooks"]


@dataclass(frozen=True, slots=True)
class Connecting:
    """Who wants to connect: the `token` shown, the HTTP `request` that opened the transport.

    `info` is what the client tells about itself, as JSON text, unverified.
    """

    token: str | None
    request: Any
    info: Raw | None


ConnectHook: TypeAlias = Callable[[Connecting], str | Awaitable[str | None] | None]
"""Gives the user's name, or None for an anonymous one; raises `Refused` to turn the client away."""


@dataclass(slots=True)
class Hooks:
    """Everything of the application that the hub consults."""

    kinds: Kinds = field(default_factory=Kinds)
    handlers: dict[str, Handler] = field(default_factory=dict)
    connect: ConnectHook | None = None
