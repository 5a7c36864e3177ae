"""Reading what an official client says on one line: from payloads, cut anywhere, to commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from msgspec.structs import replace

from everywire import messages as m
from everywire.dialects.base import Acknowledged, Agreed
from everywire.dialects.channel_calls import OWN, meant
from everywire.dialects.signalr import handshake, packed, texts
from everywire.dialects.signalr.framing import Frames, PackedFrames, TextFrames
from everywire.dialects.signalr.message import Kind, Message
from everywire.dialects.signalr.writing import CALLING, JSON, MESSAGEPACK, REF, HubCodec
from everywire.errors import ProtocolError
from everywire.fitness import Unfit, array_elements
from everywire.messages import Call, Data, Raw

__all__ = ["SignalRDecoder"]

Said: TypeAlias = m.Command | Agreed | Acknowledged

_INTERNAL, _BAD_REQUEST = 100, 107
_MAX_NAME = 255  # characters of a client's id of a call, or of a stream
_MAX_CALLS = 64  # of one client that have streams; those of which a hub lets work at a time are as many
_MAX_DIGITS = 15
_FIRST_NUMBERED = 2  # the version from which on both sides may count


@dataclass(frozen=True, slots=True)
class _Protocol:
    """What is read of one protocol, and who writes it."""

    codec: HubCodec
    frames: Callable[[int], Frames]
    read: Callable[[bytes], Message | None]
    fit: Callable[[Raw], Data]
    is_array: Callable[[Raw], bool]
    binary: str | None = None  # why there is none of it as text


_NO_TEXT = (
    "Cannot use the 'messagepack' protocol on the current transport."
    " The transport does not support 'Binary' transfer format."
)
_PROTOCOLS: Final = {
    "json": _Protocol(JSON, TextFrames, texts.read, texts.fit, texts.is_array),
    "messagepack": _Protocol(MESSAGEPACK, PackedFrames, packed.read, packed.fit, packed.is_array, _NO_TEXT),
}


class SignalRDecoder:
    """Reads one client, which connects as `connect` says.

    A call has `max_streams` from the client at most. A `stateful` line may be carried by one WebSocket after another: whoever carries it on calls
    `again`, and what was heard before is not heard again.

    Invariants: `_protocol` is None until the handshake. `_uploads` says of each stream of the client's that is open which call has it, at which
    place; the earliest are forgotten where they are too many. `_ref` is what the last call without an id is called by, a negative number.
    `received` is the number of the last message that was heard, `_next` that of the next one that comes: it is behind only where those between
    come again. Between `again` and the client's word where it begins, it is `_deaf`.
    """

    __slots__ = (
        "_connect",
        "_deaf",
        "_frames",
        "_max_streams",
        "_most",
        "_next",
        "_protocol",
        "_ref",
        "_stateful",
        "_uploads",
        "received",
    )

    def __init__(self, connect: m.Connect, max_payload: int, *, stateful: bool = False, max_streams: int = 16) -> None:
        self._connect = connect
        self._most = max_payload
        self._max_streams = max_streams
        self._stateful = stateful
        self._protocol: _Protocol | None = None
        self._frames: Frames = TextFrames(max_payload)
        self._uploads: dict[str, tuple[m.Ref, int]] = {}
        self._ref = 0
        self._deaf = False
        self._next = 1
        self.received = 0

    def again(self) -> None:
        """Begin with another WebSocket: forget what came in part, and give nothing until the client has said which number it begins with."""
        if self._protocol is not None:
            self._frames = self._protocol.frames(self._most)
            self._deaf = True

    def decode(self, data: str | bytes) -> Iterable[Said]:
        """Give the commands in what came: parts of messages, or several.

        Raises `ProtocolError` for what no official client sends: a handshake that is none, messages that are none, or too big.
        """
        came, at = data.encode(errors="surrogatepass") if isinstance(data, str) else bytes(data), 0
        while True:
            message, at = self._frames.next(came, at)
            if message is None:
                return
            if self._protocol is None:
                yield from self._agree(message)
            else:
                read = self._protocol.read(message)
                said = self._said(read, self._protocol) if read is not None and self._is_new(read) else None
                if said is not None:
                    yield said

    def _agree(self, message: bytes) -> Iterator[Said]:
        name, version = handshake.read(message)
        self._stateful &= version >= _FIRST_NUMBERED
        self._protocol = protocol = _PROTOCOLS[name]
        self._frames = protocol.frames(self._most)
        yield Agreed(protocol.codec, protocol.codec if self._stateful else None, protocol.binary)
        connect = self._connect
        if connect.caught_up is not None and not self._stateful:
            connect = replace(connect, caught_up=None)  # who acknowledges nothing cannot be told what it missed
        yield connect

    # Numbers

    def _is_new(self, message: Message) -> bool:
        """Say whether a message is to be heard: not where the client is still to say where it begins, and not a second time."""
        if not self._stateful:
            return message.type not in (Kind.ACK, Kind.SEQUENCE)
        if message.type == Kind.SEQUENCE:
            self._begin(message)
            return False
        if self._deaf:
            return False
        if message.type > Kind.CANCEL:
            return True
        number, self._next = self._next, self._next + 1
        if number <= self.received:
            return False
        self.received = number
        return True

    def _begin(self, message: Message) -> None:
        number = _number(message)
        if number < 1 or number > self.received + 1:  # it may know that all of this came, and say less of it again
            raise ProtocolError("Sequence ID greater than amount of messages we've received.")
        self._next, self._deaf = number, False

    # Messages

    def _said(self, message: Message, protocol: _Protocol) -> Said | None:
        """Give what a message means; None where that is nothing."""
        match message.type:
            case Kind.INVOCATION:
                return self._called(message, protocol, "one")
            case Kind.STREAM:
                return self._called(message, protocol, "stream")
            case Kind.ITEM:
                return self._item(message, protocol)
            case Kind.COMPLETION:
                return self._completed(message, protocol)
            case Kind.CANCEL:
                return m.Cancel(REF + _name(message))
            case Kind.PING:
                return m.Pong()
            case Kind.CLOSE:
                return m.Leave()
            case _:
                return Acknowledged(_number(message))

    def _called(self, message: Message, protocol: _Protocol, awaits: Literal["one", "stream"]) -> m.Command:
        if not message.target:
            raise ProtocolError("an invocation without a target")
        ref = self._ref_of(message, awaits)
        streams = message.stream_ids or ()
        if not protocol.is_array(message.arguments):
            return m.Malformed(ref, "bad request: arguments are an array")
        try:
            data = protocol.fit(message.arguments)
        except Unfit as unfit:
            return m.Malformed(ref, str(unfit))
        if awaits == "one" and message.target.startswith(OWN):
            return _own(Call(ref, message.target, data, positional=True, awaits=awaits))
        fault = self._open(ref, streams) if streams else None
        if fault is not None:
            return m.Malformed(ref, fault)
        return Call(ref, message.target, data, positional=True, streams=len(streams), awaits=awaits)

    def _ref_of(self, message: Message, awaits: str) -> m.Ref:
        if message.invocation_id:
            return REF + _name(message)
        if awaits == "stream":
            raise ProtocolError("a stream without an id")
        self._ref -= 1
        return self._ref

    def _open(self, ref: m.Ref, streams: Iterable[str]) -> str | None:
        """Expect what the client sends for a call; gives what is wrong with the names of its streams."""
        names = list(streams)
        if len(names) > self._max_streams:
            return f"bad request: more than {self._max_streams} streams of one call"
        if len({*names}) < len(names) or not all(0 < len(name) <= _MAX_NAME for name in names):
            return f"bad request: each stream has an id of its own, of 1 to {_MAX_NAME} characters"
        if not self._uploads.keys().isdisjoint(names):
            return "bad request: the id of a stream that is open"
        for place, name in enumerate(names):
            self._uploads[name] = ref, place
        while len(self._uploads) > _MAX_CALLS * self._max_streams:
            del self._uploads[next(iter(self._uploads))]
        return None

    def _item(self, message: Message, protocol: _Protocol) -> m.Command | None:
        """Give an item of one of the client's streams, if it is one: that of a call that is over may be on its way still."""
        upload = self._uploads.get(_name(message))
        if not message.item:
            raise ProtocolError("an item without its value")
        if upload is None:
            return None
        ref, place = upload
        try:
            return m.Item(ref, protocol.fit(message.item), place)
        except Unfit as unfit:
            del self._uploads[_name(message)]
            return m.End(ref, place, str(unfit))

    def _completed(self, message: Message, protocol: _Protocol) -> m.Command | None:
        """Give the end of one of the client's streams, or its answer to one of the server's calls."""
        name = _name(message)
        if message.result and message.error is not None:
            raise ProtocolError("a completion with both a result and an error")
        if name in self._uploads:
            ref, place = self._uploads.pop(name)
            return m.End(ref, place, message.error)
        number = name.removeprefix(CALLING)
        if number == name or len(number) > _MAX_DIGITS or not (number.isascii() and number.isdigit()):
            return None
        return _answer(int(number), message, protocol)


def _own(call: Call) -> m.Command:
    """Give the command that an event of our own is, which takes one object."""
    assert call.data is not None
    given = array_elements(call.data)
    return meant(call if len(given) != 1 else Call(call.ref, call.name, given[0], awaits=call.awaits))


def _answer(number: int, message: Message, protocol: _Protocol) -> m.Command:
    if message.error is not None:
        return m.Decline(number, _INTERNAL, message.error)
    if not message.result:
        return m.Answer(number, Raw(b"null"), positional=True)
    try:
        return m.Answer(number, protocol.fit(message.result))
    except Unfit as unfit:
        return m.Decline(number, _BAD_REQUEST, str(unfit))


def _name(message: Message) -> str:
    """Give the id that a message cannot be without."""
    name = message.invocation_id
    if not name or len(name) > _MAX_NAME:
        raise ProtocolError(f"an id has 1 to {_MAX_NAME} characters")
    return name


def _number(message: Message) -> int:
    number = message.sequence_id
    if number is None or not 0 <= number < 2**53:
        raise ProtocolError("a number of messages is needed")
    return number
