"""What a handler gives, as its return type has it where there are Pydantic's models in that: checked, and without what they do not have.

Models are fitted by Pydantic, as FastAPI does it with a response. Dataclasses, TypedDicts and Structs are not checked, but the models in them are
fitted. A hint without a model only describes.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import is_dataclass
from functools import partial
from types import UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import msgspec

from everywire.messages import Packed, Raw

__all__ = ["Fit", "fit_for"]

Fit: TypeAlias = Callable[[Any], Any]
"""Gives a result as its type has it; raises what Pydantic raises, or `TypeError`, for one that does not fit."""

_OURS: Final = (Raw, Packed, bytes, bytearray, memoryview)  # which we write, beside models, in our own way
_QUALIFIERS: Final = (
    "Final",
    "NotRequired",
    "ReadOnly",
    "Required",
)  # of a field, in typing and in what stands in for it
_MISFITS: Final = (AttributeError, TypeError, ValueError)  # Pydantic's own among them


def fit_for(hint: Any) -> Fit | None:
    """Give what fits results to `hint`; None where there is no model in it. Raises `TypeError` for a hint that Pydantic cannot write."""
    if get_origin(hint) in (Awaitable, Coroutine):
        hint = get_args(hint)[-1]
    if "pydantic" not in sys.modules or not _has_models(hint):
        return None
    try:
        fit = _Fitting().of(hint)
    except (RuntimeError, NameError) as fault:  # of Pydantic
        raise TypeError(f"nothing can be written as {hint}: {fault}") from None
    # What is data already is given as it is.
    return lambda value: value if isinstance(value, (Raw, Packed)) else fit(value)


class _Fitting:
    """Makes what fits a hint, and all that is within it.

    Invariants: `_records` has what fits each type with fields that was met; a type may be within itself.
    """

    def __init__(self) -> None:
        self._records: dict[Any, _Record] = {}

    def of(self, hint: Any) -> Fit:
        """Give what fits `hint`."""
        hint = _meant(hint)
        if not _has_models(hint):
            return _same
        if _is_pydantics(hint):
            return _modelled(hint)
        kind, kinds = get_origin(hint) or hint, get_args(hint)
        if kind is Annotated:
            return self.of(kinds[0])
        if kind in (Union, UnionType):
            return partial(_of_several, [(each, self.of(each)) for each in _alternatives(kinds)])
        return self._record(hint) if _is_record(kind) else _composed(kind, kinds, [self.of(each) for each in kinds])

    def _record(self, hint: Any) -> Fit:
        record = self._records.get(hint)
        if record is None:
            record = self._records[hint] = _Record(get_origin(hint) or hint)
            record.fits = {name: self.of(each) for name, each in _fields(hint).items() if _has_models(each)}
        return record


class _Record:
    """Fits a dataclass, a TypedDict or a Struct: `fits` has those of its fields in which there are models."""

    def __init__(self, kind: Any) -> None:
        self._kind: Final = kind
        self.fits: dict[str, Fit] = {}

    def __call__(self, value: Any) -> Any:
        if not _may_be(self._kind, value):
            raise TypeError(f"a result of type {type(value).__name__} is no {self._kind.__name__}")
        if isinstance(value, dict):
            return {name: self.fits.get(name, _same)(each) for name, each in value.items()}
        fitted = copy(value)
        for name, fit in self.fits.items():
            if (each := getattr(value, name)) is not msgspec.UNSET:
                _set(fitted, name, fit(each))
        return fitted


def _composed(kind: Any, kinds: tuple[Any, ...], fits: list[Fit]) -> Fit:
    """Give what fits something that others are in: a mapping, a sequence."""
    if issubclass(kind, Mapping):
        return lambda value: {key: fits[1](each) for key, each in value.items()}
    if kind is tuple and kinds[-1] is not Ellipsis:
        return lambda value: [fit(each) for fit, each in zip(fits, value, strict=True)]
    return partial(_of_many, fits[0])


def _of_many(fit: Fit, value: Any) -> list[Any]:
    if isinstance(value, (str, bytes, Mapping)):
        raise TypeError(f"a result of type {type(value).__name__} is no sequence")
    return [fit(each) for each in value]


def _alternatives(kinds: Sequence[Any]) -> list[Any]:
    """Give the members of a union in the order in which they are tried: all that are Pydantic's as one, since it knows which of those is meant."""
    its = [each for each in kinds if _has_models(each) and _is_pydantics(each)]
    others = [each for each in kinds if each not in its]
    return [*([Union[tuple(its)]] if its else []), *others]  # noqa: UP007 - made of several


def _of_several(fits: list[tuple[Any, Fit]], value: Any) -> Any:
    """Fit a value as what it is an instance of, with models in it if that may be; or else as a model that can be made of it."""
    likely = [fit for hint, fit in fits if _may_be(hint, value)]
    others = [fit for _, fit in fits if fit not in likely and fit is not _same]
    fault: Exception | None = None
    for fit in (*sorted(likely, key=_is_same), *others):
        try:
            return fit(value)
        except _MISFITS as misfit:
            fault = fault or misfit
    raise TypeError(f"a result of type {type(value).__name__} is none of {[hint for hint, _ in fits]}") from fault


def _modelled(hint: Any) -> Fit:
    """Give what fits a hint that is all Pydantic's."""
    type_of = sys.modules["pydantic"].TypeAdapter(hint)

    def fit(value: Any) -> Any:
        return type_of.dump_python(type_of.validate_python(value, from_attributes=True), mode="json", by_alias=True)

    return fit


def _same(value: Any) -> Any:
    return value


def _is_same(fit: Fit) -> bool:
    return fit is _same


def _set(record: Any, name: str, value: Any) -> None:
    """Set a field of a copy, even of one that is frozen."""
    if isinstance(record, msgspec.Struct):
        msgspec.structs.force_setattr(record, name, value)
    else:
        object.__setattr__(record, name, value)


def _may_be(hint: Any, value: Any) -> bool:
    """Say whether a value is an instance of what a hint says, as far as that can be seen."""
    hint = _meant(hint)
    kind, kinds = get_origin(hint) or hint, get_args(hint)
    if kind is Annotated:
        return _may_be(kinds[0], value)
    if kind in (Union, UnionType):
        return any(_may_be(each, value) for each in kinds)
    if kind is Literal:
        return value in kinds
    if is_typeddict(kind):
        return isinstance(value, dict)
    if kind is float:
        return isinstance(value, float | int)  # PEP 484
    return kind is Any or not isinstance(kind, type) or isinstance(value, kind)


def _has_models(hint: Any) -> bool:
    return any(_is_model(each) for each in _within(hint, []))


def _is_pydantics(hint: Any) -> bool:
    """Say whether all of a hint is written as Pydantic does it."""
    return not any(_is_record(each) or each in _OURS for each in _within(hint, []))


def _within(hint: Any, seen: list[Any]) -> Iterator[Any]:
    """Give a hint and all those in it, but for those in a model and what was `seen`."""
    hint = _meant(hint)
    if hint in seen:
        return
    yield hint
    seen.append(hint)
    if _is_model(hint):
        return
    for each in _parts(hint):
        yield from _within(each, seen)
    if _is_record(hint):
        for each in _fields(hint).values():
            yield from _within(each, seen)


def _parts(hint: Any) -> tuple[Any, ...]:
    """Give the hints that a hint is made of, without values."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind is Literal:
        return ()
    return parts[:1] if kind is Annotated else parts


def _fields(hint: Any) -> dict[str, Any]:
    """Give the hints of the fields of a dataclass, a TypedDict or a Struct; of a generic one, as it was filled in."""
    kind = get_origin(hint) or hint
    try:
        hints = get_type_hints(kind, include_extras=True)
    except NameError:
        return {}  # a name that is not known where it stands: nobody could read it, either
    filled = dict(zip(getattr(kind, "__parameters__", ()), get_args(hint), strict=False))
    return {
        name: _filled(_unqualified(each), filled) for name, each in hints.items() if get_origin(each) is not ClassVar
    }


def _unqualified(hint: Any) -> Any:
    """Give the type of a field, without what else is said of the field."""
    while getattr(get_origin(hint), "_name", None) in _QUALIFIERS:
        (hint,) = get_args(hint)
    return hint


def _filled(hint: Any, filled: Mapping[Any, Any]) -> Any:
    """Give a hint with what its parameters stand for, and without that it may be unset."""
    if isinstance(hint, TypeVar):
        return filled.get(hint, Any)
    if parameters := getattr(hint, "__parameters__", ()) if get_args(hint) else ():
        hint = hint[tuple(filled.get(each, Any) for each in parameters)]
    if msgspec.UnsetType in get_args(hint):
        return Union[tuple(each for each in get_args(hint) if each is not msgspec.UnsetType)]  # noqa: UP007 - made of several
    return hint


def _meant(hint: Any) -> Any:
    """Give what a `type` statement or a `NewType` stands for."""
    while (meant := getattr(hint, "__value__", getattr(hint, "__supertype__", hint))) is not hint:
        hint = meant
    return hint


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and hasattr(hint, "__pydantic_validator__")


def _is_record(hint: Any) -> bool:
    """Say whether a hint is a type with fields that is not Pydantic's."""
    kind = get_origin(hint) or hint
    if not isinstance(kind, type) or _is_model(kind):
        return False
    return is_dataclass(kind) or is_typeddict(kind) or issubclass(kind, msgspec.Struct)
