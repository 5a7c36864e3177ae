"""What a simulated client knows of one channel, and what it went through there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from everywire.messages import Position
from everywire.testing.checker import Log, Mark, Passed, Repeat, Seen

__all__ = ["Follow", "LeftOut"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The client, as `session`, was told that what lies after `after` and up to `end` is not for it; `audience` could be the only reason."""

    after: Position
    end: Position
    session: str
    audience: bool


class Follow:
    """One channel that a client follows: its position, its log, its map where the channel is keyed, whom it believes to be there.

    Invariants: `position` is that of the last publication it was told or that was left out for it; `after` is set while a map is told page by
    page, and `since` is then what to ask on with.
    """

    def __init__(self, client: str, channel: str, policy: dict[str, Any] | None = None) -> None:
        self.channel: Final = channel
        self.policy: Final = policy
        self.keyed: Final = channel.startswith("map")
        self.users: Final = channel.startswith("desk")
        self.log: Final = Log(f"{client} in {channel}")
        self.position: Position | None = None
        self.since: Position | None = None
        self.after: int | None = None
        self.map: dict[str, int] = {}
        self.members: set[str] = set()
        self.told: Final[list[tuple[Position, str]]] = []  # what it was told, as which session
        self.left_out: Final[list[LeftOut]] = []
        self.doubtful: Final[list[LeftOut]] = []  # left out of recoveries for which the log had not everything any more
        self.asked = 0
        self.pages = 1
        self.begun = 0.0  # when it asked
        self.owed = False  # whether the log had everything then
        self.first = True  # no page of the answer has come
        self.settled = False  # attached, as far as it knows

    def wanted(self) -> dict[str, Any]:
        """Give what a `subscribe` says besides the channel."""
        self.since = self.since if self.after is not None else self.position
        wanted: dict[str, Any] = {"policy": self.policy} if self.policy is not None else {}
        if self.pages > 1:
            wanted["pages"] = self.pages
        if self.since is not None:
            wanted["since"] = {"epoch": self.since.epoch, "offset": self.since.offset}
        if self.after is not None:
            wanted["after"] = self.after
        self.settled, self.first = False, True
        return wanted

    def part(self) -> None:
        """Lose the connection; a map that was not told to its end is none."""
        self.settled = False
        if self.after is not None:
            self.after, self.position = None, None

    def who(self, member: dict[str, Any]) -> str:
        """Give what a member is known by."""
        name: str = member["user"] if self.users else member["session"]
        return name

    # Publications.

    def see(self, publication: dict[str, Any], session: str, *, leaping: bool = False) -> None:
        """Take one publication; what it has already is written down as such. In an answer, offsets may be `leaping`."""
        if self.position is None:
            return
        position = Position(self.position.epoch, publication["offset"])
        if position.offset <= self.position.offset:
            self.log.entries.append(Repeat(position))
            return
        if leaping:
            self.leave_out(Position(position.epoch, position.offset - 1), session, audience=True)
        self.position = position
        data = publication["data"]
        self.log.entries.append(Seen(position, data["sender"], data["number"]))
        self.told.append((position, session))
        self.change(publication)

    def leave_out(self, end: Position, session: str, *, audience: bool) -> None:
        """Go on to `end` without what lies before it."""
        at = self.position
        if at is not None and end.offset > at.offset:
            self.log.entries.append(Passed(end, end.offset - at.offset))
            self.left_out.append(LeftOut(at, end, session, audience))
            self.position = end

    def passed(self, event: dict[str, Any], session: str) -> None:
        """Take notice of what is left out of a live stream; the count is the server's."""
        end = Position(event["epoch"], event["offset"])
        self.log.entries.append(Passed(end, event.get("count", 1)))
        if self.position is not None:
            self.left_out.append(LeftOut(self.position, end, session, audience=self.policy is None))
        self.position = end

    def change(self, publication: dict[str, Any]) -> None:
        """Set or remove an entry."""
        if (entry := publication.get("entry")) is None:
            return
        if publication.get("removed"):
            self.map.pop(entry, None)
        else:
            self.map[entry] = publication["offset"]

    # Answers.

    def begin(self, event: dict[str, Any], session: str) -> None:
        """Take one answer to a `subscribe`."""
        end = Position(event["epoch"], event["offset"])
        if "entries" in event:
            self._take_entries(event, end)
        else:
            self._take_publications(event, end, session)
        self.first = False
        if event.get("more") is None:
            self.members = {self.who(member) for member in event.get("members", ())}
            self.settled = True

    def _take_publications(self, event: dict[str, Any], end: Position, session: str) -> None:
        missed = event["publications"]
        if not event["recovered"]:
            self._mark(Position(end.epoch, missed[0]["offset"] - 1 if missed else end.offset))
        for publication in missed:
            self.see(publication, session, leaping=True)
        self.leave_out(end, session, audience=True)

    def _take_entries(self, event: dict[str, Any], end: Position) -> None:
        if not event["recovered"]:  # all that there are: what was removed is not among them
            self.map = {each["entry"]: each["offset"] for each in event["entries"]}
            self._mark(end)
        else:
            for publication in event["entries"]:
                self.change(publication)
        self.after, self.since = event.get("after"), end
        if self.after is None and self.position is not None and end.offset > self.position.offset:
            self.log.entries.append(Passed(end, end.offset - self.position.offset))
            self.position = end

    def _mark(self, position: Position) -> None:
        self.position = position
        self.log.entries.append(Mark(position))
