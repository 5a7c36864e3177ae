"""The local broker's frames under the fuzzer: either end takes any bytes, or gives the link up; nothing else comes of them.

An input's first byte chooses where to cut, and by its highest bit who is told: the host of the logs, or a worker that has asked it something.
The rest is frames, as they are where the second byte is 0, else items that are put into a frame each.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import atheris

with atheris.instrument_imports(include=["everywire.brokers"]):
    from everywire.brokers.base import Query, Retention
    from everywire.brokers.local import Host, LocalBroker
    from everywire.brokers.local.wire import CALLS, Frames, Wrong, frame
    from everywire.brokers.memory import MemoryBroker

from everywire.testing.clock import VirtualLoop, virtual_world
from fuzz import judge


class End:
    """A link's end whose other end is the input."""

    queued = 0

    def __init__(self) -> None:
        self.closed = False
        self.said = 0

    def write(self, data: bytes) -> None:
        """Count it."""
        self.said += len(data)

    def close(self) -> None:
        """Take no more."""
        self.closed = True


class Ours(logging.Handler):
    """Makes a finding of every error that is said to be ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.found = f"{record.getMessage()}: {record.exc_info[1] if record.exc_info else ''!r}"


OURS = Ours()
logging.getLogger("everywire").addHandler(OURS)
logging.getLogger("everywire").propagate = False
logging.getLogger("asyncio").addHandler(OURS)


def frames(wire: bytes, pieces: list[bytes]) -> None:
    """Read whole and in pieces."""
    if whole(wire, [wire]) != whole(wire, pieces):
        raise judge.Finding("whole and in pieces differ")


def whole(wire: bytes, pieces: list[bytes]) -> list[Any]:
    """The items, and at last True where what follows is wrong."""
    reading, found = Frames(1 << 16), []
    try:
        for piece in pieces:
            found += [(number, kind, bytes(body)) for number, kind, body in reading.receive(piece)]
    except Wrong:
        return [True]  # what came before it in the same piece is not told
    return found


def host(pieces: list[bytes]) -> None:
    """Tell a host."""
    with VirtualLoop() as loop:
        world = virtual_world(loop)
        keeper = Host(MemoryBroker(world.now, world.new_id, later=world.later, alone=False), world)
        end, peer = End(), keeper.join()
        peer.opened(end)
        for piece in pieces:
            if not end.closed:
                peer.received(piece)
        loop.run(0.01)
        if end.closed != (keeper.links == 0):
            raise judge.Finding("a link that is closed and counted, or neither")
        keeper.close()


def worker(pieces: list[bytes]) -> None:
    """Tell a worker."""
    with VirtualLoop() as loop:
        receivers: list[Any] = []
        broker = LocalBroker(receivers.append, loop, "fuzz")
        broker.listen(lambda news: None)
        loop.run_until_complete(told(broker, receivers, pieces))


async def told(broker: LocalBroker, receivers: list[Any], pieces: list[bytes]) -> None:
    """Ask something, then have the input answer."""
    import asyncio

    asked = asyncio.ensure_future(broker.read("channel", Query(), Retention(10, 60)))
    await asyncio.sleep(0)
    end = End()
    receivers[0].opened(end)
    await asyncio.sleep(0.01)
    for piece in pieces:
        if not end.closed:
            receivers[0].received(piece)
    done, _ = await asyncio.wait([asked], timeout=10)
    if not done:
        raise judge.Finding("a question without an end")
    asked.exception()
    await broker.close()


def one_input(data: bytes) -> None:
    """Try one input; any other exception is a finding."""
    head = data[:2].ljust(2, b"\0")
    body = data[2:]
    wire = body if head[1] == 0 else b"".join(frame([part]) for part in body.split(b"\xc1") if part)
    pieces = judge.pieces(wire, head[0] & 127)
    frames(wire, pieces)
    (host if head[0] < 128 else worker)(pieces)
    found, OURS.found = OURS.found, None
    if found is not None:
        raise judge.Finding(found)


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    assert CALLS
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
