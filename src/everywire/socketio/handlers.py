"""Handlers as they were declared: by namespace and event, in classes of a namespace, and for whatever has none."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

__all__ = ["ANY", "RESERVED", "Found", "Handlers", "Responder"]

ANY: Final = "*"
RESERVED: Final = frozenset({"connect", "disconnect"})  # events that no client sends


class Responder(Protocol):
    """What handles the events of a namespace, as far as it has something for them."""

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """Give what the handler of `event` does."""

    def handles(self, event: str) -> Callable[..., Any] | None:
        """Give what handles `event`, to see what it takes; None where nothing does."""


@dataclass(frozen=True, slots=True)
class Found:
    """What handles an event: `called` with the arguments in `before`, and then the event's own, which have to fit what is `shown`."""

    called: Callable[..., Any]
    before: tuple[str, ...]
    shown: Callable[..., Any]

    def takes(self, count: int) -> bool:
        """Say whether it can be called with `count` arguments of the event."""
        named = 0 if self.called is self.shown else 1  # `trigger_event` is given the event, its handler is not
        return _takes(self.shown, len(self.before) - named + count)

    async def __call__(self, *args: Any) -> Any:
        """Give what it returns, be it sync or async."""
        value = self.called(*self.before, *args)
        return await value if inspect.isawaitable(value) else value


class Handlers:
    """Finds what handles an event; "*" stands for any event, and for any namespace.

    Before its own arguments a handler of any event is given the event's name, one of any namespace the namespace's.
    """

    def __init__(self) -> None:
        self._functions: dict[str, dict[str, Callable[..., Any]]] = {}
        self._responders: dict[str, Responder] = {}

    @property
    def events(self) -> set[str]:
        """The names of the events that may come; "*" is among them where any may."""
        named = {event for functions in self._functions.values() for event in functions}
        return (named | ({ANY} if self._responders else set())) - RESERVED

    @property
    def namespaces(self) -> set[str]:
        """The names of the namespaces that something was declared for; "*" is any."""
        return self._functions.keys() | self._responders.keys()

    def add(self, namespace: str, event: str, function: Callable[..., Any]) -> None:
        """Declare the handler of an event, in place of an earlier one; raises `TypeError` for what cannot be one."""
        if not _is_name(event):
            raise TypeError('a handler is for an event: @sio.on("name")')
        if not callable(function):
            raise TypeError(f"the handler of {event!r} is a function, not {function!r}")
        self._functions.setdefault(namespace, {})[event] = function

    def respond(self, namespace: str, responder: Responder) -> None:
        """Have a namespace's events handled by an object, but for those that a function was declared for."""
        self._responders[namespace] = responder

    def find(self, namespace: str, event: str) -> Found | None:
        """Give what handles an event; None where nothing does."""
        places: tuple[tuple[str, tuple[str, ...]], ...] = ((namespace, ()), (ANY, (namespace,)))
        for place, before in places:
            functions = self._functions.get(place, {})
            if (function := functions.get(event)) is not None:
                return Found(function, before, function)
            if event not in RESERVED and (function := functions.get(ANY)) is not None:
                return Found(function, (event, *before), function)
        for place, before in places:
            responder = self._responders.get(place)
            if responder is not None and (shown := responder.handles(event)) is not None:
                return Found(responder.trigger_event, (event, *before), shown)
        return None


def _takes(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        return True  # it does not say what it takes
    return True


def _is_name(event: object) -> bool:
    return isinstance(event, str) and event != ""
