"""The difference between two pieces of application data, and its application: docs/protocol.md, "Deltas".

Values are compared as they are written, byte for byte, and copied as they are written: what is told whole and what is put
together from differences cannot come apart by the way that somebody reads numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from everywire.messages import Data, Packed

__all__ = ["applied", "difference"]

_PAYS = 0.75  # a difference is told where it takes no more than this part of the whole
_LEAST = 64  # bytes of data below which nobody looks


class _Delta(msgspec.Struct, omit_defaults=True):
    keep: list[int] | UnsetType = UNSET
    drop: list[str] | UnsetType = UNSET
    set: dict[str, Raw] | UnsetType = UNSET
    within: dict[str, _Delta] | UnsetType = msgspec.field(default=UNSET, name="in")


_Object: TypeAlias = dict[str, Raw]
_Array: TypeAlias = list[Raw]


class _Form(NamedTuple):
    """How data is written."""

    read: Callable[[Raw], _Object | _Array]
    write: Callable[[Any], bytes]


_json = _Form(msgspec.json.Decoder(_Object | _Array).decode, msgspec.json.Encoder().encode)
_packed = _Form(msgspec.msgpack.Decoder(_Object | _Array).decode, msgspec.msgpack.Encoder().encode)


def difference(before: Data, after: Data) -> Data | None:
    """Give what makes `after` of `before`, in the way both are written; None where there is nothing shorter than `after`."""
    packed = isinstance(after, Packed)
    size = memoryview(after).nbytes
    if packed is not isinstance(before, Packed) or size < _LEAST:
        return None
    form = _packed if packed else _json
    delta = _between(form, Raw(bytes(before)), Raw(bytes(after)))
    if delta is None:
        return None
    text = form.write(delta)
    if len(text) > _PAYS * size:
        return None
    return Packed(text) if packed else Raw(text)


def _between(form: _Form, before: Raw, after: Raw) -> _Delta | None:
    """Give the difference of two objects or two arrays; None for everything else."""
    try:
        old, new = form.read(before), form.read(after)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    if isinstance(old, dict) and isinstance(new, dict):
        return _of_objects(form, old, new)
    if isinstance(old, list) and isinstance(new, list):
        return _of_arrays(form, old, new)
    return None


def _of_objects(form: _Form, old: _Object, new: _Object) -> _Delta | None:
    if "__proto__" in new or "__proto__" in old:
        return None  # a careless client would set something else by that name
    delta = _Delta()
    if gone := [key for key in old if key not in new]:
        delta.drop = gone
    _compare(form, delta, {key: (old.get(key), value) for key, value in new.items()})
    return delta


def _of_arrays(form: _Form, old: _Array, new: _Array) -> _Delta:
    """Arrays grow, or lose their first elements, or change somewhere; elements put in between are not looked for."""
    delta = _Delta()
    first = 0
    if new and old and new[0] != old[0] and new[0] in old:
        first = old.index(new[0])
    kept = old[first : first + len(new)]
    if len(kept) < len(old):
        delta.keep = [first, len(kept)]
    changes = {str(at): (kept[at] if at < len(kept) else None, value) for at, value in enumerate(new)}
    _compare(form, delta, changes)
    return delta


def _compare(form: _Form, delta: _Delta, values: dict[str, tuple[Raw | None, Raw]]) -> None:
    """Note in `delta` what became of each value: (before, after)."""
    anew: dict[str, Raw] = {}
    within: dict[str, _Delta] = {}
    for key, (before, after) in values.items():
        if before == after:
            continue
        inner = _between(form, before, after) if before is not None and len(bytes(after)) >= _LEAST else None
        if inner is not None and len(form.write(inner)) <= _PAYS * len(bytes(after)):
            within[key] = inner
        else:
            anew[key] = after
    if anew:
        delta.set = anew
    if within:
        delta.within = within


def applied(base: Any, delta: Any) -> Any:
    """Give the data, parsed, that `delta`, parsed, makes of `base`, which is left as it is; raises `ValueError` where it makes none."""
    try:
        return _applied(base, delta)
    except (KeyError, IndexError, TypeError, AttributeError) as fault:
        raise ValueError(f"a delta that does not belong to its base: {fault!r}") from None


def _applied(base: Any, delta: dict[str, Any]) -> Any:
    if isinstance(base, list):
        return _applied_to_array(base, delta)
    gone = delta.get("drop", ())
    made = {key: value for key, value in base.items() if key not in gone}
    for key, inner in delta.get("in", {}).items():
        made[key] = _applied(made[key], inner)
    return made | delta.get("set", {})


def _applied_to_array(base: list[Any], delta: dict[str, Any]) -> list[Any]:
    first, count = delta.get("keep", (0, len(base)))
    made = base[first : first + count]
    for key, inner in delta.get("in", {}).items():
        made[int(key)] = _applied(made[int(key)], inner)
    for key, value in delta.get("set", {}).items():
        if int(key) == len(made):
            made.append(value)
        else:
            made[int(key)] = value
    return made
