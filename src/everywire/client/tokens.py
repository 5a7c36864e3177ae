"""Asking the application who it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeAlias

from everywire.errors import EverywireError, Refused

__all__ = ["NoToken", "Token", "ask", "words"]

Token: TypeAlias = str | Callable[[], str | Awaitable[str]]


class NoToken(EverywireError):
    """The application's function gave none, because of `error`; it may give one later."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"no token: {words(error)}")
        self.error = error


async def ask(token: Token | None) -> str | None:
    """Give the token.

    Raises `NoToken` for whatever a function raises, whichever library it comes from; only a `Refused` that is not temporary
    is raised as it is, because it says that asking again is useless.
    """
    try:
        given = token() if callable(token) else token
        return await given if isawaitable(given) else given
    except Exception as error:
        if isinstance(error, Refused) and not error.temporary:
            raise
        raise NoToken(error) from error


def words(error: Exception) -> str:
    """Say what `error` is, even where it does not say so itself."""
    return str(error) or type(error).__name__
