"""What a client of texts is told."""

import msgspec
import pytest

from everywire import messages as m
from everywire.dialects.text import TextCodec

PACKED = m.Packed(msgspec.msgpack.encode({"a": b"\x00"}))
BINARY = m.Packed(msgspec.msgpack.encode(b"\x00\x01"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (m.Raw(b'"hi"'), "hi"),
        (m.Raw(b'""'), ""),
        (m.Raw(b'"a\\n\\"\\u00e9"'), 'a\n"é'),
        (m.Raw('"ž🦄"'.encode()), "ž🦄"),
        (m.Raw(b'"\\ud83d"'), "\ud83d"),
        (m.Raw(b'{"a": 1}'), '{"a": 1}'),
        (m.Raw(b"0"), "0"),
        (PACKED, '{"a":"AA=="}'),
        (BINARY, b"\x00\x01"),
    ],
)
def test_texts_as_they_are_and_other_data_as_json(data, said):
    for event in (m.Result(1, data), m.Publication("room", data, 0), m.Calling(-1, "news", data)):
        assert [payload.data for payload in TextCodec().encode(event)] == [said]


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (m.Refusal(1, 103, "no"), '{"error":{"code":103,"reason":"no"}}'),
        (
            m.Refusal(1, 108, "later", temporary=True, data=m.Raw(b"[1]")),
            '{"error":{"code":108,"reason":"later","temporary":true,"data":[1]}}',
        ),
    ],
)
def test_a_refusal_is_an_error(refusal, said):
    assert [payload.data for payload in TextCodec().encode(refusal)] == [said]


@pytest.mark.parametrize(
    "event",
    [
        m.Result(1, m.Raw(b"null")),
        m.Calling(-1, "news"),
        m.Beat(),
        m.Closing(1001, "bye"),
        m.Ponged(1),
        m.Left("room", m.Member("s")),
    ],
)
def test_there_are_no_other_words(event):
    assert TextCodec().encode(event) == ()
