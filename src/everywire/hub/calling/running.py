"""Calls that are under way on one attachment: credit, deadlines, cancellation, the end.

Nothing here waits its turn. What a client says of a call that runs (items, credit, a cancel) or answers to a call of the server would
otherwise stand in the inbox behind the very call that waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final

from everywire import messages as m
from everywire.errors import Refused, SessionGone
from everywire.hub.calling.inflow import UNBOUNDED, Inflow
from everywire.hub.codes import Code
from everywire.hub.refusing import refusal

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.calling.handlers import Handler
    from everywire.hub.calling.shapes import Shape
    from everywire.hub.hub import Hub
    from everywire.hub.world import Timer

__all__ = ["Calls", "Running"]

_ITEMS_PER_TURN: Final = 32  # of one stream, before everything else has its turn


class Calls:
    """The calls of one attachment, those of its client and those of the server to it. Made with the first of them.

    Invariants: `running` holds each call of the client from its receipt until it is answered, by its ref; `asked` each call of the
    server that waits for the client's answer, by its number; `working` counts handlers that have begun and not come to their end,
    answered or not; `queued` is how many bytes of items wait in the streams of those that run; `full`: so many that a client without credit
    is not heard for a while; `tried`: it was not, in vain, since there was room last; `held` are the promises of what waits for room.
    """

    __slots__ = ("asked", "full", "held", "queued", "running", "tried", "working")

    def __init__(self) -> None:
        self.running: dict[m.Ref, Running] = {}
        self.asked: dict[int, asyncio.Future[Any]] = {}
        self.working = 0
        self.queued = 0
        self.full = self.tried = False
        self.held: list[asyncio.Future[None]] = []

    def fill(self) -> None:
        """Take note that there is little room left for items."""
        self.full = not self.tried

    def empty(self, size: int, enough: int) -> None:
        """Count `size` bytes of items no longer; there is room again where no more than `enough` are left."""
        self.queued -= size
        if (self.full or self.tried) and self.queued <= enough:
            self.tried = False
            self._go_on()

    def tire(self) -> None:
        """Hear the client again although there is no room."""
        self.tried = True
        self._go_on()

    def _go_on(self) -> None:
        self.full = False
        for room in self.held:
            _wake(room)

    def end(self) -> None:
        """End all of them: the client is gone."""
        for call in [*self.running.values()]:
            call.stop()
        for answer in self.asked.values():
            if not answer.done():
                answer.set_exception(SessionGone("the client was lost before it answered"))


class Running:
    """One call of a client, from its receipt until it is answered.

    Invariants: once `over`, it is in `Calls.running` no more, its client's timeout does not run, none of its items are counted, and
    nothing more is told of it. Its handler may still be at work; the server's deadline runs as long. `credit` is how many items the
    client takes at this moment; `_inflows` are those of its `streams` that something came of, or that its handler reads, by their number.
    """

    __slots__ = (
        "_attachment",
        "_calls",
        "_deadline",
        "_given",
        "_handler",
        "_hub",
        "_inflows",
        "_patience",
        "_raised",
        "_room",
        "_waited",
        "_work",
        "command",
        "credit",
        "failure",
        "given",
        "made",
        "over",
        "streams",
    )

    def __init__(self, hub: Hub, attachment: Attachment, calls: Calls, command: m.Call) -> None:
        self._hub: Final = hub
        self._attachment: Final = attachment
        self._calls: Final = calls
        self.command: Final = command
        self.credit = command.credit if command.awaits is None else UNBOUNDED
        self.streams: Final = command.streams or int(command.streaming)
        self._inflows: dict[
            int, Inflow
        ] = {}  # one by one: a client may say that it has many more than any handler takes
        self.over = False
        self.given: AbstractAsyncContextManager[dict[str, Any]] | None = (
            None  # what no client sends, where there is any
        )
        self.made: Any = None  # what its handler gave to wait for, where that began on the short way
        self._handler: Handler | None = None
        self._work: asyncio.Future[Any] | None = None
        self._raised: Exception | None = None  # for who waits
        self.failure: Exception | None = None  # of its handler
        self._given = 0
        self._room: asyncio.Future[None] | None = None
        self._waited: asyncio.Future[None] | None = None
        self._deadline: Timer | None = None
        self._patience: Timer | None = None
        if command.timeout is not None:
            self._patience = hub.world.later(command.timeout, lambda: self.stop(self._late()))
        calls.running[command.ref] = self

    # Its handler.

    def begin(self, handler: Handler, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` answer the call: at once as far as it goes, where it is no coroutine of the application's."""
        self._handler = handler
        self._calls.working += 1
        world = self._hub.world
        # An application's coroutine may use timeouts and task groups, which need a task from the beginning.
        # So does a span, if it is left elsewhere than where it was entered.
        alone = handler.immediate and (self._hub.tracer is None or not handler.detached)
        self._work = world.start(work) if alone else world.task(work)
        if self._work.done():
            self._landed(self._work)
            return
        self._work.add_done_callback(self._landed)
        if handler.steadfast:
            self._hub.unfinished.add(self._work)
        self._limit(handler)

    def _limit(self, handler: Handler) -> None:
        """Start the handler's time: on the timer that all have who have no time of their own."""
        timeout = handler.options.timeout
        if timeout == "default":
            if not handler.endless and self._hub.settings.call_deadline is not None:
                self._hub.call_deadlines.add(self)
        elif timeout is not None:
            self._deadline = self._hub.world.later(timeout, self.expire)

    def _landed(self, work: asyncio.Future[Any]) -> None:
        self._calls.working -= 1
        self._hub.unfinished.discard(work)
        self._hub.call_deadlines.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
        # Whoever is not answered by now has a handler that cancelled itself.
        self.finish(m.Refusal(self.command.ref, Code.INTERNAL, "internal error", temporary=True))
        if not work.cancelled():
            work.result()

    async def wait(self) -> None:
        """Come back when the call is over; raises what it failed with, for who waits to tell."""
        if not self.over:
            self._waited = self._hub.world.promise()
            await self._waited
        if self._raised is not None:
            raise self._raised

    # Its stream to the client.

    async def room(self) -> bool:
        """Wait until the client takes another item, and let others go first now and then; false where nobody takes any more."""
        self._given += 1
        if self._given % _ITEMS_PER_TURN == 0:
            await asyncio.sleep(0)
        while not self.over and self.credit <= 0:
            self._room = self._hub.world.promise()
            await self._room
        if not self.over:
            await self._attachment.transport.drain()
        return not self.over

    def give(self, item: m.Data) -> None:
        """Tell an item."""
        if not self.over:
            self.credit -= 1
            self._attachment.tell(m.Item(self.command.ref, item))

    def grant(self, count: int) -> None:
        """Take note that the client takes `count` items more."""
        self.credit += count
        if self.credit > self._hub.settings.max_credit:
            self.refuse(f"more credit than {self._hub.settings.max_credit}", Code.LIMIT)
        elif self.credit > 0:
            _wake(self._room)

    # Its streams from the client.

    def opened(self, shapes: Sequence[Shape]) -> list[Inflow]:
        """Give the streams, for the handler to read as `shapes`."""
        inflows = [self._inflow(number) for number in range(len(shapes))]
        for inflow, shape in zip(inflows, shapes, strict=True):
            inflow.open(shape, self._hub.settings.stream_window)
        return inflows

    def _inflow(self, number: int) -> Inflow:
        if (inflow := self._inflows.get(number)) is None:
            inflow = self._inflows[number] = Inflow(self, self._hub.world, credited=self.command.awaits is None)
        return inflow

    def take(self, item: m.Item) -> None:
        """Take an item that came; one that came against the rules ends the call."""
        settings = self._hub.settings
        if not 0 <= item.stream < self.streams:
            self.refuse("an item for a call that is no stream", Code.BAD_REQUEST)
            return
        inflow = self._inflow(item.stream)
        weight = inflow.weigh(item.data)
        if memoryview(item.data).nbytes > settings.max_data:
            self.refuse(f"item has more than {settings.max_data} bytes", Code.LIMIT)
        elif self._calls.queued + weight > settings.max_stream_bytes:
            self.refuse(f"more than {settings.max_stream_bytes} bytes of items wait", Code.LIMIT)
        elif (wrong := inflow.put(item.data)) is not None:
            self.refuse(wrong, Code.BAD_REQUEST)
        else:
            self._calls.queued += weight
            if self.command.awaits is not None and self._calls.queued > settings.max_stream_bytes // 2:
                self._calls.fill()

    def end(self, end: m.End) -> None:
        """Take note that nothing more comes of one of them."""
        if 0 <= end.stream < self.streams:
            self._inflow(end.stream).end(end.error)

    def taken(self, size: int) -> None:
        """Count `size` bytes of its items no longer."""
        self._calls.empty(size, self._hub.settings.max_stream_bytes // 4)

    def ask_for(self, count: int) -> None:
        """Tell the client that there is room for `count` items more."""
        if not self.over:
            self._attachment.tell(m.Credit(self.command.ref, count))

    # Its end.

    def fail(self, handler: Handler, error: Exception) -> None:
        """End the call because its handler raised `error`, which the client is told and our log, if it is our fault."""
        self.failure = error
        if self.over or handler.detached:
            self.finish(refusal(self._hub, f"the handler of {handler.name!r}", self.command.ref, error))
        else:
            self._raised = error
            self.finish(None)

    def refuse(self, reason: str, code: int) -> None:
        """End the call because of what its client said."""
        self.stop(refusal(self._hub, "a call", self.command.ref, Refused(reason, code)))

    def give_up(self) -> None:
        """End the call because its client waits no longer; it is told so where its language has an answer to every call."""
        ref = self.command.ref
        match self.command.awaits:
            case None:
                self.stop()
            case "stream" if self._work is not None and not self._given:
                # It came behind its call: a generator that never began would never come to its `finally`.
                self._hub.world.later(0, lambda: None if self.over else self.stop(m.End(ref)))
            case "stream":
                self.stop(m.End(ref))
            case "one":
                self.stop(m.Refusal(ref, Code.CANCELED, "canceled"))

    def stop(self, event: m.Event | None = None) -> None:
        """End the call before its handler does: tell `event`, and cancel the handler unless that is to finish."""
        self.finish(event)
        if self._work is not None and self._handler is not None and not self._handler.steadfast:
            self._work.cancel()

    def expire(self) -> None:
        """End the call at the server's own deadline; a thread alone cannot be ended."""
        self.finish(self._late())
        if self._work is not None and self._handler is not None and not self._handler.threaded:
            self._work.cancel()

    def _late(self) -> m.Refusal:
        return m.Refusal(self.command.ref, Code.TIMED_OUT, "timed out")

    def finish(self, event: m.Event | None) -> None:
        """Answer the call by `event`, or by nothing; what is over already stays as it is."""
        if self.over:
            return
        self.over = True
        del self._calls.running[self.command.ref]
        if self._patience is not None:
            self._patience.cancel()
        for inflow in self._inflows.values():
            self.taken(inflow.close())
        if event is not None:
            self._attachment.tell(event)
        _wake(self._waited)
        _wake(self._room)


def _wake(promise: asyncio.Future[None] | None) -> None:
    if promise is not None and not promise.done():
        promise.set_result(None)
