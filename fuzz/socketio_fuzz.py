"""The Socket.IO dialect under the fuzzer: whatever a client sends is commands of its sessions, or one `ProtocolError`.

An input is the messages of one client, each ended by the byte 0xfe; its first byte says whether it is binary (odd) or text. What the
commands carry is told to clients of both parsers, and what they are told has to be read as what was said.
"""

from __future__ import annotations

import sys

import atheris
import msgspec

with atheris.instrument_imports(include=["everywire.dialects", "everywire.fitness"]):
    from everywire.dialects.socketio import SocketIODialect
    from everywire.dialects.socketio.writing import PackedCodec, TextCodec

from everywire import messages as m
from everywire.dialects.base import Within
from everywire.errors import ProtocolError
from everywire.fitness import to_json
from fuzz import judge

END = b"\xfe"
KINDS = (m.Connect, m.Call, m.Answer, m.Decline, m.Leave, m.Malformed, m.Subscribe, m.Unsubscribe)
KINDS += (m.Publish, m.History, m.Presence)
CHANNEL = "room"
MOST = 11  # payloads that say one event
DIALECT = SocketIODialect(namespaces=lambda name: len(name) < 9)
CONNECT = {TextCodec: "40", PackedCodec: b"\x82\xa4type\x00\xa3nsp\xa1/"}


def messages(data: bytes) -> list[str | bytes]:
    """Read an input as what one client sends."""
    found: list[str | bytes] = []
    for each in data.split(END):
        if each[:1] and each[0] & 1:
            found.append(each[1:])
        else:
            found.append(each[1:].decode(errors="replace"))
    return found


def commands(sent: list[str | bytes]) -> list[m.Command]:
    """The commands of all messages up to the one that breaks the protocol."""
    decoder, found = DIALECT.decoder(), []
    try:
        for each in sent:
            for said in decoder.decode(each):
                command = said.command if isinstance(said, Within) else said
                if not isinstance(command, KINDS if isinstance(said, Within) else (m.Pong, m.Leave)):
                    raise judge.Finding(f"{command!r} is no command")
                found.append(command)
    except ProtocolError:
        pass
    return found


def told(data: m.Data, kind: type[TextCodec] | type[PackedCodec]) -> None:
    """Tell `data` to a client, who says it again."""
    codec = kind("/")
    payloads = [payload.data for payload in codec.encode(m.Publication(CHANNEL, data, 0))]
    again = commands([CONNECT[kind], *("4" + each[1:] if isinstance(each, str) else each for each in payloads)])
    if len(payloads) > MOST or len(again) != 2 or not isinstance(again[1], m.Call | m.Malformed):
        raise judge.Finding(f"{data!r} was told as {payloads!r}, which says {again!r}")
    call = again[1]
    if isinstance(call, m.Call) and call.name == CHANNEL and call.data is not None:
        text = bytes(to_json(call.data))
        said = bytes(to_json(data)) if not call.positional else b"[" + bytes(to_json(data)) + b"]"
        if kind is TextCodec and text != said and _value(text) != _value(said):
            raise judge.Finding(f"{data!r} was told as {payloads!r}")


def _value(text: bytes) -> object:
    return msgspec.json.decode(text)


def one_input(data: bytes) -> None:
    """Try one input; any other exception is a finding."""
    for command in commands(messages(data)):
        carried = getattr(command, "data", None)
        if carried is not None:
            told(carried, TextCodec)
            told(carried, PackedCodec)
            for kind in (TextCodec, PackedCodec):
                kind("/").encode(m.Result(1, carried))
                kind("/a").encode(m.Calling(1, "f", carried))


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
