"""What a broker in memory tells whoever keeps its logs elsewhere, and what it takes back from there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from everywire.brokers.base import Retention
from everywire.messages import Publication

__all__ = ["Change", "Entry", "Forgotten", "Journal", "Kept", "Key", "Saved", "SavedCount", "SavedLog"]


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key, the offset it stands for, and the time until which it does."""

    key: str
    offset: int
    deadline: float


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a keyed channel: its last publication; where its time will be over, after `age` seconds, the time of that."""

    publication: Publication
    age: float = 0.0
    deadline: float = 0.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A log after a publication was appended: it ends at `top`, keeps what is from `first` on; new are the others, where there are any.

    `last` and `lost` are orders: those of its latest publication, and of the latest that it does not keep.
    """

    channel: str
    epoch: str
    top: int
    first: int
    saved: Saved | None = None
    key: Key | None = None
    entry: Entry | None = None
    floor: int = 0
    retention: Retention | None = None
    last: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A log that is lost; `last` is the order of its latest publication."""

    channel: str
    last: int = 0


Change: TypeAlias = Kept | Forgotten


@dataclass(frozen=True, slots=True)
class Saved:
    """A kept publication, and until when it is."""

    publication: Publication
    deadline: float


@dataclass(slots=True)
class SavedLog:
    """A whole log as it was kept. `retention` and `floor` are those of its entries, None where it is no keyed channel; `last` and `lost` as in `Kept`."""

    channel: str
    epoch: str
    top: int
    publications: list[Saved] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    floor: int = 0
    retention: Retention | None = None
    last: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class SavedCount:
    """The count of all publications as it was kept: its era, the latest number, and `lost` of logs that are forgotten."""

    era: str
    number: int
    lost: int


class Journal(Protocol):
    """Takes changes, in their order. Times are those of the broker's clock."""

    @property
    def takes(self) -> bool:
        """Whether a change can be taken at this moment: what must not be lost has to wait otherwise."""

    def take(self, change: Change) -> None:
        """Take a change; never raises."""
