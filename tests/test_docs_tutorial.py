"""The tutorial and the first page, from top to bottom: their files are written, their commands typed, and they print what is said."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from asyncio import create_subprocess_shell, subprocess, timeout
from pathlib import Path

import pytest
from tests.cli.commands import Command, started
from tests.gateway.curl import needed
from tests.test_docs import free_port

from everywire import Everywire

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
PAGES = {
    page: [(found[1], found[2], found[3]) for found in BLOCK.finditer((ROOT / "docs" / page).read_text())]
    for page in ("index.md", "tutorial.md")
}
STEPS = PAGES["tutorial.md"]
PATIENCE = 60


class Terminal:
    """A folder with files, and one server at a time."""

    def __init__(self, folder: Path, stack: contextlib.AsyncExitStack) -> None:
        self.folder = folder
        self.port = str(free_port())
        self._stack = stack
        self._server: Command | None = None

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text.replace("8000", self.port))

    async def serve(self, words: list[str]) -> str:
        """Run the next server, once the one before is gone; gives what it says first, with the port of the text."""
        if self._server is not None:
            await self._server.end()
        own = {"EVERYWIRE_RUN_PORT": self.port, "EVERYWIRE_RUN_HOST": "127.0.0.1"}
        self._server = await self._stack.enter_async_context(started(*words, cwd=self.folder, **own))
        said = await self._server.says(r"(\S+ is at ws://)127.0.0.1:\d+(/\w+)")
        return f"{said[1]}localhost:8000{said[2]}\n"

    async def type(self, line: str) -> str:
        """Run a command; gives what it prints."""
        line = line.replace("python ", f"{sys.executable} ").replace("8000", self.port)
        line = line.replace("everywire ", f"{sys.executable} -m everywire ")
        told = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}"}
        process = await create_subprocess_shell(line, cwd=self.folder, env=told, stdout=subprocess.PIPE)
        async with timeout(PATIENCE):
            printed, _ = await process.communicate()
        assert process.returncode == 0, printed.decode()
        return printed.decode()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [pytest.param("index.md", marks=needed), "tutorial.md"])
async def test_it_can_be_followed(page, tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        terminal = Terminal(tmp_path, stack)
        printed = ""
        for language, title, text in PAGES[page]:
            if language == "bash":
                continue  # what is typed beforehand, once: the test has an environment
            if title:
                terminal.write(title, text)
            elif language == "sh" and text.startswith("everywire run"):
                printed = await terminal.serve(text.split()[1:])
            elif language == "sh":
                printed = await terminal.type(text.strip())
            else:
                assert language == "text"
                assert told(text).match(printed + "\n"), text


def told(text: str) -> re.Pattern[str]:
    """What begins as a text does, in which `…` stands for anything."""
    return re.compile(".*?".join(map(re.escape, text.split("…"))), re.DOTALL)


def test_there_is_something_to_follow():
    assert len(STEPS) > 20


def test_it_begins_with_five_lines():
    [first] = [text for _, title, text in STEPS if title == "app.py"][:1]
    assert len([*filter(None, first.splitlines())]) <= 5


@pytest.mark.parametrize("number", range(sum(title == "app.py" for _, title, _ in STEPS)))
def test_each_state_of_the_application_is_one(number):
    text = [text for _, title, text in STEPS if title == "app.py"][number]
    names: dict[str, object] = {}
    exec(compile(text, "app.py", "exec"), names)
    assert isinstance(names["app"], Everywire)
