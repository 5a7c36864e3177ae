"""Messages that are MessagePack."""

import datetime

import msgspec
import pytest

from everywire.dialects.signalr import packed
from everywire.dialects.signalr.message import Message
from everywire.errors import ProtocolError
from everywire.fitness import Unfit
from everywire.messages import Packed, Raw

pack = msgspec.msgpack.encode


def same(read, message):
    for name in Message.__struct_fields__:
        found, meant = getattr(read, name), getattr(message, name)
        assert (bytes(found) == bytes(meant)) if isinstance(meant, Raw) else (found == meant), name


INVOCATION = Message(1, "xyz", "method", Raw(b"\x91\x2a"), [])


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ("96 01 80 a3 78 79 7a a6 6d 65 74 68 6f 64 91 2a 90", INVOCATION),
        ("96 01 80 c0 a6 6d 65 74 68 6f 64 91 2a 90", Message(1, None, "method", Raw(b"\x91\x2a"), [])),
        ("96 04 80 a3 78 79 7a a6 6d 65 74 68 6f 64 91 2a 90", Message(4, "xyz", "method", Raw(b"\x91\x2a"), [])),
        ("94 02 80 a3 78 79 7a 2a", Message(2, "xyz", item=Raw(b"\x2a"))),
        ("95 03 80 a3 78 79 7a 01 a5 45 72 72 6f 72", Message(3, "xyz", error="Error")),
        ("94 03 80 a3 78 79 7a 02", Message(3, "xyz")),
        ("95 03 80 a3 78 79 7a 03 2a", Message(3, "xyz", result=Raw(b"\x2a"))),
        ("93 05 80 a3 78 79 7a", Message(5, "xyz")),
        ("91 06", Message(6)),
        ("92 07 a3 78 79 7a", Message(7)),
        ("93 07 a3 78 79 7a c3", Message(7)),
        ("96 01 82 a1 78 a1 79 a1 7a a1 7a a3 78 79 7a a6 6d 65 74 68 6f 64 91 2a 90", INVOCATION),
    ],
)
def test_the_vectors_of_the_specification(vector, message):
    same(packed.read(bytes.fromhex(vector)), message)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ([1, {}, "1", "f", [1]], Message(1, "1", "f", Raw(b"\x91\x01"))),  # as JavaScript writes it: no ids of streams
        ([1, None, "1", "f", [], None], Message(1, "1", "f", Raw(b"\x90"))),
        ([4, {}, "1", "f", [], ["2"], "more", {}], Message(4, "1", "f", Raw(b"\x90"), ["2"])),
        ([3, {}, "1", 2, "more"], Message(3, "1")),
        ([3, {}, "1", 1, None], Message(3, "1", error="")),
        ([6, 1, 2], Message(6)),
        ([7], Message(7)),
        ([8, 300, "more"], Message(8, sequence_id=300)),
        ([9, 1], Message(9, sequence_id=1)),
    ],
)
def test_messages(said, message):
    same(packed.read(pack(said)), message)


@pytest.mark.parametrize("number", ["03", "cc 03", "cd 00 03", "ce 00 00 00 03", "cf 00 00 00 00 00 00 00 03", "d0 03"])
def test_integers_have_any_width(number):
    same(packed.read(bytes.fromhex(f"94 {number} 80 a1 78 02")), Message(3, "x"))
    same(packed.read(bytes.fromhex(f"92 09 {number}")), Message(9, sequence_id=3))


@pytest.mark.parametrize("said", [[10], [0], [99, "x", {}], [-1, []]])
def test_a_type_that_is_not_known_is_passed_over(said):
    assert packed.read(pack(said)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x91",
        b"\x91\x06\x00",
        b"\xc1",
        *map(
            pack,
            (
                [],
                {},
                6,
                ["6"],
                [None],
                [1.0, {}],
                [1, {}, "1", "f"],
                [1, {}, 1, "f", []],
                [1, [], "1", "f", []],
                [1, {"a": 1}, "1", "f", []],
                [1, {}, "1", None, []],
                [1, {}, "1", "f", [], [1]],
                [2, {}, "1"],
                [3, {}, "1"],
                [3, {}, "1", 3],
                [3, {}, "1", 4, 1],
                [3, {}, "1", 1, 5],
                [5, {}],
                [8],
                [9, "1"],
            ),
        ),
        b"\x96\x01\x80\xa1\x78\xa1\x66" + b"\x91" * 5000,
    ],
)
def test_what_is_no_message(data):
    with pytest.raises(ProtocolError, match="hub protocol"):
        packed.read(data)


MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, datetime.UTC)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ([1, {"a": None}], Raw(b'[1,{"a":null}]')),
        ([b"\x01", 1.5], Packed(pack([b"\x01", 1.5]))),
        ([MOMENT, {"a": [MOMENT]}], Raw(b'["2026-01-02T03:04:05.678Z",{"a":["2026-01-02T03:04:05.678Z"]}]')),
        ([b"\x01", MOMENT], Packed(pack([b"\x01", "2026-01-02T03:04:05.678Z"]))),
    ],
)
def test_application_data_is_json_where_that_can_say_it(value, data):
    fit = packed.fit(Raw(pack(value)))
    assert type(fit) is type(data)
    assert bytes(fit) == bytes(data)


@pytest.mark.parametrize(
    "data", [pack([{1: 2}]), pack([msgspec.msgpack.Ext(5, b"x")]), b"\x91" * 100 + b"\x01", b"\x91\xc1"]
)
def test_data_that_not_every_receiver_can_read(data):
    with pytest.raises(Unfit):
        packed.fit(Raw(data))


@pytest.mark.parametrize(
    ("value", "array"), [([], True), ([1] * 16, True), ([1] * 70_000, True), ({}, False), (5, False)]
)
def test_arrays(value, array):
    assert packed.is_array(Raw(pack(value))) is array
    assert not packed.is_array(Raw(b""))
