"""Where the clients of what is mounted in an application connect, as far as its routes tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol, runtime_checkable

__all__ = ["Mounted", "Site", "places"]

_DEEPEST: Final = 50  # of applications in each other


@runtime_checkable
class Mounted(Protocol):
    """What has clients, at `path` below where it is mounted."""

    path: str

    def embedded(self) -> Any:
        """Run while a context lasts, for another server's requests."""


@runtime_checkable
class Site(Protocol):
    """What leads to something that has clients in another way than by `Mount`."""

    @property
    def leads_to(self) -> tuple[str, Mounted]:
        """Say where it is mounted, and what."""


def places(app: Any, members: Sequence[Any]) -> list[str]:
    """Give the paths where clients connect: of all that is mounted in the routes of `app`, running or not, as Starlette, FastAPI and Litestar have them.

    `members` are those that run. Where one is mounted that is in no route, its own code knows alone.
    """
    found = [*_found(app, "", _DEEPEST)]
    hidden = [f"…{each.path}" for each in members if not any(each is member for _, member in found)]
    return [*dict.fromkeys([*(place + member.path for place, member in found), *hidden])]


def _found(app: Any, prefix: str, depth: int) -> Iterator[tuple[str, Mounted]]:
    if depth == 0:
        return
    if isinstance(app, Mounted):
        yield prefix, app
    elif isinstance(app, Site):
        place, member = app.leads_to
        yield prefix + place, member
    elif routes := getattr(app, "routes", None):
        for route in routes:
            place, inner = _led(route)
            yield from _found(inner, prefix + place, depth - 1)
    elif (inner := getattr(app, "app", None)) is not None:  # middleware
        yield from _found(inner, prefix, depth - 1)


def _led(route: Any) -> tuple[str, Any]:
    """Say what a route leads to, and the path that it takes off for that; an ordinary route leads to itself."""
    if isinstance(route, Site):
        return "", route
    if (included := getattr(route, "original_router", None)) is not None:  # of FastAPI, which copied the routes once
        return str(getattr(getattr(route, "include_context", None), "prefix", "")), included
    path: Any = getattr(route, "path", None)
    handler: Any = getattr(getattr(route, "route_handler", None), "fn", None)  # of Litestar
    if not isinstance(path, str):
        return "", None
    return path, handler or getattr(route, "app", None)
