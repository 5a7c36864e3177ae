"""What one request says to the hub, and what its answer becomes."""

import json

import pytest

from everywire import messages as m
from everywire.dialects.native.asking import (
    Asking,
    ask_call,
    ask_entries,
    ask_history,
    ask_presence,
    ask_publish,
    by_close,
    by_refusal,
    set_entry,
)
from everywire.dialects.native.parameters import Fault
from everywire.dialects.native.writing import EventCodec
from everywire.http.request import Headers, Request
from everywire.messages import Position, Raw
from everywire.payloads import Payload

CODEC = EventCodec(typed=False)


def request(query="", body=b"", **headers):
    return Request("GET", f"/x?{query}", Headers(headers.items()), body=body)


def said(event):
    (payload,) = CODEC.encode(event)
    return payload


def test_it_connects_then_asks():
    intent = ask_presence(request("channel=a&brief=1&token=t"))
    assert [*intent.talk.commands()] == [m.Connect(1, "t"), m.Presence(2, "a", True)]


def test_history():
    intent = ask_history(request("channel=a&limit=3&reverse=1&since=e:1&before=e:9&from_time=5"))
    assert [*intent.talk.commands()][1] == m.History(2, "a", Position("e", 1), 3, True, Position("e", 9), 5)


def test_publishing():
    intent = ask_publish(request(body=b'{"channel":"a","data":{"x": 1},"key":"k"}'))
    assert [*intent.talk.commands()][1] == m.Publish(2, "a", Raw(b'{"x": 1}'), "k")


def test_publishing_what_makes_no_sense():
    intent = ask_publish(request(body=b'{"channel":"a"}'))
    assert isinstance([*intent.talk.commands()][1], m.Malformed)
    with pytest.raises(Fault):
        ask_publish(request(body=b'["channel"]'))


def test_entries():
    intent = ask_entries(request("channel=a&since=e:1&after=3"))
    assert [*intent.talk.commands()][1] == m.ReadEntries(2, "a", Position("e", 1), 3)
    intent = set_entry(request(body=b'{"channel":"a","data":1,"entry":"x","expect":0,"ttl":500,"type":"leave"}'))
    assert [*intent.talk.commands()][1] == m.Publish(2, "a", Raw(b"1"), entry=m.EntryChange("x", 0, 0.5))
    with pytest.raises(Fault, match="entry is missing"):
        set_entry(request(body=b'{"channel":"a","data":1}'))


def test_calls():
    intent = ask_call(request("timeout=1500", b' {"x": 1} '), "f")
    assert [*intent.talk.commands()][1] == m.Call(2, "f", Raw(b'{"x": 1}'), 1.5)
    assert [*ask_call(request(), "f").talk.commands()][1] == m.Call(2, "f")
    with pytest.raises(Fault, match="the body is JSON"):
        ask_call(request(body=b"1,2"), "f")
    reply = Asking(None, m.Call(2, "f")).read(said(m.Result(2, Raw(b"[1]"))))
    assert (reply.status, reply.body) == (200, b'{"data":[1]}')


def test_the_answer_is_the_fields_of_the_event():
    asking = Asking(None, m.Presence(2, "a"))
    assert asking.read(said(m.Connected(1, "s", None, "r", False, m.Heartbeat()))) is None
    assert asking.read(Payload("another codec's")) is None
    reply = asking.read(said(m.Roster(2, "a", (), 0, 0)))
    assert (reply.status, json.loads(reply.body)) == (200, {"channel": "a", "members": [], "sessions": 0, "users": 0})


@pytest.mark.parametrize(
    ("code", "temporary", "status"),
    [
        (100, True, 500),
        (101, False, 401),
        (103, False, 403),
        (104, False, 404),
        (107, False, 400),
        (108, False, 400),
        (108, True, 429),
        (110, False, 404),
        (111, False, 409),
        (112, False, 400),
        (113, False, 504),
        (7, False, 403),
        (7, True, 503),
    ],
)
def test_refusals(code, temporary, status):
    assert by_refusal(m.Refusal(2, code, "no", temporary)).status == status
    reply = Asking(None, m.Presence(2, "a")).read(said(m.Refusal(2, code, "no", temporary)))
    assert json.loads(reply.body) == {"code": code, "reason": "no"}


@pytest.mark.parametrize("data", [Raw(b'{"offset":7}'), m.Packed(b"\x81\xa6offset\x07")])
def test_a_refusal_is_told_with_its_data(data):
    reply = by_refusal(m.Refusal(2, 111, "conflict", data=data))
    assert json.loads(reply.body) == {"code": 111, "reason": "conflict", "data": {"offset": 7}}


@pytest.mark.parametrize(("code", "status"), [(4401, 401), (4403, 403), (1013, 503), (1011, 500), (4999, 500)])
def test_closing(code, status):
    assert by_close(code, "no").status == status
    assert Asking(None, m.Presence(2, "a")).closed(code, "no").status == status
