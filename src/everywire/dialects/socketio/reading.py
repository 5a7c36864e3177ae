"""Reading what an official client says on one transport: from payloads to commands of its sessions, one in each namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from everywire import messages as m
from everywire.dialects.base import Within
from everywire.dialects.channel_calls import OWN, meant
from everywire.dialects.socketio import packed, packets
from everywire.dialects.socketio.engine import binary
from everywire.dialects.socketio.packets import MAIN, RESERVED, Kind, Packet
from everywire.dialects.socketio.writing import CONNECT, NamespaceCodec, PackedCodec, TextCodec
from everywire.errors import MessageTooBig, ProtocolError
from everywire.fitness import Unfit, fit_json, fit_object, fit_text, fit_value, to_json
from everywire.messages import Call, Data, Raw

__all__ = ["MAX_NAME", "Codecs", "Predicate", "SocketIODecoder"]

MAX_NAME = 255  # characters of a namespace's name

Codecs: TypeAlias = Callable[[str, type[NamespaceCodec]], NamespaceCodec]
"""Gives the codec of a namespace, by its name and what writes for the client's parser: always the same one."""

Predicate: TypeAlias = Callable[[str], bool]
"""Says whether there is a namespace of that name."""

_BAD_REQUEST = 107
_MAX_DIGITS = 15
_NONE: dict[str, NamespaceCodec] = {}  # shared, and never filled
_INVALID = "Invalid namespace"
_read_text = msgspec.json.Decoder(str).decode


class SocketIODecoder:
    """Reads one client.

    Invariants: `_first` and `_others` are the codecs of the namespaces that the client has asked for and not left, each in one of both: nearly
    every client is in one namespace alone, for which a dictionary would be more than all else here. `_packed` is None until the first packet has
    shown which parser the client has. `_torn` is a packet whose attachments are not all there, `_attachments` those that are. `_ref` is what the
    last event without an acknowledgement is called by, a negative number.
    """

    __slots__ = (
        "_attachments",
        "_codecs",
        "_first",
        "_max_namespaces",
        "_max_payload",
        "_namespaces",
        "_others",
        "_packed",
        "_ref",
        "_torn",
    )

    def __init__(self, codecs: Codecs, namespaces: Predicate, max_payload: int, max_namespaces: int) -> None:
        self._codecs = codecs
        self._namespaces = namespaces
        self._max_payload = max_payload
        self._max_namespaces = max_namespaces
        self._first: NamespaceCodec | None = None
        self._others: dict[str, NamespaceCodec] = _NONE
        self._packed: bool | None = None
        self._torn: Packet | None = None
        self._attachments: tuple[bytes, ...] = ()
        self._ref = 0

    def decode(self, data: str | bytes) -> Iterable[m.Command | Within]:
        """Give the commands in one Engine.IO packet, or one binary message.

        Raises `ProtocolError` for what no official client sends: broken packets, those of a namespace before its CONNECT, those for servers.
        """
        if _size(data) > self._max_payload:
            raise MessageTooBig(f"a message of more than {self._max_payload} bytes")
        if self._packed is False and self._torn is None and isinstance(data, str):
            said = self._event(data)
            if said is not None:
                return (said,)
        return self._whatever(data)

    def _event(self, text: str) -> Within | None:
        """Give what nearly every packet is, an EVENT with nothing binary in it; None for all else, and for one with which something is wrong.

        As official clients write it: `42`, a namespace and a comma unless it is the main one, a number where it is to be acknowledged, then the
        name and the arguments as an array; the name without escapes.
        """
        begin = text.find('["', 2)
        end = text.find('"', begin + 2)
        last = len(text) - 1
        if not text.startswith("42") or begin < 0 or end < 0 or text[last] != "]":
            return None
        number, codec = text[2:begin], self._first
        if number.startswith("/"):
            namespace, comma, number = number.partition(",")
            codec = self._joined(namespace) if comma else None
        elif codec is None or codec.namespace != MAIN:
            codec = self._joined(MAIN)
        name = text[begin + 2 : end]
        if codec is None or name in RESERVED or not name.isprintable() or "\\" in name or not _is_number(number):
            return None
        data, alone = None, True
        if end + 1 < last:
            arguments = text[end + 2 : last]
            if text[end + 1] != "," or not arguments or arguments != arguments.strip():
                return None
            # What follows the name is JSON in brackets of its own exactly where the packet's content is JSON.
            alone = arguments.startswith("{")
            try:
                data = fit_text((arguments if alone else f"[{arguments}]").encode())
            except (Unfit, UnicodeEncodeError):
                return None
        call = Call(self._number(int(number) if number else None), name, data, None, 0, False, not alone)
        return Within(codec, meant(call) if name.startswith(OWN) else call)

    def _whatever(self, data: str | bytes) -> Iterator[m.Command | Within]:
        if isinstance(data, str) and data.startswith(
            "b"
        ):  # of a client without binary frames, by its option `forceBase64`
            data = binary(data)
        if isinstance(data, bytes):
            yield from self._binary(data)
            return
        kind = data[:1]
        if kind == "4":
            yield from self._text(data[1:])
        elif kind == "3":
            yield m.Pong()
        elif kind == "1":
            yield m.Leave()
        elif kind != "6":
            raise ProtocolError("no Engine.IO packet that a client sends")

    def _text(self, text: str) -> Iterator[Within]:
        if self._torn is not None:
            raise ProtocolError("text where an attachment is due")
        if self._packed:
            raise ProtocolError("text of a client that says MessagePack")
        self._packed = False
        packet = packets.read(text)
        if packet.attachments:
            self._torn = packet
        else:
            yield from self._said(packet)

    def _binary(self, data: bytes) -> Iterator[Within]:
        if self._torn is None:
            if self._packed is False:
                raise ProtocolError("an attachment of nothing")
            self._packed = True
            yield from self._said(packed.read(data))
            return
        self._attachments += (data,)
        if sum(map(len, self._attachments)) > self._max_payload:
            raise MessageTooBig(f"attachments of more than {self._max_payload} bytes")
        if len(self._attachments) == self._torn.attachments:
            items = packets.attached(self._torn.items, self._attachments)
            whole, self._torn, self._attachments = self._torn._replace(items=items), None, ()
            yield from self._said(packets.checked(whole))

    def _said(self, packet: Packet) -> Iterator[Within]:
        if packet.kind is Kind.CONNECT:
            yield self._connect(packet)
            return
        codec = self._joined(packet.namespace)
        if codec is None:
            raise ProtocolError("a packet of a namespace that the client has not connected to")
        if packet.kind is Kind.DISCONNECT:
            self._left(codec)
            yield Within(codec, m.Leave())
            return
        yield Within(codec, _answer(packet) if packet.kind is Kind.ACK else _call(packet, self._number(packet.id)))

    def _joined(self, namespace: str) -> NamespaceCodec | None:
        """Give the codec of a namespace that the client is in."""
        first = self._first
        return first if first is not None and first.namespace == namespace else self._others.get(namespace)

    def _join(self, codec: NamespaceCodec) -> None:
        if self._first is None and codec.namespace not in self._others:
            self._first = codec
        elif self._first is not codec:
            self._others = {**self._others, codec.namespace: codec}

    def _left(self, codec: NamespaceCodec) -> None:
        if self._first is codec:
            self._first = None
        else:
            del self._others[codec.namespace]

    def _number(self, given: int | None) -> int:
        if given is not None:
            return given
        self._ref -= 1
        return self._ref

    def _connect(self, packet: Packet) -> Within:
        name = packet.namespace
        codec = self._codecs(name, PackedCodec if self._packed else TextCodec)
        if len(name) > MAX_NAME or not self._namespaces(name):
            return Within(codec, m.Malformed(CONNECT, _INVALID))
        if self._joined(name) is None and len(self._others) + (self._first is not None) >= self._max_namespaces:
            return Within(codec, m.Malformed(CONNECT, f"no more than {self._max_namespaces} namespaces"))
        self._join(codec)
        try:
            return Within(codec, _connecting(packet.fields, codec))
        except Unfit as unfit:
            return Within(codec, m.Malformed(CONNECT, str(unfit)))


def _is_number(digits: str) -> bool:
    """Say whether a packet's number may be written so; nothing at all may."""
    return not digits or (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS)


def _size(data: str | bytes) -> int:
    """Give the bytes of a message."""
    return len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode(errors="surrogatepass"))


def _connecting(fields: dict[str, Any] | None, codec: NamespaceCodec) -> m.Connect:
    auth = fields or {}
    info = _fit(auth["info"]) if "info" in auth else None
    shown = fit_object(info) if info is not None and info != Raw(b"null") else None
    token, pid = _string(auth.get("token")), _string(auth.get("pid"))
    whole = _whole(fields) if fields is not None else None
    if not codec.recoverable:
        return m.Connect(CONNECT, token, shown, None, whole, codec.namespace, lasting=False)
    caught_up = (
        _string(auth.get("offset")) or ""
    )  # what was told with the latest event; a client that was told none shows none
    return m.Connect(CONNECT, token, shown, pid, whole, codec.namespace, caught_up=caught_up)


def _whole(fields: dict[str, Any]) -> Raw:
    """Give all that a client shows as JSON text."""
    if any(isinstance(value, Raw) for value in fields.values()):
        return fit_json(Raw(msgspec.json.encode(fields)))
    return to_json(fit_value(fields))


def _string(item: object) -> str | None:
    """Give an item that is a string; an application may mean something else by the field."""
    if not isinstance(item, Raw):
        return item if isinstance(item, str) else None
    try:
        return _read_text(item)
    except (ValueError, RecursionError):
        return None


def _call(packet: Packet, ref: int) -> m.Command:
    items = packet.items[1:]
    try:
        name = packets.name_of(packet.items[0])
        if not items:
            return meant(m.Call(ref, name))
        if len(items) == 1 and _is_object(items[0]):
            return meant(m.Call(ref, name, _fit(items[0])))
        return meant(m.Call(ref, name, _fit_all(items), positional=True))
    except Unfit as unfit:
        return m.Malformed(ref, str(unfit))
    except UnicodeEncodeError:
        return m.Malformed(ref, "bad request: a name with half of a surrogate pair")


def _answer(packet: Packet) -> m.Command:
    """Give the answer to one of the server's calls; one that cannot be read is none, and the server is told why."""
    assert packet.id is not None
    try:
        return m.Answer(packet.id, _together(packet.items), positional=len(packet.items) != 1)
    except Unfit as unfit:
        return m.Decline(packet.id, _BAD_REQUEST, str(unfit))


def _together(items: Sequence[Any]) -> Data:
    if not items:
        return Raw(b"null")
    return _fit(items[0]) if len(items) == 1 else _fit_all(items)


def _is_object(item: object) -> bool:
    return bytes(item).startswith(b"{") if isinstance(item, Raw) else isinstance(item, dict)


def _fit(item: object) -> Data:
    return fit_json(item) if isinstance(item, Raw) else fit_value(item)


def _fit_all(items: Sequence[Any]) -> Data:
    if isinstance(items[0], Raw):
        return fit_json(Raw(b"[" + b",".join(bytes(item) for item in items) + b"]"))
    return fit_value(list(items))
