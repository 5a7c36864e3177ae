"""`everywire top`, in a pipe and on a terminal, at a real application."""

import asyncio
import json
import os
import pty
import re
import socket
import sys

import pytest
from click.testing import CliRunner
from tests.cli.commands import started

import everywire
from everywire.app import Everywire
from everywire.cli import commands
from everywire.ops.view import View

KEY = "k" * 16
PATIENCE = 60


@pytest.fixture
async def app():
    app = Everywire()
    app.channel("room:{name}", history=5)
    app.admin(key=KEY, port=0)
    async with app.serving(port=0):
        yield app


def url(app):
    return f"http://127.0.0.1:{app.administration[0].port}"


async def said(*arguments, key=KEY):
    environment = {"EVERYWIRE_TOP_KEY": key} if key is not None else {}
    return await asyncio.to_thread(
        CliRunner(env=environment).invoke, commands, ["top", *arguments], auto_envvar_prefix="EVERYWIRE"
    )


async def test_one_look(app):
    outcome = await said(url(app), "--once")
    assert outcome.exit_code == 0
    assert outcome.output.startswith("everywire · 1 node\n")
    assert "\x1b" not in outcome.output


async def test_one_look_as_json(app):
    outcome = await said(url(app), "--once", "--json")
    assert json.loads(outcome.output)["nodes"] == [app.hub.node]
    assert json.loads(outcome.output).keys() == set(View.__struct_fields__)


@pytest.mark.parametrize(
    ("key", "why"), [(None, "a key is needed: --key, or EVERYWIRE_TOP_KEY"), ("x" * 16, "that is not the key")]
)
async def test_without_the_key_it_says_so(app, key, why):
    outcome = await said(url(app), key=key)
    assert (outcome.exit_code, outcome.output) == (1, f"Error: {url(app)} does not let you look: {why}\n")


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("http://127.0.0.1:1", "nothing to watch at http://127.0.0.1:1: "),
        ("ws://localhost", "ws://localhost is no http address"),
        ("http://bad host", "nothing to watch at "),
    ],
)
async def test_where_nothing_is_it_says_so(place, why):
    outcome = await said(place)
    assert outcome.exit_code == 1
    assert outcome.output.startswith(f"Error: {why}")
    assert outcome.output.count("\n") == 1


async def test_a_server_that_is_none_of_ours_is_told():
    async with everywire.serve(on_message=print, port=0) as server:
        outcome = await said(f"http://127.0.0.1:{server.port}")
    assert outcome.exit_code == 1
    assert outcome.output.count("\n") == 1


class Terminal:
    """A pseudo-terminal that a command runs in; `shown` is everything that it wrote."""

    def __init__(self, reader):
        self.reader, self.shown = reader, ""

    async def shows(self, pattern):
        async with asyncio.timeout(PATIENCE):
            while not (found := re.search(pattern, self.shown)):
                self.shown += (await self.reader.read(4096)).decode()
        self.shown = self.shown[found.end() :]
        return found


async def test_a_terminal_is_drawn_anew_with_each_look(app):
    near, far = pty.openpty()
    words = [sys.executable, "-m", "everywire", "top", url(app), "--every", "0.1"]
    environment = {**os.environ, "EVERYWIRE_TOP_KEY": KEY, "COLUMNS": "60", "LINES": "30"}
    process = await asyncio.create_subprocess_exec(*words, stdin=far, stdout=far, stderr=far, env=environment)
    os.close(far)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(near, "rb", 0)
    )
    try:
        terminal = Terminal(reader)
        await terminal.shows(r"\x1b\[H\x1b\[Jeverywire · 1 node\r\n")
        await app.publish("room:a", 1)
        await terminal.shows(r"\x1b\[H\x1b\[Jeverywire[^\x1b]*publications +1 +\d")
        lines = terminal.shown.split("\r\n")
        assert max(map(len, lines)) <= 60
        process.terminate()
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        transport.close()


APP = """
import everywire

app = everywire.Everywire()
app.channel("room:{{name}}", history=5)
app.admin(key={key!r}, port={port})
"""


async def test_all_workers_are_shown_as_one(tmp_path):
    port = _free_port()
    (tmp_path / "live.py").write_text(APP.format(key=KEY, port=port))
    async with started("run", "live:app", "--port", "0", "--host", "127.0.0.1", "--workers", "2", cwd=tmp_path) as run:
        address = (await run.says(r"live:app is at (ws://\S+)  \("))[1]
        clients = [await everywire.Client(address).__aenter__() for _ in range(4)]
        for number, client in enumerate(clients):
            await client.publish("room:a", number, key=str(number))
            await client.publish("room:a", number, key=str(number))
        outcome = await said(f"http://127.0.0.1:{port}", "--once", "--json")
        view = json.loads(outcome.output)
        assert (view["counters"]["publications"], view["counters"]["repeats"]) == (4, 4)
        assert (len(view["nodes"]), view["sessions"], view["linked"], view["silent"]) == (2, 4, 2, 0)
        for client in clients:
            await client.close()
        assert await run.end() == 0


async def test_the_port_of_another_server_is_refused_and_the_cure_said(tmp_path):
    port = _free_port()
    (tmp_path / "live.py").write_text(APP.format(key=KEY, port=port))
    serve = ("run", "live:app", "--port", "0", "--host", "127.0.0.1", "--workers", "2")
    async with started(*serve, cwd=tmp_path) as run:
        await run.says(r"live:app is at")
        async with started(*serve, cwd=tmp_path) as other:
            assert await other.exit() == 2
        assert f"Error: cannot listen on 127.0.0.1 port {port}: it is another server's" in other.said
        assert "Traceback" not in other.said
        assert "app.admin(port=…)" in other.said
        assert await run.end() == 0


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]
