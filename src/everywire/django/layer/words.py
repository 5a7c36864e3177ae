"""What processes of one layer say to each other, and how messages are said to everybody."""

from __future__ import annotations

import math
from typing import Any, Final, TypeAlias

import msgspec

from everywire.fitness import as_builtin
from everywire.messages import Data, Member, Packed, Publication, Raw

__all__ = [
    "Answer",
    "Asked",
    "Clear",
    "Join",
    "Leave",
    "List",
    "Mail",
    "decoded",
    "encoded",
    "from_layer",
    "heard",
    "inbox",
    "read_letter",
]

DIALECT: Final = "channels"
PROCESSES: Final = "\0channels"  # where the processes of all layers are present; no client can name it
_INTEGERS = range(-(1 << 63), 1 << 64)

_parse = msgspec.json.Decoder().decode
_unpack = msgspec.msgpack.Decoder().decode


class Mail(msgspec.Struct, tag="mail"):
    """A message, as MessagePack, for one of the process's channels."""

    channel: str
    message: bytes


class Join(msgspec.Struct, tag="join"):
    """Have one of the process's channels in a group."""

    group: str
    channel: str


class Leave(msgspec.Struct, tag="leave"):
    """Have it there no longer."""

    group: str
    channel: str


class List(msgspec.Struct, tag="list"):
    """Say which of the process's channels are in a group."""

    group: str


class Clear(msgspec.Struct, tag="clear"):
    """Have no messages and no groups."""


class Asked(msgspec.Struct, tag="asked"):
    """A question from the process `back`, which calls it `number`."""

    number: int
    back: str
    what: Mail | Join | Leave | List | Clear


class Answer(msgspec.Struct, tag="answer"):
    """The answer to a question: whether it was done, and the names asked for."""

    number: int
    done: bool = True
    names: tuple[str, ...] = ()


Letter: TypeAlias = Asked | Answer
_read = msgspec.msgpack.Decoder(Letter).decode
_write = msgspec.msgpack.Encoder(enc_hook=as_builtin).encode
_write_json = msgspec.json.Encoder(enc_hook=as_builtin).encode


def written(letter: Letter) -> Packed:
    """Give a letter as data."""
    return Packed(_write(letter))


def read_letter(data: Data) -> Letter | None:
    """Read a letter; None for what is none, as that of another release."""
    try:
        letter: Letter = _read(data)
        return letter
    except msgspec.MsgspecError:
        return None


def inbox(process: str) -> str:
    """Name the channel of one process, where its letters come; no client can name it."""
    return f"{PROCESSES}:{process}"


def encoded(message: Any) -> Data:
    """Give a message as clients and consumers can read it: as JSON where that says all of it.

    Raises `TypeError`, `ValueError`, `OverflowError` for what nobody can read, `RecursionError` for what holds itself.
    """
    try:
        said = Raw(_write_json(message))
    except (TypeError, ValueError, OverflowError):
        return Packed(_write(message))
    return (
        said if _is_plain(message) else Packed(_write(message))
    )  # what holds itself it would look through without end


def decoded(data: Data | bytes) -> Any:
    """Read a message."""
    return _unpack(data) if isinstance(data, Packed) else _parse(data)


def _is_plain(message: Any) -> bool:
    """Say whether JSON can say all of it, so that it is the same when it is read."""
    waiting = [message]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if not all(isinstance(key, str) for key in each):
                return False
            waiting.extend(each.values())
        elif isinstance(each, list | tuple):
            waiting.extend(each)
        elif isinstance(each, float):
            if not math.isfinite(each):
                return False
        elif isinstance(each, int):
            if each not in _INTEGERS:
                return False
        elif each is not None and not isinstance(each, str):
            return False
    return True


def sender(process: str) -> Member:
    """Give who it is that publishes what is sent to a group; no client can be told to be of this dialect."""
    return Member(process, dialect=DIALECT)


def from_layer(publication: Publication) -> bool:
    """Say whether it was sent to a group, and not published by a client or the application."""
    return publication.sender is not None and publication.sender.dialect == DIALECT


def heard(publication: Publication, kind: str | None) -> Data | None:
    """Give the message that consumers get of a publication: what was sent to the group, or of what others published an envelope, whose type is `kind`.

    None where it is not for them: what is for one session or user alone, and where `kind` is None whatever was not sent to the group.
    """
    if from_layer(publication):
        return publication.data
    audience = publication.audience
    if kind is None or (audience is not None and (audience.session is not None or audience.user is not None)):
        return None
    by, data = publication.sender, publication.data
    envelope: dict[str, Any] = {"type": kind, "channel": publication.channel, "data": msgspec.Raw(data)}
    envelope["user"] = by.user if by is not None else None
    envelope["session"] = by.session if by is not None else None
    if publication.entry is not None:
        envelope |= {"entry": publication.entry, "removed": publication.removed}
    return Packed(_write(envelope)) if isinstance(data, Packed) else Raw(_write_json(envelope))
