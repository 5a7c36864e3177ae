"""The process that has the logs: `python -m everywire.servers.workers.authority`, started by the supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import msgspec

from everywire.brokers.local import Host
from everywire.brokers.local import serve as serve_host
from everywire.brokers.memory import MemoryBroker
from everywire.hub.world import LoopWorld
from everywire.servers.workers.control import Control, Ready

__all__ = ["ENVIRONMENT", "Given", "main"]

ENVIRONMENT = "EVERYWIRE_AUTHORITY"


class Given(msgspec.Struct, frozen=True):
    """What the authority is given: descriptors, and the file that outlives it, if history is to."""

    listening: int
    control: int
    history: str | None = None


async def serve(given: Given) -> None:
    """Serve until SIGTERM, or until the supervisor is gone."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    world = LoopWorld(loop)
    broker = MemoryBroker(world.now, world.new_id, later=world.later, alone=False)
    host = Host(broker, world)
    control = await Control.over(socket.socket(fileno=given.control), lambda _: None, told.set)
    server = await serve_host(host.join, socket.socket(fileno=given.listening))
    control.say(Ready())
    await told.wait()
    server.close()
    host.close()
    await broker.close()


def main() -> None:
    """Be the authority that the environment describes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    given = msgspec.json.decode(os.environ.pop(ENVIRONMENT), type=Given)
    asyncio.run(serve(given))


if __name__ == "__main__":
    main()
