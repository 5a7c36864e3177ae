"""Reading what an official client says on one transport: from payloads to commands of its sessions, one in each namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from everywire import messages as m
from everywire.dialects.base import Within
from everywire.dialects.socketio import packed, packets
from everywire.dialects.socketio.channels import meant
from everywire.dialects.socketio.packets import Kind, Packet
from everywire.dialects.socketio.writing import CONNECT, NamespaceCodec, PackedCodec, TextCodec
from everywire.errors import MessageTooBig, ProtocolError
from everywire.fitness import Unfit, fit_json, fit_object, fit_value, to_json
from everywire.messages import Data, Raw

__all__ = ["MAX_NAME", "Codecs", "Predicate", "SocketIODecoder"]

MAX_NAME = 255  # characters of a namespace's name

Codecs: TypeAlias = Callable[[str, type[NamespaceCodec]], NamespaceCodec]
"""Gives the codec of a namespace, by its name and what writes for the client's parser: always the same one."""

Predicate: TypeAlias = Callable[[str], bool]
"""Says whether there is a namespace of that name."""

_BAD_REQUEST = 107
_INVALID = "Invalid namespace"
_read_text = msgspec.json.Decoder(str).decode


class SocketIODecoder:
    """Reads one client.

    Invariants: `_joined` has the codec of each namespace that the client has asked for and not left. `_packed` is None until the first
    packet has shown which parser the client has. `_torn` is a packet whose attachments are not all there, `_attachments` those that are.
    `_ref` is what the last event without an acknowledgement is called by, a negative number.
    """

    __slots__ = (
        "_attachments",
        "_codecs",
        "_joined",
        "_max_namespaces",
        "_max_payload",
        "_namespaces",
        "_packed",
        "_ref",
        "_torn",
    )

    def __init__(self, codecs: Codecs, namespaces: Predicate, max_payload: int, max_namespaces: int) -> None:
        self._codecs = codecs
        self._namespaces = namespaces
        self._max_payload = max_payload
        self._max_namespaces = max_namespaces
        self._joined: dict[str, NamespaceCodec] = {}
        self._packed: bool | None = None
        self._torn: Packet | None = None
        self._attachments: list[bytes] = []
        self._ref = 0

    def decode(self, data: str | bytes) -> Iterator[m.Command | Within]:
        """Give the commands in one Engine.IO packet, or one binary message.

        Raises `ProtocolError` for what no official client sends: broken packets, those of a namespace before its CONNECT, those for servers.
        """
        if isinstance(data, bytes):
            yield from self._binary(data)
            return
        match data[:1]:
            case "4":
                yield from self._text(data[1:])
            case "3":
                yield m.Pong()
            case "1":
                yield m.Leave()
            case "6":
                pass
            case _:
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
        self._attachments.append(data)
        if sum(map(len, self._attachments)) > self._max_payload:
            raise MessageTooBig(f"attachments of more than {self._max_payload} bytes")
        if len(self._attachments) == self._torn.attachments:
            items = packets.attached(self._torn.items, self._attachments)
            whole, self._torn, self._attachments = self._torn._replace(items=items), None, []
            yield from self._said(packets.checked(whole))

    def _said(self, packet: Packet) -> Iterator[Within]:
        if packet.kind is Kind.CONNECT:
            yield self._connect(packet)
            return
        codec = self._joined.get(packet.namespace)
        if codec is None:
            raise ProtocolError("a packet of a namespace that the client has not connected to")
        if packet.kind is Kind.DISCONNECT:
            del self._joined[packet.namespace]
            yield Within(codec, m.Leave())
            return
        yield Within(codec, _answer(packet) if packet.kind is Kind.ACK else _call(packet, self._number(packet)))

    def _number(self, packet: Packet) -> int:
        if packet.id is not None:
            return packet.id
        self._ref -= 1
        return self._ref

    def _connect(self, packet: Packet) -> Within:
        name = packet.namespace
        codec = self._codecs(name, PackedCodec if self._packed else TextCodec)
        if len(name) > MAX_NAME or not self._namespaces(name):
            return Within(codec, m.Malformed(CONNECT, _INVALID))
        if name not in self._joined and len(self._joined) >= self._max_namespaces:
            return Within(codec, m.Malformed(CONNECT, f"no more than {self._max_namespaces} namespaces"))
        self._joined[name] = codec
        try:
            return Within(codec, _connecting(packet.fields, codec))
        except Unfit as unfit:
            return Within(codec, m.Malformed(CONNECT, str(unfit)))


def _connecting(fields: dict[str, Any] | None, codec: NamespaceCodec) -> m.Connect:
    auth = fields or {}
    info = _fit(auth["info"]) if "info" in auth else None
    shown = fit_object(info) if info is not None and info != Raw(b"null") else None
    token, pid = _string(auth.get("token")), _string(auth.get("pid"))
    whole, lasting = _whole(fields) if fields is not None else None, codec.recoverable
    return m.Connect(CONNECT, token, shown, pid if lasting else None, whole, codec.namespace, lasting=lasting)


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
    name, items = packets.name_of(packet.items[0]), packet.items[1:]
    try:
        if not items:
            return meant(m.Call(ref, name))
        if len(items) == 1 and _is_object(items[0]):
            return meant(m.Call(ref, name, _fit(items[0])))
        return meant(m.Call(ref, name, _fit_all(items), positional=True))
    except Unfit as unfit:
        return m.Malformed(ref, str(unfit))


def _answer(packet: Packet) -> m.Command:
    """Give the answer to one of the server's calls; one that cannot be read is none, and the server is told why."""
    assert packet.id is not None
    try:
        return m.Answer(packet.id, _together(packet.items), positional=len(packet.items) != 1)
    except Unfit as unfit:
        return m.Decline(packet.id, _BAD_REQUEST, str(unfit))


def _together(items: Sequence[Any]) -> Data:
    match len(items):
        case 0:
            return Raw(b"null")
        case 1:
            return _fit(items[0])
        case _:
            return _fit_all(items)


def _is_object(item: object) -> bool:
    return bytes(item).startswith(b"{") if isinstance(item, Raw) else isinstance(item, dict)


def _fit(item: object) -> Data:
    return fit_json(item) if isinstance(item, Raw) else fit_value(item)


def _fit_all(items: Sequence[Any]) -> Data:
    if isinstance(items[0], Raw):
        return fit_json(Raw(b"[" + b",".join(bytes(item) for item in items) + b"]"))
    return fit_value(list(items))
