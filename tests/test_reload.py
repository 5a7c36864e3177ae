"""What counts as a change; the rest is tested with `everywire run --reload`."""

import os

from everywire.reload import changed, snapshot


def test_sources_are_watched_and_nothing_else(tmp_path):
    for name in ("a.py", "sub/b.py", ".venv/c.py", "node_modules/d.py", "__pycache__/e.py", "page.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert sorted(os.path.relpath(path, tmp_path) for path in snapshot(tmp_path)) == ["a.py", "sub/b.py"]


def test_what_changed_came_or_went_is_a_change():
    assert changed({"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 2, "d": 1}) == ["b", "c", "d"]
    assert changed({"a": 1}, {"a": 1}) == []


def test_an_older_file_in_its_place_is_a_change(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("")
    before = snapshot(tmp_path)
    os.utime(path, (1, 1))
    assert changed(before, snapshot(tmp_path)) == [str(path)]


def test_a_folder_that_is_gone_is_empty(tmp_path):
    assert snapshot(tmp_path / "gone") == {}
