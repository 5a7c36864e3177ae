"""What is done with all clients of a room at once, on every worker: listed, moved, sent away, asked."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

from everywire.app.checking import check_known
from everywire.hub.calling.asking import Question
from everywire.hub.codes import Close
from everywire.socketio import names

if TYPE_CHECKING:
    from everywire.hub.access.tallies import Reached
    from everywire.hub.crowds.choice import Choice
    from everywire.hub.crowds.listing import Listed
    from everywire.hub.crowds.ruling import Ruler
    from everywire.socketio.clients import Client
    from everywire.socketio.rooms import Rooms, Said

__all__ = ["AckOptions", "Acks", "Crowds", "RemoteSocket", "Sockets", "SomeOptions", "given", "response", "several"]

_PATIENCE: Final = 60.0  # seconds for acknowledgements, unless something else is said


class SomeOptions(TypedDict, total=False):
    """Which clients are meant, besides `to`: `room` is another word for that; but not those in `skip_sid`, nor who is in a room of `skip_room`."""

    room: str | list[str] | None
    skip_sid: str | list[str] | None
    skip_room: str | list[str] | None
    namespace: str | None


class AckOptions(SomeOptions, total=False):
    """The same, who have to acknowledge within `timeout` seconds (60)."""

    timeout: float


@dataclass(frozen=True, slots=True)
class RemoteSocket:
    """A client of any worker, as it was when its worker was asked.

    `rooms` are those that it is in, its own among them. `transport` is "websocket" or "polling", None for one that is away. `since` is when it
    connected, in seconds since 1970; `address` where it is, None for this machine; `worker` which one has it.
    """

    sid: str
    namespace: str
    rooms: list[str]
    user: str | None
    transport: str | None
    address: str | None
    since: float
    worker: str


class Sockets(list[RemoteSocket]):
    """Clients by the time they came. `silent` workers did not answer; `more`: there are others than fit in a listing."""

    silent = 0
    more = False


@dataclass(frozen=True, slots=True)
class Acks:
    """What clients acknowledged an event by: `responses` by their ids, in the order these came, and in `missing` why there are none of others.

    A response is a value, a tuple of several, None for nothing. `silent` workers did not answer for all of their clients.
    """

    responses: dict[str, Any]
    missing: dict[str, Exception]
    silent: int

    @property
    def complete(self) -> bool:
        """Whether all have acknowledged it, on all workers."""
        return not self.missing and not self.silent


class Crowds:
    """The part of an `AsyncServer` that is about all clients of a room, or of several; `to=None` is everybody in the namespace.

    How many workers did not answer is said each time: they are waited for as `Settings.round_deadline` says.
    """

    @abstractmethod
    def _running(self) -> Rooms:
        """Give the rooms; raises `EverywireError` where there is no application."""

    @abstractmethod
    def _said(self, event: str, data: Any) -> Said:
        """Give an event as it is told; raises `ValueError` for a name that clients keep for themselves."""

    def _ruled(self, to: Any, options: SomeOptions) -> tuple[Ruler, list[Client], Choice]:
        """Give who rules all workers' clients, those of the meant ones that are only coming, and which others are meant."""
        rooms, namespace, to = self._running(), options.get("namespace") or "/", given(to, options)
        return rooms.app.hub.crowds.ruling, rooms.comers(namespace, to, options), rooms.choice(namespace, to, options)

    async def fetch_sockets(self, to: Any = None, **options: Unpack[SomeOptions]) -> Sockets:
        """Give the clients in the room or rooms `to`, of every worker; `Settings.max_gathered` at most."""
        rooms, namespace = self._running(), options.get("namespace") or "/"
        choice = rooms.choice(namespace, given(to, options), options)
        listing = await rooms.app.hub.crowds.listing.gather(choice)
        found = Sockets(_shown(each, namespace) for each in listing.sessions)
        found.silent, found.more = listing.silent, listing.more
        return found

    async def sockets_join(self, rooms: str | Iterable[str], to: Any, **options: Unpack[SomeOptions]) -> Reached:
        """Have the clients in the room or rooms `to` in another one, or several, from now on; gives how many are in these.

        What is emitted there afterwards reaches them. Whoever is in as many as `Settings.max_channels` allows is not, and is not counted.
        """
        ruling, comers, choice = self._ruled(to, options)
        rooms = several(rooms)
        channels = [names.room(options.get("namespace") or "/", each) for each in rooms]
        for client in comers:
            client.rooms.update(dict.fromkeys(rooms))
        return await ruling.enter(choice, channels)

    async def sockets_leave(self, rooms: str | Iterable[str], to: Any, **options: Unpack[SomeOptions]) -> Reached:
        """Have the clients in the room or rooms `to` in another one, or several, no longer; gives how many were."""
        ruling, comers, choice = self._ruled(to, options)
        rooms = several(rooms)
        channels = [names.room(options.get("namespace") or "/", each) for each in rooms]
        for client in comers:
            for each in rooms:
                client.rooms.pop(each, None)
        return await ruling.leave(choice, channels)

    async def disconnect_sockets(self, to: Any, **options: Unpack[SomeOptions]) -> Reached:
        """Send the clients in the room or rooms `to` away, who do not come back by themselves; gives how many that were."""
        ruling, comers, choice = self._ruled(to, options)
        for client in comers:
            client.refused = True
        return await ruling.kick(choice, Close.KICKED)

    async def emit_with_acks(self, event: str, data: Any = None, to: Any = None, **options: Unpack[AckOptions]) -> Acks:
        """Emit an event to the clients in the room or rooms `to`, and give what they acknowledge it by: once all have, or after `timeout` seconds.

        Asked is who is connected when its worker hears of it: who is lost meanwhile is missing at once. Raises `Refused` for more clients than
        `Settings.max_gathered`.
        """
        said, rooms = self._said(event, data), self._running()
        choice = rooms.choice(options.get("namespace") or "/", given(to, options, AckOptions), options)
        question = Question(said["event"], said, options.get("timeout", _PATIENCE), apart=True)
        answers = await rooms.app.hub.crowds.asking.ask(choice, question)
        responses = {sid: response(values) for sid, values in answers.answers.items()}
        return Acks(responses, answers.failures, answers.silent)


def response(values: list[Any]) -> Any:
    """Give an acknowledgement as one value: that of one argument, a tuple of several, None for nothing."""
    return None if not values else values[0] if len(values) == 1 else tuple(values)


def given(to: Any, options: Any, known: type = SomeOptions) -> list[str] | None:
    """Give the rooms that are meant; None for everybody. Raises `TypeError` for options that are not `known`: a misspelt room would be everybody."""
    check_known("to whom", options, known.__annotations__)
    to = to if to is not None else options.get("room")
    return several(to) if to is not None else None


def several(rooms: Any) -> list[str]:
    """Give several names where one may be given by itself, and none by None."""
    return [] if rooms is None else [rooms] if isinstance(rooms, str) else [*rooms]


def _shown(listed: Listed, namespace: str) -> RemoteSocket:
    transport = "polling" if listed.transport == "line" else listed.transport
    rooms = names.rooms(namespace, listed.channels)
    place = listed.user, transport, listed.address, listed.since, listed.node
    return RemoteSocket(listed.session, namespace, rooms, *place)
