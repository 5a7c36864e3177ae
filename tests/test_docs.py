"""Every Python program in the README and the docs runs, and prints what the text says it prints.

A program that serves runs while the programs after it do, until the next one that serves. A block of text after a program is its output. Port 8000 is
replaced by a free one. What a program calls `test_…` is called.
"""

import __future__

import asyncio
import contextlib
import io
import re
import socket
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import uvicorn
from tests.fastapi.serving import served

from everywire.cli import commands
from everywire.servers.websocket import Server

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUNS = re.compile(r"\brun\(")
SERVES = re.compile(r"\bserve\(|\.run\(\"|Everywire\(")


@dataclass(frozen=True)
class Program:
    """A block of Python: its line in the document, and what it is said to print."""

    line: int
    text: str
    output: str | None

    @property
    def tests(self) -> bool:
        return "\ndef test_" in self.text

    @property
    def serves(self) -> bool:
        if self.tests or not RUNS.search(self.text):
            return False  # an excerpt may declare an application, which another program, or another server, would run
        return SERVES.search(self.text) is not None


def programs(text: str) -> list[Program]:
    blocks = [(found.start(), found[1], found[2]) for found in BLOCK.finditer(text)]
    found = []
    for number, (start, language, code) in enumerate(blocks):
        if language == "python":
            after = blocks[number + 1] if number + 1 < len(blocks) else (0, "", "")
            between = text[start + len(code) : after[0]].replace("```", "").removeprefix("python").strip()
            output = after[2] if after[1] == "text" and len(between) < 20 else None
            found.append(Program(text.count("\n", 0, start) + 2, code, output))
    return found


def documents() -> list[Path]:
    paths = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]
    # Those of testing.md are tests, for pytest to run: tests/test_docs_testing.py does. tutorial.md is files and commands: tests/test_docs_tutorial.py.
    # Beside another project's code: tests/coming_from.
    apart = ("testing.md", "tutorial.md")
    paths = [path for path in paths if path.name not in apart and path.parent.name != "coming-from"]
    return [path for path in paths if programs(path.read_text())]


def free_port() -> int:
    with socket.create_server(("localhost", 0)) as sock:
        return int(sock.getsockname()[1])


class Stage:
    """Where one document's programs run: one server at a time, on one port."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.port = free_port()
        self.listening = asyncio.Event()
        self._coroutines: list = []
        self._serving: asyncio.Task | None = None
        start = Server.start

        async def started(server: Server, *arguments: object) -> None:
            await start(server, *arguments)
            self.listening.set()

        monkeypatch.setattr(Server, "start", started)
        monkeypatch.setattr(asyncio, "run", self._coroutines.append)
        monkeypatch.setattr(uvicorn, "run", lambda app, port: self._coroutines.append(self._hosted(app, port)))

    async def _hosted(self, app: object, port: int) -> None:
        async with served(app, port):
            self.listening.set()
            await asyncio.Event().wait()

    async def perform(self, document: str, program: Program) -> None:
        # The line numbers of a traceback are those of the document.
        text = "\n" * (program.line - 1) + program.text.replace("8000", str(self.port))
        self._coroutines.clear()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            # With lazy annotations, an excerpt that only defines something needs no imports.
            names = {"__name__": "__main__"}
            code = compile(text, document, "exec", __future__.annotations.compiler_flag)
            await asyncio.to_thread(exec, code, names)  # where no loop runs, as in a program
            for name, test in [*names.items()]:
                if name.startswith("test_"):
                    await asyncio.to_thread(test)  # it has a loop of its own
            if program.serves:
                await self.replace()
            else:
                for coroutine in self._coroutines:
                    await asyncio.wait_for(coroutine, 20)
        if program.output is not None:
            assert printed.getvalue() == program.output

    async def replace(self) -> None:
        """Have the server that was just defined take the place of the one before."""
        await self.end()
        self.listening.clear()
        [coroutine] = self._coroutines
        self._serving = asyncio.ensure_future(coroutine)
        waiting = asyncio.ensure_future(self.listening.wait())
        await asyncio.wait([self._serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._serving.done():
            await self._serving  # it raises why

    async def end(self) -> None:
        serving, self._serving = self._serving, None
        if serving is not None:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
async def test_programs_run(path, monkeypatch):
    stage = Stage(monkeypatch)
    try:
        for program in programs(path.read_text()):
            await stage.perform(str(path), program)
    finally:
        await stage.end()


async def test_a_test_in_a_document_is_run(monkeypatch):
    program = Program(1, "from everywire import Everywire\ndef test_it():\n    assert Everywire() is None\n", None)
    assert not program.serves
    with pytest.raises(AssertionError):
        await Stage(monkeypatch).perform("a document", program)


def test_the_readme_has_programs_with_output():
    found = programs((ROOT / "README.md").read_text())
    assert [program.serves for program in found] == [True, False, True, False]
    assert [program.output for program in found] == [None, "Hello!\n", None, "Hello!\n"]


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "README.md",
        ROOT / "ARCHITECTURE.md",
        ROOT / "docs/library.md",
        ROOT / "docs/cli.md",
        ROOT / "docs/handlers.md",
        ROOT / "docs/operations.md",
        ROOT / "docs/testing.md",
    ],
)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_figures_of_transports_are_those_that_were_measured():
    shown = (ROOT / "docs" / "choosing-a-transport.md").read_text()
    rows = re.findall(r"^\| (?:transport|websocket|stream|sse|long poll|short poll) .*\|$", shown, re.MULTILINE)[:6]
    assert len(rows) == 6
    assert "\n".join(rows[1:]) in (ROOT / "docs" / "benchmarks.md").read_text()


WRITTEN = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs").rglob("*.md"),
    *ROOT.glob("examples/*/README.md"),
]
TYPED = re.compile(r"(?:^|`|\$ )everywire ([a-z]+)\b([^`\n|]*)", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def options(command: click.Command) -> set[str]:
    own = {option for each in command.params for option in [*each.opts, *each.secondary_opts]}
    return {"--help", *own}


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_that_is_printed_exists(path):
    text = path.read_text()
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {*re.findall(r"`make ([a-z][a-z-]*)", text)} <= {*targets}
    fenced = "\n".join(FENCED.findall(text))
    within = " ".join(re.findall(r"`[^`\n]+`", FENCED.sub("", text)))  # a sentence may begin with the name, too
    for name, rest in TYPED.findall(f"{fenced}\n {within}"):
        assert name in commands.commands, name
        assert {*OPTION.findall(rest)} <= options(commands.commands[name]), (name, rest)


def test_the_page_of_commands_has_all_of_them():
    told = {*OPTION.findall((ROOT / "docs" / "cli.md").read_text())}
    there = {option for command in commands.commands.values() for option in options(command) if option[:2] == "--"}
    assert told - there == set()
    assert there - told == {"--compression"}  # which is so unless --no-compression is said


def test_the_architecture_has_a_place_for_every_package():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    layers = re.findall(r"^\| (`.*?) \|", text.partition("## Layers")[2], re.MULTILINE)
    named = {name for layer in layers for name in re.findall(r"`(\w+)`", layer)}
    source = ROOT / "src" / "everywire"
    there = {path.stem for path in source.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert named == {name for name in there if not name.startswith("_")}


def test_the_changelog_says_nothing_twice():
    lines = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if len(line) > 20]
    assert [line for line, times in Counter(line[:80] for line in lines).items() if times > 1] == []
