"""What official clients that know events and arguments are told: from data to the name of an event, and its arguments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from everywire import messages as m
from everywire.fitness import array_elements
from everywire.messages import Data, Packed, Raw

__all__ = ["arguments", "emission", "spread"]

_MAX_NAME = 255


class _Emitted(msgspec.Struct, forbid_unknown_fields=True):
    """Data that says how it is to be emitted: several arguments, and the name of a publication's event."""

    event: str | None
    args: list[Raw]


_read_emitted = msgspec.json.Decoder(_Emitted).decode
_unpack_emitted = msgspec.msgpack.Decoder(_Emitted).decode


def emission(channel: str, data: Data, reserved: Collection[str] = ()) -> tuple[str, tuple[Data, ...]]:
    """Give the event that a publication is to a client: its name, which data cannot make a `reserved` one, and its arguments."""
    emitted = _emitted(data)
    if emitted is not None and emitted.event is not None and _fit_name(emitted.event, reserved):
        return emitted.event, _each(data, emitted)
    return channel, (data,)


def arguments(calling: m.Calling) -> Sequence[Data]:
    """Give the arguments with which a client is called."""
    if calling.data is None:
        return ()
    return array_elements(calling.data) if calling.positional else spread(calling.data, calling.name)


def spread(data: Data, name: str | None = None) -> tuple[Data, ...]:
    """Give the arguments that `data` stands for: itself, unless it says that it is several, for nothing else than `name`."""
    emitted = _emitted(data)
    return (data,) if emitted is None or emitted.event not in (None, name) else _each(data, emitted)


def _emitted(data: Data) -> _Emitted | None:
    """Read data that says how it is to be emitted; None for all other data."""
    if b"args" not in bytes(data):
        return None
    try:
        return _unpack_emitted(data) if isinstance(data, Packed) else _read_emitted(data)
    except (ValueError, RecursionError):
        return None


def _each(data: Data, emitted: _Emitted) -> tuple[Data, ...]:
    kind: Callable[[Raw], Data] = Packed if isinstance(data, Packed) else Raw
    return tuple(kind(argument) for argument in emitted.args)


def _fit_name(name: str, reserved: Collection[str]) -> bool:
    return 0 < len(name) <= _MAX_NAME and name not in reserved
