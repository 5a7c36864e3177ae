"""Socket.IO packets as MessagePack, both ways, and what JavaScript's own values become."""

from datetime import UTC, datetime

import msgspec
import pytest
from msgspec.msgpack import Ext

from everywire import messages as m
from everywire.dialects.socketio import SocketIODialect
from everywire.dialects.socketio.packed import read, write
from everywire.dialects.socketio.packets import Kind, Packet
from everywire.errors import ProtocolError
from everywire.messages import Packed, Raw

pack = msgspec.msgpack.encode
UNDEFINED = Ext(0, b"\0")
DATE = Ext(0, (1_700_000_000_123).to_bytes(8, "big"))


def said(**fields):
    return pack(fields)


@pytest.mark.parametrize(
    ("fields", "packet"),
    [
        ({"type": 0, "nsp": "/"}, Packet(Kind.CONNECT, "/")),
        ({"type": 0, "nsp": "/", "data": UNDEFINED, "options": {"compress": True}}, Packet(Kind.CONNECT, "/")),
        ({"type": 0, "nsp": "/a", "data": {"token": "t"}}, Packet(Kind.CONNECT, "/a", fields={"token": "t"})),
        ({"type": 1, "nsp": "/a"}, Packet(Kind.DISCONNECT, "/a")),
        ({"type": 2, "nsp": "/", "data": ["f", b"a"]}, Packet(Kind.EVENT, "/", items=["f", b"a"])),
        ({"type": 2, "nsp": "/", "data": ["f"], "id": 0}, Packet(Kind.EVENT, "/", 0, ["f"])),
        ({"type": 2, "nsp": "/", "data": ["f"], "id": UNDEFINED}, Packet(Kind.EVENT, "/", items=["f"])),
        ({"type": 3, "nsp": "/", "data": [], "id": 7}, Packet(Kind.ACK, "/", 7, [])),
    ],
)
def test_reading(fields, packet):
    assert read(pack(fields)) == packet


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (UNDEFINED, None),
        ({"x": UNDEFINED, "y": 1}, {"y": 1}),
        ([UNDEFINED], [None]),
        (DATE, "2023-11-14T22:13:20.123Z"),
        (datetime(2023, 11, 14, 22, 13, 20, 123000, UTC), "2023-11-14T22:13:20.123Z"),
        (Ext(0, b"\x01\x02\x03"), b"\x01\x02\x03"),
        (Ext(0, b"\x7f" + b"\xff" * 7), b"\x7f" + b"\xff" * 7),
    ],
)
def test_values_that_only_javascript_has(value, plain):
    assert read(said(type=2, nsp="/", data=["f", value])).items == ["f", plain]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("d40000", None),  # undefined
        ("d7000000018bcfe5687b", "2023-11-14T22:13:20.123Z"),  # a Date
        ("c70300010203", b"\1\2\3"),  # a Uint8Array
        ("c708000000000000000000", b"\0" * 8),  # one as long as a Date
        ("c70800000000000000f03f", b"\0\0\0\0\0\0\xf0?"),  # a Float64Array
        ("c7010000", b"\0"),  # one as long as undefined
        ("c403616263", b"abc"),  # a Buffer
        ("81a161d40000", {}),  # an object with undefined in it
    ],
)
def test_what_the_official_parser_writes(written, value):
    packet = read(bytes.fromhex(f"84a47479706502a36e7370a12fa46461746192a166{written}a2696401"))
    assert packet == Packet(Kind.EVENT, "/", 1, ["f", value])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        pack([]),
        pack(2),
        pack({}),
        said(type="2", nsp="/", data=["f"]),
        said(type=True, nsp="/", data=["f"]),
        said(type=2.0, nsp="/", data=["f"]),
        said(type=-1, nsp="/", data=["f"]),
        said(type=4, nsp="/", data={"message": "x"}),
        said(type=4, nsp="/"),
        said(type=5, nsp="/", data=["f"]),
        said(type=2, nsp=5, data=["f"]),
        said(type=2, nsp="a", data=["f"]),
        said(type=2, nsp="/", data={"f": 1}),
        said(type=2, nsp="/", data=[]),
        said(type=2, nsp="/"),
        said(type=2, nsp="/", data=["disconnect"]),
        said(type=2, nsp="/", data=[True]),
        said(type=2, nsp="/", data=["f"], id=-1),
        said(type=2, nsp="/", data=["f"], id="1"),
        said(type=2, nsp="/", data=["f"], id=10**15),
        said(type=3, nsp="/", data=[1]),
        said(type=3, nsp="/", data=1, id=1),
        said(type=0, nsp="/", data=[]),
        said(type=0, nsp="/", data="x"),
        said(type=0, nsp="/", data={1: 2}),
        said(type=1, nsp="/", data={}),
        b"\x91" * 100_000,
    ],
)
def test_what_no_client_says(data):
    with pytest.raises(ProtocolError):
        read(data)


def test_writing():
    written = write(Kind.EVENT, "/a", 0, Raw(pack(["f", b"a"])))
    assert msgspec.msgpack.decode(written) == {"type": 2, "nsp": "/a", "data": ["f", b"a"], "id": 0}
    assert msgspec.msgpack.decode(write(Kind.DISCONNECT, "/")) == {"type": 1, "nsp": "/"}


def say(client, *payloads):
    return [each.command for payload in payloads for each in client.decode(payload)]


SHOWN = Raw(b'{"token":"t","info":{"a":1},"pid":"p"}')
CONNECTING = said(type=0, nsp="/", data={"token": "t", "info": {"a": 1}, "pid": "p"})


def test_the_parser_is_told_by_the_first_packet():
    client = SocketIODialect().decoder()
    assert say(client, CONNECTING) == [m.Connect("connect", "t", Raw(b'{"a":1}'), None, SHOWN, "/", lasting=False)]
    assert say(client, said(type=2, nsp="/", data=["f", {"a": b"x"}], id=3)) == [
        m.Call(3, "f", Packed(pack({"a": b"x"})))
    ]
    assert say(client, said(type=2, nsp="/", data=["f", 1, "x"])) == [m.Call(-1, "f", Raw(b'[1,"x"]'), positional=True)]
    assert list(client.decode("3")) == [m.Pong()]
    with pytest.raises(ProtocolError, match="MessagePack"):
        say(client, '42["f"]')


def test_clients_of_both_parsers_have_codecs_of_their_own():
    dialect = SocketIODialect()
    (packed,) = dialect.decoder().decode(CONNECTING)
    (text,) = dialect.decoder().decode("40")
    assert type(packed.codec) is not type(text.codec)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (float("nan"), "bad request: data that not every receiver can read"),
        (Ext(5, b"x"), "bad request: data that not every receiver can read"),
        ({1: 2}, "bad request: data that not every receiver can read"),
    ],
)
def test_data_that_not_every_receiver_can_read_is_refused(item, reason):
    client = SocketIODialect().decoder()
    say(client, CONNECTING)
    assert say(client, said(type=2, nsp="/", data=["f", item], id=1)) == [m.Malformed(1, reason)]


def test_data_that_is_too_deep_is_refused():
    client = SocketIODialect().decoder()
    say(client, CONNECTING)
    deep = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1f" + b"\x91" * 70 + b"\x90"
    assert say(client, deep) == [m.Malformed(-1, "bad request: data deeper than 64 levels")]
