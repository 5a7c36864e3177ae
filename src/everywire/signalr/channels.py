"""Groups as channels: how a channel is called that is a group of a hub, one of its users, or everybody there."""

from __future__ import annotations

from typing import Final

from everywire.wildcards import quoted

__all__ = ["Channels"]

_AS_IT_IS: Final = "{group}"
_OWN: Final = "hub/"  # with what the names of hubs' own channels begin
_MEANT: Final = "%:*>{}"  # what means something in a channel's name or pattern


class Channels:
    """The channels of the hub at `path`.

    Groups are channels of the hub's own, so that whoever may name a group comes into no other channel. Where `groups` says so, they are channels that
    the application has declared: "room:{group}" for instance, or "{group}" for those of the same names.
    """

    def __init__(self, path: str, groups: str | None = None) -> None:
        if groups is not None and groups.count(_AS_IT_IS) != 1:
            raise ValueError(f"groups say which channel a group is, as 'room:{{group}}' does, not {groups!r}")
        self._groups: Final = groups
        self.everybody: Final = f"hub{_quoted(path)}"

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of those that are the hub's own."""
        return self.everybody, f"{self.everybody}:group:{{name}}", f"{self.everybody}:user:{{name}}"

    @property
    def declared(self) -> str | None:
        """The pattern of groups that are channels of the application's, where it has more than their names."""
        return self._groups if self._groups != _AS_IT_IS else None

    def user(self, name: str) -> str:
        """Give the channel of all sessions that a user has in the hub."""
        return f"{self.everybody}:user:{_quoted(name)}"

    def group(self, name: str) -> str:
        """Give the channel of a group; raises `TypeError` or `ValueError` for what is no name of one."""
        if not isinstance(name, str):
            raise TypeError(f"a group's name is a text, not {name!r}")
        if not name:
            raise ValueError("a group's name is not empty")
        if self._groups is None or (self._groups == _AS_IT_IS and name.startswith(_OWN)):
            return f"{self.everybody}:group:{_quoted(name)}"
        return name if self._groups == _AS_IT_IS else self._groups.replace(_AS_IT_IS, _quoted(name))


def _quoted(name: str) -> str:
    return quoted(name, _MEANT)
