"""Replacing the workers of a running server by a command."""

import asyncio

import pytest
from tests.cli.commands import started
from tests.cli.several import serving, spread


async def test_workers_are_replaced(tmp_path):
    file = tmp_path / "pid"
    async with serving(tmp_path, "--drain", "0", "--pid-file", str(file), workers=1) as (run, address):
        async with spread(address, 1) as clients:
            assert file.read_text().strip() == str(run.process.pid)
            async with started("reload", "--pid-file", str(file)) as reload:
                assert await reload.exit() == 0
            await run.says("replaced 1 workers")
            assert await next(iter(clients.values())).call("pid") not in clients
        assert await run.end() == 0
    assert not file.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read"),
        ("nonsense", "there is no process id in"),
        ("1", "there is no process id in"),
        ("4194999", "there is no process 4194999"),
    ],
)
async def test_what_is_no_server_is_said_in_one_line(tmp_path, content, said):
    if content is not None:
        (tmp_path / "pid").write_text(content)
    async with started("reload", "--pid-file", str(tmp_path / "pid")) as reload:
        assert await reload.exit() == 1
    assert said in reload.said


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
