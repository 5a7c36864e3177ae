"""The logs in a file: what was written is there again, and what is not as it was written is not."""

import random
import sqlite3

import msgspec
import pytest

from everywire.brokers.base import Retention
from everywire.brokers.memory import file as files
from everywire.brokers.memory.file import HistoryFile, NotRead, NotWritten
from everywire.brokers.memory.journal import Entry, Forgotten, Kept, Key, Saved, SavedCount
from everywire.messages import Audience, Member, Packed, Position, Publication, Raw

KEYED = Retention(5, keyed=True)


def published(offset, channel="c", epoch="e", entry=None, **fields):
    data = Raw(b'{"n":%d}' % offset) if offset % 2 else Packed(b"\x91\xc4\x01" + bytes([offset % 256]))
    member = Member("s", "u", Raw(b'{"i":1}'))
    return Publication(
        channel, data, offset, Position(epoch, offset), member, entry, audience=Audience(("x",)), **fields
    )


def kept(offset, channel="c", epoch="e", first=1, key=None, **fields):
    saved = Saved(published(offset, channel, epoch), 500.0 + offset)
    return Kept(channel, epoch, offset, first, saved, Key(key, offset, 900.0) if key else None, **fields)


class Clocks:
    """A machine's two clocks; the monotonic one begins anew with each process."""

    def __init__(self, path):
        self.path, self.now, self.wall = str(path), 100.0, 1_000_000.0

    def open(self, **options):
        return HistoryFile(self.path, lambda: self.now, lambda: self.wall, **options)


@pytest.fixture
def clocks(tmp_path):
    return Clocks(tmp_path / "history")


def again(clocks, history):
    history.close()
    fresh = clocks.open()
    return fresh, {log.channel: log for log in fresh.load(lambda: "another")}


def test_what_was_written_is_there_again(clocks):
    history = clocks.open()
    assert history.load(lambda: "x") == []
    history.write([kept(1, key="k"), kept(2), kept(3), kept(1, "d", "f")])
    clocks.now, clocks.wall = 5.0, 1_000_040.0
    history, logs = again(clocks, history)
    log = logs["c"]
    assert (log.epoch, log.top, logs["d"].epoch) == ("e", 3, "f")
    assert [each.publication for each in log.publications] == [published(n) for n in (1, 2, 3)]
    # 401 seconds were left at 1,000,000, so 361 are at 1,000,040, when the clock says 5.
    assert [each.deadline for each in log.publications] == [366.0, 367.0, 368.0]
    assert log.keys == [Key("k", 1, 5.0 + 760.0)]
    history.close()


def test_what_is_too_old_or_too_much_is_deleted(clocks):
    history = clocks.open()
    history.load(str)
    history.write([kept(n) for n in range(1, 6)])
    history.write([kept(6, first=5)])
    assert history._base.execute("SELECT count(*) FROM publications").fetchone() == (2,)
    history, logs = again(clocks, history)
    assert [each.publication.position.offset for each in logs["c"].publications] == [5, 6]
    history.close()


def test_a_log_that_keeps_nothing_is_counted(clocks):
    history = clocks.open()
    history.load(str)
    history.write([Kept("c", "e", 7, 8)])
    history, logs = again(clocks, history)
    assert (logs["c"].top, logs["c"].publications) == (7, [])
    history.close()


def test_a_forgotten_log_is_gone_and_may_begin_anew(clocks):
    history = clocks.open()
    history.load(str)
    history.write([kept(1, key="k"), kept(2), Forgotten("c"), kept(1, epoch="g")])
    history, logs = again(clocks, history)
    assert (logs["c"].epoch, logs["c"].top, len(logs["c"].publications), logs["c"].keys) == ("g", 1, 1, [])
    history.write([Forgotten("c"), Forgotten("c")])
    history, logs = again(clocks, history)
    assert logs == {}
    history.close()


def test_entries_come_back_by_offset_without_those_forgotten(clocks):
    history = clocks.open()
    history.load(str)
    entries = [
        Entry(published(1, entry="a"), 10.0, 300.0),
        Entry(published(2, entry="b", removed=True)),
        Entry(published(3, entry="c", removed=True)),
        Entry(published(4, entry="a")),
    ]
    changes = [kept(n, entry=entry, floor=2, retention=KEYED) for n, entry in enumerate(entries, 1)]
    history.write(changes)
    history, logs = again(clocks, history)
    assert [(each.publication.entry, each.publication.position.offset) for each in logs["c"].entries] == [
        ("c", 3),
        ("a", 4),
    ]
    assert (logs["c"].floor, logs["c"].retention) == (2, KEYED)
    history.close()


def test_a_killed_process_loses_nothing(clocks):
    history = clocks.open()
    history.load(str)
    history.write([kept(1)])
    history._base.close()  # without the last mark
    fresh = clocks.open()
    assert [log.epoch for log in fresh.load(str)] == ["e"]
    fresh.close()


@pytest.mark.parametrize(("forced", "epoch"), [(False, "another"), (True, "e")])
def test_after_a_loss_of_power_logs_go_on_under_another_epoch_unless_forced_to_the_disk(
    clocks, monkeypatch, forced, epoch
):
    history = clocks.open(forced=forced)
    history.load(str)
    history.write([kept(1), kept(2)])
    history._base.close()
    monkeypatch.setattr(files, "_boot", lambda: "later")
    fresh = clocks.open(forced=forced)
    (log,) = fresh.load(lambda: "another")
    assert log.epoch == epoch
    assert {each.publication.position.epoch for each in log.publications} == {epoch}
    fresh.close()
    assert [log.epoch for log in clocks.open().load(lambda: "a third")] == [epoch]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE publications SET body = zeroblob(5) WHERE log = 1 AND name = 2",
        "UPDATE publications SET deadline = deadline + 1 WHERE log = 1",
        "UPDATE publications SET name = 9 WHERE log = 1 AND name = 3",
        "DELETE FROM publications WHERE log = 1 AND name = 2",
        "UPDATE logs SET body = X'00' WHERE id = 1",
        "UPDATE logs SET channel = 'x' WHERE id = 1",
        "UPDATE keys SET sum = sum + 1",
        "UPDATE publications SET body = 'text' WHERE log = 1",
    ],
)
def test_a_damaged_log_is_lost_and_the_others_are_not(clocks, damage):
    history = clocks.open()
    history.load(str)
    history.write([kept(1, key="k"), kept(2), kept(3), kept(1, "d")])
    history._base.execute(damage)
    with pytest.raises(NotRead):
        history.read("x" if "'x'" in damage else "c")
    history, logs = again(clocks, history)
    assert list(logs) == ["d"]
    history.write([kept(1, epoch="g")])
    history, logs = again(clocks, history)
    assert logs["c"].epoch == "g"
    history.close()


def test_no_flipped_bit_is_ever_served(clocks, tmp_path):
    history = clocks.open()
    history.load(str)
    history.write([kept(n, key=str(n)) for n in range(1, 20)])
    written = [each.publication for each in history.read("c").publications]
    history.close()
    sound = (tmp_path / "history").read_bytes()
    dice = random.Random(5)
    served = 0
    for _ in range(40):
        flipped = bytearray(sound)
        flipped[dice.randrange(len(sound))] ^= 1 << dice.randrange(8)
        (tmp_path / "history").write_bytes(flipped)
        for left in ("-wal", "-shm"):
            (tmp_path / f"history{left}").unlink(missing_ok=True)
        try:
            fresh = clocks.open()
        except sqlite3.Error:
            continue
        for log in fresh.load(lambda: "another"):
            assert all(each.publication in written for each in log.publications)
            assert log.epoch != "e" or (log.top == 19 and len(log.publications) == 19)
            served += 1
        fresh.close()
    assert served  # most of the file is not in use


def test_what_is_no_history_is_put_aside(clocks, tmp_path):
    (tmp_path / "history").write_bytes(b"not a database" * 1000)
    history = clocks.open()
    assert history.load(str) == []
    assert (tmp_path / "history.damaged").exists()
    history.close()


def test_a_file_that_another_process_has_is_refused(clocks):
    history = clocks.open()
    history.load(str)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        clocks.open()
    history.close()


def test_a_full_disk_writes_all_or_nothing_and_heals(clocks):
    history = clocks.open()
    history.load(str)
    history.write([kept(1)])
    (pages,) = history._base.execute("PRAGMA page_count").fetchone()
    history._base.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(NotWritten, match="full"):
        history.write([kept(n) for n in range(2, 2000)])
    assert history.read("c").top == 1
    with pytest.raises(NotWritten):
        history.write([kept(n, channel="new") for n in range(2, 2000)])
    assert history.read("new") is None
    history._base.execute("PRAGMA max_page_count = 100000")
    history.probe()
    history.write([kept(2), kept(1, "new")])
    history, logs = again(clocks, history)
    assert (logs["c"].top, logs["new"].top) == (2, 1)
    history.close()


def test_the_file_is_its_owners_alone(clocks, tmp_path):
    clocks.open().close()
    assert (tmp_path / "history").stat().st_mode & 0o777 == 0o600


def test_the_count_is_as_far_as_what_was_written_or_forgotten(clocks):
    history = clocks.open()
    history.load(lambda: "era")
    assert history.count == SavedCount("era", 0, 0)
    history.write([kept(1, last=4, lost=3), kept(1, "d", last=6), Forgotten("d", 6)])
    history, logs = again(clocks, history)
    assert history.count == SavedCount("era", 6, 6)
    assert (logs["c"].last, logs["c"].lost) == (4, 3)
    history.write([kept(2, last=9)])
    history, _ = again(clocks, history)
    assert history.count == SavedCount("era", 9, 6)
    history.close()


def test_what_was_not_written_is_not_forgotten(clocks, monkeypatch):
    history = clocks.open()
    history.load(lambda: "era")
    broken = sqlite3.OperationalError("database or disk is full")
    monkeypatch.setattr(history, "_put_head", lambda *_: (_ for _ in ()).throw(broken))
    with pytest.raises(NotWritten):
        history.write([Forgotten("d", 6), kept(1)])
    assert history.count.lost == 0
    history.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE publications SET body = zeroblob(5) WHERE log = 1",
        "UPDATE file SET value = value || '0' WHERE name = 'count'",
        "UPDATE file SET value = X'ff00' WHERE name = 'count'",
        "UPDATE file SET value = NULL WHERE name = 'count'",
        "DELETE FROM file WHERE name = 'count'",
        "UPDATE file SET value = 'False' WHERE name = 'clean'",
    ],
)
def test_where_anything_may_be_missing_the_count_is_of_another_era(clocks, damage, monkeypatch):
    history = clocks.open()
    history.load(lambda: "era")
    history.write([kept(1, last=1), kept(1, "d", last=2)])
    history.close()
    base = sqlite3.connect(clocks.path)
    base.execute(damage)
    base.commit()
    base.close()
    monkeypatch.setattr(files, "_boot", lambda: "later")
    fresh = clocks.open()
    fresh.load(lambda: "another")
    assert (fresh.count.era, fresh.count.number) == ("another", 2)
    fresh.close()


def test_a_file_that_was_written_before_there_was_a_count_is_read(clocks):
    history = clocks.open()
    history.load(str)
    history.write([kept(1), kept(2)])
    for table, shorter in (("publications", _without_order), ("logs", lambda head: head[:5])):
        _rewrite(history._base, table, shorter)
    history._base.execute("DELETE FROM file WHERE name = 'count'")
    history, logs = again(clocks, history)
    assert [each.publication for each in logs["c"].publications] == [published(1), published(2)]
    assert (history.count, logs["c"].last) == (SavedCount("another", 0, 0), 0)
    history.close()


def _without_order(saved):
    return [saved[0][:8], saved[1]]


def _rewrite(base, table, shorter):
    """Let each row of a table be as an earlier release wrote it."""
    columns = "id, channel, 0.0, body" if table == "logs" else "log, name, deadline, body"
    for id, name, deadline, body in base.execute(f"SELECT {columns} FROM {table}").fetchall():
        said = msgspec.msgpack.encode(shorter(msgspec.msgpack.decode(body)))
        where = "id = ? AND channel = ?" if table == "logs" else "log = ? AND name = ?"
        values = (said, files._sum(id, name, deadline, said), id, name)
        base.execute(f"UPDATE {table} SET body = ?, sum = ? WHERE {where}", values)
