"""What official clients say, in both protocols, as commands."""

import json

import msgspec
import pytest

from everywire import messages as m
from everywire.dialects.base import Agreed
from everywire.dialects.signalr.framing import with_length
from everywire.dialects.signalr.reading import SignalRDecoder
from everywire.dialects.signalr.writing import JSON, MESSAGEPACK
from everywire.errors import MessageTooBig, ProtocolError
from everywire.messages import Packed, Raw

CONNECT = m.Connect("connect", "t", name="s1", lasting=False)
pack = msgspec.msgpack.encode


def hello(protocol="json", version=1):
    return json.dumps({"protocol": protocol, "version": version}) + "\x1e"


def text(*said):
    return "".join(json.dumps(each, separators=(",", ":")) + "\x1e" for each in said)


def packed(*said):
    return b"".join(with_length(pack(each)) for each in said)


def shaken(protocol="json", most=10_000):
    """A client whose handshake is over."""
    decoder = SignalRDecoder(CONNECT, most)
    assert len(list(decoder.decode(hello(protocol)))) == 2
    return decoder


def told(decoder, data):
    return [plain(command) for command in decoder.decode(data)]


def plain(command):
    """A command whose data can be compared."""
    said = {name: getattr(command, name) for name in command.__struct_fields__}
    return type(command), {name: bytes(each) if isinstance(each, Raw) else each for name, each in said.items()}


def call(ref, name, data, **more):
    return m.Call(ref, name, data, positional=True, **{"awaits": "one", **more})


def test_the_handshake_comes_first():
    decoder = SignalRDecoder(CONNECT, 10_000)
    assert list(decoder.decode('{"protocol":"json"')) == []
    assert list(decoder.decode(',"version":1}\x1e')) == [Agreed(JSON), CONNECT]


@pytest.mark.parametrize("form", [str.encode, str])
def test_the_handshake_is_json_whatever_is_spoken_then(form):
    decoder = SignalRDecoder(CONNECT, 10_000)
    agreed, connect = decoder.decode(form(hello("messagepack")))
    assert (agreed.codec, agreed.numbering, connect) == (MESSAGEPACK, None, CONNECT)
    assert "does not support 'Binary'" in agreed.binary


def test_messages_may_follow_the_handshake_at_once():
    decoder = SignalRDecoder(CONNECT, 10_000)
    assert list(decoder.decode(hello() + text({"type": 6}, {"type": 7})))[2:] == [m.Pong(), m.Leave()]
    decoder = SignalRDecoder(CONNECT, 10_000)
    assert list(decoder.decode(hello("messagepack").encode() + packed([6], [7, None])))[2:] == [m.Pong(), m.Leave()]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (hello("xml"), "The protocol 'xml' is not supported."),
        (hello(version=3), "The server does not support version 3"),
        (text({"type": 6}), "no handshake"),
        (b"\x02\x91\x06\x1e", "no handshake"),
    ],
)
def test_a_handshake_that_is_none(data, reason):
    with pytest.raises(ProtocolError, match=reason):
        list(SignalRDecoder(CONNECT, 10_000).decode(data))


ARGUMENTS = Raw(b'[1,"x"]')
BOTH = [
    ({"type": 1, "target": "f", "arguments": [1, "x"]}, [1, {}, None, "f", [1, "x"]], [call(-1, "f", ARGUMENTS)]),
    (
        {"type": 1, "target": "f", "arguments": [1, "x"], "invocationId": "0"},
        [1, {}, "0", "f", [1, "x"]],
        [call("i0", "f", ARGUMENTS)],
    ),
    (
        {"type": 1, "target": "f", "arguments": [], "invocationId": "", "headers": {"a": "b"}},
        [1, {"a": "b"}, "", "f", []],
        [call(-1, "f", Raw(b"[]"))],
    ),
    (
        {"type": 4, "target": "f", "arguments": [1, "x"], "invocationId": "connect"},
        [4, {}, "connect", "f", [1, "x"]],
        [call("iconnect", "f", ARGUMENTS, awaits="stream")],
    ),
    ({"type": 5, "invocationId": "3"}, [5, {}, "3"], [m.Cancel("i3")]),
    ({"type": 6}, [6], [m.Pong()]),
    ({"type": 7, "error": "x"}, [7, "x"], [m.Leave()]),
    ({"type": 8, "sequenceId": 1}, [8, 1], []),  # of who does not count
    ({"type": 9, "sequenceId": 1}, [9, 1], []),
    ({"type": 11, "target": 5}, [11, "x"], []),
    ({"type": 2, "invocationId": "3", "item": 1}, [2, {}, "3", 1], []),
    ({"type": 3, "invocationId": "3", "result": 1}, [3, {}, "3", 3, 1], []),
    ({"type": 3, "invocationId": "c7", "result": [1]}, [3, {}, "c7", 3, [1]], [m.Answer(7, Raw(b"[1]"))]),
    ({"type": 3, "invocationId": "c7"}, [3, {}, "c7", 2], [m.Answer(7, Raw(b"null"), positional=True)]),
    ({"type": 3, "invocationId": "c7", "result": None}, [3, {}, "c7", 3, None], [m.Answer(7, Raw(b"null"))]),
    ({"type": 3, "invocationId": "c7", "error": "no"}, [3, {}, "c7", 1, "no"], [m.Decline(7, 100, "no")]),
    ({"type": 3, "invocationId": "c-7", "error": "no"}, [3, {}, "c", 1, "no"], []),
    ({"type": 3, "invocationId": "c" + "7" * 16}, [3, {}, "c²", 2], []),
    (
        {"type": 1, "target": "everywire:subscribe", "arguments": [{"channel": "c"}], "invocationId": "1"},
        [1, {}, "1", "everywire:subscribe", [{"channel": "c"}]],
        [m.Subscribe("i1", "c")],
    ),
    (
        {"type": 1, "target": "everywire:subscribe", "arguments": [], "invocationId": "1"},
        [1, {}, "1", "everywire:subscribe", [{}, {}]],
        [m.Malformed("i1", "bad request: everywire:subscribe takes one object")],
    ),
    (
        {"type": 4, "target": "everywire:presence", "arguments": [{"channel": "c"}], "invocationId": "1"},
        [4, {}, "1", "everywire:presence", [{"channel": "c"}]],
        [call("i1", "everywire:presence", Raw(b'[{"channel":"c"}]'), awaits="stream")],
    ),
    (
        {"type": 1, "target": "f", "arguments": {}, "invocationId": "1"},
        [1, {}, "1", "f", 5],
        [m.Malformed("i1", "bad request: arguments are an array")],
    ),
]


@pytest.mark.parametrize(("json_said", "packed_said", "commands"), BOTH)
def test_messages(json_said, packed_said, commands):
    assert told(shaken(), text(json_said)) == list(map(plain, commands))
    assert told(shaken(), text(json_said).encode()) == list(map(plain, commands))
    assert told(shaken("messagepack"), packed(packed_said)) == list(map(plain, commands))


def test_several_messages_cut_anywhere():
    said = [{"type": 6}, {"type": 1, "invocationId": "1", "target": "né", "arguments": []}, {"type": 6}]
    commands = list(map(plain, [m.Pong(), call("i1", "né", Raw(b"[]")), m.Pong()]))
    data = "".join(json.dumps(each, ensure_ascii=False) + "\x1e" for each in said).encode()
    for at in range(len(data) + 1):
        decoder = shaken()
        assert told(decoder, data[:at]) + told(decoder, data[at:]) == commands
    data = packed([6], [1, {}, "1", "né", []], [6])
    decoder = shaken("messagepack")
    assert [each for at in range(len(data)) for each in told(decoder, data[at : at + 1])] == commands


def test_a_command_is_given_before_the_next_message_is_read():
    decoder = shaken()
    commands = iter(decoder.decode(text({"type": 6}) + "{}\x1e"))
    assert next(commands) == m.Pong()
    with pytest.raises(ProtocolError, match="no message"):
        next(commands)


def test_what_is_binary_stays_so():
    (command,) = shaken("messagepack").decode(packed([1, {}, "1", "f", [b"\x01"]]))
    assert command.data == Packed(pack([b"\x01"]))
    (command,) = shaken("messagepack").decode(
        packed([1, {}, "1", "everywire:publish", [{"channel": "c", "data": b"x"}]])
    )
    assert command == m.Publish("i1", "c", Packed(pack(b"x")))


@pytest.mark.parametrize(
    "said",
    [
        {"type": 1, "arguments": []},
        {"type": 1, "target": "", "arguments": []},
        {"type": 4, "target": "f", "arguments": []},
        {"type": 1, "target": "f", "arguments": [], "invocationId": "x" * 256},
        {"type": 2, "item": 1},
        {"type": 2, "invocationId": "1"},
        {"type": 3},
        {"type": 3, "invocationId": "c1", "result": 1, "error": "x"},
        {"type": 5},
        {"type": 5, "invocationId": ""},
    ],
)
def test_what_no_client_sends(said):
    with pytest.raises(ProtocolError):
        list(shaken().decode(text(said)))


def test_data_that_not_every_receiver_can_read_is_refused_to_its_sender():
    deep = "[" * 100 + "]" * 100
    for arguments in ("[1e999]", '["\\ud800"]', deep):
        message = f'{{"type":1,"invocationId":"1","target":"f","arguments":{arguments}}}\x1e'
        (command,) = shaken().decode(message)
        assert isinstance(command, m.Malformed)
        assert command.ref == "i1"
        (command,) = shaken().decode(f'{{"type":3,"invocationId":"c1","result":{arguments}}}\x1e')
        assert isinstance(command, m.Decline)
    (command,) = shaken("messagepack").decode(packed([1, {}, "1", "f", [{1: 2}]]))
    assert isinstance(command, m.Malformed)


def test_messages_have_a_longest_size():
    assert told(shaken(most=100), text({"type": 6}) * 20) == [plain(m.Pong())] * 20
    with pytest.raises(MessageTooBig, match="more than 100 bytes"):
        list(shaken(most=100).decode("x" * 101))
    with pytest.raises(MessageTooBig, match="more than 100 bytes"):
        list(shaken("messagepack", most=100).decode(b"\x80\xe4\x97\xd0\x12"))


def test_what_is_no_text_at_all():
    with pytest.raises(ProtocolError):
        list(shaken().decode("\ud800\x1e"))
