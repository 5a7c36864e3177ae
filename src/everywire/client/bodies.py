"""Messages in the bodies of HTTP responses: lines of text, server-sent events, arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

__all__ = ["EventReader", "LineReader", "farewell", "in_array"]

_MOST = 64 << 20  # bytes of one message
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


class LineReader:
    """Cuts a stream of bytes into messages, one to a line; empty lines say nothing but that the line is alive."""

    def __init__(self, heard: Callable[[str], object]) -> None:
        self._heard = heard
        self._rest = bytearray()

    def feed(self, data: bytes) -> None:
        """Take bytes; ValueError where a line is endless, or no text."""
        self._rest += data
        if b"\n" not in data:
            if len(self._rest) > _MOST:
                raise ValueError("a message without an end")
            return
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        for line in lines:
            self.line(line.removesuffix(b"\r").decode())

    def line(self, line: str) -> None:
        """Take one line."""
        if line.strip():
            self._heard(line)


class EventReader(LineReader):
    """The same for `text/event-stream`: one message to an event (HTML, 9.2.6); comments and other fields are passed over."""

    def __init__(self, heard: Callable[[str], object]) -> None:
        super().__init__(heard)
        self._data: list[str] = []

    def line(self, line: str) -> None:
        """Take one line; an empty one ends an event."""
        if line.startswith("data:"):
            self._data.append(line[5:].removeprefix(" "))
        elif not line and self._data:
            data, self._data = self._data, []
            self._heard("\n".join(data))


def in_array(body: bytes) -> Iterator[str]:
    """Give the messages of a poll's answer; ValueError where it is no array."""
    for raw in _array(body):
        yield bytes(raw).decode()


class _Farewell(msgspec.Struct):
    type: str = ""
    code: int = 1006
    reason: str = ""


_farewell = msgspec.json.Decoder(_Farewell).decode


def farewell(message: str) -> tuple[int, str] | None:
    """Give the close code and reason where `message` is the last of its line."""
    if '"close"' not in message[:200] or len(message) > 2000:
        return None
    try:
        said = _farewell(message)
    except msgspec.DecodeError:
        return None
    return (said.code, said.reason) if said.type == "close" else None
