"""Frames: what is escaped in them, what is read from them, what they say."""

import json

import pytest

from everywire import messages as m
from everywire.dialects.native import NativeSpeech
from everywire.dialects.sockjs import frames
from everywire.dialects.sockjs.frames import BrokenFraming, FramedCodec, FramedDecoder, closing, merged, quoted, strings
from everywire.dialects.text import TextCodec, TextDecoder
from everywire.errors import ProtocolError
from everywire.payloads import Payload

ESCAPED = [
    *range(0x20),
    *range(0x200C, 0x2010),
    *range(0x2028, 0x2030),
    *range(0x2060, 0x2070),
    *range(0xFFF0, 0x10000),
    0xD800,
    0xDFFF,
]


@pytest.mark.parametrize("beside", ["", "é"])
@pytest.mark.parametrize("code", ESCAPED)
def test_what_does_not_get_through_as_it_is_is_escaped(code, beside):
    text = chr(code) + beside
    found = quoted(text)
    assert json.loads(found) == text
    assert chr(code) not in found
    if code > 0x7F:
        assert found == f'"\\u{code:04x}{beside}"'


@pytest.mark.parametrize(
    ("text", "found"), [("a", '"a"'), ('"\\', '"\\"\\\\"'), ("ž🦄", '"ž🦄"'), ("\n", '"\\n"'), ("", '""')]
)
def test_the_rest_is_as_short_as_json_lets_it_be(text, found):
    assert quoted(text) == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('["a","b"]', ["a", "b"]),
        ("[]", []),
        ('"alone"', ["alone"]),
        (' [ "a" ] ', ["a"]),
        (r'["\ud83d","\ud83d\ude00"]', ["\ud83d", "😀"]),
        ('["\ud83d"]', ["\ud83d"]),
    ],
)
def test_strings_are_read(said, found):
    assert strings(said) == found


@pytest.mark.parametrize(
    "said",
    ["", '["a', "[1]", '{"a":"b"}', "null", '["a"]x', "[" * 100_000, "nothing", '["a",["b"]]', '["\\ud83d",1]', "NaN"],
)
def test_what_are_no_strings_is_broken(said):
    with pytest.raises(BrokenFraming):
        strings(said)


@pytest.mark.parametrize(
    ("code", "reason", "frame"),
    [
        (3000, "Go away!", 'c[3000,"Go away!"]'),
        (1012, 'say "so"\u2028', 'c[1012,"say \\"so\\"\\u2028"]'),
        (1006, "its client is gone", 'c[1002,"Connection interrupted"]'),
    ],
)
def test_the_end_is_a_frame(code, reason, frame):
    assert closing(code, reason) == frame


@pytest.mark.parametrize(
    ("waiting", "frame"),
    [
        (["o"], "o"),
        ([], "h"),
        (["h", "h"], "h"),
        (['a["x"]'], 'a["x"]'),
        (['a["x"]', "h", 'a["y","z"]'], 'a["x","y","z"]'),
        (['a["x"]', 'c[1,"r"]'], 'a["x"]'),
        (["h", 'c[1,"r"]'], 'c[1,"r"]'),
    ],
)
def test_all_that_waits_is_one_frame(waiting, frame):
    assert merged(waiting) == frame


def said(event, inner=None):
    return [payload.data for payload in FramedCodec(inner or TextCodec()).encode(event)]


class Several:
    """A codec of two words for everything, of which one is binary."""

    dialect = "several"

    def encode(self, event):
        return Payload("one"), Payload(b"binary"), Payload('"two"')


def test_what_the_inner_dialect_says_is_in_frames():
    assert said(m.Result(1, m.Raw(b'"x"'))) == ['a["x"]']
    assert said(m.Publication("room", m.Raw(b'{"a":"\xe2\x80\xa8"}'), 0)) == ['a["{\\"a\\":\\"\\u2028\\"}"]']
    assert said(m.Ponged(1)) == []
    assert said(m.Ponged(1), Several()) == ['a["one","\\"two\\""]']


def test_what_is_binary_alone_has_no_place_in_a_frame():
    assert said(m.Result(1, m.Packed(b"\xc4\x01x"))) == []


def test_a_beat_is_the_inner_dialect_s_if_it_has_one():
    assert said(m.Beat()) == ["h"]
    assert said(m.Beat(), NativeSpeech.codec) == ['a["{\\"type\\":\\"ping\\"}"]']


def test_the_end_is_told_unless_it_is_abrupt():
    assert said(m.Closing(3000, "Go away!")) == ['c[3000,"Go away!"]']
    assert said(m.Closing(1006, "broken framing")) == []


def heard(data):
    return [bytes(command.data).decode() for command in FramedDecoder(TextDecoder("message")).decode(data)]


@pytest.mark.parametrize(
    ("data", "texts"),
    [("", []), (b"", []), ("[]", []), ('["a"]', ['"a"']), ('["a","b"]', ['"a"', '"b"']), ('"a"', ['"a"'])],
)
def test_the_inner_dialect_hears_each_string(data, texts):
    assert heard(data) == texts


@pytest.mark.parametrize("data", ['["a', "{}", b'["a"]'])
def test_broken_framing_ends_the_connection_abruptly(data):
    with pytest.raises(ProtocolError) as fault:
        heard(data)
    assert fault.value.code == 1006


def test_what_was_said_before_the_inner_dialect_s_fault_counts():
    decoding = iter(FramedDecoder(NativeSpeech().decoder()).decode('["{\\"type\\":\\"ping\\",\\"id\\":1}","nonsense"]'))
    assert next(decoding) == m.Ping(1)
    with pytest.raises(ProtocolError):
        next(decoding)


def test_greeting_and_beat_are_one_letter():
    assert (frames.OPEN, frames.HEARTBEAT) == ("o", "h")
