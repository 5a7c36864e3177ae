"""Writing what an official client is told in one namespace: from an event to packets, as text or as MessagePack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from everywire import messages as m
from everywire.dialects.channel_calls import OWN, answered
from everywire.dialects.emission import arguments, emission, spread
from everywire.dialects.socketio import packed, packets
from everywire.dialects.socketio.packets import RESERVED, Kind
from everywire.fitness import to_json, to_packed
from everywire.messages import Data, Packed, Raw, Result
from everywire.payloads import Payload

__all__ = ["CONNECT", "NamespaceCodec", "PackedCodec", "TextCodec"]

CONNECT = "connect"  # what the first command of a session is called by

_BAD_REQUEST = 107
_UNKNOWN = ":0"  # what a client shows that may have missed something: it cannot recover by that

_unpack = msgspec.msgpack.Decoder().decode
_write = msgspec.json.Encoder().encode


class NamespaceCodec:
    """Says events in one namespace; shared by all its sessions whose clients have the same parser.

    Where the namespace is `recoverable`, a client is told its `pid`, and behind the arguments of each event that it does not acknowledge up to
    where it has everything then, "era:order": it shows both when it comes back. Where it was told by itself, the count of that follows, behind a
    point.
    """

    __slots__ = ("__weakref__", "namespace", "recoverable")
    dialect = "socketio"

    def __init__(self, namespace: str, *, recoverable: bool = False) -> None:
        self.namespace = namespace
        self.recoverable = recoverable

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give the packet that says `event`, and what is attached to it; nothing for an answer to what did not ask for one."""
        match event:
            case m.Publication():
                return self._published(event)
            case m.Calling():
                return self._called(event)
            case m.Connected(ref=ref) if ref == CONNECT:
                said = {"sid": event.session}
                return self._fields(Kind.CONNECT, {**said, "pid": event.resume} if self.recoverable else said)
            case m.Refusal(ref=ref) if ref == CONNECT:
                told: dict[str, Any] = {"message": event.reason}
                if event.data is not None:
                    told["data"] = to_json(event.data)
                elif event.code != _BAD_REQUEST:
                    told["data"] = {"code": event.code}
                return self._fields(Kind.CONNECT_ERROR, told)
            case _:
                return self._answer(event)

    def _called(self, event: m.Calling) -> tuple[Payload, ...]:
        given = arguments(event)
        if event.call >= 0:
            return self._event(event.name, given, event.call)
        return self._unasked(event.name, given, _shown(event.order, event.aside))

    def parted(self) -> tuple[Payload, ...]:
        """Give the packet after which a client is in the namespace no longer, and does not come back by itself."""
        return self._packet(Kind.DISCONNECT, None, None)

    def _answer(self, event: m.Event) -> tuple[Payload, ...]:
        ref = getattr(event, "ref", None)
        if not isinstance(ref, int) or ref < 0:
            return ()
        match event:
            case m.Result(data=data):
                return self._packet(Kind.ACK, ref, spread(data))
            case m.End():
                return self._packet(Kind.ACK, ref, ())
            case m.Refusal():
                error: dict[str, Any] = {"code": event.code, "message": event.reason}
                if event.data is not None:
                    error["data"] = to_json(event.data)
                return self._packet(Kind.ACK, ref, (Raw(_write({"error": error})),))
            case _:
                said = answered(event)
                return () if said is None else self._packet(Kind.ACK, ref, (Raw(_write(said)),))

    def _published(self, event: m.Publication) -> tuple[Payload, ...]:
        order = _shown(m.Position(event.era, event.order) if event.order else None)
        return self._unasked(*emission(event.channel, event.data, RESERVED), order)

    def _unasked(self, name: str, arguments: Sequence[Data], order: str) -> tuple[Payload, ...]:
        """Say an EVENT that is not acknowledged.

        A client that may recover takes any text in the last place for what it is to show when it comes back: so there is always one of ours.
        """
        return self._event(name, (*arguments, Raw(_write(order))) if self.recoverable else arguments)

    def _event(self, name: str, arguments: Sequence[Data], number: int | None = None) -> tuple[Payload, ...]:
        said = name if name not in RESERVED else OWN + name  # a client leaves that is told a reserved name
        return self._packet(Kind.EVENT, number, (Raw(_write(said)), *arguments))

    def _fields(self, kind: Kind, fields: dict[str, Any]) -> tuple[Payload, ...]:
        raise NotImplementedError

    def _packet(self, kind: Kind, number: int | None, items: Sequence[Data] | None) -> tuple[Payload, ...]:
        raise NotImplementedError


class TextCodec(NamespaceCodec):
    """Writes packets as text, and what is binary in them as binary messages behind it."""

    __slots__ = ("_acknowledged",)

    def __init__(self, namespace: str, *, recoverable: bool = False) -> None:
        super().__init__(namespace, recoverable=recoverable)
        self._acknowledged = "4" + packets.write(Kind.ACK, namespace)

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give the packet that says `event`, and what is attached to it; what nearly every one is, a result in JSON, in one go."""
        if isinstance(event, Result):
            ref, data = event.ref, event.data
            if isinstance(ref, int) and ref >= 0 and not isinstance(data, Packed):
                text = str(data, "utf-8")
                if "args" not in text:
                    return (Payload(f"{self._acknowledged}{ref}[{text}]"),)
        return NamespaceCodec.encode(self, event)

    def _fields(self, kind: Kind, fields: dict[str, Any]) -> tuple[Payload, ...]:
        return (self._text(kind, None, _write(fields)),)

    def _packet(self, kind: Kind, number: int | None, items: Sequence[Data] | None) -> tuple[Payload, ...]:
        if items is None:
            return (self._text(kind, number, b""),)
        if any(isinstance(item, Packed) for item in items):
            apart = packets.detached([_unpack(item) if isinstance(item, Packed) else item for item in items])
            if apart is not None and apart[1]:
                emptied, attachments = apart
                text = self._text(kind, number, _write(emptied), len(attachments))
                return (text, *map(Payload, attachments))
        return (self._text(kind, number, b"[" + b",".join(bytes(to_json(item)) for item in items) + b"]"),)

    def _text(self, kind: Kind, number: int | None, content: bytes, attachments: int = 0) -> Payload:
        return Payload("4" + packets.write(kind, self.namespace, number, content, attachments))


class PackedCodec(NamespaceCodec):
    """Writes packets as MessagePack, each as one binary message."""

    __slots__ = ()

    def _fields(self, kind: Kind, fields: dict[str, Any]) -> tuple[Payload, ...]:
        return (Payload(packed.write(kind, self.namespace, None, to_packed(Raw(_write(fields))))),)

    def _packet(self, kind: Kind, number: int | None, items: Sequence[Data] | None) -> tuple[Payload, ...]:
        content = None if items is None else Raw(msgspec.msgpack.encode([to_packed(item) for item in items]))
        return (Payload(packed.write(kind, self.namespace, number, content)),)


def _shown(order: m.Position | None, aside: int = 0) -> str:
    """Give what a client shows that has everything up to `order`, and was told so often something `aside`."""
    if order is None:
        return _UNKNOWN
    return f"{order.epoch}:{order.offset}.{aside}" if aside else f"{order.epoch}:{order.offset}"
