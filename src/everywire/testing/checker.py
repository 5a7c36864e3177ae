"""The offline checker: do clients' logs keep the promises?

It knows nothing of hubs and brokers: it reads what was published and what each client saw, wherever the
logs come from. The promises it checks:

- P1 nothing twice: no client is told a publication it was told already;
- P2 no silent gap: offsets are contiguous, unless the client was told that they are not;
- P3 order: what one publisher published in turn is seen in that order, but for what it had to say again because a log was lost;
- P4 one truth: a position stands for the same publication for everybody;
- P6 nothing lost: what was acknowledged is where it was said to be;
- P7 caught up: in the end every client is at the end of the log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from everywire.messages import Position

__all__ = ["Fault", "Log", "Mark", "Passed", "Published", "Repeat", "Seen", "check"]


@dataclass(frozen=True, slots=True)
class Seen:
    """The client was told the publication at `position`; `sender` and `number` say which one it is."""

    position: Position
    sender: str
    number: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The client was told honestly that its view begins anew, after `position`."""

    position: Position


@dataclass(frozen=True, slots=True)
class Passed:
    """The client was told that the log is at `position`, and that `count` publications up to there are left out on purpose."""

    position: Position
    count: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """The client was told, and ignored, what its position says it has."""

    position: Position


Entry: TypeAlias = Seen | Mark | Passed | Repeat


@dataclass(frozen=True, slots=True)
class Published:
    """A publisher was told that its publication is at `position`."""

    position: Position
    sender: str
    number: int


@dataclass(slots=True)
class Log:
    """What one client went through on one channel, in order."""

    client: str
    entries: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken promise."""

    promise: str
    client: str
    what: str


def check(
    logs: Iterable[Log],
    published: Iterable[Published],
    ends: Mapping[str, Position] | None = None,
    *,
    said_again: Collection[tuple[str, int]] = (),
) -> list[Fault]:
    """Give every broken promise; `ends` says where each client has to be in the end, by its name.

    `said_again` are the publications (sender, number) that were said, not answered, lost with their log, and so said again: what came
    after them may have been answered before.
    """
    logs = list(logs)
    truth = {each.position: (each.sender, each.number) for each in published}
    faults = [fault for log in logs for fault in _contiguous(log)]
    faults += [fault for log in logs for fault in _ordered(log, said_again)]
    faults += _agreeing(logs, truth)
    for log in logs:
        wanted = (ends or {}).get(log.client)
        if wanted is not None and _end(log) != wanted:
            faults.append(Fault("P7", log.client, f"is at {_end(log)}, not at {wanted}"))
    return faults


def _contiguous(log: Log) -> Iterable[Fault]:
    at: Position | None = None
    for entry in log.entries:
        match entry:
            case Mark(position):
                at = position
            case Passed(position, count):
                if at is None or count < 1 or position != Position(at.epoch, at.offset + count):
                    yield Fault(
                        "P2", log.client, f"was at {at} and then told that {count} were left out up to {position}"
                    )
                at = position
            case Repeat(position):
                yield Fault("P1", log.client, f"was told {position} twice")
            case Seen(position):
                if at is None or position != Position(at.epoch, at.offset + 1):
                    yield Fault("P2", log.client, f"was at {at} and then told {position}")
                at = position


def _ordered(log: Log, said_again: Collection[tuple[str, int]]) -> Iterable[Fault]:
    """Check publishers' order and look for doubles, whatever their positions are."""
    last: dict[str, int] = {}
    for entry in log.entries:
        if isinstance(entry, Mark):
            last.clear()  # a view that begins anew may show again what an earlier one showed
        if not isinstance(entry, Seen) or (entry.sender, entry.number) in said_again:
            continue
        before = last.get(entry.sender)
        if before is not None and entry.number == before:
            yield Fault("P1", log.client, f"saw {entry.sender}'s {entry.number} twice")
        elif before is not None and entry.number < before:
            yield Fault("P3", log.client, f"saw {entry.sender}'s {entry.number} after {before}")
        last[entry.sender] = entry.number


def _agreeing(logs: Iterable[Log], truth: Mapping[Position, tuple[str, int]]) -> Iterable[Fault]:
    said = dict(truth)
    for log in logs:
        for entry in log.entries:
            if isinstance(entry, Seen):
                what = (entry.sender, entry.number)
                if said.setdefault(entry.position, what) != what:
                    promise = "P6" if entry.position in truth else "P4"
                    yield Fault(promise, log.client, f"saw {what} at {entry.position}: {said[entry.position]}")


def _end(log: Log) -> Position | None:
    for entry in reversed(log.entries):
        if isinstance(entry, (Seen, Mark, Passed)):
            return entry.position
    return None
