"""Replacing the workers of a running server by a command."""

import asyncio
import os
import re
import signal
import sys

import pytest
from click.testing import CliRunner
from tests.cli.commands import started
from tests.cli.several import serving, spread

import everywire
from everywire.cli import commands
from everywire.servers.workers.door import Progress


async def test_workers_are_replaced_and_it_is_said_how_it_goes(tmp_path):
    file = tmp_path / "pid"
    async with serving(tmp_path, "--drain", "0", "--pid-file", str(file), workers=2) as (run, address):
        async with spread(address, 2) as clients:
            assert file.read_text().strip() == str(run.process.pid)
            async with started("reload", "--pid-file", str(file)) as reload:
                assert await reload.exit() == 0
            said = [
                line for line in reload.said.splitlines() if not line.startswith("waiting for ")
            ]  # where one is slow
            assert said[0] == "replacing 2 workers"
            assert [line.partition(" (pid ")[0] for line in said[1:3]] == ["worker 1", "worker 2"]
            assert said[3:] == ["2 new workers serve; the old ones let their clients go"]
            async with everywire.Client(address) as fresh:
                assert await fresh.call("pid") not in clients
            await run.says("replaced 2 workers")
            assert await next(iter(clients.values())).call("pid") not in clients
        assert await run.end() == 0
    assert not file.exists()


async def test_a_pid_file_stays_that_of_the_server_that_lives(tmp_path):
    file = tmp_path / "pid"
    file.write_text("4194999\n")  # that of a dead one
    option = ("--pid-file", str(file))
    async with serving(tmp_path, *option, workers=1) as (run, _):
        pid = str(run.process.pid)
        assert file.read_text() == f"{pid}\n"
        async with started("run", "live:app", "--port", "0", "--workers", "1", *option, cwd=tmp_path) as other:
            assert await other.exit() == 2
        [line] = other.said.splitlines()
        assert line.startswith(f"Error: --pid-file {file} is that of another server that runs, process {pid}: ")
        assert file.read_text() == f"{pid}\n"
        file.unlink()
        file.write_text("another's\n")
        assert await run.end() == 0
    assert file.read_text() == "another's\n"


async def test_it_may_only_ask(tmp_path):
    async with serving(tmp_path, "--drain", "0", workers=1) as (run, _):
        async with started("reload", "--no-wait", "--pid", str(run.process.pid)) as reload:
            assert await reload.exit() == 0
        assert "its log says when that is done" in reload.said
        await run.says("replaced 1 workers")
        assert await run.end() == 0


async def test_a_version_that_does_not_start_is_said_and_the_old_one_stays(tmp_path):
    async with serving(tmp_path, workers=1) as (run, address), spread(address, 1) as clients:
        (tmp_path / "live.py").write_text("syntax error here\n")
        async with started("reload", "--pid", str(run.process.pid)) as reload:
            assert await reload.exit() == 1
        assert re.search(
            r"Error: worker 1 \(pid \d+\) ended with exit code 2 before it was ready; 0 of 1 were replaced, the rest stay",
            reload.said,
        )
        ((pid, client),) = clients.items()
        assert await client.call("pid") == pid
        assert await run.end() == 0


async def test_a_server_that_ends_meanwhile_says_so(tmp_path):
    async with serving(tmp_path, workers=1) as (run, _):
        (tmp_path / "live.py").write_text("import time; time.sleep(600)\n")
        async with started("reload", "--pid", str(run.process.pid)) as reload:
            await reload.says("replacing 1 workers")
            run.process.send_signal(signal.SIGTERM)
            assert await reload.exit() == 1
        assert "Error: the server is ending" in reload.said
        assert await run.exit() == 0


async def test_one_that_is_not_to_be_found_from_here_is_said(tmp_path):
    async with serving(tmp_path, workers=1) as (run, _):
        (tmp_path / "else").mkdir()
        async with started("reload", "--pid", str(run.process.pid), TMPDIR=str(tmp_path / "else")) as reload:
            assert await reload.exit() == 1
        assert "--no-wait only asks" in reload.said
        assert await run.end() == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read"),
        ("nonsense", "there is no process id in"),
        ("1", "there is no process id in"),
        ("4194999", "there is no process 4194999"),
    ],
)
def test_what_is_no_server_is_said_in_one_line(tmp_path, monkeypatch, content, said):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "pid").write_text(content)
    outcome = CliRunner().invoke(commands, ["reload", "--pid-file", str(tmp_path / "pid")])
    assert (outcome.exit_code, outcome.output.count("\n")) == (1, 1)
    assert said in outcome.output


async def test_it_has_to_be_told_which_server():
    async with started("reload") as reload:
        assert await reload.exit() == 2


async def test_a_process_that_would_only_end_by_it_is_left_alone():
    other = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        async with started("reload", "--pid", str(other.pid)) as reload:
            assert await reload.exit() == 1
        assert "does not replace workers" in reload.said
        assert other.returncode is None
    finally:
        other.kill()
        await other.wait()


def test_ctrl_c_ends_the_waiting_quietly(monkeypatch):
    def asked(number):
        yield Progress("replacing 2 workers")
        raise KeyboardInterrupt

    module = sys.modules["everywire.cli.reload"]  # the package has the command by that name
    monkeypatch.setattr(module, "_hears", lambda number: True)
    monkeypatch.setattr(module, "ask", asked)
    outcome = CliRunner().invoke(commands, ["reload", "--pid", str(os.getpid())])
    assert (outcome.exit_code, outcome.output) == (130, "replacing 2 workers\n")
