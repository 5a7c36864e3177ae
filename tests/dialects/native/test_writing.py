"""From events to payloads; what each event looks like is in tests/contracts/wire.json."""

import json

import msgspec
import pytest

from everywire import messages as m
from everywire.dialects.native.writing import PACKED_SUBPROTOCOL, SUBPROTOCOL, NativeCodec, PackedCodec
from everywire.messages import Packed, Raw

AT = m.Position("e", 3)
BINARY = Packed(msgspec.msgpack.encode({"a": b"\x00\xff\x10"}))
TEXT = Raw(b'{ "a" : 1.50 }')


def text(event):
    (payload,) = NativeCodec().encode(event)
    assert isinstance(payload.data, str)
    return payload.data


def packed(event):
    (payload,) = PackedCodec().encode(event)
    assert isinstance(payload.data, bytes)
    return msgspec.msgpack.decode(payload.data)


def test_the_names_of_the_wires():
    assert (SUBPROTOCOL, PACKED_SUBPROTOCOL) == ("everywire.v1.json", "everywire.v1.msgpack")


def events_with(data):
    kept = m.Publication("c", data, 1, AT)
    member = m.Member("s", None, data if isinstance(data, Raw) else None)
    return [
        kept,
        m.Changed(kept, 2, data),
        m.Subscribed(1, "c", AT, True, (kept,), (member,), entries=(kept,)),
        m.Page(1, "c", AT, (kept,)),
        m.Entries(1, "c", AT, (kept,)),
        m.Result(1, data),
        m.Item(1, data),
        m.Calling(1, "f", data),
    ]


@pytest.mark.parametrize("event", events_with(TEXT), ids=lambda event: type(event).__name__)
def test_json_data_goes_to_json_as_it_was_written(event):
    assert '{ "a" : 1.50 }' in text(event)


@pytest.mark.parametrize("event", events_with(BINARY), ids=lambda event: type(event).__name__)
def test_binary_goes_to_json_as_base64_text(event):
    assert '{"a":"AP8Q"}' in text(event)


@pytest.mark.parametrize("event", events_with(BINARY), ids=lambda event: type(event).__name__)
def test_binary_goes_to_packed_as_it_is(event):
    (payload,) = PackedCodec().encode(event)
    assert BINARY in payload.data
    assert packed(event)


@pytest.mark.parametrize("event", events_with(TEXT), ids=lambda event: type(event).__name__)
def test_json_data_goes_to_packed_as_what_it_says(event):
    (payload,) = PackedCodec().encode(event)
    assert msgspec.msgpack.encode({"a": 1.5}) in payload.data


def test_integers_that_the_packed_wire_does_not_have_are_told_as_doubles():
    assert packed(m.Result(1, Raw(b"18446744073709551616")))["data"] == 2.0**64


def test_null_is_said_where_it_means_something_and_left_out_elsewhere():
    for said in (
        json.loads(text(m.Connected(1, "s", None, "r", False, m.Heartbeat()))),
        packed(m.Connected(1, "s", None, "r", False, m.Heartbeat())),
    ):
        assert said["user"] is None
        assert said.keys().isdisjoint({"expires", "channels"})
    for said in (json.loads(text(m.Joined("c", m.Member("s")))), packed(m.Joined("c", m.Member("s")))):
        assert said["member"] == {"session": "s", "user": None}
    assert packed(m.Result(1, Raw(b"null")))["data"] is None
    assert json.loads(text(m.Calling(1, "f", Raw(b"null"))))["data"] is None


def test_the_dialect_of_a_member_is_said_where_it_is_another():
    joined = m.Joined("c", m.Member("s", dialect="socketio"))
    for said in (json.loads(text(joined)), packed(joined)):
        assert said["member"] == {"session": "s", "user": None, "dialect": "socketio"}


def test_times_are_whole_milliseconds():
    said = json.loads(text(m.Connected(1, "s", None, "r", False, m.Heartbeat(0.0015, 10), expires=59.9999)))
    assert (said["heartbeat"], said["expires"]) == ({"every": 2, "patience": 10_000}, 60_000)


def test_who_a_publication_is_for_is_not_told():
    event = m.Publication("c", TEXT, 1, AT, audience=m.Audience(("s9",), user="ann"))
    assert packed(event).keys() == {"type", "channel", "data", "time", "offset"}


def test_what_is_no_event_has_no_words():
    for codec in (NativeCodec(), PackedCodec()):
        with pytest.raises(TypeError, match="no words"):
            codec.encode(m.Ping(1))


def test_text_that_is_not_ascii_and_quotes():
    name = 'é"\\\n\u2028'
    assert json.loads(text(m.Unsubscribed(name, reason=name))) == {
        "type": "unsubscribed",
        "channel": name,
        "reason": name,
    }
    assert packed(m.Unsubscribed(name))["channel"] == name


def test_pages_that_are_told_again_are_written_as_before():
    pages = [
        tuple(m.Publication("c", Raw(b"%d" % n), n, m.Position("e", n)) for n in span)
        for span in ((1, 2), (1, 3), (2,), ())
    ]
    for page in (*pages, *pages[::-1]):
        for ref in (1, 2):
            said = json.loads(text(m.Subscribed(ref, "c", AT, True, page)))
            assert (said["id"], [each["data"] for each in said["publications"]]) == (ref, [each.time for each in page])
            assert packed(m.Page(ref, "c", AT, page))["publications"] == said["publications"]
