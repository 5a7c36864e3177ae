"""Parameters that no client sends: what another framework gives for them, for each call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias

__all__ = ["Resolution", "Resolver"]


class Resolution(Protocol):
    """How those parameters of one function are given."""

    @property
    def names(self) -> Collection[str]:
        """Their names."""

    def given(self, asker: Any) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Give them, by name, for one call: the function runs within, and what was opened for it is closed at the end.

        `asker` is on whose behalf that is: a `Caller`, a `Connecting` or an `Access`; `asker.request` is the request that its connection began
        with. Whatever the function raises passes through, and may come out as another exception, such as a `Refused`.
        """


Resolver: TypeAlias = Callable[[inspect.Signature], Resolution | None]
"""Says how the parameters of a function are given that it knows, None where there are none; raises `TypeError` for one that never could be."""
