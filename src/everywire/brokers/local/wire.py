"""What client and host say to each other: items in frames, bytes in and bytes out.

A frame is four bytes of length, big-endian, and a MessagePack array of items. An item is `[id, kind, body]`:

- from the client: a question, `kind` the broker's method and `body` its arguments; with id 0 a greeting or a beat;
- from the host: the answer to the question `id`, `kind` how it went; with id 0 news or a beat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final, get_type_hints

import msgspec

from everywire.brokers.base import Broker, Filled, Gap, News, Note
from everywire.builds import VERSION
from everywire.messages import Joined, Left, Moved, Publication
from everywire.messages.shapes import Shape, arguments, shape

__all__ = [
    "CALLS",
    "DIGEST",
    "Call",
    "Failed",
    "Frames",
    "Kind",
    "Outcome",
    "Wrong",
    "frame",
    "item",
    "news_item",
    "unpack_news",
]

MAX_FRAME: Final = 256 * 1024 * 1024  # bytes; an answer with a full page of the largest publications fits
_PIECE = 1 << 20  # bytes of items after which another frame begins

_encode = msgspec.msgpack.Encoder().encode
_items = msgspec.msgpack.Decoder(list[tuple[int, int, msgspec.Raw]])
_errors = (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)


class Wrong(Exception):
    """The other side does not keep to the wire; the link is of no use any more."""


class Kind(IntEnum):
    """What an item with id 0 is."""

    BEAT = 0
    HELLO = 1  # the client's name, which no other client has
    PUBLICATION = 2
    JOINED = 3
    LEFT = 4
    MOVED = 5
    NOTE = 6
    GAP = 7
    FILLED = 8


class Outcome(IntEnum):
    """How a question went."""

    DONE = 0
    REFUSED = 1
    FAILED = 2


class Failed(msgspec.Struct, array_like=True, frozen=True):
    """Why a question was refused, or failed."""

    reason: str
    code: int = 0
    temporary: bool = False


class Call:
    """A method of the broker: how its arguments and its answer are carried."""

    __slots__ = ("_answers", "_arguments", "_questions", "_result", "name", "number")

    def __init__(self, number: int, name: str, hints: dict[str, Any]) -> None:
        result = hints.pop("return")
        self.number = number
        self.name = name
        self._arguments = arguments(list(hints.values()))
        self._result = shape(result)
        self._questions = msgspec.msgpack.Decoder(self._arguments.wire)
        self._answers = msgspec.msgpack.Decoder(self._result.wire)

    @property
    def carried(self) -> str:
        """What its arguments and its answer are on the wire."""
        return f"{self._arguments.wire} {self._result.wire}"

    def question(self, id: int, values: Sequence[Any]) -> bytes:
        """Write a question."""
        return item(id, self.number, _packed(self._arguments, values))

    def asked(self, body: msgspec.Raw) -> Any:
        """Read a question's arguments; raises `Wrong`."""
        return _unpacked(self._arguments, self._questions, body)

    def answer(self, id: int, value: Any) -> bytes:
        """Write an answer."""
        return item(id, Outcome.DONE, _packed(self._result, value))

    def answered(self, body: msgspec.Raw) -> Any:
        """Read an answer; raises `Wrong`."""
        return _unpacked(self._result, self._answers, body)


def _packed(kind: Shape, value: Any) -> Any:
    return value if kind.pack is None else kind.pack(value)


def _unpacked(kind: Shape, decoder: Any, body: msgspec.Raw) -> Any:
    try:
        value = decoder.decode(body)
        return value if kind.unpack is None else kind.unpack(value)
    except _errors as error:
        raise Wrong(str(error)) from None


_METHODS = sorted(
    name for name in vars(Broker) if not name.startswith("_") and name not in ("alone", "listen", "close")
)
CALLS: Final = (
    *(Call(number, name, get_type_hints(getattr(Broker, name))) for number, name in enumerate(_METHODS)),
    Call(len(_METHODS), "watch_all", {"channels": tuple[str, ...], "return": type(None)}),
)

DIGEST: Final = hashlib.sha256(
    repr([VERSION, *(f"{call.name} {call.carried}" for call in CALLS), *Kind]).encode()
).hexdigest()[:16]
"""What tells those who speak alike from all others."""

_NEWS: dict[type, Kind] = {
    Publication: Kind.PUBLICATION,
    Joined: Kind.JOINED,
    Left: Kind.LEFT,
    Moved: Kind.MOVED,
    Note: Kind.NOTE,
    Gap: Kind.GAP,
    Filled: Kind.FILLED,
}
_SHAPES = {kind: shape(news) for news, kind in _NEWS.items()}
_DECODERS = {kind: msgspec.msgpack.Decoder(each.wire) for kind, each in _SHAPES.items()}


def item(id: int, kind: int, body: Any = None) -> bytes:
    """Write an item."""
    return _encode((id, kind, body))


def news_item(news: News) -> bytes:
    """Write a piece of news, for any number of clients."""
    kind = _NEWS[type(news)]
    return item(0, kind, _packed(_SHAPES[kind], news))


def unpack_news(kind: int, body: msgspec.Raw) -> News:
    """Read a piece of news; raises `Wrong`."""
    found = _SHAPES.get(kind)  # type: ignore[call-overload] # an IntEnum's number is as good
    if found is None:
        raise Wrong(f"kind {kind} is not known")
    news: News = _unpacked(found, _DECODERS[kind], body)  # type: ignore[index]
    return news


def text(body: msgspec.Raw) -> str:
    """Read a body that is a text; raises `Wrong`."""
    return str(_unpacked(Shape(str), _texts, body))


def failure(body: msgspec.Raw) -> Failed:
    """Read why a question failed; raises `Wrong`."""
    found: Failed = _unpacked(Shape(Failed), _failures, body)
    return found


_texts = msgspec.msgpack.Decoder(str)
_failures = msgspec.msgpack.Decoder(Failed)


def frame(items: Sequence[bytes]) -> bytes:
    """Put items into frames, a megabyte or a single item in each."""
    frames: list[bytes] = []
    first, size = 0, 0
    for place, each in enumerate(items):
        if size and size + len(each) > _PIECE:
            frames.append(_frame(items[first:place], size))
            first, size = place, 0
        size += len(each)
    frames.append(_frame(items[first:], size))
    return b"".join(frames)


def _frame(items: Sequence[bytes], size: int) -> bytes:
    head = (size + 5).to_bytes(4, "big") + b"\xdd" + len(items).to_bytes(4, "big")  # 0xdd: an array with a 32-bit count
    return head + b"".join(items)


class Frames:
    """Cuts what comes in into frames and reads their items.

    Invariants: `_rest` holds less than one frame, once `receive` has returned.
    """

    __slots__ = ("_max", "_rest")

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._rest = bytearray()
        self._max = max_frame

    def receive(self, data: bytes) -> list[tuple[int, int, msgspec.Raw]]:
        """Give the items that are complete now; raises `Wrong` for what is no frame, or too long a one."""
        rest = self._rest
        rest += data
        found: list[tuple[int, int, msgspec.Raw]] = []
        start = 0
        while len(rest) - start >= 4:
            end = start + 4 + int.from_bytes(rest[start : start + 4], "big")
            if end - start > self._max:
                raise Wrong(f"a frame of {end - start} bytes")
            if len(rest) < end:
                break
            found += self._read(bytes(rest[start + 4 : end]))
            start = end
        del rest[:start]
        return found

    def _read(self, body: bytes) -> list[tuple[int, int, msgspec.Raw]]:
        try:
            return _items.decode(body)
        except _errors as error:
            raise Wrong(str(error)) from None
