"""The portable twin of the native reactor: the same storeys on asyncio's transports."""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import os
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from everywire.ws.link import PIECE, Link

__all__ = ["Engine"]

log = logging.getLogger("everywire.engine")

_HANDED = 1 << 16  # bytes handed over at once
_CROWDED = (
    1 << 14
)  # bytes queued above which `drained` is owed; no more stays in a transport, which tells only of a queue above its limit
_STALLED = 5  # times `fin_timeout`: how long the last bytes may stand still
_ACCEPTS = 64  # connections accepted in one turn
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_COMPLAINT = 60.0  # seconds between two complaints of the same

name = "portable"


class Stream(Link, asyncio.BufferedProtocol):
    """The lowest storey: one stream on an asyncio transport.

    Invariants: while `full` nothing is handed to the transport; `waiting` counts the bytes in `outbox`.
    """

    def __init__(self, engine: Engine, factory: Callable[[], Link], fin_timeout: float) -> None:
        super().__init__()
        self.engine = engine
        self.factory = factory
        self.fin_timeout = fin_timeout
        self.peer: Any = None  # its address
        self.transport: asyncio.Transport | None = None
        self.outbox: deque[bytes] = deque()
        self.waiting = 0
        self.left = 0  # queued at the last sweep
        self.full = False
        self.crowded = False
        self.low = _CROWDED
        self.finishing = False
        self.half = False
        self.clean = False
        self.eof = False
        self.deadline = 0.0

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=_CROWDED)
        self.peer = transport.get_extra_info("peername")
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.engine.add(self)
        self._guard(lambda: self.put(self.factory()))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the loop's one buffer: the other way it allocates 256 KiB for each receive, which some heaps give back to the kernel every time."""
        return self.engine.incoming

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes; then write what that led to."""
        if self.above is not None and not self.finishing:
            data = bytes(self.engine.incoming[:nbytes])
            self._guard(lambda: self.above.feed(data))
            self.engine.settle()

    def eof_received(self) -> bool:
        """Learn of the peer's half-close; ours is still to come."""
        self.eof = True
        if self.half or self.above is None:
            return False
        if not self.finishing:
            self._guard(self.above.ended)
            self.engine.settle()
        return True

    def pause_writing(self) -> None:
        """Keep what follows in our own queue."""
        self.full = True

    def resume_writing(self) -> None:
        """Go on handing over."""
        self.full = False
        self.engine.mark(self)

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        self.engine.remove(self)
        self.transport = None
        self.outbox.clear()
        self.waiting = 0
        self._guard(lambda: self.lost(error))
        self.engine.settle()

    def _guard(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception:
            log.exception("an error that nobody handled; the connection is closed")
            self.abort()

    # Down

    def write(self, data: bytes) -> None:
        """Queue bytes."""
        if self.transport is None or self.finishing:
            return
        self.outbox.append(data)
        self.waiting += len(data)
        if self.queued() > _CROWDED:
            self.crowded = True
        self.engine.mark(self)

    def wake(self) -> None:
        """Ask for a flush."""
        self.engine.mark(self)

    def leave(self) -> None:
        """Close when all is written, without waiting for the peer."""
        self.clean = True
        self.finish()

    def finish(self) -> None:
        """Close when all is written."""
        if not self.finishing:
            self.finishing = True
            self.deadline = self.engine.clock() + self.fin_timeout
            self.engine.mark(self)

    def abort(self) -> None:
        """Close at once."""
        if self.transport is not None:
            self.transport.abort()

    def discard(self) -> None:
        """Drop our own queue."""
        self.outbox.clear()
        self.waiting = 0

    def reading(self, on: bool) -> None:
        """Start or stop reading."""
        if self.transport is not None and not self.transport.is_closing():
            (self.transport.resume_reading if on else self.transport.pause_reading)()

    def crowd(self, low: int) -> None:
        """Owe `drained`."""
        self.crowded = True
        self.low = min(self.low, low)
        self.transport_low()
        self.engine.mark(self)

    def transport_low(self) -> None:
        """Have the transport call `resume_writing` no later than `drained` is owed."""
        if self.transport is not None:
            self.transport.set_write_buffer_limits(high=min(_HANDED, self.low), low=min(_HANDED, self.low) // 4)

    def queued(self) -> int:
        """Count what has not left."""
        held = 0 if self.transport is None else self.transport.get_write_buffer_size()
        return self.waiting + held + PIECE * max(0, len(self.outbox) - 1)

    def extra(self, name: str) -> Any:
        """Ask the transport."""
        if name == "ground":
            return self
        if name == "peername":
            return self.peer
        if name == "fd":
            sock = None if self.transport is None else self.transport.get_extra_info("socket")
            return None if sock is None else sock.fileno()
        return None if self.transport is None else self.transport.get_extra_info(name)

    def sweep(self, now: float) -> None:
        """End a closing that takes too long."""
        if self.finishing:
            before, self.left = self.left, self.queued()
            if self.left < before:
                self.deadline = now + self.fin_timeout  # it goes on, slowly
            elif now > self.deadline + ((_STALLED - 1) * self.fin_timeout if self.left or not self.half else 0):
                self.abort()
        elif self.above is not None:
            self.above.sweep(now)

    def guarded_sweep(self, now: float) -> None:
        """Sweep; an error ends this stream alone."""
        self._guard(lambda: self.sweep(now))

    def push(self) -> None:
        """Hand over now."""
        self.flush()

    def flush(self) -> None:
        """Hand over what is queued."""
        transport = self.transport
        if transport is None:
            return
        if self.above is not None:
            self._guard(self.above.settling)
        while self.outbox and not self.full:
            data = self.outbox.popleft() if len(self.outbox) == 1 else self._joined()
            self.waiting -= len(data)
            transport.write(data)
        if self.finishing and not self.outbox and not self.half:
            self.half = True
            self._half_close(transport)
        elif self.crowded and self.queued() <= self.low and self.above is not None:
            self.crowded = False
            self.low = _CROWDED
            self._guard(self.above.drained)

    def _joined(self) -> bytes:
        """Take several small pieces as one."""
        pieces = []
        size = 0
        while self.outbox and size < _HANDED:
            piece = self.outbox.popleft()
            size += len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def _half_close(self, transport: asyncio.Transport) -> None:
        if self.eof or self.clean or not transport.can_write_eof():
            transport.close()
            return
        try:
            transport.write_eof()
            transport.resume_reading()
        except OSError:  # the peer has reset the connection meanwhile
            transport.abort()


class Engine:
    """All the streams of one event loop: the same face as the native engine."""

    name = "portable"

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.clock = loop.time
        self.spare: Any = None
        self.plaintext = bytearray(1 << 16)  # for TLS
        self.incoming = memoryview(bytearray(1 << 18))  # one receive
        self._streams: set[Stream] = set()
        self._marked: set[Stream] = set()
        self._scheduled = False
        self._period = 1.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        """How many streams live."""
        return len(self._streams)

    async def listen(self, sock: socket.socket, factory: Callable[[], Link], fin_timeout: float = 2.0) -> Listener:
        """Accept connections on `sock` (taken over); each gets the Link that `factory()` makes. Gives the listener; `abort` ends it.

        `fin_timeout`: seconds to wait for a peer's FIN after ours; five times as many for bytes that it does not take.
        """
        sock.setblocking(False)
        listener = Listener(self.loop, sock, lambda: Stream(self, factory, fin_timeout))
        await listener.begin()
        return listener

    async def adopt(self, sock: socket.socket, above: Link, fin_timeout: float = 2.0) -> Link:
        """Take over the connected `sock`, with `above` on it. Gives the lowest storey."""
        sock.setblocking(False)
        _, stream = await self.loop.create_connection(lambda: Stream(self, lambda: above, fin_timeout), sock=sock)
        return stream

    def watch(self, seconds: float) -> None:
        """Promise that timeouts of `seconds` are noticed within a quarter of that."""
        self._period = min(self._period, max(seconds / 4, 0.01))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self.loop.call_later(self._period, self._sweep)

    def close(self) -> None:
        """Abort everything at once."""
        for stream in list(self._streams):
            stream.abort()

    def add(self, stream: Stream) -> None:
        """Look after a stream."""
        self._streams.add(stream)
        if self._timer is None:
            self._timer = self.loop.call_later(self._period, self._sweep)

    def remove(self, stream: Stream) -> None:
        """Forget a stream."""
        self._streams.discard(stream)
        self._marked.discard(stream)
        if not self._streams and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def mark(self, stream: Stream) -> None:
        """Note that a stream has something to write."""
        self._marked.add(stream)
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_soon(self._settle)

    def _settle(self) -> None:
        self._scheduled = False
        self.settle()

    def settle(self) -> None:
        """Write what is queued."""
        while self._marked:
            marked, self._marked = self._marked, set()
            for stream in marked:
                stream.flush()

    def _sweep(self) -> None:
        self._timer = None
        now = self.clock()
        for stream in list(self._streams):
            stream.guarded_sweep(now)
        self.settle()
        if self._streams and self._timer is None:
            self._timer = self.loop.call_later(self._period, self._sweep)


class Listener:
    """A listening socket.

    It accepts by itself where the loop can watch a socket: a server of asyncio's loses the connections that it had accepted in the turn in which it is closed,
    and leaves them open.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, make: Callable[[], Stream]) -> None:
        self._loop = loop
        self._sock: socket.socket | None = sock
        self._make = make
        self._server: asyncio.AbstractServer | None = None
        self._beginning: set[asyncio.Task[Any]] = set()
        self._told = -math.inf

    async def begin(self) -> None:
        """Accept connections from now on."""
        assert self._sock is not None
        try:
            self._loop.add_reader(self._sock, self._accept)
        except NotImplementedError:
            self._server = await self._loop.create_server(self._make, sock=self._sock, backlog=4096)

    def _accept(self) -> None:
        for _ in range(_ACCEPTS):
            if self._sock is None:
                return
            try:
                sock, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._cannot(error)
                return
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._make, sock))
            self._beginning.add(task)
            task.add_done_callback(partial(self._begun, sock))

    def _begun(self, sock: socket.socket, task: asyncio.Task[Any]) -> None:
        self._beginning.discard(task)
        if task.cancelled():
            sock.close()
        elif (error := task.exception()) is not None:
            log.error("a new connection could not be set up", exc_info=error)
            sock.close()

    def _cannot(self, error: OSError) -> None:
        if error.errno not in _SCARCE:
            return
        if self._loop.time() > self._told + _COMPLAINT:
            self._told = self._loop.time()
            log.error("cannot accept connections: %s; trying again every 0.1 s", os.strerror(error.errno))
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
            self._loop.call_later(0.1, self.again)

    def again(self) -> None:
        """Accept again after a pause."""
        if self._sock is not None:
            self._loop.add_reader(self._sock, self._accept)

    def abort(self) -> None:
        """Stop listening and close the socket; what was accepted stays."""
        sock, self._sock = self._sock, None
        if self._server is not None:
            self._server.close()
        elif sock is not None:
            self._loop.remove_reader(sock)
            sock.close()
