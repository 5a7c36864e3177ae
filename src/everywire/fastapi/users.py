"""Whom a dependency says a client is."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends

from everywire.fastapi.knowing import Known
from everywire.fastapi.resolving import Resolved
from everywire.hub.access.identity import Identity
from everywire.hub.hooks import Connecting

__all__ = ["connect_hook"]

_NAMES: Final = ("id", "username")


def connect_hook(
    dependency: Callable[..., Any], named: Callable[[Any], str | None] | None
) -> Callable[[Connecting], Awaitable[Identity]]:
    """Make a connect hook of a dependency: what it gives is the user, or has the user's name in it.

    `named` tells that name. Raises `TypeError` for a dependency that could never be solved.
    """
    hint = Annotated[Any, Depends(dependency)]
    resolved = Resolved([inspect.Parameter("value", inspect.Parameter.KEYWORD_ONLY, annotation=hint)])

    async def connect(connecting: Connecting) -> Identity:
        async with resolved.given(connecting) as given:
            value = given["value"]
            identity = _identity(value, named)
        return Known.of(identity, dependency, value, connecting.token)

    return connect


def _identity(value: Any, named: Callable[[Any], str | None] | None) -> Identity:
    if named is not None:
        return Identity(named(value))
    if value is None or isinstance(value, str):
        return Identity(value)
    if isinstance(value, Identity):
        return value
    for name in _NAMES:
        found = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if isinstance(found, (str, int, UUID)):
            return Identity(str(found))
    raise TypeError(
        f"a user is a name, an Identity or an object with an `id` or `username`, not {type(value).__name__}: router(…, user_name=…) says what it is called"
    )
