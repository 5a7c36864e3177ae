"""What installed packages add, by their entry points: brokers by the scheme of a URL, dialects by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from everywire.brokers.base import Broker
from everywire.dialects.base import Dialect, Heartbeat
from everywire.hub.world import World
from everywire.metrics import Metrics

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["BROKERS", "DIALECTS", "MakeBroker", "MakeDialect", "broker", "dialect"]

MakeBroker: TypeAlias = Callable[[World, Metrics], Broker]
MakeDialect: TypeAlias = Callable[[Heartbeat], Dialect]

BROKERS: Final = "everywire.brokers"
DIALECTS: Final = "everywire.dialects"
_OWN: Final = ("memory", "machine")
_LANGUAGE = ("name", "heartbeat", "accept")


def broker(url: str) -> MakeBroker | None:
    """Give what makes the broker that a URL names; None for "memory://", which is what there is where nothing is said.

    "machine://" and "machine://name" are `servers.machine`; other schemes are those of packages. Raises `ValueError` for a scheme that there is not, or
    whose package does not load, and whatever the package raises for the rest of the URL.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ValueError(f"a broker is a URL, as in 'machine://', not {url!r}")
    if scheme == "memory":
        if rest:
            raise ValueError(f"memory:// has nothing behind it, {url!r} has")
        return None
    if scheme == "machine":
        from everywire.servers.machine import machine  # with all that workers are: not for who has no other process

        return machine(rest or None)
    made = _loaded(_only(BROKERS, scheme, _OWN), "a function of a URL")(url)
    if not callable(made):
        raise TypeError(f"{scheme}:// of {BROKERS} gives {made!r}, not a function of a World and a Metrics")
    return made  # type: ignore[no-any-return]


def dialect(name: str, path: str | None, options: dict[str, Any]) -> tuple[str | None, MakeDialect]:
    """Give where a dialect of some package is served, where that is known, and what makes it.

    Raises `ValueError` for a name that there is not, `TypeError` for options that it does not take.
    """
    point = _only(DIALECTS, name)
    factory = _loaded(point, "a function of a Heartbeat")
    signature = inspect.signature(factory)
    if path is not None:
        options = {"path": path, **options}
    try:
        bound = signature.bind(Heartbeat(), **options)
    except TypeError as error:
        raise TypeError(f"app.speak({name!r}): {error}; it takes {signature}") from None
    bound.apply_defaults()

    def make(beat: Heartbeat) -> Dialect:
        made = factory(beat, **options)
        if missing := [each for each in _LANGUAGE if not hasattr(made, each)]:
            raise TypeError(f"{name!r} of {_package(point)} gives no Dialect: {made!r} has no {missing[0]}")
        return made  # type: ignore[no-any-return]

    return bound.arguments.get("path"), make


def _only(group: str, name: str, own: Iterable[str] = ()) -> EntryPoint:
    """Give the entry point of that name; raises `ValueError` where there is none, or more than one."""
    from importlib.metadata import entry_points  # with what reads mail and archives: a twelfth of the package's import

    found = [*entry_points(group=group, name=name)]
    if not found:
        known = [*own, *entry_points(group=group).names]
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(known)) or 'none'}"
        raise ValueError(f"no installed package has {name!r} among its {group}; {hint}")
    if len({_package(point) for point in found}) > 1:
        raise ValueError(f"{name!r} of {group} is in several packages: {', '.join(map(_package, found))}")
    point: EntryPoint = found[0]
    return point


def _loaded(point: EntryPoint, what: str) -> Callable[..., Any]:
    try:
        found = point.load()
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{point.name!r} of {_package(point)} does not load: {error}") from error
    if not callable(found):
        raise TypeError(f"{point.value} of {_package(point)} is {what}, not {found!r}")
    return found  # type: ignore[no-any-return]


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.module
