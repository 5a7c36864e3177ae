"""What carries bytes between client and host: a Unix socket, or in tests whatever is in memory."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeAlias, TypeVar

__all__ = ["Connect", "Link", "Ready", "Receiver", "Surroundings"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Link(Protocol):
    """One connection, as those who speak over it see it."""

    @property
    def queued(self) -> int:
        """How many bytes the other side has not taken yet."""

    def write(self, data: bytes) -> None:
        """Send `data`; into the void where the link is lost."""

    def close(self) -> None:
        """End it; both receivers are told `lost`."""


class Receiver(Protocol):
    """Who is told what comes over a link."""

    def opened(self, link: Link) -> None:
        """The link is there."""

    def received(self, data: bytes) -> None:
        """These bytes came, in order, cut anywhere."""

    def lost(self) -> None:
        """The link is gone, or could not be had."""


Connect: TypeAlias = Callable[[Receiver], None]
"""Asks for a link: the receiver is told `opened` and later `lost`, or `lost` alone."""


class Timer(Protocol):
    """Something due later."""

    def cancel(self) -> None: ...


class Ready(Protocol[T_co]):
    """Work that may be over."""

    def done(self) -> bool: ...

    def result(self) -> T_co: ...

    def add_done_callback(self, fn: Callable[[Any], object], /) -> None: ...


class Surroundings(Protocol):
    """Time, timers and tasks: the `World` of `everywire.hub.world`."""

    def now(self) -> float:
        """Give seconds on a clock that never goes back."""

    def later(self, delay: float, action: Callable[[], None]) -> Timer:
        """Call `action` in `delay` seconds."""

    def start(self, work: Coroutine[Any, Any, T]) -> Ready[T]:
        """Run `work` at once, up to where it first has to wait."""
