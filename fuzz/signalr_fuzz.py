"""The SignalR dialect under the fuzzer: whatever a client sends is commands of its session, or one `ProtocolError`.

The first byte of an input says which protocol is spoken (odd: MessagePack), whether both sides count (2), and into how many pieces (4: bytes; otherwise one
per 0xfe) what follows is cut; where it is cut makes no difference. What the commands carry is told to clients of both protocols, and what
they are told has to be read as what was said.
"""

from __future__ import annotations

import sys

import atheris
import msgspec

with atheris.instrument_imports(include=["everywire.dialects", "everywire.fitness"]):
    from everywire.dialects.signalr.reading import SignalRDecoder
    from everywire.dialects.signalr.writing import JSON, MESSAGEPACK, HubCodec

from everywire import messages as m
from everywire.dialects.base import Acknowledged, Agreed
from everywire.errors import ProtocolError
from everywire.fitness import to_json
from fuzz import judge

CUT = b"\xfe"
MOST = 4_096
KINDS = (m.Call, m.Cancel, m.Item, m.End, m.Answer, m.Decline, m.Leave, m.Pong, m.Malformed)
KINDS += (m.Subscribe, m.Unsubscribe, m.Publish, m.History, m.Presence, Acknowledged)
CONNECT = m.Connect("connect")
HELLO = {JSON: b'{"protocol":"json","version":2}\x1e', MESSAGEPACK: b'{"protocol":"messagepack","version":2}\x1e'}
CODECS = (JSON, MESSAGEPACK)


def commands(codec: HubCodec, pieces: list[bytes], *, stateful: bool = False) -> list[object]:
    """The commands behind the handshake, up to what breaks the protocol."""
    decoder, found = SignalRDecoder(CONNECT, MOST, stateful=stateful), []
    try:
        for each in (HELLO[codec], *pieces):
            found.extend(decoder.decode(each))
    except ProtocolError as fault:
        found.append(fault.reason)
    if not isinstance(found[0], Agreed) or found[1] is not CONNECT:
        raise judge.Finding(f"{found[:2]!r} is no handshake")
    for command in found[2:]:
        if not isinstance(command, (*KINDS, str)):
            raise judge.Finding(f"{command!r} is no command")
    return found[2:]


def same(some: object, other: object) -> bool:
    """Whether two commands say the same."""
    return type(some) is type(other) and repr(plain(some)) == repr(plain(other))


def plain(command: object) -> object:
    """A command whose data can be compared."""
    if not isinstance(command, msgspec.Struct):
        return command
    fields = ((name, getattr(command, name)) for name in command.__struct_fields__)
    return [(name, bytes(each) if isinstance(each, msgspec.Raw) else each) for name, each in fields]


def told(data: m.Data, codec: HubCodec) -> None:
    """Tell `data` to a client, who says it again."""
    said = _value(bytes(to_json(data)))
    for event, name in ((m.Publication("room", data, 0), None), (m.Calling(7, "room", data), "c7")):
        (payload,) = codec.encode(event)
        sent = payload.data.encode() if isinstance(payload.data, str) else payload.data
        (call,) = commands(codec, [sent])
        if not isinstance(call, m.Call | m.Malformed) or (name is not None and call.ref != f"i{name}"):
            raise judge.Finding(f"{data!r} was told as {payload!r}, which says {call!r}")
        plainly = codec is JSON and isinstance(call, m.Call) and call.name == "room" and call.data is not None
        if plainly and _value(bytes(call.data)) not in ([said], said, _spread(said)):
            raise judge.Finding(f"{data!r} was told as {payload!r}")
    (payload,) = codec.encode(m.Result("ic7", data))
    sent = payload.data.encode() if isinstance(payload.data, str) else payload.data
    (answer,) = commands(codec, [sent])
    if not isinstance(answer, m.Answer | m.Decline):
        raise judge.Finding(f"{data!r} was answered as {payload!r}, which says {answer!r}")


def _spread(said: object) -> object:
    return said.get("args") if isinstance(said, dict) else None


def _value(text: bytes) -> object:
    return msgspec.json.decode(text)


def one_input(data: bytes) -> None:
    """Try one input; any other exception is a finding."""
    flags, said = (data[0], data[1:]) if data else (0, b"")
    codec, stateful = CODECS[flags & 1], bool(flags & 2)
    pieces = [said[at : at + 1] for at in range(len(said))] if flags & 4 else said.split(CUT)
    found = commands(codec, pieces, stateful=stateful)
    whole = commands(codec, [b"".join(pieces)], stateful=stateful)
    if len(found) != len(whole) or not all(map(same, found, whole)):
        raise judge.Finding(f"{found!r} in pieces, {whole!r} at once")
    for command in found:
        carried = getattr(command, "data", None)
        if carried is not None:
            for each in CODECS:
                told(carried, each)


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
