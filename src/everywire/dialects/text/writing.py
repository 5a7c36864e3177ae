"""Writing plain texts: a text as it is, other data as JSON."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from everywire import messages as m
from everywire.fitness import to_json
from everywire.messages import Data, Packed, Raw
from everywire.payloads import Payload

__all__ = ["TextCodec"]

_read_text = msgspec.json.Decoder(str).decode
_unpack = msgspec.msgpack.Decoder().decode
_write = msgspec.json.Encoder().encode
_NOTHING = Raw(b"null")


class TextCodec:
    """Says results, publications, and what the client is told by name, each as the data alone; a refusal as `{"error": …}`. Nothing else has words.

    What is binary, and nothing else, is a binary message.
    """

    __slots__ = ()

    dialect = "text"

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give the text that says `event`; none for a result that is nothing."""
        if isinstance(event, m.Result):
            return () if event.data == _NOTHING else (Payload(_said(event.data)),)
        if isinstance(event, m.Publication):
            return (Payload(_said(event.data)),)
        if isinstance(event, m.Calling):
            return () if event.data is None else (Payload(_said(event.data)),)
        return (_refused(event),) if isinstance(event, m.Refusal) else ()


def _said(data: Data) -> str | bytes:
    if isinstance(data, Packed):
        value = _unpack(data)
        return value if isinstance(value, bytes) else bytes(to_json(data)).decode()
    text = str(data, "utf-8")
    if text[0] != '"':
        return text
    if "\\" not in text:
        return text[1 : len(text) - 1]
    try:
        return _read_text(text)
    except msgspec.DecodeError:  # half of a character
        said: str = json.loads(text)
        return said


def _refused(event: m.Refusal) -> Payload:
    error: dict[str, Any] = {"code": event.code, "reason": event.reason}
    if event.temporary:
        error["temporary"] = True
    if event.data is not None:
        error["data"] = Raw(to_json(event.data))
    return Payload(_write({"error": error}).decode())
