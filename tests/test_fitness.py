"""What application data every receiver can read, and how it goes from one wire to another."""

import json
import struct

import msgspec
import pytest

from everywire.fitness import (
    MAX_DEPTH,
    Unfit,
    array_elements,
    as_builtin,
    fit_json,
    fit_object,
    fit_packed,
    to_json,
    to_packed,
)
from everywire.messages import Packed, Raw

pack = msgspec.msgpack.encode


def nested(levels, inner=1):
    value = inner
    for _ in range(levels):
        value = [value]
    return value


def packed_list(levels, inner=b"\x01"):
    return Raw(b"\x91" * levels + inner)


@pytest.mark.parametrize("text", ["null", "1.50", '"\\u00e9"', ' {"a" : [1e3]} ', "123456789012345678901234567890"])
def test_json_stays_as_it_is_written_in_a_copy_of_its_own(text):
    written = bytearray(text.encode())
    fit = fit_json(Raw(memoryview(written)))
    written[:] = b"x" * len(written)
    assert bytes(fit) == text.encode()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,]", "NaN", "Infinity", "1e999", '"\\ud800"', '"\udc80"', "{1:2}", "1 2", "[" * 100_000, "'a'", "01"],
)
def test_json_that_somebody_could_not_read_is_unfit(text):
    with pytest.raises(Unfit, match="bad request"):
        fit_json(Raw(text.encode(errors="surrogatepass")))


def test_json_of_64_levels_is_fit_and_of_65_is_not():
    assert fit_json(Raw(json.dumps(nested(MAX_DEPTH)).encode()))
    assert fit_json(Raw(b"[" + b"[]," * 1000 + b"1]"))  # many are not deep
    assert fit_json(Raw(b'"' + b"[" * 1000 + b'"'))
    with pytest.raises(Unfit, match="64 levels"):
        fit_json(Raw(json.dumps(nested(MAX_DEPTH + 1)).encode()))


@pytest.mark.parametrize("value", [None, True, 1, -(2**63), 2**64 - 1, 1.5, "é", [], {}, {"a": [{"b": None}]}])
def test_packed_data_that_json_can_say_becomes_json(value):
    fit = fit_packed(Raw(pack(value)))
    assert type(fit) is Raw
    assert json.loads(bytes(fit)) == value


@pytest.mark.parametrize("value", [b"", b"\x00\xff", [b"a"], {"a": [{"b": b"c"}]}, nested(MAX_DEPTH, b"deep")])
def test_packed_data_with_something_binary_stays_packed(value):
    fit = fit_packed(Raw(pack(value)))
    assert type(fit) is Packed
    assert msgspec.msgpack.decode(fit) == value


def test_packed_data_is_a_copy_of_its_own():
    written = bytearray(pack([b"abc"]))
    fit = fit_packed(Raw(memoryview(written)))
    written[-3:] = b"xyz"
    assert msgspec.msgpack.decode(fit) == [b"abc"]


BOMBS = {
    "an array of four thousand million in five bytes": b"\xdd\xff\xff\xff\xff",
    "a map of as many": b"\xdf\xff\xff\xff\xff",
    "text of as many": b"\xdb\xff\xff\xff\xff",
    "binary of as many": b"\xc6\xff\xff\xff\xff",
    "an extension of as many": b"\xc9\xff\xff\xff\xff\x05",
    "arrays of many in arrays of many": b"\xdd\x7f\xff\xff\xff" * 50,
    "a hundred thousand levels": b"\x91" * 100_000 + b"\x01",
    "a hundred thousand levels of maps": b"\x81\xa1a" * 100_000 + b"\x01",
}
STRANGE = {
    "nothing": b"",
    "a byte that means nothing": b"\xc1",
    "an extension": b"\xd4\x05\x00",
    "an extension deep inside": b"\x91\x81\xa1a\xd4\x05\x00",
    "a moment": b"\xd6\xff\x00\x00\x00\x00",
    "NaN": b"\xcb" + struct.pack(">d", float("nan")),
    "infinity": b"\x91\xcb" + struct.pack(">d", float("inf")),
    "infinity in 32 bits": b"\xca" + struct.pack(">f", float("-inf")),
    "a number as key": b"\x81\x01\x02",
    "a number as key, deep inside": b"\x91\x91\x81\x01\x02",
    "binary as key": b"\x81\xc4\x01a\x02",
    "null as key": b"\x81\xc0\x02",
    "a list as key": b"\x81\x90\x02",
    "text that is no UTF-8": b"\xa1\xff",
    "text cut short": b"\xa5ab",
    "two documents": b"\x01\x02",
}


@pytest.mark.parametrize("data", [*BOMBS.values(), *STRANGE.values()], ids=[*BOMBS, *STRANGE])
def test_packed_data_that_somebody_could_not_read_is_unfit(data):
    with pytest.raises(Unfit, match="bad request"):
        fit_packed(Raw(data))


def test_packed_data_of_64_levels_is_fit_and_of_65_is_not():
    assert fit_packed(packed_list(MAX_DEPTH))
    assert fit_packed(packed_list(MAX_DEPTH, b"\xc4\x00"))
    assert fit_packed(Raw(pack([[]] * 1000)))  # many are not deep
    assert fit_packed(Raw(pack("[" * 1000)))
    for inner in (b"\x01", b"\xc4\x00"):
        with pytest.raises(Unfit, match="64 levels"):
            fit_packed(packed_list(MAX_DEPTH + 1, inner))


def test_info_is_an_object_that_json_can_say():
    assert fit_object(Raw(b' {"a":1}')) == Raw(b' {"a":1}')
    for data in (Raw(b"[]"), Raw(b'"{}"'), Raw(b"1"), Packed(pack({"a": b"b"}))):
        with pytest.raises(Unfit, match="info is not an object"):
            fit_object(data)


def test_binary_is_told_in_json_as_its_base64_text():
    assert bytes(to_json(Packed(pack({"a": b"\x00\xff\x10", "b": [b""]})))) == b'{"a":"AP8Q","b":[""]}'
    assert to_json(Raw(b" 1 ")) == Raw(b" 1 ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":[1,-1,1.5,"x",null,true]}', {"a": [1, -1, 1.5, "x", None, True]}),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551616", 2.0**64),
        ('{"a":[-9223372036854775809]}', {"a": [-(2.0**63)]}),
        ('{"a":{"b":123456789012345678901234567890,"c":1}}', {"a": {"b": 123456789012345678901234567890.0, "c": 1}}),
    ],
)
def test_json_is_told_packed_and_integers_beyond_64_bits_as_doubles(text, value):
    told = msgspec.msgpack.decode(to_packed(Raw(text.encode())))
    assert told == value
    assert repr(told) == repr(value)


def test_packed_data_goes_to_packed_receivers_as_it_came():
    data = Packed(pack([b"a", 1]))
    assert bytes(to_packed(data)) == data


def test_elements_of_an_array_are_of_its_kind():
    assert array_elements(Raw(b' [1, {"a" : 2}]')) == [Raw(b"1"), Raw(b'{"a" : 2}')]
    packed = array_elements(Packed(pack([1, b"x"])))
    assert packed == [b"\x01", b"\xc4\x01x"]
    assert all(isinstance(each, Packed) for each in packed)
    for data in (Raw(b"{}"), Packed(b"\x80"), Raw(b"null")):
        with pytest.raises(ValueError, match="Expected `array`"):
            array_elements(data)


class Marked(str):
    """A text that stays marked whatever is asked of it, as Django's safe text."""

    def __str__(self):
        return self


@pytest.mark.parametrize(
    ("value", "bare"),
    [
        (Marked("<b>"), "<b>"),
        (type("Count", (int,), {})(7), 7),
        (type("Share", (float,), {})(0.5), 0.5),
        (type("Blob", (bytes,), {})(b"x"), b"x"),
    ],
)
def test_a_value_of_a_derived_class_is_what_it_is_derived_from(value, bare):
    assert as_builtin(value) == bare
    assert type(as_builtin(value)) is type(bare)
    assert msgspec.json.encode([value], enc_hook=as_builtin) == msgspec.json.encode([bare])


def test_what_is_derived_from_nothing_that_data_can_say_is_an_error():
    with pytest.raises(TypeError, match="data cannot say an object"):
        as_builtin(object())
