"""The checker's logs as files, one JSON object to a line: so it judges what real processes went through, in any language.

`{"was": "seen", "client": …, "epoch": …, "offset": …, "sender": …, "number": …}` stands for a `Seen`, `"published"` for what that
client was told of its own publication, `"mark"` and `"repeat"` (without the last two members) for theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from everywire.messages import Position
from everywire.testing.checker import Entry, Log, Mark, Published, Repeat, Seen

__all__ = ["Journal", "load", "save"]


class _Line(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    was: Literal["seen", "mark", "repeat", "published"]
    client: str
    epoch: str
    offset: int
    sender: str = ""
    number: int = 0


@dataclass(slots=True)
class Journal:
    """What several clients went through: a log for each of them, and what they were told of their own publications."""

    logs: list[Log] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)

    @property
    def end(self) -> Position | None:
        """The last position that a publisher was told; of one epoch."""
        return max((each.position for each in self.published), key=lambda at: at.offset, default=None)

    @property
    def ends(self) -> dict[str, Position]:
        """Where every client has to be in the end, if all followed one channel."""
        end = self.end
        return {} if end is None else {log.client: end for log in self.logs}


def save(path: Path, log: Log, published: Iterable[Published] = ()) -> None:
    """Add to the file at `path` what the client of `log` went through, and what it was told of its publications."""
    lines = [_line(log.client, entry) for entry in (*log.entries, *published)]
    with path.open("ab") as file:
        file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def load(*paths: Path) -> Journal:
    """Read what processes wrote down; lines of one client are in its order.

    A last line that is not whole is left out: its process ended while it wrote. `ValueError` names any other line that cannot be read.
    """
    logs: dict[str, Log] = {}
    journal = Journal()
    for path in paths:
        *lines, _torn = path.read_bytes().split(b"\n")
        for number, text in enumerate(lines, 1):
            try:
                line = msgspec.json.decode(text, type=_Line)
            except msgspec.DecodeError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None
            log = logs.setdefault(line.client, Log(line.client))
            entry = _entry(line)
            if isinstance(entry, Published):
                journal.published.append(entry)
            else:
                log.entries.append(entry)
    journal.logs = list(logs.values())
    return journal


def _line(client: str, entry: Entry | Published) -> _Line:
    at = entry.position
    match entry:
        case Seen():
            return _Line("seen", client, at.epoch, at.offset, entry.sender, entry.number)
        case Published():
            return _Line("published", client, at.epoch, at.offset, entry.sender, entry.number)
        case Mark():
            return _Line("mark", client, at.epoch, at.offset)
        case _:
            return _Line("repeat", client, at.epoch, at.offset)


def _entry(line: _Line) -> Entry | Published:
    at = Position(line.epoch, line.offset)
    match line.was:
        case "seen":
            return Seen(at, line.sender, line.number)
        case "published":
            return Published(at, line.sender, line.number)
        case "mark":
            return Mark(at)
        case _:
            return Repeat(at)
