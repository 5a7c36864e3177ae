"""The native dialect's decoders under the fuzzer: whatever a client sends is commands, faulty ones among them, or one `ProtocolError`.

An input whose first byte is odd is MessagePack; any other is JSON, which is then said in MessagePack, too, and has to mean the same.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import atheris
import msgspec

with atheris.instrument_imports(include=["everywire.dialects"]):
    from everywire.dialects.native import NativeDecoder, PackedDecoder

from everywire import messages as m
from everywire.errors import ProtocolError
from fuzz import judge

KINDS = tuple(kind for kind in vars(m).values() if isinstance(kind, type))
MOST = 1_000  # commands in one message


def decoded(decoder: Any, data: str | bytes) -> list[Any]:
    """The commands, and at last the code of the error that ends them."""
    found: list[Any] = []
    try:
        for command in decoder.decode(data):
            if not isinstance(command, KINDS):
                raise judge.Finding(f"{command!r} is no command")
            found.append(command)
    except ProtocolError as error:
        found.append(int(error.code))
    if len(found) > MOST + 1:
        raise judge.Finding(f"{len(found)} commands")
    return found


def kinds(found: list[Any]) -> list[Any]:
    """What of the commands does not depend on how data are written."""
    return [each if isinstance(each, int) else (type(each).__name__, getattr(each, "id", None)) for each in found]


def packed(text: str) -> bytes | None:
    """The same in MessagePack; None where that cannot say it, or JSON says a name twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    try:
        return msgspec.msgpack.encode(json.loads(text, object_pairs_hook=once))
    except (ValueError, RecursionError, OverflowError, msgspec.MsgspecError):
        return None


def one_input(data: bytes) -> None:
    """Try one input; any other exception is a finding."""
    if data[:1] and data[0] & 1:
        decoded(PackedDecoder(), data[1:])
        return
    try:
        text = data[1:].decode()
    except UnicodeDecodeError:
        text = data[1:].decode("latin-1")
    found = kinds(decoded(NativeDecoder(), text))
    again = packed(text)
    if again is not None and (other := kinds(decoded(PackedDecoder(), again))) != found:
        raise judge.Finding(f"JSON and MessagePack differ:\n  {found}\n  {other}")


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
