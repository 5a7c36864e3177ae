"""Where the clients of what is mounted in an application connect, as far as its routes tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["places"]


def places(app: Any, members: Sequence[Any]) -> list[str]:
    """Give the paths of those of `members`, each with a `path` of its own, that are mounted in the routes of `app`, as `Mount` of Starlette makes them."""
    return [*dict.fromkeys(_found(app, members, ""))]


def _found(app: Any, members: Sequence[Any], prefix: str) -> Iterator[str]:
    for route in getattr(app, "routes", None) or ():
        path: Any = getattr(route, "path", None)
        inner: Any = getattr(route, "app", None)
        if not isinstance(path, str):
            continue
        for member in members:
            if inner is member:
                yield prefix + path + member.path
        if getattr(inner, "routes", None):
            yield from _found(inner, members, prefix + path)
