"""Groups as channels: how a channel is called that is a group of a hub, one of its users, or everybody there."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from everywire.hub.kinds import Kinds

__all__ = ["Channels"]

_MEANT: Final = "%:*>{}"  # what means something in a channel's name or pattern


class Channels:
    """The channels of the hub at `path`.

    A group whose name is that of a channel which the application has declared is that channel. Any other is one of the hub's own; where `groups` is given,
    "room:{group}" for instance, each is the channel of that name.
    """

    def __init__(self, path: str, kinds: Kinds, groups: str | None = None) -> None:
        if groups is not None and groups.count("{group}") != 1:
            raise ValueError(f"groups say which channel a group is, as 'room:{{group}}' does, not {groups!r}")
        self._kinds: Final = kinds
        self._groups: Final = groups
        self.everybody: Final = f"hub{_quoted(path)}"

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of those that are the hub's own."""
        return self.everybody, f"{self.everybody}:group:{{name}}", f"{self.everybody}:user:{{name}}"

    def user(self, name: str) -> str:
        """Give the channel of all sessions that a user has in the hub."""
        return f"{self.everybody}:user:{_quoted(name)}"

    def group(self, name: str) -> str:
        """Give the channel of a group; raises `TypeError` or `ValueError` for what is no name of one."""
        if not isinstance(name, str):
            raise TypeError(f"a group's name is a text, not {name!r}")
        if not name:
            raise ValueError("a group's name is not empty")
        if self._groups is not None:
            return self._groups.replace("{group}", _quoted(name))
        return name if self._is_declared(name) else f"{self.everybody}:group:{_quoted(name)}"

    def _is_declared(self, name: str) -> bool:
        place = self._kinds.find(name) if name.isprintable() and not {*"*>"} & {*name} else None
        return place is not None and not place.kind.pattern.startswith(self.everybody)


def _quoted(name: str) -> str:
    """Write what cannot stand in a channel's name as its bytes in hexadecimal, %3A for a colon."""
    if name.isprintable() and not any(sign in name for sign in _MEANT):
        return name
    return "".join(quote(sign, safe="") if sign in _MEANT or not sign.isprintable() else sign for sign in name)
