"""How values look in MessagePack, derived from their types: for links between processes, and for files.

MessagePack cannot hold JSON text (`Raw`) beside MessagePack (`Packed`) as they are, so both travel as bytes,
the latter marked. Every type with one of them somewhere inside travels as an array of its fields; all others
are msgspec's own business. Derived, not written: a field that is added to a type is carried from then on.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.msgpack import Ext

from everywire.messages.values import Data, Packed, Raw

__all__ = ["Shape", "arguments", "shape"]

Convert: TypeAlias = Callable[[Any], Any]

_PACKED = 1  # the MessagePack extension that marks `Packed`


class Shape(NamedTuple):
    """What msgspec is to decode, and how a value gets there and back; no conversion where None."""

    wire: Any
    pack: Convert | None = None
    unpack: Convert | None = None


def shape(kind: Any) -> Shape:
    """Give the shape of a type: a builtin, a dataclass, a struct, a union with None, or a tuple or sequence of such."""
    if kind == Data:
        return Shape(bytes | Ext, _pack_data, _unpack_data)
    if kind is Raw:
        return Shape(bytes, bytes, Raw)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _optional(kind, inner)
    if origin is tuple and len(inner) == 2 and inner[1] is ...:
        return _row(inner[0])
    if origin is Sequence:
        return _row(inner[0])
    if dataclasses.is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return _record(kind)
    return Shape(kind)


def arguments(kinds: Sequence[Any]) -> Shape:
    """Give the shape of several values of these types, one after another, as a tuple."""
    shapes = [shape(kind) for kind in kinds]
    wire = tuple.__class_getitem__(tuple(each.wire for each in shapes))  # made at run time, which no checker sees
    return Shape(wire, *_by_place(shapes, _same, _same, lambda *values: values))


def _same(values: Any) -> Any:
    return values


def _optional(kind: Any, inner: tuple[Any, ...]) -> Shape:
    rest = [each for each in inner if each is not type(None)]
    if len(rest) != 1 or len(rest) == len(inner):
        if any(shape(each).pack for each in rest):
            raise TypeError(f"{kind} cannot be carried: only one of its types may hold data")
        return Shape(kind)
    wire, pack, unpack = shape(rest[0])
    if pack is None or unpack is None:
        return Shape(kind)
    return Shape(wire | None, _unless_none(pack), _unless_none(unpack))


def _unless_none(convert: Convert) -> Convert:
    def unless_none(value: Any) -> Any:
        return None if value is None else convert(value)

    unless_none.__wrapped__ = convert  # type: ignore[attr-defined]
    return unless_none


def _row(kind: Any) -> Shape:
    wire, pack, unpack = shape(kind)
    row = tuple.__class_getitem__((wire, ...))
    if pack is None or unpack is None:
        return Shape(row)
    return Shape(row, lambda values: [pack(value) for value in values], lambda values: tuple(map(unpack, values)))


def _record(kind: Any) -> Shape:
    hints = get_type_hints(kind)
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    else:
        names = list(kind.__struct_fields__)
    shapes = [shape(hints[name]) for name in names]
    if not any(each.pack for each in shapes):
        return Shape(kind)
    defaults = _defaults(kind)
    fields = [(name, each.wire, *defaults.get(name, ())) for name, each in zip(names, shapes, strict=True)]
    twin = msgspec.defstruct(f"{kind.__name__}OnTheWire", fields, array_like=True, gc=False)
    fetch = attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)
    return Shape(twin, *_by_place(shapes, fetch, msgspec.structs.astuple, kind))


def _defaults(kind: Any) -> dict[str, tuple[Any]]:
    """Give what the last fields of a type are where they are not said: in a file, say, that was written before there were such fields."""
    if dataclasses.is_dataclass(kind):
        fields: list[tuple[str, Any]] = [(field.name, field.default) for field in dataclasses.fields(kind)]
    else:
        fields = [(field.name, field.default) for field in msgspec.structs.fields(kind)]
    found: dict[str, tuple[Any]] = {}
    for name, default in reversed(fields):
        if default is not None and not isinstance(default, bool | int | float | str):
            break
        found[name] = (default,)
    return found


def _by_place(
    shapes: Sequence[Shape], fetch: Convert, split: Convert, make: Callable[..., Any]
) -> tuple[Convert, Convert]:
    """Give the conversions of what `fetch` and `split` give the values of, and `make` makes of them; they touch only those that need it.

    Every message between processes goes through here twice: what is None is passed over at once, and a record costs one call.
    """
    packs = [(place, _always(each.pack)) for place, each in enumerate(shapes) if each.pack]
    unpacks = [(place, _always(each.unpack)) for place, each in enumerate(shapes) if each.unpack]

    def pack(whole: Any) -> list[Any]:
        row = [*fetch(whole)]
        for place, convert in packs:
            value = row[place]
            if value is not None:
                row[place] = convert(value)
        return row

    def unpack(whole: Any) -> Any:
        row = [*split(whole)]
        for place, convert in unpacks:
            value = row[place]
            if value is not None:
                row[place] = convert(value)
        return make(*row)

    return pack, unpack


def _always(convert: Convert) -> Convert:
    """Give a conversion as it is where there is a value; no data is None."""
    found: Convert = getattr(convert, "__wrapped__", convert)
    return found


def _pack_data(data: Data) -> Any:
    return Ext(_PACKED, bytes(data)) if isinstance(data, Packed) else bytes(data)


def _unpack_data(data: Any) -> Data:
    if isinstance(data, bytes):
        return Raw(data)
    if data.code != _PACKED:
        raise ValueError(f"extension {data.code} is not known")
    return Packed(data.data)
