"""TypeScript: the types of an application's calls and channels, for whoever writes its clients."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from everywire.describing.contract import CallContract, ChannelContract, Contract, Schema
from everywire.hub.kinds import ParameterType

__all__ = ["typescript"]

_HEAD = "// Written by `everywire contracts`: change the application instead of this.\n"
_PARAMETERS: dict[ParameterType, str] = {
    "str": "${string}",
    "int": "${number}",
    "uuid": "-".join(["${string}"] * 5),
}
_PLAIN = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


def typescript(contract: Contract) -> str:
    """Give a module with a type for each named type, `Calls`, `ChannelName` and `ChannelData`.

        const sum: Calls["add"]["result"] = await client.call("add", { a: 1, b: 2 } satisfies Calls["add"]["data"]);

    Binary data is a Uint8Array on MessagePack and base64 text on JSON.
    """
    types = [_declaration(name, schema) for name, schema in sorted(contract.types.items())]
    calls = "".join(_call(call) for call in contract.calls)
    said = "/** What each call takes and gives; `item` is one of a stream, `sends` one that the client sends. */\n"
    return "\n".join([_HEAD, *types, f"{said}export interface Calls {{\n{calls}}}\n", _channels(contract.channels)])


def _declaration(name: str, schema: Schema) -> str:
    about = _comment(schema.get("description", ""), "")
    if schema.get("type") == "object" and "properties" in schema:
        return f"{about}export interface {_identifier(name)} {_type(schema)}\n"
    return f"{about}export type {_identifier(name)} = {_type(schema)};\n"


def _call(call: CallContract) -> str:
    fields = [f"data: {_type(call.takes) if call.takes is not None else 'null | undefined'}"]
    if call.sends is not None:
        fields.append(f"sends: {_type(call.sends)}")
    fields.append(f"{'item' if call.streams else 'result'}: {_type(call.gives)}")
    return f"{_comment(call.about, '  ')}  {json.dumps(call.name)}: {{ {'; '.join(fields)} }};\n"


def _channels(channels: Iterable[ChannelContract]) -> str:
    """An exact name goes before patterns, as for the server; a name that no pattern matches carries nothing."""
    ordered = sorted(channels, key=lambda channel: bool(channel.parameters))
    names = " | ".join(_pattern(channel) for channel in ordered) or "never"
    cases = "".join(f"\n  Name extends {_pattern(each)} ? {_type(each.carries)} :" for each in ordered)
    return (
        f"export type ChannelName = {names};\n\n"
        "/** What a publication in the channel carries. */\n"
        f"export type ChannelData<Name extends ChannelName> ={cases}\n  never;\n"
    )


def _pattern(channel: ChannelContract) -> str:
    if not channel.parameters:
        return json.dumps(channel.pattern)
    literals, names = re.split(r"\{\w+\}", channel.pattern), channel.parameters.values()
    said = [_template(literals[0])]
    for kind, literal in zip(names, literals[1:], strict=True):
        said += [_PARAMETERS[kind], _template(literal)]
    return f"`{''.join(said)}`"


def _template(text: str) -> str:
    return re.sub(r"[\\`$]", lambda found: "\\" + found[0], text)


def _type(schema: Schema) -> str:
    """Give the type that a JSON schema describes; what it cannot say more exactly is `unknown`."""
    match schema:
        case {"$ref": reference}:
            return _identifier(reference.rpartition("/")[2])
        case {"const": value}:
            return json.dumps(value)
        case {"enum": values}:
            return " | ".join(json.dumps(value) for value in values)
        case {"anyOf": several} | {"oneOf": several}:
            return " | ".join(dict.fromkeys(_grouped(each) for each in several))
        case {"allOf": several}:
            return " & ".join(_grouped(each) for each in several)
        case {"type": list() as kinds}:
            return " | ".join(_grouped({**schema, "type": kind}) for kind in kinds)
        case {"type": "array"}:
            return _array(schema)
        case {"type": "object"}:
            return _object(schema)
        case {"contentEncoding": "base64"} | {"format": "binary"}:
            return "string | Uint8Array"
        case _:
            return _PLAIN.get(schema.get("type", ""), "unknown")


def _array(schema: Schema) -> str:
    items = schema.get("items")
    if "prefixItems" in schema:
        fixed = [_type(each) for each in schema["prefixItems"]]
        rest = [f"...{_grouped(items)}[]"] if isinstance(items, dict) else []
        return f"[{', '.join(fixed + rest)}]"
    return f"{_grouped(items)}[]" if isinstance(items, dict) else "unknown[]"


def _object(schema: Schema) -> str:
    properties, more = schema.get("properties"), schema.get("additionalProperties")
    if not properties:
        return f"Record<string, {_type(more) if isinstance(more, dict) else 'unknown'}>"
    required = schema.get("required", ())
    fields = [f"{_key(name)}{'' if name in required else '?'}: {_type(each)}" for name, each in properties.items()]
    return "{ " + "; ".join(fields) + " }"


def _grouped(schema: Any) -> str:
    said = _type(schema)
    return f"({said})" if re.search(r" [|&] ", said) and not re.fullmatch(r"[{\[].*[}\]]", said) else said


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_$][\w$]*", name, re.ASCII) else json.dumps(name)


def _identifier(name: str) -> str:
    made = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    return made if made[:1].isalpha() else f"_{made}"


def _comment(text: str, indent: str) -> str:
    lines = text.replace("*/", "* /").strip().splitlines()
    return f"{indent}/** " + f"\n{indent} * ".join(line.strip() for line in lines) + " */\n" if lines else ""
