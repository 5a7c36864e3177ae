"""`app.run` as a program's end: what it says, and where it cannot serve."""

import asyncio
import os
import re
import signal
import socket
import sys

import pytest

PATIENCE = 20
APP = """
import logging, everywire
from everywire.http.request import Response
app = everywire.Everywire()
{0}
app.run({1})
"""
PAGE = 'app.route("/")(lambda request: Response(200, "here"))'


async def program(setting, arguments, **environment):
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        APP.format(setting, arguments),
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if not name.startswith("EVERYWIRE_")} | environment,
    )


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("", r"\S+ INFO    everywire: serving ws://localhost:(\d+)/everywire; Ctrl-C stops it\n"),
        (PAGE, r".*serving ws://localhost:(\d+)/everywire, its page at http://localhost:\1/; Ctrl-C stops it\n"),
        ("app.signalr(); app.sockjs()", r".*/everywire, SignalR at /hub, SockJS at /sockjs; Ctrl-C stops it\n"),
        ("logging.basicConfig()", r"serving ws://localhost:\d+/everywire; Ctrl-C stops it\n"),
    ],
)
async def test_it_says_where_how_to_stop_and_what_to_open(setting, said):
    process = await program(setting, '"localhost", 0')
    async with asyncio.timeout(PATIENCE):
        line = (await process.stderr.readline()).decode()
        assert re.fullmatch(said, line)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (
            '"127.0.0.1", TAKEN',
            {},
            "cannot listen on 127.0.0.1 port TAKEN: Address already in use; app.run(port=…) takes",
        ),
        ('"nowhere.invalid"', {}, "cannot listen on nowhere.invalid: "),
        ('path="/no/such/folder/socket"', {}, "cannot listen on /no/such/folder/socket: No such file or directory"),
        ("port=0", {"EVERYWIRE_LOG": "loud"}, "EVERYWIRE_LOG=loud: the levels are"),
    ],
)
async def test_where_there_is_nothing_to_listen_on_that_is_one_line(taken, arguments, environment, said):
    process = await program("", arguments.replace("TAKEN", str(taken)), **environment)
    async with asyncio.timeout(PATIENCE):
        _, errors = await process.communicate()
    assert process.returncode == 2
    [line] = errors.decode().splitlines()
    assert line.startswith("Error: " + said.replace("TAKEN", str(taken)))


async def test_a_port_of_the_administration_that_is_taken_is_told_from_the_public_one(taken):
    process = await program(f"app.admin(port={taken})", "port=0")
    async with asyncio.timeout(PATIENCE):
        _, errors = await process.communicate()
    assert process.returncode == 2
    [line] = errors.decode().splitlines()
    assert line.startswith(f"Error: cannot listen on 127.0.0.1 port {taken}: Address already in use; app.admin(port=…)")
    assert "app.run" not in line


async def test_any_other_error_stays_what_it_is():
    process = await program('app.on_join("room")(print)', "port=0")
    async with asyncio.timeout(PATIENCE):
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert "ValueError: the hook for join of 'room' learns nothing" in errors.decode().splitlines()[-1]
