"""On whose behalf dependencies are solved, for dependencies that ask."""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar

from fastapi import Depends
from starlette.requests import HTTPConnection

from everywire.fastapi.opening import ASKER
from everywire.hub.calling.callers import Caller
from everywire.hub.hooks import Connecting

__all__ = ["CurrentCaller", "CurrentConnecting"]

T = TypeVar("T")


async def current_caller(connection: HTTPConnection) -> Caller:
    """Give who calls; raises `RuntimeError` where nobody does: in a rule, for a client that connects, in a route."""
    return _asker(connection, Caller)


async def current_connecting(connection: HTTPConnection) -> Connecting:
    """Give who connects; raises `RuntimeError` anywhere but in what says who a client is."""
    return _asker(connection, Connecting)


def _asker(connection: HTTPConnection, kind: type[T]) -> T:
    asker = connection.scope.get(ASKER)
    if not isinstance(asker, kind):
        raise RuntimeError(f"there is no {kind.__name__} here: this dependency was solved for {asker!r}")
    return asker


CurrentCaller: TypeAlias = Annotated[Caller, Depends(current_caller)]
"""Who calls, for a dependency of handlers: `async def room(caller: CurrentCaller)`. A handler takes a plain `Caller`."""

CurrentConnecting: TypeAlias = Annotated[Connecting, Depends(current_connecting)]
"""Who connects, for a dependency that says who a client is."""
