"""What official clients are told, as messages of both protocols."""

import msgspec
import pytest

from everywire import messages as m
from everywire.dialects.signalr.framing import PackedFrames
from everywire.dialects.signalr.writing import JSON, MESSAGEPACK
from everywire.messages import Packed, Raw
from everywire.payloads import Uncounted

pack = msgspec.msgpack.encode


def text(event):
    """The one message, without its separator."""
    (payload,) = JSON.encode(event)
    assert payload.data.endswith("\x1e")
    return payload.data[:-1]


def packed(event):
    """The one message, read again."""
    (payload,) = MESSAGEPACK.encode(event)
    message, end = PackedFrames(10_000).next(payload.data, 0)
    assert end == len(payload.data)
    return msgspec.msgpack.decode(message)


PUBLISHED = m.Publication("room:1", Raw(b'{"x": [1]}'), 1700)


@pytest.mark.parametrize(
    ("event", "json", "messagepack"),
    [
        (PUBLISHED, '{"type":1,"target":"room:1","arguments":[{"x": [1]}]}', [1, {}, None, "room:1", [{"x": [1]}], []]),
        (
            m.Publication("room:1", Raw('{"event":"né\\"","args":[1,"x"]}'.encode()), 1700),
            '{"type":1,"target":"né\\"","arguments":[1,"x"]}',
            [1, {}, None, 'né"', [1, "x"], []],
        ),
        (
            m.Publication("room:1", Raw(b'{"args":1}'), 1700),
            '{"type":1,"target":"room:1","arguments":[{"args":1}]}',
            [1, {}, None, "room:1", [{"args": 1}], []],
        ),
        (
            m.Publication("room:1", Packed(pack([b"\x01", 2])), 1700),
            '{"type":1,"target":"room:1","arguments":[["AQ==",2]]}',
            [1, {}, None, "room:1", [[b"\x01", 2]], []],
        ),
        (
            m.Publication("room:1", Packed(pack({"event": "e", "args": [b"\x01", 2]})), 1700),
            '{"type":1,"target":"e","arguments":["AQ==",2]}',
            [1, {}, None, "e", [b"\x01", 2], []],
        ),
        (
            m.Calling(7, "f", Raw(b"[1,2]")),
            '{"type":1,"invocationId":"c7","target":"f","arguments":[[1,2]]}',
            [1, {}, "c7", "f", [[1, 2]], []],
        ),
        (
            m.Calling(0, "f", Raw(b"[1,2]"), positional=True),
            '{"type":1,"invocationId":"c0","target":"f","arguments":[1,2]}',
            [1, {}, "c0", "f", [1, 2], []],
        ),
        (m.Calling(-3, "f"), '{"type":1,"target":"f","arguments":[]}', [1, {}, None, "f", [], []]),
        (m.Item("i5", Raw(b"42")), '{"type":2,"invocationId":"5","item":42}', [2, {}, "5", 42]),
        (m.Result("i5", Raw(b"42")), '{"type":3,"invocationId":"5","result":42}', [3, {}, "5", 3, 42]),
        (m.Result("i5", Raw(b"null")), '{"type":3,"invocationId":"5","result":null}', [3, {}, "5", 3, None]),
        (
            m.Result('ia"', Packed(pack(b"\x01"))),
            '{"type":3,"invocationId":"a\\"","result":"AQ=="}',
            [3, {}, 'a"', 3, b"\x01"],
        ),
        (m.End("i5"), '{"type":3,"invocationId":"5"}', [3, {}, "5", 2]),
        (
            m.Refusal("i5", 109, "no 'x'", data=Raw(b"1")),
            '{"type":3,"invocationId":"5","error":"no \'x\'"}',
            [3, {}, "5", 1, "no 'x'"],
        ),
        (
            m.Published("i5", "c", m.Position("e", 3)),
            '{"type":3,"invocationId":"5","result":{"channel":"c","epoch":"e","offset":3}}',
            [3, {}, "5", 3, {"channel": "c", "epoch": "e", "offset": 3}],
        ),
        (m.Beat(), '{"type":6}', [6]),
        (m.Closing(1000, ""), '{"type":7}', [7, None, False]),
        (m.Closing(4404, "kicked"), '{"type":7,"error":"kicked"}', [7, "kicked", False]),
        (m.Closing(1001, "bye"), '{"type":7,"error":"bye","allowReconnect":true}', [7, "bye", True]),
        (m.Closing(1012, ""), '{"type":7,"allowReconnect":true}', [7, None, True]),
    ],
)
def test_messages(event, json, messagepack):
    assert text(event) == json
    assert packed(event) == messagepack


def test_numbers():
    assert JSON.nothing().data == '{"type":3,"invocationId":"0"}\x1e'
    assert MESSAGEPACK.nothing().data == b"\x06\x94\x03\x80\xa10\x02"
    assert JSON.sequence(3).data == '{"type":9,"sequenceId":3}\x1e'
    assert JSON.acknowledgement(3).data == '{"type":8,"sequenceId":3}\x1e'
    assert MESSAGEPACK.sequence(3).data == b"\x03\x92\x09\x03"
    assert MESSAGEPACK.acknowledgement(300).data == b"\x05\x92\x08\xcd\x01\x2c"


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        (m.Connected("connect", "s1", "ann", "p1", False, m.Heartbeat()), "{}\x1e"),
        (m.Refusal("connect", 101, "who?"), '{"error":"who?"}\x1e'),
        (m.Refusal("connect", 101, ""), '{"error":"the connection is closed"}\x1e'),
    ],
)
def test_the_handshake_is_answered_in_json_whatever_is_spoken_then(event, answer):
    assert [payload.data for payload in JSON.encode(event)] == [answer]
    assert [payload.data for payload in MESSAGEPACK.encode(event)] == [answer.encode()]


@pytest.mark.parametrize(
    "event",
    [
        m.Result(-1, Raw(b"1")),
        m.Refusal(-1, 109, "unknown name"),
        m.End(-1),
        m.Credit("i5", 1),
        m.Cancel("i5"),
        m.Cancel(5),
        m.Subscribed(None, "c", None, False),
        m.Published(-1, "c", None),
        m.Unsubscribed("c"),
        m.Joined("c", m.Member("s")),
        m.Left("c", m.Member("s")),
        m.Passed("c", m.Position("e", 1)),
        m.Moved("c", "e"),
        m.Roster(None, "c", ()),
    ],
)
def test_what_is_not_said(event):
    assert JSON.encode(event) == () == MESSAGEPACK.encode(event)


@pytest.mark.parametrize(
    ("event", "counts"),
    [
        (PUBLISHED, True),
        (m.Calling(7, "f"), True),
        (m.Item("i5", Raw(b"42")), True),
        (m.Result("i5", Raw(b"42")), True),
        (m.End("i5"), True),
        (m.Refusal("i5", 109, "no"), True),
        (m.Beat(), False),
        (m.Closing(1001, "bye"), False),
        (m.Connected("connect", "s1", "ann", "p1", False, m.Heartbeat()), False),
        (m.Refusal("connect", 101, "who?"), False),
    ],
)
def test_only_messages_of_calls_have_a_number(event, counts):
    for codec in (JSON, MESSAGEPACK):
        (payload,) = codec.encode(event)
        assert isinstance(payload, Uncounted) != counts
        assert isinstance(codec.sequence(1), Uncounted)
        assert isinstance(codec.acknowledgement(1), Uncounted)


@pytest.mark.parametrize(
    ("event", "vector"),
    [
        (m.End("ixyz"), "94 03 80 a3 78 79 7a 02"),
        (m.Refusal("ixyz", 1, "Error"), "95 03 80 a3 78 79 7a 01 a5 45 72 72 6f 72"),
        (m.Result("ixyz", Raw(b"42")), "95 03 80 a3 78 79 7a 03 2a"),
        (m.Item("ixyz", Raw(b"42")), "94 02 80 a3 78 79 7a 2a"),
        (m.Publication("method", Raw(b"42"), 1), "96 01 80 c0 a6 6d 65 74 68 6f 64 91 2a 90"),
        (m.Beat(), "91 06"),
        (m.Closing(1001, "xyz"), "93 07 a3 78 79 7a c3"),
    ],
)
def test_the_vectors_of_the_specification(event, vector):
    (payload,) = MESSAGEPACK.encode(event)
    assert payload.data[1:] == bytes.fromhex(vector)
    assert payload.data[0] == len(payload.data) - 1
