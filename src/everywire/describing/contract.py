"""The contract of an application: its calls and channels, with a JSON schema for everything that was declared with a hint."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from everywire.hub.calling.handlers import Handler
from everywire.hub.calling.shapes import Fields, Shape, pydantic_schema
from everywire.hub.hooks import Hooks
from everywire.hub.kinds import ChannelKind, ParameterType

__all__ = ["CallContract", "ChannelContract", "Contract", "Schema", "describe"]

Schema: TypeAlias = dict[str, Any]

_TEMPLATE = "#/components/schemas/{name}"


@dataclass(frozen=True, slots=True)
class CallContract:
    """A call: what its argument is (None: it takes none), what it gives, what the items are that its client sends (None: no stream).

    `streams`: it gives a stream, and `gives` is an item of it.
    """

    name: str
    about: str
    takes: Schema | None
    gives: Schema
    sends: Schema | None
    streams: bool


@dataclass(frozen=True, slots=True)
class ChannelContract:
    """Channels of one kind: what a publication carries.

    `pattern` names its parameters, `parameters` says of each what it is. `heard` and `published`: by clients, as far as that is the same for all.
    """

    pattern: str
    parameters: Mapping[str, ParameterType]
    carries: Schema
    heard: bool
    published: bool


@dataclass(frozen=True, slots=True)
class Contract:
    """All calls and channels; schemas refer to `types` by name, as "#/components/schemas/Name"."""

    calls: tuple[CallContract, ...]
    channels: tuple[ChannelContract, ...]
    types: Mapping[str, Schema]


def describe(hooks: Hooks) -> Contract:
    """Give the contract of what was declared; raises `ValueError` where two different types have one name."""
    handlers = [*hooks.handlers.values()]
    schemas = _Schemas(hint for handler in handlers for hint in _hints(handler))
    for kind in hooks.kinds:
        schemas.add(_carried(kind))
    schemas.write()
    calls = tuple(_call(handler, schemas) for handler in handlers)
    return Contract(calls, tuple(_channel(kind, schemas) for kind in hooks.kinds), schemas.types)


class _Schemas:
    """Writes the schemas of hints, once all of them are known: types of one name in different modules get longer names.

    Invariants: after `write`, `types` holds every type that a schema refers to.
    """

    def __init__(self, hints: Iterator[Any]) -> None:
        self.types: dict[str, Schema] = {}
        self._hints: list[Any] = [*hints]
        self._written: list[tuple[Any, Schema]] = []

    def add(self, hint: Any) -> None:
        """Know another hint."""
        self._hints.append(hint)

    def write(self) -> None:
        """Write them all."""
        own = []
        for hint in self._hints:
            foreign = pydantic_schema(hint, "#/components/schemas/{model}")
            if foreign is not None:
                self._written.append((hint, self._hoisted(foreign)))
            else:
                own.append(hint)
        schemas, types = msgspec.json.schema_components(own, schema_hook=self._nested, ref_template=_TEMPLATE)
        self._written += zip(own, schemas, strict=True)
        for name, schema in types.items():
            self._define(name, schema)

    def of(self, hint: Any) -> Schema:
        """Give the schema of a hint that was added."""
        return next(schema for known, schema in self._written if known is hint or known == hint)

    def _nested(self, kind: Any) -> Schema:
        """Give the schema of a model inside of something else: a reference, so that it is written once."""
        schema = pydantic_schema(kind, "#/components/schemas/{model}")
        if schema is None:
            raise NotImplementedError
        name = str(schema.get("title", kind.__name__))
        self._define(name, self._hoisted(schema))
        return {"$ref": _TEMPLATE.format(name=name)}

    def _hoisted(self, schema: Schema) -> Schema:
        for name, each in schema.pop("$defs", {}).items():
            self._define(name, each)
        return schema

    def _define(self, name: str, schema: Schema) -> None:
        if self.types.setdefault(name, schema) != schema:
            raise ValueError(f"two different types are called {name}: rename one")


def _hints(handler: Handler) -> Iterator[Any]:
    match handler.argument:
        case Shape(hint=hint):
            yield hint
        case Fields(hints=hints):
            yield from hints.values()
    yield from (shape.hint for shape in handler.inflows)
    yield _given(handler)


def _given(handler: Handler) -> Any:
    """Give the hint of a result; one that data cannot be read as says nothing to others, and is no error."""
    try:
        return Shape(handler.returns).hint
    except TypeError:
        return Any


def _carried(kind: ChannelKind) -> Any:
    return kind.shape.hint if kind.shape is not None else Any


def _call(handler: Handler, schemas: _Schemas) -> CallContract:
    takes: Schema | None = None
    match handler.argument:
        case Shape(hint=hint):
            takes = schemas.of(hint)
        case Fields() as fields:
            takes = _object(fields, schemas)
    about = (inspect.getdoc(handler.function) or "").partition("\n\n")[0]
    return CallContract(
        handler.name, about, takes, schemas.of(_given(handler)), _sent(handler, schemas), handler.streams
    )


def _sent(handler: Handler, schemas: _Schemas) -> Schema | None:
    """Give what an item of the client's stream is; of several streams, any of them."""
    each = [schemas.of(shape.hint) for shape in handler.inflows]
    if not each:
        return None
    return each[0] if len(each) == 1 else {"anyOf": each}


def _object(fields: Fields, schemas: _Schemas) -> Schema:
    properties = {name: schemas.of(hint) for name, hint in fields.hints.items()}
    required = [name for name in fields.hints if name not in fields.optional]
    return {"type": "object", "properties": properties, "required": required}


def _channel(kind: ChannelKind, schemas: _Schemas) -> ChannelContract:
    heard, published = (kind.rules.get(action, True) is not False for action in ("subscribe", "publish"))
    return ChannelContract(kind.plain, kind.parameters, schemas.of(_carried(kind)), heard, published)
