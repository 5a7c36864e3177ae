"""The reference says what the docstrings say, and how each thing is called."""

import asyncio
import inspect
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.tools import alone
from tests.tools.alone import canonical

import everywire
import reference
from reference import signature

ROOT = Path(__file__).resolve().parents[2]


class Kettle:
    """Boils water."""

    def pour(
        self,
        cups: int,
        *,
        slowly: bool = False,
        to_whoever_asked_for_it: str = "",
        for_the_others: str = "",
        **more: object,
    ) -> bool:
        """Fill so many cups."""


def test_a_long_signature_has_a_line_for_each_parameter():
    text = signature("pour", Kettle.pour, bound=True)
    assert text.splitlines()[:3] == ["pour(", "    cups: int,", "    *,"]
    assert text.endswith("    **more: object,\n) -> bool")


def test_a_short_one_is_one_line():
    assert signature("Kettle", Kettle) == "Kettle()"
    assert signature("sleep", asyncio.sleep).startswith("async sleep(delay, result")


@asynccontextmanager
async def kitchen() -> AsyncIterator[Kettle]:
    """Have a kettle while the context lasts."""
    yield Kettle()


def test_what_is_entered_is_shown_as_that():
    assert signature("kitchen", kitchen) == "async with kitchen() as Kettle"


def brought(wanted: Iterable[str]) -> set[str]:
    """The distributions that come with those that are wanted, as pip would install them."""
    names, waiting = set(), [Requirement(each) for each in wanted]
    while waiting:
        one = waiting.pop()
        if canonical(one.name) not in names:
            names.add(canonical(one.name))
            others = map(Requirement, metadata.requires(one.name) or ())
            waiting += [each for each in others if each.marker is None or each.marker.evaluate({"extra": ""})]
    return names


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages by name, as `make docs` has them written: with nothing installed but everywire and its group of tools."""
    folder = tmp_path_factory.mktemp("reference")
    said = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = brought([*said["project"]["dependencies"], *said["dependency-groups"]["docs"]]) | {"everywire"}
    program = [str(Path(alone.__file__)), ",".join(names), str(ROOT / "tools" / "reference.py"), str(folder)]
    done = subprocess.run([sys.executable, *program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {path.stem: path.read_text() for path in folder.iterdir()}


@pytest.mark.slow
def test_a_page_has_what_is_public(pages):
    for name in everywire.__all__:
        assert name.startswith("__") or f"{{ #{name} }}" in pages["everywire"], name
    for one in reference.shown():
        if not inspect.ismodule(one.thing):
            assert f"{{ #{one.name} }}" in pages[one.page.name], one


@pytest.mark.slow
def test_what_the_package_says_to_itself_is_left_out(pages):
    text = pages["everywire"]
    for shown in ("WebSocket.recv", "Client.publish"):
        assert f"#{shown} }}" in text
    for hidden in ("#WebSocket.sweep }", "#Client.lost }", "Caller(hub"):
        assert hidden not in text
    assert "Invariants:" not in "".join(pages.values())


@pytest.mark.slow
def test_types_have_links_to_where_they_are(pages):
    assert "[`How`](clients.md#How)" in pages["everywire"]
    assert "[settings](../settings.md)" in pages["everywire"]
    assert "[`Everywire.publish`](everywire.md#Everywire.publish)" in pages["everywire.django"]


@pytest.mark.slow
def test_options_have_their_fields_and_say_where_they_are_from(pages):
    text = pages["applications"]
    assert (
        "from everywire.app.declaring import ChannelOptions\n\nclass ChannelOptions(TypedDict)\n    data: Any\n" in text
    )
    assert "    GOING_AWAY = 1001\n" in pages["everywire.errors"]


@pytest.mark.slow
def test_names_say_what_stands_below_them(pages):
    assert "CurrentCaller = Annotated[Caller, …]\n```\n\nWho calls, for a dependency" in pages["everywire.fastapi"]


@pytest.mark.parametrize("table", [reference.ONLY, reference.WITHOUT, reference.LEADING])
def test_the_tables_name_what_there_is(table):
    classes = {}
    for one in reference.shown():
        classes.setdefault(one.name, []).append(one.thing)
    wrong = {
        (name, member)
        for name, members in table.items()
        for member in members.split()
        if not any(hasattr(made, member) for made in classes[name])
    }
    assert not wrong
    assert set(table) <= set(classes)
