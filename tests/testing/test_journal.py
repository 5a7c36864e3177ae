"""Logs of the checker as files: what goes in comes out, and what is broken is found there too."""

import pytest

from everywire.messages import Position
from everywire.testing import Journal, Log, Mark, Published, Repeat, Seen, check, load, save


def at(offset, epoch="e"):
    return Position(epoch, offset)


ENTRIES = [Mark(at(0)), Seen(at(1), "p", 1), Repeat(at(1)), Seen(at(2), "q", 1), Mark(at(7, "f"))]
PUBLISHED = [Published(at(1), "p", 1), Published(at(2), "q", 1)]


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "log.jsonl"
    save(path, Log("ada", ENTRIES), PUBLISHED)
    assert load(path) == Journal([Log("ada", ENTRIES)], PUBLISHED)
    assert path.read_text().splitlines()[:2] == [
        '{"was":"mark","client":"ada","epoch":"e","offset":0}',
        '{"was":"seen","client":"ada","epoch":"e","offset":1,"sender":"p","number":1}',
    ]


def test_the_files_of_several_processes_are_one_journal(tmp_path):
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    save(one, Log("ada", ENTRIES[:2]), PUBLISHED)
    save(one, Log("ada", ENTRIES[3:4]))
    save(two, Log("grace", [Mark(at(2))]))
    journal = load(one, two)
    assert journal == Journal([Log("ada", [*ENTRIES[:2], ENTRIES[3]]), Log("grace", [Mark(at(2))])], PUBLISHED)
    assert journal.end == at(2)
    assert check(journal.logs, journal.published, journal.ends) == []


def test_a_client_that_heard_nothing_is_behind(tmp_path):
    path = tmp_path / "log.jsonl"
    save(path, Log("ada"), PUBLISHED)
    journal = load(path)
    assert [fault.promise for fault in check(journal.logs, journal.published, journal.ends)] == ["P7"]


@pytest.mark.parametrize(
    ("text", "promise"),
    [
        ('"mark","offset":0|"seen","offset":1,"sender":"p","number":1|"seen","offset":1,"sender":"p","number":1', "P1"),
        ('"mark","offset":0|"seen","offset":2,"sender":"p","number":2', "P2"),
        ('"mark","offset":4|"seen","offset":5,"sender":"p","number":2|"seen","offset":6,"sender":"p","number":1', "P3"),
        (
            '"published","offset":1,"sender":"p","number":1|"mark","offset":0|"seen","offset":1,"sender":"q","number":1',
            "P6",
        ),
        ('"published","offset":1,"sender":"p","number":1|"mark","offset":0', "P7"),
    ],
)
def test_a_broken_promise_is_found_in_a_file(tmp_path, text, promise):
    path = tmp_path / "log.jsonl"
    path.write_text("".join('{"client":"ada","epoch":"e","was":' + line + "}\n" for line in text.split("|")))
    journal = load(path)
    assert promise in [fault.promise for fault in check(journal.logs, journal.published, journal.ends)]


def test_nothing_published_has_no_end():
    assert (Journal().end, Journal().ends) == (None, {})


def test_a_process_that_was_killed_left_half_a_line(tmp_path):
    path = tmp_path / "log.jsonl"
    save(path, Log("ada", ENTRIES))
    path.write_bytes(path.read_bytes() + b'{"was":"seen","cl')
    assert load(path).logs == [Log("ada", ENTRIES)]


@pytest.mark.parametrize("line", ["nonsense", '{"was":"eaten","client":"a","epoch":"e","offset":1}', "{}"])
def test_what_cannot_be_read_is_named(tmp_path, line):
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"was":"mark","client":"ada","epoch":"e","offset":0}}\n{line}\n')
    with pytest.raises(ValueError, match=r"log\.jsonl, line 2: "):
        load(path)
