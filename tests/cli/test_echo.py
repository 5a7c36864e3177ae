"""The echo server: both faces, both engines, and the broadcast path."""

import pytest
from tests.cli.commands import started

import everywire
from everywire.errors import ConnectionClosed


@pytest.mark.parametrize("options", [(), ("--async",), ("--engine", "portable"), ("--no-compression",)])
async def test_messages_come_back_and_fan_out(options):
    async with started("echo", "--host", "127.0.0.1", "--port", "0", *options) as echo:
        address = f"ws://127.0.0.1:{await echo.port()}"
        async with everywire.connect(address) as ws:
            await ws.send("text")
            await ws.send(b"bytes")
            assert [await ws.recv(), await ws.recv()] == ["text", b"bytes"]
            assert (ws.compressor is None) == ("--no-compression" in options)
        fan = [await everywire.connect(f"{address}/fan?who=me") for _ in range(3)]
        await fan[0].send("one")
        assert await fan[1].recv() == "one"  # which of two connections is read first is the kernel's choice
        await fan[1].send("two")
        assert await fan[0].recv() == "two"
        assert [await fan[2].recv(), await fan[2].recv()] == ["one", "two"]
        assert await echo.end() == 0


async def test_the_limit_of_a_message_is_kept():
    async with started("echo", "--host", "127.0.0.1", "--port", "0", "--max-size", "10") as echo:
        async with everywire.connect(f"ws://127.0.0.1:{await echo.port()}") as ws:
            await ws.send("x" * 10)
            assert await ws.recv() == "x" * 10
            await ws.send("x" * 11)
            with pytest.raises(ConnectionClosed) as closed:
                await ws.recv()
        assert closed.value.code == 1009


async def test_an_engine_that_is_not_there_is_told_in_one_line():
    async with started("echo", "--port", "0", "--engine", "native", EVERYWIRE_PURE="1") as echo:
        assert await echo.exit() == 2
    assert echo.said.startswith("Error: the native engine is not available here")
    assert "Traceback" not in echo.said
