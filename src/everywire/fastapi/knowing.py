"""Who the user of a session is, as the dependency that said so gave it: kept beside the session, for those who ask again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Self

import msgspec
from starlette.requests import HTTPConnection

from everywire.fastapi.opening import ASKER
from everywire.hub.access.identity import Identity

__all__ = ["Known", "known", "recalled"]


class Known(Identity, frozen=True, dict=True):
    """An identity that a dependency gave, with what exactly it gave.

    That is of this process alone: in the record of a session stands an `Identity`, and whoever reads it asks the dependency again.
    """

    @classmethod
    def of(cls, identity: Identity, source: Callable[..., Any], value: Any, proof: str | None) -> Known:
        """Have `identity` remember the dependency, its value, and the token that was shown for it."""
        made = cls(**{field.name: getattr(identity, field.name) for field in msgspec.structs.fields(Identity)})
        made.__dict__.update(source=source, value=value, proof=proof)
        return made

    def among(self, channels: Iterable[str]) -> Self:
        """Remember it in the other one, too."""
        other = super().among(channels)
        other.__dict__.update(self.__dict__)
        return other

    @property
    def source(self) -> Callable[..., Any]:
        """The dependency."""
        found: Callable[..., Any] = self.__dict__["source"]
        return found

    @property
    def value(self) -> Any:
        """What it gave."""
        return self.__dict__["value"]

    @property
    def proof(self) -> str | None:
        """The token that was shown for it."""
        found: str | None = self.__dict__["proof"]
        return found


def known(asker: Any) -> Known | None:
    """Give what is known of who asks; None before it has connected, where nothing was said by a dependency, and on another node."""
    identity = getattr(asker, "identity", None)
    return identity if isinstance(identity, Known) else None


async def recalled(connection: HTTPConnection) -> Any:
    """Give what the dependency gave when the session's client connected, or showed a newer token; a dependency itself."""
    who = known(connection.scope[ASKER])
    assert who is not None
    return who.value
