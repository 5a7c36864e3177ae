"""What application data has to look like: a type hint, and how data is read as it.

Reading is msgspec's: builtin types, dataclasses, TypedDict, Struct, Enum, `Annotated[int, msgspec.Meta(ge=0)]` and whatever is made of
them. Models of Pydantic, where an application uses it, are read by Pydantic itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Any, Final, get_args, is_typeddict

import msgspec

from everywire.errors import Refused
from everywire.fitness import array_elements, as_builtin
from everywire.hub.codes import Code
from everywire.messages import Data, Packed, Raw
from everywire.payloads import Codec

__all__ = ["Fields", "Shape", "elements", "encode", "has_fields", "pydantic_schema", "told"]

_MAX_REASON = 300  # characters of what is wrong, which may repeat what the client said
_MAX_ERRORS = 10
_NULL: Final = Raw(b"null")
_write = msgspec.json.Encoder(enc_hook=as_builtin).encode
_TEXTUAL: Final = frozenset({type(None), bool, int, float, str})


class Shape:
    """One hint as something that data is read as; raises `TypeError` for a hint that no data can be read as.

    >>> Shape(list[int]).read(Raw(b"[1, 2]"))
    [1, 2]
    """

    __slots__ = ("_json", "_packed", "hint")

    def __init__(self, hint: Any = Any) -> None:
        self.hint: Final = hint
        self._json, self._packed = _readers(hint)

    def read(self, data: Data) -> Any:
        """Give what `data` says; raises `Refused` (107), which says where it is not as the hint says."""
        try:
            return self._packed(data) if isinstance(data, Packed) else self._json(data)
        except (ValueError, RecursionError) as fault:
            if not isinstance(data, Packed) and b"\\ud" in bytes(data).lower():
                return self._halves(bytes(data))
            raise _refused(fault) from None

    def _halves(self, text: bytes) -> Any:
        """Read text that has halves of characters in it, which only a language of plain strings lets through."""
        try:
            return msgspec.convert(json.loads(text), self.hint)
        except (ValueError, RecursionError, TypeError) as fault:
            raise _refused(fault) from None


class Fields:
    """Several hints by name: an object with these fields; those that need not be there are named in `optional`."""

    __slots__ = ("_foreign", "_listed", "_struct", "hints", "optional")

    def __init__(self, hints: Mapping[str, Any], optional: frozenset[str]) -> None:
        self.hints: Final = dict(hints)
        self.optional: Final = optional
        self._foreign = {name: Shape(hint) for name, hint in hints.items() if _is_pydantic(hint)}
        kinds = {name: msgspec.Raw if name in self._foreign else hint for name, hint in hints.items()}
        fields = [(name, kind, msgspec.UNSET) if name in optional else (name, kind) for name, kind in kinds.items()]
        self._struct = Shape(msgspec.defstruct("object", fields, kw_only=True))
        listed = msgspec.defstruct("array", fields, kw_only=True, array_like=True, forbid_unknown_fields=True)
        self._listed = Shape(listed)

    def placed(self, data: Data) -> dict[str, Any]:
        """Give the fields that `data`, an array, has in their order."""
        if self._foreign:
            return self.read(self.named(data))
        try:
            said = self._listed.read(data)
        except Refused:
            return self.read(self.named(data))  # it says what is wrong with which field
        return {name: value for name in self.hints if (value := getattr(said, name)) is not msgspec.UNSET}

    def named(self, data: Data) -> Data:
        """Give an array, whose elements are the fields in their order, as an object; raises `Refused` (107) for too many."""
        each = elements(data)
        if len(each) > len(self.hints):
            most = len(self.hints)
            said = f"bad request: at most {most} argument{'s' if most > 1 else ''}, not {len(each)}"
            raise Refused(said, Code.BAD_REQUEST)
        placed = {name: Raw(value) for name, value in zip(self.hints, each, strict=False)}
        if isinstance(data, Packed):
            return Packed(msgspec.msgpack.encode(placed))
        return Raw(msgspec.json.encode(placed))

    def read(self, data: Data | None) -> dict[str, Any]:
        """Give the fields that `data` has; nothing at all is an object without fields."""
        said = self._struct.read(Raw(b"{}") if data is None or data == _NULL else data)
        found = {name: getattr(said, name) for name in self.hints}
        given = {name: value for name, value in found.items() if value is not msgspec.UNSET}
        for name in self._foreign.keys() & given.keys():
            raw = given[name]
            try:
                given[name] = self._foreign[name].read(Packed(raw) if isinstance(data, Packed) else Raw(raw))
            except Refused as no:
                raise _under(name, no) from None
        return given


def elements(data: Data) -> list[Data]:
    """Give the elements of an array; raises `Refused` (107) for what is none."""
    try:
        return array_elements(data)
    except (ValueError, RecursionError) as fault:
        raise _refused(fault) from None


def encode(value: Any) -> Data:
    """Give `value` as application data: JSON text, or MessagePack where there is something binary in it.

    It may be made of anything that `Shape` reads; what is data already is given as it is. Raises `TypeError` for what data cannot say.
    """
    if value is None or isinstance(value, (str, bool, float)):
        return Raw(_write(value))
    if isinstance(value, (Raw, Packed)):
        return value
    plain = msgspec.to_builtins(value, builtin_types=(bytes, bytearray, memoryview), str_keys=True, enc_hook=_plain)
    if _is_binary(plain):
        return Packed(msgspec.msgpack.encode(plain))
    return Raw(msgspec.json.encode(plain))


def told(value: Any, codec: Codec | None) -> Data:
    """Give the same for a client that reads `codec` alone: it may be one that reads text with halves of characters in it, as others could not."""
    try:
        return encode(value)
    except UnicodeEncodeError:
        if not (isinstance(value, str) and getattr(codec, "halves", False)):
            raise
        return Raw(json.dumps(value).encode())


def has_fields(hint: Any) -> bool:
    """Say whether `hint` is a type whose values are objects with known fields: so it can be a whole argument by itself."""
    kinds = [each for each in get_args(hint) if each is not type(None)] or [hint]  # an optional one, too
    return len(kinds) == 1 and (
        is_dataclass(kinds[0])
        or is_typeddict(kinds[0])
        or (
            isinstance(kinds[0], type)
            and (issubclass(kinds[0], msgspec.Struct) or hasattr(kinds[0], "__pydantic_validator__"))
        )
    )


def pydantic_schema(hint: Any, template: str) -> dict[str, Any] | None:
    """Give the JSON schema of a hint that Pydantic reads, its references as `template` says; None for any other."""
    if not _is_pydantic(hint):
        return None
    schema: dict[str, Any] = _foreign(hint).json_schema(ref_template=template)
    return schema


def _readers(hint: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Give what reads JSON text and what reads MessagePack."""
    if _is_pydantic(hint):
        foreign = _foreign(hint)
        return (
            lambda raw: foreign.validate_json(bytes(raw)),
            lambda packed: foreign.validate_python(msgspec.msgpack.decode(packed)),
        )
    try:
        # This walks all of the hint, where a decoder would only fail when it is used.
        msgspec.json.schema(hint, schema_hook=_known)
        json = msgspec.json.Decoder(hint, dec_hook=_custom)
        return json.decode, msgspec.msgpack.Decoder(hint, dec_hook=_custom).decode
    except (TypeError, NotImplementedError) as fault:
        raise TypeError(f"data cannot be read as {_name(hint)}: {fault}") from None


def _known(kind: Any) -> dict[str, Any]:
    if _is_pydantic(kind):
        return {"title": _name(kind)}
    raise TypeError(
        f"{_name(kind)} is not made of what JSON says; use a dataclass, a TypedDict, a msgspec.Struct or a Pydantic model"
    )


def _custom(kind: Any, value: Any) -> Any:
    return kind.__pydantic_validator__.validate_python(value)


def _plain(value: Any) -> Any:
    if _is_pydantic(type(value)):
        return type(value).__pydantic_serializer__.to_python(value, mode="json", by_alias=True)
    return as_builtin(value)


def _is_pydantic(hint: Any) -> bool:
    """Say whether `hint` is a model of Pydantic, or made of one; Pydantic is never imported for that."""
    if "pydantic" not in sys.modules:
        return False
    if isinstance(hint, type) and hasattr(hint, "__pydantic_validator__"):
        return True
    return any(_is_pydantic(each) for each in get_args(hint))


def _foreign(hint: Any) -> Any:
    return sys.modules["pydantic"].TypeAdapter(hint)


def _is_binary(value: Any) -> bool:
    """Say whether something in `value`, which is made of builtins alone, is binary."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return value.__class__ not in _TEXTUAL
    return any(each.__class__ not in _TEXTUAL and _is_binary(each) for each in value)


def _refused(fault: Exception) -> Refused:
    errors = _foreign_errors(fault) or [_error(fault)]
    said = "; ".join(_said(each) for each in errors)
    return Refused(f"bad request: {said}"[:_MAX_REASON], Code.BAD_REQUEST, data={"errors": errors})


def _error(fault: Exception) -> dict[str, str]:
    """Tell the path from the words of msgspec's error."""
    words, _, path = str(fault).partition(" - at `")
    return {"path": path.rstrip("`") or "$", "reason": words[:_MAX_REASON]}


def _foreign_errors(fault: Exception) -> list[dict[str, str]]:
    """Give the errors of Pydantic, whether it was asked for everything or for a part."""
    said: Any = fault if hasattr(fault, "errors") else fault.__cause__
    path = "$" if said is fault else _error(fault)["path"]
    if not hasattr(said, "errors"):
        return []
    found = said.errors(include_url=False, include_context=False, include_input=False)[:_MAX_ERRORS]
    return [{"path": path + _path(each["loc"]), "reason": each["msg"][:_MAX_REASON]} for each in found]


def _path(places: tuple[int | str, ...]) -> str:
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in places)


def _under(name: str, no: Refused) -> Refused:
    """Say of what is wrong inside the field `name` where that is."""
    errors = [{**each, "path": f"$.{name}{each['path'][1:]}"} for each in no.data["errors"]]
    said = "; ".join(_said(each) for each in errors)
    return Refused(f"bad request: {said}"[:_MAX_REASON], Code.BAD_REQUEST, data={"errors": errors})


def _said(error: dict[str, str]) -> str:
    return error["reason"] + (f" - at `{error['path']}`" if error["path"] != "$" else "")


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)
