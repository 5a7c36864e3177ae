"""Messages in bodies, however they are cut."""

import pytest

from everywire.client.bodies import EventReader, LineReader, farewell, in_array

STREAMS = [
    (LineReader, b'{"a":1}\n\n{"b":"\xc3\xa9"}\r\n{"c":3}', ['{"a":1}', '{"b":"é"}']),
    (
        EventReader,
        b': hello\n\ndata: {"a":1}\n\nid: 7\r\ndata:{"b":\r\ndata: 2}\r\n\r\ndata: {"c"',
        ['{"a":1}', '{"b":\n2}'],
    ),
]


@pytest.mark.parametrize(("kind", "stream", "messages"), STREAMS)
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_messages_are_found(kind, stream, messages, size):
    heard = []
    reader = kind(heard.append)
    for start in range(0, len(stream), size):
        reader.feed(stream[start : start + size])
    assert heard == messages


def test_an_endless_message_is_given_up(monkeypatch):
    monkeypatch.setattr("everywire.client.bodies._MOST", 10)
    with pytest.raises(ValueError, match="without an end"):
        LineReader(print).feed(b"x" * 11)


def test_an_array_is_cut_into_messages():
    assert list(in_array(b'[{"a":1}, [2, {"b":"\xc3\xa9"}]]')) == ['{"a":1}', '[2, {"b":"é"}]']
    with pytest.raises(ValueError):
        list(in_array(b'{"a":1}'))


@pytest.mark.parametrize(
    ("message", "end"),
    [
        ('{"type":"close","code":4403,"reason":"no"}', (4403, "no")),
        ('{"reason":"bye","type":"close","code":1001}', (1001, "bye")),
        ('{"type":"publication","data":"close"}', None),
        ('{"type":"publication","data":{"type":"close","code":1000}}', None),
        ('{"type":"close"', None),
        ('[{"type":"close"}]', None),
    ],
)
def test_the_last_message_is_known(message, end):
    assert farewell(message) == end
