"""Notes from node to node: what hubs tell each other through the broker.

A note is a MessagePack array `[version, kind, node, body]`; `body` is what its kind's shape says. What is of
another version or kind, or not understood, is counted and passed over: nodes of several releases share a broker,
and what a stranger writes there must harm nobody.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from everywire.brokers.base import Broker
from everywire.hub.neighbours import Neighbours
from everywire.hub.world import World
from everywire.metrics import Metrics

__all__ = ["VERSION", "Notes"]

VERSION: Final = 1
_MAX_BYTES = 1 << 20

_log = logging.getLogger("everywire.hub")

S = TypeVar("S", bound=msgspec.Struct)


class _Envelope(msgspec.Struct, array_like=True):
    version: int
    kind: str
    node: str
    body: msgspec.Raw


class _Parted(msgspec.Struct):
    """The node that writes this ends, and answers nothing any more."""


_open = msgspec.msgpack.Decoder(_Envelope).decode
_write = msgspec.msgpack.Encoder().encode


class Notes:
    """Writes this node's notes and hands those that come to who handles their kind.

    A broker's delivery must not call the broker back, and handlers may want to: what comes is handled from the next
    turn of the loop on, in the order it came.

    `neighbours` are the nodes that answered a note lately.

    Invariants: a drain is under way exactly while `_waiting` holds something; nothing is heard once `_parted`.
    """

    def __init__(self, world: World, broker: Broker, node: str, metrics: Metrics) -> None:
        self.neighbours: Final = Neighbours(world)
        self._world = world
        self._broker = broker
        self._node = node
        self._metrics = metrics
        self._kinds: dict[str, tuple[Callable[[Any], Any], Callable[[Any, str], None]]] = {}
        self._waiting: deque[bytes] = deque()
        self._parted = False
        self.add("parted", _Parted, lambda _, gone: self.neighbours.gone(gone))

    def add(self, kind: str, shape: type[S], handler: Callable[[S, str], None]) -> None:
        """Have notes of `kind` given to `handler`: the body, as a `shape`, and the node that wrote it, this one included.

        New fields of a shape need defaults: nodes of the release before leave them out.
        """
        if kind in self._kinds:
            raise ValueError(f"notes of kind {kind!r} have a handler already")
        self._kinds[kind] = (msgspec.msgpack.Decoder(shape).decode, handler)

    async def tell(self, kind: str, body: msgspec.Struct) -> int:
        """Tell every node, this one included, and give how many nodes that are.

        Raises what the broker raises where it could not, `ValueError` for more than any node would read.
        """
        data = _write((VERSION, kind, self._node, body))
        if len(data) > _MAX_BYTES:
            raise ValueError(f"{kind}: no more than {_MAX_BYTES} bytes can be told to other nodes at once")
        return await self._broker.tell(data)

    async def part(self) -> None:
        """Tell the others that this node ends, so that nobody takes it for one that does not answer; it hears nothing from now on."""
        self._parted = True
        if not self._broker.alone:
            try:
                await self.tell("parted", _Parted())
            except Exception as fault:
                _log.debug("the other nodes are not told that this one ends: %s", type(fault).__name__)

    def take(self, data: bytes) -> None:
        """Take a note that came; never raises."""
        if self._parted:
            return
        self._waiting.append(data)
        if len(self._waiting) == 1:
            self._world.task(self._drain())

    async def _drain(self) -> None:
        while self._waiting:
            self._read(self._waiting[0])
            self._waiting.popleft()

    def _read(self, data: bytes) -> None:
        try:
            if len(data) > _MAX_BYTES:
                raise ValueError("a note of that size is none of ours")
            envelope = _open(data)
            known = self._kinds.get(envelope.kind)
            if envelope.version != VERSION or known is None:
                return
            decode, handler = known
            body = decode(envelope.body)
        except Exception as fault:  # also a RecursionError, of what is nested too deep
            self._metrics.notes_malformed += 1
            _log.debug("a note that cannot be read: %s", type(fault).__name__)
            return
        try:
            handler(body, envelope.node)
        except Exception:
            _log.exception("a note of kind %s was not handled", ascii(envelope.kind))
