"""Whom a hub says something to: all, one, a group, a user, and others but these."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from everywire.signalr.sending import Sending

__all__ = ["Clients", "Groups", "HubClients", "One", "Several", "Some"]


class Some:
    """Clients of a hub, to be told something."""

    __slots__ = ("_channels", "_exclude", "_sending")

    def __init__(self, sending: Sending, channels: tuple[str, ...], exclude: tuple[str, ...] = ()) -> None:
        self._sending: Final = sending
        self._channels: Final = channels
        self._exclude: Final = exclude

    def send(self, event: str, *args: Any) -> Awaitable[None]:
        """Have them call what they do `on(event)`, with `args`: anything that JSON can say, bytes for those that speak MessagePack, too.

        It is on its way when this returns, in any thread; awaiting the result waits until all nodes will tell it.
        """
        return self._sending.publish(event, args, self._channels, self._exclude)


class Several:
    """Some connections, by their ids."""

    __slots__ = ("_ids", "_sending")

    def __init__(self, sending: Sending, ids: Iterable[str]) -> None:
        self._sending: Final = sending
        self._ids: Final = tuple(dict.fromkeys((ids,) if isinstance(ids, str) else ids))

    def send(self, event: str, *args: Any) -> Awaitable[None]:
        """Have each call what it does `on(event)`, as `Some.send` says; one that is gone is passed over."""
        return self._sending.tell(event, args, self._ids)


class One(Several):
    """One connection."""

    __slots__ = ()

    async def invoke(self, method: str, *args: Any, timeout: float | None = None, returns: Any = Any) -> Any:
        """Have it call what it does `on(method)`, and give what that returns, read as `returns`.

        Raises `Declined` where it has nothing of that name, or that fails; `TimeoutError` after `timeout` seconds (`Settings.answer_deadline`);
        `SessionGone` where it is not connected, or is lost before it answers; `Refused` for an answer that is not as `returns` says.
        """
        return await self._sending.ask(self._ids[0], method, args, timeout=timeout, returns=returns)


class HubClients:
    """All whom something may be said to from outside of a call."""

    __slots__ = ("_sending",)

    def __init__(self, sending: Sending) -> None:
        self._sending: Final = sending

    @property
    def all(self) -> Some:
        """All connections of the hub."""
        return Some(self._sending, (self._sending.channels.everybody,))

    def all_except(self, connection_ids: Iterable[str]) -> Some:
        """All but these."""
        return Some(self._sending, (self._sending.channels.everybody,), _several(connection_ids))

    def client(self, connection_id: str) -> One:
        """The connection of that id, on whatever node it is."""
        return One(self._sending, connection_id)

    def clients(self, connection_ids: Iterable[str]) -> Several:
        """The connections of these ids."""
        return Several(self._sending, connection_ids)

    def group(self, name: str) -> Some:
        """All in a group."""
        return Some(self._sending, (self._sending.channels.group(name),))

    def group_except(self, name: str, connection_ids: Iterable[str]) -> Some:
        """All in a group but these."""
        return Some(self._sending, (self._sending.channels.group(name),), _several(connection_ids))

    def groups(self, names: Iterable[str]) -> Some:
        """All in one of these groups; who is in several of them is told once."""
        return Some(self._sending, tuple(map(self._sending.channels.group, _several(names))))

    def user(self, name: str) -> Some:
        """All connections of a user."""
        return Some(self._sending, (self._sending.channels.user(name),))

    def users(self, names: Iterable[str]) -> Some:
        """All connections of these users."""
        return Some(self._sending, tuple(map(self._sending.channels.user, _several(names))))


class Clients(HubClients):
    """The same within a call, with who calls."""

    __slots__ = ("_id",)

    def __init__(self, sending: Sending, connection_id: str) -> None:
        super().__init__(sending)
        self._id: Final = connection_id

    @property
    def caller(self) -> One:
        """Who calls."""
        return One(self._sending, self._id)

    @property
    def others(self) -> Some:
        """All but who calls."""
        return self.all_except((self._id,))

    def others_in_group(self, name: str) -> Some:
        """All in a group but who calls."""
        return self.group_except(name, (self._id,))


class Groups:
    """Puts connections into groups, and takes them out."""

    __slots__ = ("_sending",)

    def __init__(self, sending: Sending) -> None:
        self._sending: Final = sending

    def add(self, connection_id: str, name: str) -> Awaitable[None]:
        """Have a connection, on whatever node it is, in a group from now on; once that is awaited, what is said there reaches it.

        Raises `Refused` where it is in as many channels as `Settings.max_channels` allows. No rule of the channel that the group is is asked.
        """
        return self._sending.enter(connection_id, name)

    def remove(self, connection_id: str, name: str) -> Awaitable[None]:
        """Have a connection in a group no longer."""
        return self._sending.leave(connection_id, name)


def _several(names: Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
