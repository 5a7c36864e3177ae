"""Writing what an official client is told: from an event to a message of the hub protocol, as JSON or as MessagePack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from everywire import messages as m
from everywire.dialects.channel_calls import answered
from everywire.dialects.emission import arguments, emission
from everywire.dialects.signalr.framing import with_length
from everywire.dialects.signalr.handshake import CONNECT, accepted, refused
from everywire.dialects.signalr.message import Kind
from everywire.errors import CloseCode, reconnectable
from everywire.fitness import to_json, to_packed
from everywire.messages import Data, Packed, Raw
from everywire.payloads import Payload, Uncounted

__all__ = ["CALLING", "JSON", "MESSAGEPACK", "REF", "HubCodec", "JsonCodec", "PackedCodec"]

REF = "i"  # before a client's id of a call, so that no id is taken for another ref
CALLING = "c"  # before the number of a server's call, so that it is no number of a client's

_write = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode


class HubCodec:
    """Says events in the hub protocol; it says its numbers, too, which a line that outlives its WebSockets has."""

    __slots__ = ()

    dialect = "signalr"

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give the one message that says `event`; nothing for what has no word, and for an answer to what did not ask for one."""
        match event:
            case m.Publication():
                return (self._invoked(None, *emission(event.channel, event.data)),)
            case m.Calling(call=call):
                return (self._invoked(f"{CALLING}{call}" if call >= 0 else None, event.name, arguments(event)),)
            case m.Beat():
                return (self._ping(),)
            case m.Closing(code=code, reason=reason):
                # A session that was ended normally would only be ended again.
                return (self._closed(reason, again=code != CloseCode.NORMAL and reconnectable(code)),)
            case m.Connected(ref=ref) if ref == CONNECT:
                return (self._agreed(accepted()),)
            case m.Refusal(ref=ref, reason=reason) if ref == CONNECT:
                return (self._agreed(refused(reason)),)
            case _:
                asked = getattr(event, "ref", None)
                return (
                    self._answer(event, asked[len(REF) :]) if isinstance(asked, str) and asked.startswith(REF) else ()
                )

    def _answer(self, event: m.Event, name: str) -> tuple[Payload, ...]:
        match event:
            case m.Result(data=data):
                return (self._completed(name, data),)
            case m.Item(data=data):
                return (self._item(name, data),)
            case m.End():
                return (self._void(name),)
            case m.Refusal(reason=reason):
                return (self._failed(name, reason),)
            case _:
                said = answered(event)
                return () if said is None else (self._completed(name, Raw(_write(said))),)

    def sequence(self, number: int) -> Payload:
        """Say that what follows begins with this number."""
        return self._numbered(Kind.SEQUENCE, number)

    def acknowledgement(self, number: int) -> Payload:
        """Say that everything up to this number was heard."""
        return self._numbered(Kind.ACK, number)

    def nothing(self) -> Payload:
        """Say what counts, and is not looked at where its number was heard before."""
        return self._void("0")

    def _invoked(self, name: str | None, target: str, given: Sequence[Data]) -> Payload:
        raise NotImplementedError

    def _item(self, name: str, data: Data) -> Payload:
        raise NotImplementedError

    def _completed(self, name: str, data: Data) -> Payload:
        raise NotImplementedError

    def _void(self, name: str) -> Payload:
        raise NotImplementedError

    def _failed(self, name: str, reason: str) -> Payload:
        raise NotImplementedError

    def _ping(self) -> Payload:
        raise NotImplementedError

    def _closed(self, reason: str, *, again: bool) -> Payload:
        raise NotImplementedError

    def _numbered(self, kind: Kind, number: int) -> Payload:
        raise NotImplementedError

    def _agreed(self, answer: str) -> Payload:
        raise NotImplementedError


class JsonCodec(HubCodec):
    """Writes messages as JSON text, each with a record separator behind it."""

    __slots__ = ()

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give the one message that says `event`; what most are, a publication in JSON, in one go."""
        if isinstance(event, m.Publication) and not isinstance(event.data, Packed):
            text = str(event.data, "utf-8")
            if "args" not in text:
                return (Payload(f'{{"type":1,"target":{_text(event.channel)},"arguments":[{text}]}}\x1e'),)
        return HubCodec.encode(self, event)

    def _invoked(self, name: str | None, target: str, given: Sequence[Data]) -> Payload:
        called = "" if name is None else f'"invocationId":{_text(name)},'
        items = ",".join(_json(each) for each in given)
        return Payload(f'{{"type":1,{called}"target":{_text(target)},"arguments":[{items}]}}\x1e')

    def _item(self, name: str, data: Data) -> Payload:
        return Payload(f'{{"type":2,"invocationId":{_text(name)},"item":{_json(data)}}}\x1e')

    def _completed(self, name: str, data: Data) -> Payload:
        return Payload(f'{{"type":3,"invocationId":{_text(name)},"result":{_json(data)}}}\x1e')

    def _void(self, name: str) -> Payload:
        return Payload(f'{{"type":3,"invocationId":{_text(name)}}}\x1e')

    def _failed(self, name: str, reason: str) -> Payload:
        return Payload(f'{{"type":3,"invocationId":{_text(name)},"error":{_text(reason)}}}\x1e')

    def _ping(self) -> Payload:
        return _JSON_PING

    def _closed(self, reason: str, *, again: bool) -> Payload:
        error = f',"error":{_text(reason)}' if reason else ""
        return Uncounted(f'{{"type":7{error}{_AGAIN if again else ""}}}\x1e')

    def _numbered(self, kind: Kind, number: int) -> Payload:
        return Uncounted(f'{{"type":{kind:d},"sequenceId":{number}}}\x1e')

    def _agreed(self, answer: str) -> Payload:
        return Uncounted(answer)


class PackedCodec(HubCodec):
    """Writes messages as MessagePack arrays, each behind its length."""

    __slots__ = ()

    def _invoked(self, name: str | None, target: str, given: Sequence[Data]) -> Payload:
        items = [to_packed(each) for each in given]
        return Payload(with_length(_pack((Kind.INVOCATION, _NO_HEADERS, name, target, items, ()))))

    def _item(self, name: str, data: Data) -> Payload:
        return Payload(with_length(_pack((Kind.ITEM, _NO_HEADERS, name, to_packed(data)))))

    def _completed(self, name: str, data: Data) -> Payload:
        return Payload(with_length(_pack((Kind.COMPLETION, _NO_HEADERS, name, _VALUE, to_packed(data)))))

    def _void(self, name: str) -> Payload:
        return Payload(with_length(_pack((Kind.COMPLETION, _NO_HEADERS, name, _VOID))))

    def _failed(self, name: str, reason: str) -> Payload:
        return Payload(with_length(_pack((Kind.COMPLETION, _NO_HEADERS, name, _ERROR, reason))))

    def _ping(self) -> Payload:
        return _PACKED_PING

    def _closed(self, reason: str, *, again: bool) -> Payload:
        return Uncounted(with_length(_pack((Kind.CLOSE, reason or None, again))))

    def _numbered(self, kind: Kind, number: int) -> Payload:
        return Uncounted(with_length(_pack((kind, number))))

    def _agreed(self, answer: str) -> Payload:
        return Uncounted(answer.encode())


_NO_HEADERS: dict[str, str] = {}
_ERROR, _VOID, _VALUE = 1, 2, 3
_AGAIN = ',"allowReconnect":true'
_JSON_PING = Uncounted('{"type":6}\x1e')
_PACKED_PING = Uncounted(with_length(b"\x91\x06"))


def _text(said: str) -> str:
    return _write(said).decode()


def _json(data: Data) -> str:
    return str(to_json(data), "utf-8")


JSON: Final = JsonCodec()
MESSAGEPACK: Final = PackedCodec()
