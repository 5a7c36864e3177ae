"""What is under way when workers are replaced, or the server ends, with real processes."""

import asyncio
import contextlib
import signal

import pytest
from tests.cli.commands import started
from tests.cli.several import PATIENCE, serving

import everywire

HOLDING = """
import asyncio

held = asyncio.Event()

@app.on("hold", concurrent=True)
async def hold():
    yield os.getpid()
    await held.wait()
    yield os.getpid()

@app.on("release")
async def release():
    held.set()
    return os.getpid()
"""


class Watched:
    """A client, and the codes that its connections ended with."""

    def __init__(self, address):
        self.codes = []
        self.gone = asyncio.Event()
        self.client = everywire.Client(address, on_state=self._change)

    def _change(self, change):
        if change.code:
            self.codes.append(int(change.code))
            self.gone.set()

    async def __aenter__(self):
        await self.client.connect()
        return self

    async def __aexit__(self, *_):
        await self.client.close()


@contextlib.asynccontextmanager
async def held(address):
    """An idle client, and one with a stream that waits to go on."""
    async with Watched(address) as idle, Watched(address) as busy:
        stream = busy.client.stream("hold")
        yield idle, busy, stream, await anext(stream)


async def test_a_stream_under_way_when_workers_are_replaced_comes_to_its_end(tmp_path):
    async with (
        serving(tmp_path, "--drain", "0", workers=1, more=HOLDING) as (run, address),
        held(address) as (idle, busy, stream, old),
    ):
        async with started("reload", "--pid", str(run.process.pid)) as reload:
            assert await reload.exit() == 0
        async with asyncio.timeout(PATIENCE):
            await idle.gone.wait()
            assert await idle.client.call("pid") != old
            assert await busy.client.call("release") == old  # what it says before its close is answered, too
            assert [item async for item in stream] == [old]
            await busy.gone.wait()
            assert await busy.client.call("pid") != old
        assert idle.codes == busy.codes == [1012]
        assert await run.end() == 0


@pytest.mark.parametrize(("workers", "code"), [(1, 1012), (None, 1001)])
async def test_one_under_way_when_the_server_ends_does_too(tmp_path, workers, code):
    async with (
        serving(tmp_path, workers=workers, more=HOLDING) as (run, address),
        held(address) as (idle, busy, stream, old),
    ):
        run.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            await idle.gone.wait()
            assert await busy.client.call("release") == old
            assert [item async for item in stream] == [old]
            await busy.gone.wait()
        assert (idle.codes[0], busy.codes[0]) == (code, code)
        assert await run.exit() == 0


async def test_who_takes_too_long_is_let_go_with_the_same_code(tmp_path):
    async with (
        serving(tmp_path, "--drain", "0", "--finish", "0.3", workers=1, more=HOLDING) as (run, address),
        held(address) as (_, busy, stream, _),
    ):
        run.process.send_signal(signal.SIGHUP)
        with pytest.raises(everywire.ConnectionClosedError):
            async with asyncio.timeout(PATIENCE):
                await anext(stream)
        assert busy.codes == [1012]
        assert await run.end() == 0


async def test_an_end_hurries_workers_that_drain_already(tmp_path):
    options = ("--drain", "0", "--finish", "600", "--grace", "1")
    async with (
        serving(tmp_path, *options, workers=1, more=HOLDING) as (run, address),
        held(address) as (idle, busy, stream, _),
    ):
        run.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(PATIENCE):
            await idle.gone.wait()
            run.process.send_signal(signal.SIGTERM)
            with pytest.raises(everywire.ConnectionClosedError):
                await anext(stream)
        assert busy.codes[0] == 1012
        assert await run.exit() == 0
