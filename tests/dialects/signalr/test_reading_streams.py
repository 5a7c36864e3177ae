"""Streams from clients: which call has which."""

import pytest
from tests.dialects.signalr.test_reading import call, packed, shaken, text, told

from everywire import messages as m
from everywire.messages import Raw


def invoked(name, *streams, kind=1):
    said = {"type": kind, "target": "f", "arguments": [], "streamIds": list(streams)}
    return said if name is None else {**said, "invocationId": name}


def item(name, value=1):
    return {"type": 2, "invocationId": name, "item": value}


def end(name, **more):
    return {"type": 3, "invocationId": name, **more}


def test_each_has_its_place():
    decoder = shaken()
    (command,) = decoder.decode(text(invoked("1", "2", "3")))
    assert (command.ref, command.streams, command.awaits) == ("i1", 2, "one")
    assert told(decoder, text(item("3", [1]), item("2"), end("3"), item("3"), end("2", error="x"), item("2"))) == [
        (m.Item, {"ref": "i1", "data": b"[1]", "stream": 1}),
        (m.Item, {"ref": "i1", "data": b"1", "stream": 0}),
        (m.End, {"ref": "i1", "stream": 1, "error": None}),
        (m.End, {"ref": "i1", "stream": 0, "error": "x"}),
    ]


def test_calls_without_an_id_have_streams_too():
    decoder = shaken()
    list(decoder.decode(text({"type": 1, "target": "f", "arguments": []}, invoked(None, "2"))))
    assert list(decoder.decode(text(end("2")))) == [m.End(-2)]


def test_streams_that_are_answered_by_streams_in_messagepack():
    decoder = shaken("messagepack")
    (command,) = decoder.decode(packed([4, {}, "1", "f", [], ["2"]]))
    assert command == call("i1", "f", command.data, streams=1, awaits="stream")
    assert list(decoder.decode(packed([2, {}, "2", b"x"], [3, {}, "2", 2]))) == [
        m.Item("i1", m.Packed(b"\xc4\x01x")),
        m.End("i1"),
    ]


@pytest.mark.parametrize(
    ("streams", "reason"),
    [
        (["2", "2"], "bad request: each stream has an id of its own, of 1 to 255 characters"),
        ([""], "bad request: each stream has an id of its own, of 1 to 255 characters"),
        (["x" * 256], "bad request: each stream has an id of its own, of 1 to 255 characters"),
        ([str(each) for each in range(17)], "bad request: more than 16 streams of one call"),
        (["0"], "bad request: the id of a stream that is open"),
    ],
)
def test_streams_that_there_cannot_be(streams, reason):
    decoder = shaken()
    list(decoder.decode(text(invoked("1", "0"))))
    assert list(decoder.decode(text(invoked("2", *streams)))) == [m.Malformed("i2", reason)]
    assert list(decoder.decode(text(item("2"), end("0")))) == [m.End("i1")]


def test_an_item_that_not_every_receiver_can_read_breaks_its_stream():
    decoder = shaken()
    list(decoder.decode(text(invoked("1", "2"))))
    (command,) = decoder.decode('{"type":2,"invocationId":"2","item":1e999}\x1e')
    assert command == m.End("i1", 0, "bad request: data that not every receiver can read")
    assert list(decoder.decode(text(item("2"), end("2")))) == []


def test_streams_that_are_never_ended_are_forgotten():
    decoder = shaken()
    for number in range(1_025):
        list(decoder.decode(text(invoked(None, f"s{number}"))))
    assert list(decoder.decode(text(item("s0")))) == []
    (command,) = decoder.decode(text(item("s1")))
    assert command.ref == -2
    assert command.data == Raw(b"1") or bytes(command.data) == b"1"
