"""Latency over Socket.IO, with the official client."""

import runpy
from pathlib import Path

from tests.socketio.serving import house

APP = Path(__file__).parents[2] / "examples" / "socketio_latency" / "app.py"


async def test_both_ways_are_measured():
    made = runpy.run_path(str(APP))
    async with house(made["sio"], made["app"]) as home:
        client = await home.come()
        await client.on("echo", 1)
        assert await client.ask("echo") == []
        assert await client.ask("echo", 1, "two") == [1, "two"]
        [said] = await client.ask("measure", 3)
        assert len(said["milliseconds"]) == 3
        assert all(0 < each < 5_000 for each in said["milliseconds"])
        for count in (0, 21, "many"):
            assert await client.ask("measure", count) == [{"error": "1 to 20 measurements"}]
