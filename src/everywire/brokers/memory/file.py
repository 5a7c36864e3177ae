"""The logs in a file, by SQLite: each row with a checksum, all of them read when a broker starts.

A row that is not as it was written is never served: its log is lost then, and goes on under another epoch. So do all logs after
the machine lost power, unless every change was forced to the disk: the end of one may be missing, and would be issued again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from everywire.brokers.base import Retention
from everywire.brokers.memory.journal import Change, Entry, Forgotten, Kept, Key, Saved, SavedCount, SavedLog
from everywire.messages import Publication
from everywire.messages.shapes import shape

__all__ = ["HistoryFile", "NotRead", "NotWritten"]

_log = logging.getLogger("everywire.brokers.memory")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS file (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (id INTEGER PRIMARY KEY, channel TEXT UNIQUE, body BLOB, sum INTEGER);
CREATE TABLE IF NOT EXISTS publications (log INTEGER, name INTEGER, deadline REAL, body BLOB, sum INTEGER,
    PRIMARY KEY (log, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (log INTEGER, name TEXT, deadline REAL, body BLOB, sum INTEGER,
    PRIMARY KEY (log, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (log INTEGER, name TEXT, deadline REAL, body BLOB, sum INTEGER,
    PRIMARY KEY (log, name)) WITHOUT ROWID;
"""
_VERSION = "1"
_TABLES = ("publications", "keys", "entries")
_SWEEP = 256  # writes after which keys are deleted whose time is over
_encode = msgspec.msgpack.Encoder().encode


class NotWritten(Exception):
    """The file did not take a change; it is as it was before."""


class NotRead(Exception):
    """What the file has of a log is not what was written."""


class _Damaged(Exception):
    """Something is not as it was written."""


class _Head(msgspec.Struct, array_like=True):
    """A log without its publications."""

    epoch: str
    top: int
    first: int
    floor: int
    retention: Retention | None
    last: int = 0
    lost: int = 0


class _Carried:
    """How values of one type become the body of a row, and back."""

    def __init__(self, kind: Any) -> None:
        self._shape = shape(kind)
        self._decode = msgspec.msgpack.Decoder(self._shape.wire).decode

    def write(self, value: Any) -> bytes:
        return _encode(value if self._shape.pack is None else self._shape.pack(value))

    def read(self, body: bytes) -> Any:
        try:
            value = self._decode(body)
            return value if self._shape.unpack is None else self._shape.unpack(value)
        except (msgspec.MsgspecError, ValueError, TypeError):
            raise _Damaged("a row cannot be read") from None


_SAVED, _KEY, _ENTRY, _HEAD = _Carried(Saved), _Carried(Key), _Carried(Entry), _Carried(_Head)


class HistoryFile:
    """One file, used by one process at a time, and by one thread of it at a time.

    `clock` is the broker's, which may begin anew with each process; `wall` gives seconds since 1970: deadlines are kept as such.
    With `forced`, what `write` has returned from survives a loss of power; without, the death of the process alone.

    Invariants: `_ids` has the number of every log in the file; `count` is how far publications were counted when it was loaded, and what
    was forgotten until now.
    """

    def __init__(
        self, path: str, clock: Callable[[], float], wall: Callable[[], float], *, forced: bool = False
    ) -> None:
        self.path = path
        self._clock = clock
        self._wall = wall
        self._forced = forced
        self._ids: dict[str, int] = {}
        self.count = SavedCount("", 0, 0)
        self._incomplete = False
        self._writes = 0
        self._base = self._open()

    # Opening and closing.

    def _open(self) -> sqlite3.Connection:
        """Open the file, made anew where it is none; one that cannot be understood is put aside."""
        try:
            return self._opened()
        except sqlite3.OperationalError:
            raise  # locked, or not ours to write: that is not for us to mend
        except sqlite3.DatabaseError as error:
            self._put_aside(error)
            return self._opened()

    def _opened(self) -> sqlite3.Connection:
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        base = sqlite3.connect(self.path, timeout=1, isolation_level=None, check_same_thread=False)
        try:
            base.execute("PRAGMA locking_mode = EXCLUSIVE")
            base.execute("PRAGMA journal_mode = WAL")
            base.executescript(_SCHEMA)
            base.execute("INSERT OR IGNORE INTO file VALUES ('version', ?)", (_VERSION,))
            (version,) = base.execute("SELECT value FROM file WHERE name = 'version'").fetchone()
            if version != _VERSION:
                raise sqlite3.OperationalError(f"{self.path} is of version {version}, not {_VERSION}")
        except BaseException:
            base.close()
            raise
        return base

    def _put_aside(self, error: Exception) -> None:
        _log.error("%s is damaged (%s); it is put aside, and all logs begin anew", self.path, error)
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(self.path + suffix, f"{self.path}.damaged{suffix}")

    def close(self) -> None:
        """Close it well: after that nothing can be missing."""
        with contextlib.suppress(sqlite3.Error):
            self._mark(clean=True)
        self._base.close()

    def _mark(self, *, clean: bool) -> None:
        """Note how the file was left, forced to the disk."""
        self._base.execute("PRAGMA synchronous = FULL")
        said = {"boot": _boot(), "clean": str(clean), "forced": str(self._forced)}
        self._base.executemany("INSERT OR REPLACE INTO file VALUES (?, ?)", said.items())
        self._base.execute(f"PRAGMA synchronous = {'FULL' if self._forced else 'NORMAL'}")

    # Reading.

    def load(self, new_epoch: Callable[[], str]) -> list[SavedLog]:
        """Read all logs, and forget those that are damaged."""
        try:
            logs = self._load(new_epoch)
            self._recount(logs, new_epoch)
            self._mark(clean=False)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self._base.close()
            self._ids.clear()
            self._put_aside(error)
            self._base = self._opened()
            self._recount([], new_epoch)
            self._mark(clean=False)
            return []
        return logs

    def _recount(self, logs: Sequence[SavedLog], new_era: Callable[[], str]) -> None:
        """Work out how far publications were counted; in another era, where it cannot be said which there were."""
        row = self._base.execute("SELECT CAST(value AS BLOB) FROM file WHERE name = 'count'").fetchone()
        era, lost = _read_count(row[0] or b"") if row is not None else ("", 0)
        number = max([lost, *(log.last for log in logs)])
        if not era or self._incomplete:
            era = new_era()
        self.count = SavedCount(era, number, lost)
        self._put_count()

    def _put_count(self) -> None:
        said = _written_count(self.count)
        self._base.execute("INSERT OR REPLACE INTO file VALUES ('count', ?)", (said,))

    def _load(self, new_epoch: Callable[[], str]) -> list[SavedLog]:
        anew = self._incomplete = self._may_miss()
        found = []
        for id, channel, body, sum in self._base.execute("SELECT id, channel, body, sum FROM logs").fetchall():
            try:
                log = self._log(id, channel, body, sum)
            except _Damaged as damage:
                _log.error("history of a channel is lost: %s", damage)
                self._delete(id)
                self._incomplete = True
                continue
            self._ids[channel] = id
            if anew:
                log = self._renamed(id, log, new_epoch())
            found.append(log)
        return found

    def _may_miss(self) -> bool:
        """Say whether the ends of logs may be missing: power was lost, and nothing was forced to the disk."""
        said = dict(self._base.execute("SELECT name, value FROM file").fetchall())
        return said.get("clean") == "False" and said.get("forced") != "True" and said.get("boot") != _boot()

    def _renamed(self, id: int, log: SavedLog, epoch: str) -> SavedLog:
        log.epoch = epoch
        first = log.top - len(log.publications) + 1
        self._put_head(id, log.channel, _Head(epoch, log.top, first, log.floor, log.retention, log.last, log.lost))
        log.publications = [replace(each, publication=_renamed(each.publication, epoch)) for each in log.publications]
        log.entries = [replace(each, publication=_renamed(each.publication, epoch)) for each in log.entries]
        return log

    def read(self, channel: str) -> SavedLog | None:
        """Read one log; None where it is not there. Raises `NotRead` where it cannot be trusted."""
        try:
            row = self._base.execute("SELECT id, channel, body, sum FROM logs WHERE channel = ?", (channel,)).fetchone()
            return None if row is None else self._log(*row)
        except (_Damaged, sqlite3.Error) as damage:
            raise NotRead(str(damage)) from None

    def _log(self, id: int, channel: str, body: bytes, sum: int) -> SavedLog:
        if not _sound((id, channel, 0.0, body, sum)):
            raise _Damaged("a log's head is not as it was written")
        head = _HEAD.read(body)
        log = SavedLog(channel, head.epoch, head.top, floor=head.floor, retention=head.retention)
        log.last, log.lost = head.last, head.lost
        for name, each in self._rows("publications", id, _SAVED):
            if name >= head.first:
                log.publications.append(each)
        offsets = [_offset(each.publication) for each in log.publications]
        if offsets != list(range(head.first, head.top + 1)):
            raise _Damaged("publications are missing")
        log.keys = sorted((each for _, each in self._rows("keys", id, _KEY)), key=lambda each: each.offset)
        entries = [each for _, each in self._rows("entries", id, _ENTRY)]
        entries = [each for each in entries if not each.publication.removed or _offset(each.publication) > log.floor]
        log.entries = sorted(entries, key=lambda each: _offset(each.publication))
        return log

    def _rows(self, table: str, id: int, kind: _Carried) -> Iterator[tuple[Any, Any]]:
        ahead = self._wall() - self._clock()
        query = f"SELECT name, deadline, body, sum FROM {table} WHERE log = ? ORDER BY name"
        for name, deadline, body, sum in self._base.execute(query, (id,)):
            if not _sound((id, name, deadline, body, sum)):
                raise _Damaged(f"a row of {table} is not as it was written")
            value = kind.read(body)
            yield name, replace(value, deadline=deadline - ahead)

    # Writing.

    def write(self, changes: Sequence[Change]) -> None:
        """Write changes, all of them or none; raises `NotWritten`."""
        known, count = dict(self._ids), self.count
        try:
            self._base.execute("BEGIN IMMEDIATE")
            self._write(changes)
            self._base.execute("COMMIT")
        except sqlite3.Error as error:
            self._ids, self.count = known, count
            with contextlib.suppress(sqlite3.Error):
                self._base.execute("ROLLBACK")
            raise NotWritten(str(error)) from None

    def _write(self, changes: Iterable[Change]) -> None:
        ahead = self._wall() - self._clock()
        last: dict[str, Kept] = {}
        rows: dict[str, list[tuple[int, Any, float, bytes, int]]] = {table: [] for table in _TABLES}
        for change in changes:
            if isinstance(change, Forgotten):
                self._put(rows, last)
                self._delete(self._ids.pop(change.channel, 0))
                if change.last > self.count.lost:
                    self.count = replace(self.count, lost=change.last)
                    self._put_count()
                continue
            id = self._id(change.channel)
            last[change.channel] = change
            if change.saved is not None:
                rows["publications"].append(
                    _row(id, change.top, change.saved.deadline + ahead, _SAVED.write(change.saved))
                )
            if change.key is not None:
                rows["keys"].append(_row(id, change.key.key, change.key.deadline + ahead, _KEY.write(change.key)))
            if change.entry is not None:
                name = change.entry.publication.entry
                rows["entries"].append(_row(id, name, change.entry.deadline + ahead, _ENTRY.write(change.entry)))
        self._put(rows, last)
        self._writes += 1
        if self._writes % _SWEEP == 0:
            self._base.execute("DELETE FROM keys WHERE deadline < ?", (self._wall(),))

    def _put(self, rows: dict[str, list[tuple[int, Any, float, bytes, int]]], last: dict[str, Kept]) -> None:
        """Put in what was gathered: rows in few statements, heads of logs once however often they changed."""
        for table, gathered in rows.items():
            self._base.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?)", gathered)
            gathered.clear()
        for channel, kept in last.items():
            head = _Head(kept.epoch, kept.top, kept.first, kept.floor, kept.retention, kept.last, kept.lost)
            self._put_head(self._ids[channel], channel, head)
            self._base.execute("DELETE FROM publications WHERE log = ? AND name < ?", (self._ids[channel], kept.first))
        last.clear()

    def _put_head(self, id: int, channel: str, head: _Head) -> None:
        body = _HEAD.write(head)
        row = (id, channel, body, _sum(id, channel, 0.0, body))
        self._base.execute("INSERT OR REPLACE INTO logs VALUES (?, ?, ?, ?)", row)

    def _id(self, channel: str) -> int:
        id = self._ids.get(channel)
        if id is None:
            id = self._ids[channel] = 1 + max(self._ids.values(), default=0)
        return id

    def _delete(self, id: int) -> None:
        self._base.execute("DELETE FROM logs WHERE id = ?", (id,))
        for table in _TABLES:
            self._base.execute(f"DELETE FROM {table} WHERE log = ?", (id,))

    def probe(self) -> None:
        """See whether the file takes changes; raises `NotWritten`."""
        try:
            self._base.execute("INSERT OR REPLACE INTO file VALUES ('probe', ?)", (str(self._wall()),))
        except sqlite3.Error as error:
            raise NotWritten(str(error)) from None


def _renamed(publication: Publication, epoch: str) -> Publication:
    assert publication.position is not None
    position = msgspec.structs.replace(publication.position, epoch=epoch)
    return msgspec.structs.replace(publication, position=position)


def _row(id: int, name: Any, deadline: float, body: bytes) -> tuple[int, Any, float, bytes, int]:
    return id, name, deadline, body, _sum(id, name, deadline, body)


def _written_count(count: SavedCount) -> str:
    said = f"{count.lost}:{count.era}"
    return f"{zlib.crc32(said.encode())}:{said}"


def _read_count(text: bytes) -> tuple[str, int]:
    """Give era and loss as they were written; no era where they are not."""
    sum, _, said = text.decode(errors="replace").partition(":")
    lost, _, era = said.partition(":")
    return (era, int(lost)) if sum == str(zlib.crc32(said.encode())) else ("", 0)


def _offset(publication: Publication) -> int:
    assert publication.position is not None  # what is kept has one
    return publication.position.offset


def _sound(row: tuple[Any, ...]) -> bool:
    """Say whether a row is as it was written; a flipped bit may have changed the type of a value, too."""
    id, name, deadline, body, sum = row
    return isinstance(body, bytes) and _sum(id, name, deadline, body) == sum


def _sum(id: int, name: Any, deadline: float, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(repr((id, name, deadline)).encode()))


def _boot() -> str:
    """Name the time since the machine was switched on; a constant where that is not told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
