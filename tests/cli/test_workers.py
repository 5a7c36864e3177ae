"""Several workers as real processes."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from tests.cli.commands import started
from tests.cli.several import PATIENCE, Ear, Mouth, serving, spread

import everywire
from everywire.testing import passed


async def test_a_message_crosses_from_one_worker_to_another(tmp_path):
    async with serving(tmp_path) as (run, address), spread(address, 2) as clients:
        ann, ben = clients.values()
        heard = ben.subscribe("log:a")
        await heard.ready()
        await ann.publish("log:a", "hello")
        async with asyncio.timeout(PATIENCE):
            async for publication in heard:
                assert publication.data == "hello"
                break
        assert await run.end() == 0


async def test_a_killed_worker_is_restarted_and_nobody_misses_anything(tmp_path):
    async with serving(tmp_path) as (run, address), spread(address, 2) as clients:
        ears = [Ear(client, "log:a") for client in clients.values()]
        for ear in ears:
            await ear.subscription.ready()
        survivor = [*clients.values()][1]
        mouth = Mouth(survivor, "log:a", 200)
        await mouth.until(20)
        os.kill([*clients][0], signal.SIGKILL)
        await run.says(r"worker \d \(pid \d+\) was killed by SIGKILL; another is started")
        await run.says(r"worker \d \(pid \d+\) is ready")
        await mouth.until(mouth.said + 50)
        last = await mouth.stop()
        for ear in ears:
            await ear.until(last)
            assert ear.whole
        assert await run.end() == 0


async def test_presence_is_right_after_a_worker_died(tmp_path):
    async with serving(tmp_path) as (run, address), spread(address, 2) as clients:
        ann, ben = clients.values()
        left = asyncio.Event()
        await ben.subscribe("room:a", on_leave=lambda _: left.set()).ready()
        await ann.subscribe("room:a").ready()
        assert len(await ben.presence("room:a")) == 2
        gone = ann.session
        await ann.close()
        async with asyncio.timeout(5):
            await left.wait()
        assert gone not in [member.session for member in await ben.presence("room:a")]
        assert await run.end() == 0


async def test_a_dead_broker_process_is_restarted_and_its_loss_is_no_secret(tmp_path):
    async with serving(tmp_path) as (run, address), spread(address, 2) as clients:
        ann, _ = clients.values()
        first = await ann.publish("log:a", 0)
        os.kill(await _authority(run), signal.SIGKILL)
        await run.says("the broker was killed by SIGKILL; it is started again")
        second = await _published(ann, "log:a", 1)
        assert (second.epoch != first.epoch, second.offset) == (True, 1)
        assert await run.end() == 0


async def test_a_rolling_restart_turns_nobody_away(tmp_path):
    async with serving(tmp_path, "--drain", "1") as (run, address), spread(address, 2) as clients:
        ears = [Ear(client, "log:a") for client in clients.values()]
        for ear in ears:
            await ear.subscription.ready()
        mouth = Mouth([*clients.values()][0], "log:a", 200)
        run.process.send_signal(signal.SIGHUP)
        restarted = asyncio.ensure_future(run.says("replaced 2 workers"))
        while not restarted.done():
            async with everywire.Client(address) as client:
                await client.call("pid")
        last = await mouth.stop()
        pids = {await ear.client.call("pid") for ear in ears}
        assert not pids & set(clients)
        for ear in ears:
            await ear.until(last)
            assert ear.whole
        assert await run.end() == 0


async def test_an_application_that_does_not_load_is_one_failure(tmp_path):
    (tmp_path / "live.py").write_text("syntax error here\n")
    async with started("run", "live:app", "--port", "0", "--workers", "2", cwd=tmp_path) as run:
        assert await run.exit() == 1
    assert "a worker does not start: it ended with exit code 1" in run.said


async def test_a_supervisor_that_is_killed_takes_its_processes_with_it(tmp_path):
    async with serving(tmp_path) as (run, address), spread(address, 2) as clients:
        processes = [*clients, await _authority(run)]
        run.process.kill()
        for process in processes:
            await _over(process)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--workers", "0"), "neither a number of workers nor auto"),
        (("--workers", "many"), "neither a number of workers nor auto"),
        (("--workers", "2", "--reload"), "--reload goes without --workers"),
        (("--history", "f"), "--history goes with --workers"),
    ],
)
async def test_options_that_make_no_sense_are_refused(tmp_path, options, said):
    async with started("run", "live:app", *options, cwd=tmp_path) as run:
        assert await run.exit() == 2
    assert said in run.said


def _children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def _authority(run):
    """The process id of the authority."""
    for child in _children(run.process.pid):
        if b"authority" in Path(f"/proc/{child}/cmdline").read_bytes():
            return child
    raise AssertionError("there is no authority")


async def _published(client, channel, data):
    """Publish, again while the broker is not there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await client.publish(channel, data)
            except everywire.Refused as no:
                assert no.temporary


async def _over(pid):
    """Wait until a process is gone, or a zombie that nobody waits for."""
    async with asyncio.timeout(PATIENCE):
        while Path(f"/proc/{pid}").exists() and ") Z" not in Path(f"/proc/{pid}/stat").read_text():
            await passed(0.02)
