"""What bad input must not do: harm another client, fill memory, burn the processor, flood the log, end the process."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from conformance.processes import EchoServer
from tests.abuse.raw import FIN, TEXT, Peer, frame, request

BUILD = "pure" if os.environ.get("EVERYWIRE_PURE", "") not in ("", "0") else "native"
# Everything that waits, waits briefly, so that the tests need not.
QUICK: dict[str, Any] = {
    "open_timeout": 0.4,
    "close_timeout": 0.4,
    "idle_timeout": 1,
    "ping_interval": None,
    "max_size": 1 << 16,
    "max_fragments": 64,
}

_marks = itertools.count()


def start(engine: str, *arguments: str, **options: Any) -> EchoServer:
    """An echo server with short timeouts, in a process of its own; a context manager."""
    return EchoServer("--engine", engine, *arguments, build=BUILD, **{**QUICK, **options})


@contextmanager
def unharmed(server: EchoServer, *, lines: int | None = 1, memory: float = 4, seconds: float = 1) -> Iterator[None]:
    """Around something bad: afterwards another client's connection works as before, in the same process, which has not grown by more
    than `memory` MB at any time, has used at most `seconds` of processor time, and has logged exactly `lines` lines (None: not looked at).
    """
    with (
        Peer.open(server.port) as other,
        measured(server, lambda word: echoes(other, word), lines=lines, memory=memory, seconds=seconds),
    ):
        yield


@contextmanager
def measured(
    server: EchoServer, works: Callable[[bytes], None], *, lines: int | None, memory: float, seconds: float
) -> Iterator[None]:
    """The same, with any proof that the server `works`, which is given a word to say."""
    works(b"before")
    first = mark(server)
    resident, used = server.memory(), server.processor_time()
    server.forget_peak()
    yield
    works(b"after")
    grown, used = server.peak_memory() - resident, server.processor_time() - used
    last = mark(server)
    assert server.alive
    said = server.log[first + 1 : last]
    assert not [line for line in said if "Traceback" in line], "\n".join(said)
    assert lines is None or len(said) == lines, said
    assert grown <= memory, f"grew by {grown:.1f} MB"
    assert used <= seconds, f"used {used:.2f} s of processor time"


def echoes(peer: Peer, message: bytes) -> None:
    """One message there and back."""
    peer.send(frame(FIN | TEXT, message))
    assert peer.frame() == (FIN | TEXT, message)


def mark(server: EchoServer) -> int:
    """Put a line into the server's log; gives its number. Everything logged before is there by then."""
    target = f"/mark/{next(_marks)}"
    start = len(server.log)
    with Peer.connect(server.port) as peer:
        peer.send(request(target=target))
        status = peer.answer().status
        line = server.logged(target, start)
        if status == 101:
            peer.send(frame(FIN | 8, b"\x03\xe8"))
            peer.rest()
    return line
