"""Each page of docs/coming-from is what its test says it is: their code is Python where it says so, ours is run."""

import ast
import importlib
import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
from tests.coming_from import pages
from tests.coming_from.pages import Block, sides

NAMES = sorted(path.stem for path in pages.FOLDER.glob("*.md") if path.stem != "index")
TESTS = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
RUN = set(re.findall(r'\bright\(\s*"([^"]+)",\s*"([^"]+)"', TESTS))
PAIRS = [(name, heading) for name in NAMES for heading in sides(name)]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_two_sides(name):
    assert sides(name)
    text = (pages.FOLDER / f"{name}.md").read_text()
    assert text.count('class="sides"') == len(sides(name))


@pytest.mark.parametrize(("name", "heading"), PAIRS)
def test_our_side_is_run_by_a_test(name, heading):
    assert (name, heading) in RUN, f'no test says right("{name}", "{heading}")'


@pytest.mark.parametrize(("name", "heading"), PAIRS)
def test_their_side_is_python_that_imports_what_there_is(name, heading):
    block = sides(name)[heading].left
    if block.language == "python":
        tree = ast.parse(block.text, f"{name}.md")
        missing = [each for each in imported(tree) if not importable(*each)]
        assert not missing


@pytest.mark.parametrize(("name", "heading"), [each for each in PAIRS if sides(each[0])[each[1]].left.language == "js"])
def test_their_side_is_javascript(name, heading, node, tmp_path):
    (tmp_path / "left.cjs").write_text(sides(name)[heading].left.text)
    subprocess.run([node, "--check", tmp_path / "left.cjs"], check=True, timeout=30)


def imported(tree: ast.Module) -> list[tuple[str, str | None]]:
    """(module, name) of what is imported; relative imports are of a project that is not here."""
    found: list[tuple[str, str | None]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.module, alias.name) for alias in node.names]
    return found


def importable(module: str, name: str | None) -> bool:
    """Whether a library has that name; what is no library here is the reader's own module."""
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        return True
    try:
        there = importlib.import_module(module)
    except ImportError:
        return False
    except Exception:
        return True  # Django's, which want a project's settings first
    return name is None or hasattr(there, name) or importlib.util.find_spec(f"{module}.{name}") is not None


def test_a_side_without_its_pair_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    (tmp_path / "alone.md").write_text(
        '## One\n\n<div class="sides" markdown>\n\n```js title="theirs"\n1\n```\n\n</div>\n'
    )
    with pytest.raises(ValueError, match="alone, One: two blocks"):
        sides("alone")


def test_the_line_of_a_block_is_that_of_its_page():
    for name, heading in PAIRS:
        block = sides(name)[heading].right
        lines = (pages.FOLDER / f"{name}.md").read_text().splitlines()
        assert lines[block.line - 1] == block.text.splitlines()[0]


def test_a_name_that_there_is_not_is_found():
    assert not importable("everywire", "Nothing")
    assert importable("everywire", "errors")
    assert importable("no_such_library", "whatever")
    assert Block("page", 1, "python", "everywire", "x = 8000\n").run(port=5)["x"] == 5
