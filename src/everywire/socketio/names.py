"""Rooms as channels: how a channel is called that stands for a room, for one client or for everybody in a namespace."""

from __future__ import annotations

from urllib.parse import unquote

from everywire.wildcards import quoted

__all__ = ["EVERYBODY", "PATTERNS", "Names", "everybody", "room", "rooms"]

EVERYBODY = "namespace:{name}"
PATTERNS = ("room:{name}", "room/{namespace}:{name}", EVERYBODY)
_OURS = "%:*>"  # what means something in a channel's name, or in how we write one


def room(namespace: str, name: str) -> str:
    """Give the channel of a room; a client's own room is called as the client. Raises `TypeError` or `ValueError` for what is no name of one."""
    if not isinstance(name, str):
        raise TypeError(f"a room's name is a text: str({name!r})")
    if not name:
        raise ValueError("a room's name is not empty")
    return f"{_prefix(namespace)}{_quoted(name)}"


def everybody(namespace: str) -> str:
    """Give the channel of all clients in a namespace."""
    return f"namespace:{_quoted(namespace)}"


def rooms(namespace: str, channels: tuple[str, ...]) -> list[str]:
    """Give the names of those rooms of a namespace that are among `channels`."""
    prefix = _prefix(namespace)
    return [unquote(each.removeprefix(prefix)) for each in channels if each.startswith(prefix)]


class Names:
    """The same for who asks about one room at a time, such as the Admin UI."""

    def channel(self, namespace: str, name: str) -> str:
        """Give the channel of a room."""
        return room(namespace, name)

    def room(self, namespace: str, channel: str) -> str | None:
        """Give the room that a channel stands for; None where it stands for everybody, or is none of the namespace's."""
        return next(iter(rooms(namespace, (channel,))), None)


def _prefix(namespace: str) -> str:
    return "room:" if namespace == "/" else f"room{_quoted(namespace)}:"


def _quoted(name: str) -> str:
    return quoted(name, _OURS)
