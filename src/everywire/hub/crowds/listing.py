"""Who is there: sessions of all nodes, listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from everywire.hub.crowds.choice import Choice
from everywire.hub.crowds.rounds import Rounds
from everywire.hub.session import Session

if TYPE_CHECKING:
    from everywire.hub.hub import Hub

__all__ = ["Listed", "Lister", "Listing"]

_PART: Final = 64 * 1024  # bytes of one answer, about
_LEAST: Final = 256  # bytes that one session is counted as at least


class Listed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A session, as the node that has it sees it at this moment.

    `session` is its public id, `space` which of its client's sessions it is, `channels` what it is subscribed to. `since` is when it began on its
    `node`, or went on there, in seconds since 1970. `transport` is how its client is connected ("websocket", "line" over HTTP, …), and `address` where
    the client is, None for this machine: both are None while its client is away. `told` is what the client tells of itself, as JSON text, and
    `dialect` what it speaks.
    """

    session: str
    node: str
    since: float
    user: str | None = None
    space: str = ""
    channels: tuple[str, ...] = ()
    transport: str | None = None
    address: str | None = None
    told: bytes | None = None
    dialect: str = "native"

    @property
    def info(self) -> Any:
        """What the client tells of itself, unverified."""
        return msgspec.json.decode(self.told) if self.told is not None else None

    @property
    def connected(self) -> bool:
        """Whether its client is connected."""
        return self.transport is not None

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return _LEAST + sum(map(len, self.channels)) + len(self.told or b"")


class Listing(NamedTuple):
    """Sessions by the time they began, on the `nodes` that answered in time; `silent` others did not. `more`: there are others yet."""

    sessions: list[Listed]
    nodes: int
    silent: int
    more: bool


class _Asked(msgspec.Struct):
    number: int
    choice: Choice


class _Part(msgspec.Struct):
    sessions: tuple[Listed, ...]
    more: bool = False


class _Room:
    """How much more a listing may hold."""

    def __init__(self, hub: Hub) -> None:
        self.sessions = hub.settings.max_gathered
        self.bytes = hub.settings.max_gathered_bytes

    def takes(self, listed: Listed) -> bool:
        """Say whether there is room for another one, which has it then."""
        self.sessions -= 1
        self.bytes -= listed.size
        return self.sessions >= 0 and self.bytes >= 0


class Lister:
    """Lists the sessions of all nodes, and this node's for others."""

    def __init__(self, hub: Hub, rounds: Rounds) -> None:
        self._hub: Final = hub
        self._rounds: Final = rounds
        hub.notes.add("list", _Asked, self._asked)

    async def gather(self, choice: Choice) -> Listing:
        """Give the sessions that are meant: `Settings.max_gathered` of them, and `max_gathered_bytes`, at most."""
        hub, room, more = self._hub, _Room(self._hub), False
        found: dict[str, Listed] = {}

        def take(node: str, part: _Part) -> None:
            nonlocal more
            more = more or part.more
            for each in part.sessions:
                if not room.takes(each):
                    more = True
                    return
                if (
                    each.session not in found or found[each.session].since < each.since
                ):  # it went on elsewhere meanwhile
                    found[each.session] = each

        heard = await self._rounds.hold(
            lambda number: hub.notes.tell("list", _Asked(number, choice)), _Part, take, hub.settings.round_deadline
        )
        return Listing(sorted(found.values(), key=lambda each: each.since), *heard, more)

    def _asked(self, asked: _Asked, node: str) -> None:
        self._hub.world.task(self._answer(node, asked.number, asked.choice))

    async def _answer(self, node: str, number: int, choice: Choice) -> None:
        with self._rounds.at_it(node, number):
            for part in self._parts(choice):
                await self._rounds.say(node, number, part, last=False)
            await self._rounds.say(node, number, _Part(()))

    def _parts(self, choice: Choice) -> Iterator[_Part]:
        """Give the sessions that are meant in parts that notes can carry; the last may say that there are more."""
        room, size = _Room(self._hub), 0
        part: list[Listed] = []
        for listed in self._looked(choice.of(self._hub)):
            if not room.takes(listed):
                yield _Part(tuple(part), more=True)
                return
            part.append(listed)
            size += listed.size
            if size >= _PART:
                yield _Part(tuple(part))
                part, size = [], 0
        yield _Part(tuple(part))

    def _looked(self, sessions: list[Session]) -> Iterator[Listed]:
        for session in sessions:
            if self._hub.sessions.get(session.id) is session:  # it may be over since
                yield look(self._hub, session)


def look(hub: Hub, session: Session) -> Listed:
    """Give a session of this node as it is."""
    attachment, told = session.attachment, session.member.info
    return Listed(
        session.id,
        hub.node,
        session.since / 1000,
        session.user,
        session.space,
        tuple(session.subscriptions),
        attachment.carriage if attachment is not None else None,
        attachment.address if attachment is not None else None,
        bytes(told) if told is not None else None,
        session.member.dialect,
    )
