"""AsyncAPI 3.0: the document that describes an application to tools and people (https://www.asyncapi.com/docs/reference)."""

from __future__ import annotations

import re
from typing import Any

from everywire.describing.contract import CallContract, ChannelContract, Contract, Schema
from everywire.hub.kinds import ParameterType

__all__ = ["asyncapi"]

# AsyncAPI 3.0 knows texts alone as parameters of an address; what they are is said to people, and to tools by an extension.
_PARAMETERS: dict[ParameterType, dict[str, Any]] = {
    "str": {"description": "Text without a colon.", "x-schema": {"type": "string", "pattern": "^[^:]+$"}},
    "int": {
        "description": "An integer.",
        "examples": ["7"],
        "x-schema": {"type": "integer", "minimum": 1 - 10**18, "maximum": 10**18 - 1},
    },
    "uuid": {
        "description": "A UUID in lower case.",
        "examples": ["123e4567-e89b-42d3-a456-426614174000"],
        "x-schema": {"type": "string", "format": "uuid"},
    },
}


def asyncapi(contract: Contract, title: str, version: str) -> dict[str, Any]:
    """Give the document, from the server's point of view: it receives what clients publish and call, and sends what they hear.

    A channel's parameters say by `x-schema` what they are. A call is a channel whose address is the call's name; its operation's reply is
    the result, or the items of a stream, which `x-stream` says.
    """
    names = _Names()
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for kind in contract.channels:
        name = names.take(kind.pattern)
        channels[name] = _channel(kind)
        operations |= _channel_operations(kind, name)
    for call in contract.calls:
        name = names.take(f"call_{call.name}")
        channels[name] = _call(call)
        operations |= _call_operations(call, name)
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": version},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"schemas": dict(contract.types)},
    }
    return {key: _spoken(value) for key, value in document.items()}


def _spoken(value: Any) -> Any:
    """Give schemas as AsyncAPI has them: a union's `discriminator` is a name there, where OpenAPI has an object."""
    match value:
        case dict():
            said = {key: _spoken(each) for key, each in value.items()}
            match said:
                case {"anyOf": _, "discriminator": {"propertyName": name}} | {
                    "oneOf": _,
                    "discriminator": {"propertyName": name},
                }:
                    said["discriminator"] = name
            return said
        case list():
            return [_spoken(each) for each in value]
        case _:
            return value


class _Names:
    """Makes keys of names: letters, digits and underscores, no two alike."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """Give a key that is not taken yet."""
        key = base = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "_"
        number = 1
        while key in self._taken:
            number += 1
            key = f"{base}_{number}"
        self._taken.add(key)
        return key


def _channel(kind: ChannelContract) -> dict[str, Any]:
    channel: dict[str, Any] = {"address": kind.pattern, "messages": {"publication": _message(kind.carries)}}
    if kind.parameters:
        channel["parameters"] = {name: _PARAMETERS[each] for name, each in kind.parameters.items()}
    return channel


def _channel_operations(kind: ChannelContract, name: str) -> dict[str, Any]:
    operations = {}
    if kind.published:
        operations[f"receive_{name}"] = _operation("receive", name, "publication")
    if kind.heard:
        operations[f"send_{name}"] = _operation("send", name, "publication")
    return operations


def _call(call: CallContract) -> dict[str, Any]:
    answer = "item" if call.streams else "result"
    messages = {"argument": _message(call.takes if call.takes is not None else {"type": "null"})}
    messages[answer] = _message(call.gives, stream=call.streams)
    if call.sends is not None:
        messages["sent"] = _message(call.sends, stream=True)
    channel: dict[str, Any] = {"address": call.name, "messages": messages}
    if call.about:
        channel["description"] = call.about
    return channel


def _call_operations(call: CallContract, name: str) -> dict[str, Any]:
    answer = "item" if call.streams else "result"
    reply = {"channel": {"$ref": f"#/channels/{name}"}, "messages": [_reference(name, answer)]}
    operations = {name: {**_operation("receive", name, "argument"), "reply": reply}}
    if call.sends is not None:
        operations[f"{name}_sent"] = _operation("receive", name, "sent")
    return operations


def _operation(action: str, channel: str, message: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [_reference(channel, message)],
    }


def _reference(channel: str, message: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{channel}/messages/{message}"}


def _message(schema: Schema, *, stream: bool = False) -> dict[str, Any]:
    return {"payload": schema, "x-stream": True} if stream else {"payload": schema}
